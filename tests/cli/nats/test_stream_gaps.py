"""Messages one by one: removed, missed, looked through."""

import json

import pytest


@pytest.fixture
def five(nats):
    nats.ok("stream", "add", "S", "--subjects", "s.>", "--defaults")
    for number in range(1, 6):
        nats.ok("pub", "-J", f"s.{number % 2}", f"body {number}", "-H", f"N:{number}")
    return nats


def test_a_removed_message_is_gone(five):
    assert "without a terminal" in five.fails("stream", "rmm", "S", "2")
    assert five.ok("stream", "rmm", "S", "2", "-f") == ""
    assert five.fails("stream", "rmm", "S", "2", "-f").endswith("(10043)")
    assert five.fails("stream", "get", "S", "2").endswith("no message found (10037)")
    said = five.fails("stream", "rmm", "S", "-f")
    assert said == "invalid input: no message sequence given"


def test_gaps_are_shown(five):
    assert five.ok("stream", "gaps", "S", "-f") == "No deleted messages in S\n"
    five.ok("stream", "rmm", "S", "2", "-f")
    lines = five.ok("stream", "gaps", "S", "-f").splitlines()
    assert lines[2].strip("│ ") == "1 gap found in Stream S"
    assert lines[6] == "│ 2             │ 2            │"
    five.ok("stream", "rmm", "S", "3", "-f")
    found = json.loads(five.ok("stream", "gaps", "S", "-f", "--json"))
    assert found == [[2, 3]]


def test_looking_for_gaps_asks_first(five):
    done = five("stream", "gaps", "S")
    assert done.code == 1
    assert done.out.startswith("WARNING: Detecting gaps in a stream consumes the entire stream")


def test_paging_wants_a_terminal(five):
    said = five.fails("stream", "view", "S")
    assert said == "interactive stream paging requires a valid terminal"


def test_a_page_after_the_other(five):
    five.terminal = True
    out = five.ok("stream", "view", "S", "2", stdin="y\nn\n")
    assert out.count("? Next Page? (y/N) ") == 2
    pages = out.split("? Next Page? (y/N) ")
    first, second = pages[0].splitlines()[:5], pages[1].splitlines()
    assert first[0].startswith("[1] Subject: s.1 Received: 20")
    assert first[1:] == ["", "  N: 1", "body 1", ""]
    assert second[0].startswith("[3] Subject: s.1 Received: 20")
    assert pages[2] == ""


def test_the_end_is_said(five):
    five.terminal = True
    done = five("stream", "view", "S", "--raw", "--id", "4")
    assert (done.code, done.out) == (0, "body 4\nbody 5\n")
    assert done.err.endswith(" Reached apparent end of data\n")
    assert five("stream", "view", "S", "--raw", "--subject", "s.0").out == "body 2\nbody 4\n"
    loud = five("stream", "view", "S", "--raw", "--subject", "s.0", "--translate", "tr a-z A-Z")
    assert loud.out == "BODY 2\nBODY 4\n"
    assert five.ok("consumer", "ls", "S", "-n") == ""
