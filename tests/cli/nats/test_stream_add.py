import json

import pytest

from isthmus.cli.nats.main import run
from isthmus.cli.streams import RecordedStreams
from support.waiting import wait_for

GUIDE = {
    "name": "RESTOCKEVENTS",
    "subjects": ["retail.v1.restock.>"],
    "retention": "limits",
    "max_consumers": -1,
    "max_msgs": -1,
    "max_bytes": 1048576,
    "max_age": 31536000000000000,
    "max_msg_size": -1,
    "storage": "file",
    "discard": "old",
    "num_replicas": 1,
    "duplicate_window": 120000000000,
}


@pytest.fixture
def file(tmp_path):
    def write(document) -> str:
        path = tmp_path / "stream.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return write


def config_of(nats, stream: str) -> dict:
    return json.loads(nats.ok("stream", "info", stream, "--json"))["config"]


def test_the_guides_file_makes_the_guides_stream(nats, file):
    out = nats.ok("stream", "add", "RESTOCKEVENTS", "--config", file(GUIDE))
    lines = out.splitlines()
    assert lines[0] == "Stream RESTOCKEVENTS was created"
    assert lines[2].startswith("Information for Stream RESTOCKEVENTS created ")
    for row in (
        "                     Subjects: retail.v1.restock.>",
        "                      Storage: File",
        "                    Retention: Limits",
        "             Duplicate Window: 2m0s",
        "                Maximum Bytes: 1.0 MiB",
        "                  Maximum Age: 1y0d0h0m0s",
        "         Maximum Message Size: unlimited",
        "                     Messages: 0",
        "               First Sequence: 0",
    ):
        assert row in lines
    found = config_of(nats, "RESTOCKEVENTS")
    assert {key: found[key] for key in GUIDE} == GUIDE


def test_flags_with_defaults(nats):
    nats.ok("stream", "add", "S", "--subjects", "a.>", "--storage", "file", "--defaults")
    found = config_of(nats, "S")
    assert found["subjects"] == ["a.>"]
    assert (found["storage"], found["retention"], found["discard"]) == ("file", "limits", "old")
    assert (found["max_msgs"], found["max_bytes"], found["max_age"]) == (-1, -1, 0)
    assert (found["duplicate_window"], found["allow_direct"]) == (120_000_000_000, True)


def test_each_flag_becomes_its_field(nats):
    nats.ok(
        *("stream", "add", "S", "--subjects", "a,b", "--subjects", "c d", "--defaults"),
        *("--storage", "memory", "--max-age", "1d", "--max-bytes", "1MB", "--max-msgs", "5"),
        *("--max-msgs-per-subject", "2", "--max-msg-size", "1K", "--dupe-window", "1m"),
        *("--discard", "new", "--no-allow-direct", "--description", "Five at most"),
        *("--max-consumers", "3", "--deny-delete", "--metadata", "team=retail", "--no-ack"),
    )
    found = config_of(nats, "S")
    expected = {
        "subjects": ["a", "b", "c", "d"],
        "storage": "memory",
        "max_age": 86_400 * 10**9,
        "max_bytes": 1_048_576,
        "max_msgs": 5,
        "max_msgs_per_subject": 2,
        "max_msg_size": 1024,
        "duplicate_window": 60 * 10**9,
        "discard": "new",
        "allow_direct": False,
        "description": "Five at most",
        "max_consumers": 3,
        "deny_delete": True,
        "no_ack": True,
    }
    assert {key: found[key] for key in expected} == expected
    assert found["metadata"]["team"] == "retail"


def test_without_limits_every_limit_reads_unlimited(nats):
    out = nats.ok("stream", "add", "S", "--subjects", "a", "--defaults")
    limits = out[out.index("Limits:\n") : out.index("State:\n")]
    assert limits.count(": unlimited\n") == 6


def test_the_window_of_duplicates_is_no_longer_than_messages_live(nats):
    nats.ok("stream", "add", "S", "--subjects", "a", "--max-age", "10s", "--defaults")
    assert config_of(nats, "S")["duplicate_window"] == 10 * 10**9


def test_the_name_on_the_command_line_wins_over_the_files(nats, file):
    assert "Stream OTHER was created" in nats.ok("stream", "add", "OTHER", "--config", file(GUIDE))


def test_the_files_name_is_used_without_one(nats, file):
    out = nats.ok("stream", "add", "--config", file(GUIDE), "--subjects", "elsewhere")
    assert "Stream RESTOCKEVENTS was created" in out
    assert config_of(nats, "RESTOCKEVENTS")["subjects"] == ["elsewhere"]


def test_what_info_prints_can_be_added_again(nats, file):
    nats.ok("stream", "add", "S", "--subjects", "a", "--defaults", "--metadata", "a=b")
    saved = file(nats.ok("stream", "info", "S", "--json"))
    nats.ok("stream", "rm", "S", "-f")
    nats.ok("stream", "add", "--config", saved)
    assert config_of(nats, "S")["subjects"] == ["a"]


def test_the_same_again_is_fine(nats):
    for _ in range(2):
        nats.ok("stream", "add", "S", "--subjects", "a", "--defaults")


def test_another_configuration_of_that_name_is_refused(nats):
    nats.ok("stream", "add", "S", "--subjects", "a", "--defaults")
    said = nats.fails("stream", "add", "S", "--subjects", "b", "--defaults")
    assert said == (
        "could not create Stream: stream name already in use with a different configuration (10058)"
    )


def test_subjects_of_another_stream_are_refused(nats):
    nats.ok("stream", "add", "S", "--subjects", "a.>", "--defaults")
    said = nats.fails("stream", "add", "T", "--subjects", "a.b", "--defaults")
    assert said == "could not create Stream: subjects overlap with an existing stream (10065)"


def test_a_malformed_subject_is_refused_by_the_server(nats):
    said = nats.fails("stream", "add", "S", "--subjects", "a..b", "--defaults")
    assert said == "could not create Stream: invalid subject (10052)"
    assert nats.ok("stream", "ls") == "No Streams defined\n"


@pytest.mark.parametrize("name", ["a.b", "a b", "a*", "a>", "a/b", "a\\b"])
def test_a_name_that_cannot_be_one_is_refused_before_connecting(tool, name):
    said = tool.fails("stream", "add", name, "--subjects", "s", "--defaults")
    assert said == f'could not create Stream: "{name}" is not a valid stream name'


def test_what_is_not_said_and_not_defaulted_is_named(tool):
    said = tool.fails("stream", "add", "S", "--subjects", "s", "--storage", "file")
    assert said.startswith("invalid input: no value for --replicas, --retention, --discard, ")
    said = tool.fails("stream", "add", "S", "--defaults")
    assert said == "invalid input: no value for --subjects"
    assert tool.fails("stream", "add", "--subjects", "s", "--defaults") == (
        "invalid input: no Stream name supplied"
    )


def test_everything_said_needs_no_defaults(nats):
    nats.ok(
        *("stream", "add", "S", "--subjects", "s", "--storage", "file", "--replicas", "1"),
        *("--retention", "limits", "--discard", "old", "--max-msgs=-1", "--max-age=-1"),
        *(
            "--max-msgs-per-subject=-1",
            "--max-bytes=-1",
            "--max-msg-size=-1",
            "--dupe-window",
            "2m",
        ),
    )


def test_flags_that_a_file_would_hide_are_refused(tool, file):
    said = tool.fails("stream", "add", "--config", file(GUIDE), "--max-msgs", "5")
    assert said == "--max-msgs cannot be given with --config"


def test_a_missing_file_is_misuse(tool):
    said = tool.fails("stream", "add", "--config", "/nope.json", code=2)
    assert said == "invalid value for '--config': path '/nope.json' does not exist"


def test_a_broken_file_changes_nothing(nats, file):
    said = nats.fails("stream", "add", "--config", file('{"name": "S", "max_bytes": "5"}'))
    assert said.startswith("invalid input: ")
    assert nats.ok("stream", "ls") == "No Streams defined\n"


def test_a_typing_error_in_a_file_is_warned_of(nats, file):
    done = nats("stream", "add", "--config", file(GUIDE | {"max_byte": 5}))
    assert done.code == 0
    assert "stream.json: not part of a configuration, left out: max_byte" in done.err


def test_json_shows_the_stream(nats):
    out = nats.ok("stream", "add", "S", "--subjects", "a", "--defaults", "--json")
    first, _, rest = out.partition("\n\n")
    assert first == "Stream S was created"
    assert json.loads(rest)["config"]["name"] == "S"


def test_half_a_pair_is_refused():
    streams = RecordedStreams()
    line = "stream add S --subjects s --defaults --republish-source a"
    assert run(line.split(), streams, {"HOME": "/nowhere"}) == 1
    assert "--republish-source and --republish-destination are given together" in streams.err_text


def messages(nats, stream: str) -> int:
    return json.loads(nats.ok("stream", "info", stream, "--json"))["state"]["messages"]


def test_a_mirror_by_name_and_a_source_by_json(nats):
    nats.ok("stream", "add", "O", "--subjects", "o.>", "--defaults")
    nats.ok("stream", "add", "P", "--subjects", "p.>", "--defaults")
    nats.ok("pub", "o.a", "one")
    nats.ok("pub", "p.a", "one")
    shown = nats.ok("stream", "add", "M", "--mirror", "O", "--defaults")
    assert any(line.strip() == "Mirror: O" for line in shown.splitlines())
    source = {"name": "O", "filter_subject": "o.a", "opt_start_seq": 1}
    nats.ok("stream", "add", "S", "--source", json.dumps(source), "--source", "P", "--defaults")
    assert config_of(nats, "M")["mirror"] == {"name": "O"}
    assert config_of(nats, "S")["sources"] == [source, {"name": "P"}]
    assert "subjects" not in config_of(nats, "S")
    wait_for(lambda: messages(nats, "M") == 1 and messages(nats, "S") == 2)
    lines = nats.ok("stream", "info", "S").splitlines()
    assert "Source Information:" in lines
    assert [one.strip() for one in lines if "Stream Name:" in one or "Lag:" in one].count(
        "Lag: 0"
    ) == 2
    assert any(one.strip() == "Stream Name: P" for one in lines)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--mirror", '{"filter_subject":"a"}'), "--mirror: name is required"),
        (("--source", '{"name":"O","filter":"a"}'), "unknown field `filter`"),
        (("--source", "{"), "--source: Input data was truncated"),
    ],
)
def test_a_source_that_is_none_is_refused(flags, said):
    streams = RecordedStreams()
    assert run(["stream", "add", "S", *flags, "--defaults"], streams, {"HOME": "/nowhere"}) == 1
    assert said in streams.err_text
