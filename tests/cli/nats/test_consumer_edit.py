"""Consumers that are changed, copied, counted, searched."""

import json

import pytest

from support.waiting import wait_for


@pytest.fixture
def stream(nats):
    nats.ok("stream", "add", "S", "--subjects", "s.>", "--defaults")
    nats.ok("consumer", "add", "S", "C", "--pull", "--defaults")
    for number in (1, 2):
        nats.ok("pub", "-J", f"s.{number}", f"body {number}")
    return nats


def config_of(nats, name):
    return json.loads(nats.ok("consumer", "info", "S", name, "-j"))["config"]


def test_a_change_is_shown_made_and_shown_again(stream):
    out = stream.ok("consumer", "edit", "S", "C", "--max-pending", "7", "--description", "d", "-f")
    shown, _, view = out.partition("Information for Consumer S > C created ")
    assert shown == (
        "Differences (-old +new):\n"
        '- description: ""\n+ description: d\n- max_ack_pending: 1000\n+ max_ack_pending: 7\n'
    )
    assert "         Max Ack Pending: 7\n" in view
    assert config_of(stream, "C")["max_ack_pending"] == 7


def test_a_filter_replaces_the_one_before(stream):
    stream.ok("consumer", "edit", "S", "C", "--filter", "s.1", "-f")
    assert config_of(stream, "C")["filter_subject"] == "s.1"
    stream.ok("consumer", "edit", "S", "C", "--filter", "s.1", "--filter", "s.2", "-f")
    found = config_of(stream, "C")
    assert found["filter_subjects"] == ["s.1", "s.2"]
    assert "filter_subject" not in found


def test_nothing_to_change_and_a_dry_run(stream):
    line = ("consumer", "edit", "S", "C", "--max-pending")
    assert stream.ok(*line, "1000") == "No difference in configuration\n"
    assert stream.ok(*line, "1000", "--dry-run") == ""
    done = stream(*line, "5", "--dry-run")
    assert (done.code, done.err) == (1, "")
    assert "+ max_ack_pending: 5\n" in done.out
    assert "without a terminal" in stream.fails(*line, "5")
    assert config_of(stream, "C")["max_ack_pending"] == 1000


def test_a_file_is_the_whole_configuration(stream, tmp_path):
    path = tmp_path / "consumer.json"
    text = stream.ok("consumer", "info", "S", "C", "-j")
    path.write_text(text.replace('"max_ack_pending": 1000', '"max_ack_pending": 8'))
    stream.ok("consumer", "edit", "S", "C", "--config", str(path), "-f")
    assert config_of(stream, "C")["max_ack_pending"] == 8


def test_only_durables_are_changed(stream):
    stream.ok("consumer", "add", "S", "E", "--pull", "--ephemeral", "--defaults")
    said = stream.fails("consumer", "edit", "S", "E", "--max-pending", "5", "-f")
    assert said == "only durable consumers can be edited"


def test_a_copy_begins_anew(stream):
    stream.ok("consumer", "next", "S", "C")
    stream.ok("consumer", "edit", "S", "C", "--max-pending", "7", "-f")
    out = stream.ok("consumer", "copy", "S", "C", "D", "--description", "copied")
    assert out.startswith("Information for Consumer S > D created ")
    assert "    Unprocessed Messages: 2\n" in out
    found = config_of(stream, "D")
    assert (found["max_ack_pending"], found["description"]) == (7, "copied")
    assert (found["durable_name"], found["name"]) == ("D", "D")


def test_the_state_alone(stream):
    stream.ok("consumer", "next", "S", "C")
    out = stream.ok("consumer", "state", "S", "C")
    assert out.startswith("State for Consumer S > C created ")
    assert "Configuration" not in out
    assert "        Outstanding Acks: 0 out of maximum 1,000\n" in out
    assert json.loads(stream.ok("consumer", "state", "S", "C", "-j"))["name"] == "C"


def test_the_report_shows_all_consumers(stream):
    stream.ok("consumer", "next", "S", "C")
    stream.ok("consumer", "add", "S", "D", "--pull", "--defaults", "--ack", "all")
    out = stream.ok("consumer", "report", "S")
    assert "Consumer report for S with 2 consumers" in out
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()[5:7]]
    assert [row[:8] for row in cells] == [
        ["C", "Pull", "Explicit", "30.00s", "0", "0", "1 / 50%", "1"],
        ["D", "Pull", "All", "30.00s", "0", "0", "2 / 100%", "0"],
    ]
    assert "│ 30s      │           0 │" in stream.ok("consumer", "report", "S", "-r")


def test_consumers_are_found_by_what_they_are(stream):
    stream.ok("consumer", "next", "S", "C", "--no-ack")
    stream.ok("consumer", "add", "S", "D", "--pull", "--defaults")

    def found(*flags: str) -> list[str]:
        return stream.ok("consumer", "find", "S", *flags).split()

    assert found() == found("--pull") == ["C", "D"]
    assert found("--push") == []
    assert found("--ack-pending", "0") == ["D"]
    assert found("--pending", "1") == ["C"]
    assert found("--pending", "1", "--invert") == ["D"]
    assert found("--created", "1h") == []
    assert found("--idle", "1ns") == ["C", "D"]


def test_a_pause_and_its_end(stream):
    out = stream.ok("consumer", "pause", "S", "C", "1h", "-f")
    assert out.startswith("Paused S > C until 20")
    assert out.endswith(" (1h0m0s)\n")
    info = stream.ok("consumer", "info", "S", "C")
    assert "Paused Until Deadline: 20" in info
    assert " remaining)\n" in info
    said = stream.fails("consumer", "next", "S", "C", "--timeout", "500ms")
    assert said == "no message received: nats: timeout"
    out = stream.ok("consumer", "resume", "S", "C", "-f")
    assert out.startswith("Consumer S > C was resumed while previously paused until 20")
    assert "body 1" in stream.ok("consumer", "next", "S", "C")
    assert stream.fails("consumer", "resume", "S", "C", "-f") == "consumer is not paused"


def test_pausing_asks_first(stream):
    assert "without a terminal" in stream.fails("consumer", "pause", "S", "C", "1h")
    assert "body 1" in stream.ok("consumer", "next", "S", "C")


@pytest.mark.parametrize(
    ("until", "problem"),
    [
        ("2020-01-01 00:00:00", "pause request failed, perhaps due to a time in the past"),
        ("soon", 'the pause "soon" is neither a time'),
    ],
)
def test_a_pause_needs_a_time_to_come(tool, until, problem):
    assert tool.fails("consumer", "pause", "S", "C", until).startswith(problem)


def test_a_reset_delivers_again(stream):
    stream.ok("consumer", "next", "S", "C", "--count", "2")
    out = stream.ok("consumer", "reset", "S", "C", "--sequence", "1", "-f")
    assert out.startswith("State for Consumer S > C created ")
    assert "body 1" in stream.ok("consumer", "next", "S", "C")


def test_sub_on_a_pull_consumer_is_next(stream):
    out = stream.ok("consumer", "sub", "S", "C")
    assert "\n\nbody 1\n\nAcknowledged message\n\n" in out


def test_sub_shows_what_is_pushed(stream):
    stream.ok("pub", "-J", "s.3", "body 3", "-H", "N:3")
    stream.ok(
        *("consumer", "add", "S", "P", "--target", "push.here", "--ack", "explicit", "--defaults")
    )
    listening = stream.later("consumer", "sub", "S", "P")
    listening.wait_until("body 3\n")
    head, *messages = listening.out.split("[")
    assert head == (
        "Subscribing to topic push.here auto acknowledgment: true\n\nConsumer Info:\n"
        "  Ack Policy: Explicit\n    Ack Wait: 30s\n\n"
    )
    shown = [message.partition("] ")[2] for message in messages]
    assert shown[0] == "subj: s.1 / tries: 1 / cons seq: 1 / str seq: 1 / pending: 2\nbody 1\n\n"
    assert shown[2].startswith(
        "subj: s.3 / tries: 1 / cons seq: 3 / str seq: 3 / pending: 0\n\n"
        "Headers:\n\n   N: 3\n\nData:\nbody 3\n"
    )
    floor = "Acknowledgment Floor: Consumer sequence: 3 Stream sequence: 3"
    wait_for(lambda: floor in stream.ok("consumer", "info", "S", "P"))
