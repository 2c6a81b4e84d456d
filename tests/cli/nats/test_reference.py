"""The reference page says what the commands say."""

import importlib.util
from pathlib import Path

import click

from isthmus.cli.nats.main import root

ROOT = Path(__file__).parents[3]


def load():
    path = ROOT / "scripts" / "nats_reference.py"
    spec = importlib.util.spec_from_file_location("nats_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date():
    reference = load()
    page = reference.PAGE.read_text()
    assert reference.updated(page) == page, "run: .venv/bin/python scripts/nats_reference.py"


def test_every_flag_says_what_it_does():
    silent = [
        f"{path} {param.opts[0]}"
        for path, _, command in load().commands(root, "nats")
        for param in command.params
        if isinstance(param, click.Option) and not param.hidden and not param.help
    ]
    assert not silent


def test_the_page_names_what_is_refused():
    page = load().PAGE.read_text()
    for name in ("`--atomic`", "`--mirror`", "`--max-outstanding`", "`--socks-proxy`", "`bench`"):
        assert name in page
