import pytest


@pytest.fixture
def shown(nats):
    """Listen, publish what `pubs` say, and show what was heard."""

    def shown(*args: str, pubs=(("x", "hello"),)):
        listening = nats.later("sub", *args, "--wait", "5s")
        listening.wait_until("Subscribing" if "--raw" not in args else "")
        if "--raw" in args:
            wait_connected(nats)
        nats.ok("rtt")
        for pub in pubs:
            nats.ok("pub", *pub)
        done = listening.done()
        assert done.code == 0, done
        return done

    return shown


def wait_connected(nats) -> None:
    """A raw subscription announces nothing: wait until a request finds somebody."""
    for _ in range(200):
        if "no responders" not in nats("request", "x", "probe", "--timeout", "50ms").err:
            return
    raise AssertionError("nobody listens on x")


def test_a_message_is_shown_with_subject_and_body(shown):
    done = shown("x", "--count", "1")
    assert done.out == '[#1] Received on "x"\nhello\n\n\n'
    assert done.err.endswith(" Subscribing on x \n")


def test_a_body_that_ends_a_line_gets_one_empty_line(shown):
    assert shown("x", "--count", "1", pubs=[("x", "a\n")]).out == '[#1] Received on "x"\na\n\n'


def test_raw_shows_bodies_alone(shown):
    pubs = [("x", "a"), ("x", "b\n"), ("x", "")]
    out = shown("x", "--raw", "--count", "4", pubs=pubs).out
    assert out.endswith("a\nb\nnil body\n")


def test_headers_only_and_subjects_only(shown):
    pubs = [("x", "hello", "-H", "A:1"), ("x", "bye")]
    out = shown("x", "--headers-only", "--count", "2", pubs=pubs).out
    assert out == '[#1] Received on "x"\nA: 1\n\n[#2] Received on "x"\n'
    out = shown("x", "--subjects-only", "--count", "1", pubs=pubs).out
    assert out == '[#1] Received on "x"\n'


def test_several_subjects_and_wildcards(shown):
    pubs = [("a.1", "x"), ("b", "y")]
    done = shown("a.*", "b", "--count", "2", "--subjects-only", pubs=pubs)
    assert done.out == '[#1] Received on "a.1"\n[#2] Received on "b"\n'
    assert " Subscribing on a.*, b " in done.err


def test_ignored_subjects_do_not_count(shown):
    pubs = [("x.skip", "1"), ("x.keep", "2")]
    done = shown("x.>", "-I", "x.skip", "--count", "1", pubs=pubs)
    assert done.out == '[#1] Received on "x.keep"\n2\n\n\n'
    assert "Ignored subjects: x.skip" in done.err


def test_times_are_shown_if_asked_for(shown):
    out = shown("x", "--count", "1", "-t").out
    assert out.startswith("[#1] @ ")
    assert " Received on " in out
    assert shown("x", "--count", "1", "-d").out.startswith("[#1] @ ")


def test_a_silence_ends_it(nats):
    done = nats("sub", "x", "--wait", "100ms")
    assert (done.code, done.out) == (0, "")


def test_an_own_inbox_is_announced(nats):
    done = nats("sub", "-i", "--wait", "50ms")
    assert done.code == 0
    assert " Subscribing on _INBOX." in done.err


def test_acknowledging_a_delivery(restock):
    restock.ok(
        "consumer",
        "add",
        "RESTOCK",
        "P1",
        "--target",
        "push.here",
        "--ack",
        "explicit",
        "--defaults",
        "--max-deliver",
        "5",
        "--wait",
        "30s",
    )
    out = restock.ok("sub", "push.here", "--ack", "--count", "3", "--wait", "5s")
    assert out.count("Received on") == 3
    info = restock.ok("consumer", "info", "RESTOCK", "P1")
    assert "Outstanding Acks: 0 out of maximum" in info
    assert "Acknowledgment Floor: Consumer sequence: 3 Stream sequence: 3" in info


@pytest.mark.parametrize("subject", ["a..b", "a b", "x.>.y"])
def test_a_malformed_subject_is_refused(nats, subject):
    assert nats.fails("sub", subject) == "nats: invalid subject"


def test_no_subject_is_misuse(tool):
    assert tool.fails("sub", code=2) == "required argument 'subjects' not provided"


def test_two_kinds_of_time_are_misuse(tool):
    assert "exclude each other" in tool.fails("sub", "x", "-t", "-d", code=2)


def test_requests_are_shown_with_their_replies(nats):
    replying = nats.later("reply", "svc", "pong", "--count", "1")
    replying.wait_until("Listening")
    watching = nats.later("sub", "svc", "--match-replies", "--count", "1")
    watching.wait_until("Subscribing on svc")
    nats.ok("rtt")
    nats.ok("req", "svc", "ping")
    done = watching.done()
    assert done.code == 0
    request, reply = done.out.split("[#1] ")[1:]
    inbox = request.split('"')[3]
    assert request == f'Received on "svc" with reply "{inbox}"\nping\n\n\n'
    assert reply == f'Matched reply on "{inbox}"\npong\n\n\n'
    assert "Matching replies with inbox prefix _INBOX.>" in done.err
    replying.done()


@pytest.mark.parametrize(
    ("flag", "subject", "head"),
    [("--report-subjects", "x.a", "Subject"), ("--report-subscriptions", "x.*", "Subscription")],
)
def test_a_report_counts(shown, flag, subject, head):
    pubs = [("x.a", "hello"), ("x.a", "bye")]
    out = shown("x.*", flag, "--count", "2", pubs=pubs).out
    assert f"Top 10 Active {head}s Report" in out
    assert f"│ {subject}" in out
    assert "│ Totals" in out
    assert "│ 2             │ 8 B   │" in out
