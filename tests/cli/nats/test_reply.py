"""Requests answered by one process, asked by another; exit codes and the printed forms."""

import pytest

from isthmus.cli.nats.programs import split_command


@pytest.fixture
def answering(nats):
    """Start `nats reply` and return it when it listens."""

    def start(*args: str):
        running = nats.later("reply", *args)
        running.wait_until("Listening on")
        return running

    return start


def test_without_a_body_it_echoes_with_headers_and_a_counter(nats, answering):
    replying = answering("svc.q", "--count", "2")
    asked = nats("req", "svc.q", "hello", "-H", "X:1")
    assert asked.out == "hello\n\n\n"
    assert " X: 1\n" in asked.err
    assert " NATS-Reply-Counter: 0\n" in asked.err
    assert nats("req", "svc.q", "").out == "nil body\n\n\n"
    done = replying.done()
    assert (done.code, done.out) == (0, "\nhello\n\n\n")
    lines = [line[9:] for line in done.err.splitlines()]
    assert lines[:2] == [
        "No body or command supplied, enabling echo mode",
        'Listening on "svc.q" in group "NATS-RPLY-22"',
    ]
    assert lines[2:5] == [
        '[#0] Received on subject "svc.q":',
        "X: 1",
        '[#1] Received on subject "svc.q":',
    ]
    assert done.err.endswith(" Exiting\n")


def test_a_body_is_a_template_of_the_request(nats, answering):
    replying = answering("svc.q", "{{Count}}: got {{.Request}}", "--count", "2", "-H", "Y:2")
    first, second = nats("req", "svc.q", "one"), nats("req", "svc.q", "two")
    assert [first.out, second.out] == ["0: got one\n\n\n", "1: got two\n\n\n"]
    assert " Y: 2\n" in first.err
    assert replying.done().code == 0


def test_a_template_that_is_not_understood_is_sent_as_it_is(nats, answering):
    replying = answering("svc.q", "{{nope}}", "--count", "1")
    assert nats("req", "svc.q", "x").out == "{{nope}}\n\n\n"
    assert "Could not parse body template" in replying.done().err


def test_a_command_answers(nats, answering):
    replying = answering("svc.*.*", "--command", "echo {{1}}-{{2}} {{Count}}", "--count", "1")
    assert nats("req", "svc.a.b", "x").out == "a-b 0\n\n"
    assert replying.done().code == 0


def test_a_request_stays_inside_its_word(nats, answering):
    """Neither a shell nor the splitting into words sees what was asked."""
    replying = answering("svc.q", "--command", "echo [{{Request}}]", "--count", "1")
    assert nats("req", "svc.q", "a 'b; ls $HOME").out == "[a 'b; ls $HOME]\n\n"
    assert replying.done().code == 0


def test_the_command_finds_the_request_in_its_environment(nats, answering):
    program = """python3 -c 'import os; print(os.environ["NATS_REQUEST_SUBJECT"], """
    program += """os.environ["NATS_REQUEST_BODY"])'"""
    nats.environ["PATH"] = "/usr/bin:/bin:/usr/local/bin"
    replying = answering("svc.q", "--command", program, "--count", "1")
    assert nats("req", "svc.q", "what").out == "svc.q what\n\n"
    assert replying.done().code == 0


def test_a_command_that_fails_is_said_and_answered(nats, answering):
    replying = answering("svc.q", "--command", "ls /nope", "--count", "1")
    assert "No such file" in nats("req", "svc.q", "x").out
    assert 'Command "ls /nope" failed to run: exit status' in replying.done().err
    replying = answering("svc.q", "--command", "/no/such/program", "--count", "1")
    assert nats("req", "svc.q", "x").out == "nil body\n\n\n"
    assert 'exec: "/no/such/program": No such file or directory' in replying.done().err


def test_two_in_one_group_share_the_requests(nats, answering):
    both = [answering("svc.q", "--queue", "G", "--count", "1") for _ in range(2)]
    assert nats("req", "svc.q", "x").out == "x\n\n\n"
    done_first = nats("req", "svc.q", "y").out
    assert done_first == "y\n\n\n"
    assert sorted(replying.done().out for replying in both) == ["\nx\n", "\ny\n"]


def test_who_has_enough_takes_no_request_from_others(nats, answering):
    busy = answering("svc.q", "--command", "sleep 2", "--count", "1")
    asked = nats.later("req", "svc.q", "x")
    busy.wait_until('Received on subject "svc.q"')
    refused = nats("req", "svc.q", "y", "--timeout", "1s")
    assert "No responders" in refused.err
    assert busy.done().code == asked.done().code == 0


@pytest.mark.parametrize("subject", ["a..b", "a b"])
def test_a_malformed_subject_is_refused(tool, subject):
    assert tool.fails("reply", subject) == "nats: invalid subject"


def test_an_unreadable_command_is_refused_before_connecting(tool):
    assert tool.fails("reply", "x", "--command", "echo 'a").startswith("cannot read command")
    assert tool.fails("reply", "x", "--command", " ") == "the command is empty"


def test_templates_with_blanks_stay_one_word():
    words = split_command("echo 'a b' {{Random 1 5}}-{{ID}}", str.upper)
    assert words == ["ECHO", "A B", "{{RANDOM 1 5}}-{{ID}}"]
