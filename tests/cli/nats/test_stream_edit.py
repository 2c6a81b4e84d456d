"""Streams that are changed, copied, sealed."""

import json

import pytest

from isthmus.cli.nats.changes import differences
from isthmus.cli.nats.records import StreamConfig


@pytest.fixture
def stream(nats):
    nats.ok("stream", "add", "S", "--subjects", "s.>", "--defaults", "--metadata", "a=b")
    return nats


def config_of(nats, name="S"):
    return json.loads(nats.ok("stream", "info", name, "-j"))["config"]


def test_a_change_is_shown_made_and_shown_again(stream):
    out = stream.ok("stream", "edit", "S", "--max-msgs", "100", "--max-age", "1h", "-f")
    shown, _, view = out.partition("Stream S was updated\n\n")
    assert shown == (
        "Differences (-old +new):\n- max_msgs: -1\n+ max_msgs: 100\n"
        "- max_age: 0\n+ max_age: 3600000000000\n"
    )
    assert view.startswith("Information for Stream S created ")
    assert "Maximum Messages: 100\n" in view
    found = config_of(stream)
    assert (found["max_msgs"], found["max_age"]) == (100, 3600 * 10**9)
    assert found["metadata"]["a"] == "b"


def test_nothing_to_change_is_said(stream):
    out = stream.ok("stream", "edit", "S", "--max-msgs", "-1")
    assert out == "No difference in configuration\n"


def test_a_dry_run_tells_by_its_exit_code(stream):
    done = stream("stream", "edit", "S", "--max-msgs", "5", "--dry-run")
    assert (done.code, done.err) == (1, "")
    assert "+ max_msgs: 5\n" in done.out
    assert config_of(stream)["max_msgs"] == -1
    assert stream.ok("stream", "edit", "S", "--max-msgs", "-1", "--dry-run") == ""


def test_without_a_terminal_nobody_agrees(stream):
    said = stream.fails("stream", "edit", "S", "--max-msgs", "5")
    assert said == "could not obtain confirmation: cannot ask for confirmation without a terminal"
    assert config_of(stream)["max_msgs"] == -1


def test_a_file_is_the_whole_configuration(stream, tmp_path):
    path = tmp_path / "stream.json"
    path.write_text(
        stream.ok("stream", "info", "S", "-j").replace('"max_msgs": -1', '"max_msgs": 7')
    )
    out = stream.ok("stream", "edit", "S", "--config", str(path), "-f", "--json")
    assert out.startswith("Differences (-old +new):\n- max_msgs: -1\n+ max_msgs: 7\n")
    assert config_of(stream)["max_msgs"] == 7


def test_what_the_server_refuses_is_said(stream):
    stream.ok("stream", "add", "T", "--subjects", "t", "--defaults")
    said = stream.fails("stream", "edit", "T", "--subjects", "s.x", "-f")
    assert said == "could not edit Stream T: subjects overlap with an existing stream (10065)"


def test_what_cannot_be_changed_is_no_flag(tool):
    said = tool.fails("stream", "edit", "S", "--storage", "memory", code=2)
    assert said == "unknown long flag '--storage'"


def test_an_unknown_stream(nats):
    said = nats.fails("stream", "edit", "NO", "--max-msgs", "1", "-f")
    assert 'unknown stream "NO"' in said


def test_a_copy_has_the_configuration_but_no_messages(stream):
    stream.ok("stream", "edit", "S", "--max-msgs", "9", "-f")
    stream.ok("pub", "-J", "s.x", "m")
    out = stream.ok("stream", "copy", "S", "D", "--subjects", "d.>", "--storage", "memory")
    assert out.startswith("Stream D was created\n\nInformation for Stream D created ")
    found = config_of(stream, "D")
    assert (found["subjects"], found["storage"], found["max_msgs"]) == (["d.>"], "memory", 9)
    assert found["metadata"]["a"] == "b"
    said = stream.fails("stream", "copy", "S", "E")
    assert said == "could not create Stream: subjects overlap with an existing stream (10065)"


def test_a_sealed_stream_stays_as_it_is(stream):
    stream.ok("pub", "-J", "s.x", "m")
    assert "without a terminal" in stream.fails("stream", "seal", "S")
    assert "Sealed: true\n" in stream.ok("stream", "seal", "S", "-f")
    assert "sealed" in stream.fails("pub", "-J", "s.x", "m")
    assert stream("stream", "purge", "S", "-f").code == 1


def test_the_servers_own_metadata_is_no_difference():
    old = StreamConfig(name="S", metadata={"_nats.level": "5", "a": "b"})
    assert differences(old, StreamConfig(name="S", metadata={"a": "b"})) == ""
    text = differences(old, StreamConfig(name="S", description="d", sealed=True))
    assert text.splitlines()[1:] == [
        '- description: ""',
        "+ description: d",
        "- sealed: false",
        "+ sealed: true",
        '- metadata: {"a":"b"}',
        "+ metadata: {}",
    ]
