import json

import pytest

GUIDE = {
    "ack_policy": "explicit",
    "ack_wait": 30000000000,
    "deliver_policy": "all",
    "durable_name": "RESTOCKEVENTS-C1",
    "max_ack_pending": 100,
    "max_deliver": -1,
    "replay_policy": "instant",
}


@pytest.fixture
def file(tmp_path):
    def write(document) -> str:
        path = tmp_path / "consumer.json"
        path.write_text(json.dumps(document))
        return str(path)

    return write


@pytest.fixture
def stream(nats):
    nats.ok("stream", "add", "S", "--subjects", "s.>", "--defaults")
    return nats


def config_of(nats, consumer: str) -> dict:
    return json.loads(nats.ok("consumer", "info", "S", consumer, "--json"))["config"]


def test_the_guides_file_makes_the_guides_consumer(stream, file):
    out = stream.ok("consumer", "add", "S", "RESTOCKEVENTS-C1", "--config", file(GUIDE))
    assert out.startswith("Information for Consumer S > RESTOCKEVENTS-C1 created ")
    assert "         Max Ack Pending: 100\n" in out
    found = config_of(stream, "RESTOCKEVENTS-C1")
    assert {key: found[key] for key in GUIDE} == GUIDE


def test_the_files_name_is_used_without_one(stream, file):
    stream.ok("consumer", "add", "S", "--config", file(GUIDE))
    assert stream.ok("consumer", "ls", "S", "-n") == "RESTOCKEVENTS-C1\n"


def test_the_name_on_the_command_line_is_the_name(stream, file):
    stream.ok("consumer", "add", "S", "OTHER", "--config", file(GUIDE))
    nameless = {key: value for key, value in GUIDE.items() if key != "durable_name"}
    stream.ok("consumer", "add", "S", "THIRD", "--config", file(nameless))
    assert stream.ok("consumer", "ls", "S", "-n") == "OTHER\nTHIRD\n"
    assert config_of(stream, "THIRD")["durable_name"] == "THIRD"


def test_pull_with_defaults(stream):
    out = stream.ok("consumer", "add", "S", "C", "--pull", "--defaults")
    assert "               Pull Mode: true\n" in out
    found = config_of(stream, "C")
    assert (found["ack_policy"], found["deliver_policy"]) == ("explicit", "all")
    assert (found["max_deliver"], found["max_ack_pending"]) == (-1, 1000)
    assert (found["durable_name"], found["replay_policy"]) == ("C", "instant")


def test_each_flag_becomes_its_field(stream):
    stream.ok(
        *("consumer", "add", "S", "C", "--pull", "--defaults", "--filter", "s.a", "--ack", "all"),
        *("--wait", "5s", "--max-deliver", "3", "--max-pending", "7", "--replay", "original"),
        *("--deliver", "5", "--description", "d", "--max-waiting", "3", "--max-pull-batch", "4"),
        *("--max-pull-expire", "6s", "--max-pull-bytes", "100", "--inactive-threshold", "1m"),
        *("--headers-only", "--metadata", "a=b", "--memory", "--replicas", "1"),
    )
    found = config_of(stream, "C")
    expected = {
        "filter_subject": "s.a",
        "ack_policy": "all",
        "ack_wait": 5 * 10**9,
        "max_deliver": 3,
        "max_ack_pending": 7,
        "replay_policy": "original",
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": 5,
        "description": "d",
        "max_waiting": 3,
        "max_batch": 4,
        "max_expires": 6 * 10**9,
        "max_bytes": 100,
        "inactive_threshold": 60 * 10**9,
        "headers_only": True,
        "mem_storage": True,
        "num_replicas": 1,
    }
    assert {key: found[key] for key in expected} == expected


def test_a_part_of_the_acks_is_sampled(stream):
    stream.ok("consumer", "add", "S", "C", "--pull", "--defaults", "--sample", "50")
    assert config_of(stream, "C")["sample_freq"] == "50"


def test_several_filters(stream):
    stream.ok("consumer", "add", "S", "C", "--pull", "--defaults", "--filter", "s.a,s.b")
    assert config_of(stream, "C")["filter_subjects"] == ["s.a", "s.b"]


def test_a_start_so_long_ago(stream):
    stream.ok("consumer", "add", "S", "C", "--pull", "--defaults", "--deliver", "1h")
    assert config_of(stream, "C")["deliver_policy"] == "by_start_time"


def test_a_backoff_in_even_steps(stream):
    stream.ok(
        *("consumer", "add", "S", "C", "--pull", "--defaults", "--max-deliver", "5"),
        *("--backoff", "linear", "--backoff-steps", "3", "--backoff-min", "1s"),
        *("--backoff-max", "3s"),
    )
    assert config_of(stream, "C")["backoff"] == [1_000_000_000, 1_667_000_000, 2_333_000_000]


def test_without_acks_there_are_no_redeliveries_to_count(stream):
    stream.ok(
        *("consumer", "add", "S", "C", "--pull", "--ephemeral", "--defaults"),
        *("--ack", "none", "--max-deliver", "5"),
    )
    found = config_of(stream, "C")
    assert found["max_deliver"] == -1
    assert "durable_name" not in found


def test_a_push_consumer(stream):
    out = stream.ok(
        *("consumer", "add", "S", "P", "--target", "push.here", "--defaults"),
        *("--heartbeat", "5s", "--flow-control", "--bps", "8192"),
    )
    assert "Delivery Subject: push.here" in out
    assert "Rate Limit: 1.0 KiB / second" in out
    assert "Flow Control: true" in out
    assert "Active Interest: No interest" in out


def test_an_ephemeral_gets_a_name(stream):
    out = stream.ok("consumer", "add", "S", "--pull", "--ephemeral", "--defaults")
    name = out.split(" > ")[1].split(" ")[0]
    assert len(name) == 8
    assert stream.ok("consumer", "ls", "S", "-n") == f"{name}\n"


def test_one_of_that_name_is_updated(stream):
    stream.ok("consumer", "add", "S", "C", "--pull", "--defaults")
    stream.ok("consumer", "add", "S", "C", "--pull", "--defaults", "--max-pending", "5")
    assert config_of(stream, "C")["max_ack_pending"] == 5


def test_what_cannot_be_updated_is_refused(stream):
    stream.ok("consumer", "add", "S", "C", "--pull", "--defaults")
    said = stream.fails("consumer", "add", "S", "C", "--pull", "--defaults", "--deliver", "new")
    assert said.startswith("Consumer creation failed: ")
    assert config_of(stream, "C")["deliver_policy"] == "all"


def test_an_unknown_stream(nats):
    said = nats.fails("consumer", "add", "NOPE", "C", "--pull", "--defaults")
    assert said == "Consumer creation failed: stream not found (10059)"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("S", "invalid input: no value for the consumer's name, --pull or --target, --deliver"),
        ("S --pull --defaults", "invalid input: no value for the consumer's name"),
        ("S C --defaults", "invalid input: no value for --pull or --target"),
        ("S C --pull", "invalid input: no value for --deliver, --ack, --replay, --filter"),
        ("S C.D --pull --defaults", '"C.D" is not a valid consumer name'),
        ("S.T C --pull --defaults", 'could not select Stream: "S.T" is not a valid stream name'),
        ("--pull --defaults", "could not select Stream: no Stream name supplied"),
        ("S C --pull --defaults --bps 5", "rate limits are only possible on Push consumers"),
        ("S C --pull --defaults --deliver soon", '--deliver "soon" is none of all, new, last'),
        ("S C --pull --defaults --pause soon", '--pause "soon" is neither a time'),
        ("S C --pull --defaults --backoff linear --backoff-max 1s", "--backoff-max is below"),
    ],
)
def test_what_is_missing_or_wrong_is_said_before_connecting(tool, line, problem):
    assert tool.fails("consumer", "add", *line.split()).startswith(problem)


def test_flags_that_a_file_would_hide_are_refused(tool, file):
    said = tool.fails("consumer", "add", "S", "--config", file(GUIDE), "--max-pending", "5")
    assert said == "--max-pending cannot be given with --config"


def test_a_pull_consumer_is_not_made_from_a_push_file(tool, file):
    push = file(GUIDE | {"deliver_subject": "x"})
    assert "--pull contradicts it" in tool.fails("consumer", "add", "S", "--config", push, "--pull")


def test_a_pause_until_a_time_or_for_so_long(stream):
    stream.ok("consumer", "add", "S", "C", "--pull", "--defaults", "--pause", "2099-01-31 12:00:00")
    assert config_of(stream, "C")["pause_until"] == "2099-01-31T12:00:00Z"
    stream.ok("consumer", "add", "S", "D", "--pull", "--defaults", "--pause", "1h")
    assert "Paused Until" in stream.ok("consumer", "info", "S", "D")
