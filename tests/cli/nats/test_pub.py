import pytest


@pytest.fixture
def heard(nats):
    """Publish beside a subscription to `in.>`; what it showed."""

    def heard(*args: str, count: int = 1, stdin: str = "") -> str:
        listening = nats.later("sub", "in.>", "--count", str(count), "--wait", "5s")
        listening.wait_until("Subscribing on in.>")
        nats.ok("rtt")  # the subscription is older than this connection
        nats.ok("pub", *args, stdin=stdin)
        done = listening.done()
        assert done.code == 0, done
        return done.out

    return heard


def test_the_body_is_published_and_logged(nats):
    done = nats("pub", "retail.v1.restock.requested", "Restock for item 5678 pronto!")
    assert done.code == 0
    assert done.out == ""
    assert done.err.endswith(' Published 29 bytes to "retail.v1.restock.requested"\n')


def test_a_message_arrives_with_headers_and_reply(heard):
    out = heard("in.x", "hello", "-H", "A: 1", "--header", "B:2", "--reply", "back.here")
    assert out == '[#1] Received on "in.x" with reply "back.here"\nA: 1\nB: 2\n\nhello\n\n\n'


def test_an_empty_body_is_sent_as_it_is(heard):
    assert heard("in.x", "") == '[#1] Received on "in.x"\nnil body\n\n\n'


def test_the_input_is_the_body_if_none_is_given(heard):
    assert heard("in.x", stdin="from input\n") == '[#1] Received on "in.x"\nfrom input\n\n'


def test_a_given_body_leaves_the_input_alone(heard):
    assert "given" in heard("in.x", "given", stdin="from input")


def test_each_line_of_the_input_is_a_message(heard):
    out = heard("in.x", "--send-on", "newline", stdin="a\nb\n\nc", count=4)
    bodies = [line for line in out.splitlines() if line and not line.startswith("[")]
    assert bodies == ["a", "b", "nil body", "c"]


def test_templates_are_replaced_in_body_subject_and_headers(heard):
    out = heard("in.{{Count}}", "n {{.Count}}", "-H", "N: {{Count}}", "--count", "2", count=2)
    assert '[#1] Received on "in.1"\nN: 1\n\nn 1\n' in out
    assert '[#2] Received on "in.2"\nN: 2\n\nn 2\n' in out


def test_templates_can_be_left_alone(heard):
    assert "n {{Count}}" in heard("in.x", "n {{Count}}", "--no-templates")


def test_a_template_that_is_not_understood_is_sent_as_it_is_and_said(nats):
    done = nats("pub", "x", "m {{Foo}}")
    assert 'Could not parse body template: function "Foo" not defined' in done.err
    assert 'Published 9 bytes to "x"' in done.err


def test_many_messages_are_logged_in_one_line(nats):
    done = nats("pub", "x", "y", "--count", "50")
    assert done.err.endswith(' Published 50 messages to "x"\n')
    assert len(done.err.splitlines()) == 1


def test_quiet_logs_nothing(nats):
    assert nats("pub", "x", "y", "-q").err == ""


def test_an_acknowledged_publish_names_stream_and_sequence(restock):
    done = restock("pub", "retail.item", "four", "-J")
    assert done.err.splitlines()[1].endswith(" Stored in Stream: RESTOCK Sequence: 4")


def test_a_duplicate_is_named(restock):
    restock.ok("pub", "retail.item", "x", "-J", "-H", "Nats-Msg-Id:1")
    done = restock("pub", "retail.item", "x", "-J", "-H", "Nats-Msg-Id:1")
    assert done.err.splitlines()[1].endswith(" Sequence: 4 Duplicate: true")


def test_a_stream_that_refuses_is_an_error(restock):
    said = restock.fails("pub", "retail.item", "x", "-J", "-H", "Nats-Expected-Stream:OTHER")
    assert said == "expected stream does not match (10060)"


def test_no_stream_is_an_error(nats):
    said = nats.fails("pub", "nowhere", "x", "-J")
    assert said == "nats: no responders available for request"


@pytest.mark.parametrize("subject", ["", "a b", "a..b", ".a", "a.", "a.*", ">"])
def test_a_malformed_subject_is_refused(nats, subject):
    assert nats.fails("pub", subject, "x") == "nats: invalid subject"


@pytest.mark.parametrize(
    ("header", "problem"),
    [("A 1", 'invalid header "A 1"'), (":1", 'invalid header ":1"')],
)
def test_a_malformed_header_is_refused(nats, header, problem):
    assert nats.fails("pub", "x", "y", "-H", header) == problem


def test_a_header_given_twice_is_refused_by_name(nats):
    said = nats.fails("pub", "x", "y", "-H", "A:1", "-H", "A:2")
    assert said == 'header "A" is given twice'


def test_a_body_over_the_limit_is_an_error(nats):
    said = nats.fails("pub", "x", "--force-stdin", stdin="x" * 1_048_577)
    assert said == "nats: maximum payload exceeded"
