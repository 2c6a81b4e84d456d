import pytest

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.config_files import load_config, split_list
from isthmus.cli.nats.records import ConsumerConfig, StreamConfig

GUIDE_CONSUMER = (
    '{"ack_policy":"explicit","ack_wait":30000000000,"deliver_policy":"all",'
    '"durable_name":"RESTOCKEVENTS-C1","max_ack_pending":100,"max_deliver":-1,'
    '"replay_policy":"instant"}'
)


@pytest.fixture
def load(tmp_path):
    warnings: list[str] = []

    def load(text, kind=StreamConfig):
        path = tmp_path / "x.conf"
        path.write_text(text)
        return load_config(str(path), kind, warnings.append), warnings

    return load


def test_the_guides_consumer_file_loads(load):
    config, warnings = load(GUIDE_CONSUMER, ConsumerConfig)
    assert config.durable_name == "RESTOCKEVENTS-C1"
    assert (config.ack_wait, config.max_ack_pending) == (30_000_000_000, 100)
    assert warnings == []


def test_what_info_prints_loads_too(load):
    config, _ = load('{"config": {"name": "S", "subjects": ["a"]}, "state": {}}')
    assert (config.name, config.subjects) == ("S", ["a"])


def test_the_servers_own_metadata_is_left_out(load):
    config, _ = load('{"name": "S", "metadata": {"_nats.ver": "2", "mine": "x"}}')
    assert config.metadata == {"mine": "x"}


def test_a_key_that_is_none_is_warned_of(load):
    _, warnings = load('{"name": "S", "max_byte": 5, "comment": ""}')
    assert len(warnings) == 1
    assert warnings[0].endswith("not part of a configuration, left out: comment, max_byte")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"name":', "holds no JSON: "),
        ("[]", "holds no JSON object"),
        ('{"max_bytes": "5"}', r"Expected `int`, got `str` - at `\$.max_bytes`"),
        ('{"storage": "flie"}', 'storage "flie" is none of file, memory'),
        ('{"retention": "work"}', 'retention "work" is none of limits, interest, workqueue'),
    ],
)
def test_what_does_not_fit_is_said_with_the_file(load, text, problem):
    with pytest.raises(CommandError, match=r"invalid input: .*x\.conf:? " + problem):
        load(text)


def test_lists_are_split_at_commas_and_blanks():
    assert split_list(("a,b", "c d", "e, f")) == ["a", "b", "c", "d", "e", "f"]
