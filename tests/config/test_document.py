"""The reference of the configuration is what the schema says."""

from pathlib import Path

from isthmus.config.document import document
from isthmus.config.load import load_text
from isthmus.config.schema import SCHEMA

FILE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


def test_the_file_is_fresh():
    assert FILE.read_text() == document(), "run: python -m isthmus.config.document > " + str(FILE)


def test_every_option_and_alias_stands_in_it():
    text = document()
    for rows in SCHEMA.values():
        for option in rows:
            for name in (option.name, *option.aliases):
                assert f"`{name}`" in text


def test_its_example_is_a_configuration():
    example = document().split("```")[1].replace('include "tls-and-more.conf"', "")
    options = load_text(example, {"ADMIN_PASSWORD": "generated"})
    assert options.max_payload == 1_048_576
    assert options.accounts[0].users[0].password == "generated"
