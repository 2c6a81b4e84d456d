import json


def test_the_state_tells_messages_and_sequences(restock):
    out = restock.ok("stream", "info", "RESTOCK")
    assert out.startswith("Information for Stream RESTOCK created ")
    assert out.endswith("\n\n")
    assert "                     Messages: 3\n" in out
    assert "               First Sequence: 1 @ 2" in out
    assert "                Last Sequence: 3 @ 2" in out
    assert "             Active Consumers: 1\n" in out
    assert "           Number of Subjects: 1\n" in out


def test_the_state_alone(restock):
    out = restock.ok("stream", "info", "RESTOCK", "--state")
    assert out.startswith("State for Stream RESTOCK created ")
    assert "Retention" not in out
    assert "            Messages: 3\n" in out


def test_json_has_the_fields_of_the_original_in_order(restock):
    found = json.loads(restock.ok("stream", "info", "RESTOCK", "-j"))
    assert list(found)[:3] == ["config", "created", "state"]
    assert list(found)[-1] == "ts"
    assert {"type", "total", "offset", "limit", "did_create"}.isdisjoint(found)
    assert found["state"]["messages"] == 3


def test_an_unknown_stream_is_named(nats):
    assert nats.fails("stream", "info", "NOPE") == (
        'could not pick a Stream to operate on: unknown stream "NOPE": stream not found (10059)'
    )


def test_no_name_is_an_error(nats):
    said = nats.fails("stream", "info")
    assert said == "could not pick a Stream to operate on: no Stream name supplied"


def test_what_is_not_granted_says_that_nobody_answers(restock):
    done = restock("stream", "info", "RESTOCK", "--js-api-prefix", "ACCTC.API")
    assert done.code == 1
    error, hint = done.err.splitlines()
    assert error == (
        "nats: error: could not pick a Stream to operate on: "
        "nats: no responders available for request"
    )
    assert "ACCTC.API.STREAM.INFO.RESTOCK" in hint


def test_a_grant_that_is_silent_ends_with_the_timeout(restock):
    silent = restock.later("sub", "SILENT.>", "--wait", "3s")
    silent.wait_until("Subscribing")
    restock.ok("rtt")
    said = restock.fails(
        "stream", "info", "RESTOCK", "--js-api-prefix", "SILENT", "--timeout", "500ms"
    )
    assert said == "could not pick a Stream to operate on: nats: timeout"
    silent.done()


def test_prefix_and_domain_exclude_each_other(nats):
    said = nats.fails("stream", "info", "S", "--js-api-prefix", "P", "--js-domain", "D")
    assert said.startswith("setup failed: WithAPIPrefix and WithDomain are mutually exclusive")


def test_a_malformed_prefix_is_refused(nats):
    for prefix in ("a b", "a..b", "a.*", "a."):
        said = nats.fails("stream", "info", "S", "--js-api-prefix", prefix)
        assert said == f'setup failed: api prefix "{prefix}" contains invalid subject characters'


def test_an_answer_that_is_none_is_said(nats):
    """Somebody else answers on the prefix: one line, no traceback."""
    echo = nats.later("sub", "ECHO.>", "--count", "1", "--wait", "5s")
    echo.wait_until("Subscribing")
    nats.ok("rtt")
    asked = nats.later("stream", "info", "S", "--js-api-prefix", "ECHO", "--timeout", "5s")
    echo.wait_until("with reply")
    reply = echo.done().out.split('with reply "')[1].split('"')[0]
    nats.ok("pub", reply, "not json")
    done = asked.done()
    assert done.code == 1
    assert "ECHO.STREAM.INFO.S gave an answer that cannot be read" in done.err


def test_trace_shows_the_api_traffic(restock):
    done = restock("stream", "info", "RESTOCK", "--trace")
    assert ">>> $JS.API.STREAM.INFO.RESTOCK\n" in done.err
    assert "<<< $JS.API.STREAM.INFO.RESTOCK\n{" in done.err


def test_the_domain_leads_to_the_same(kind, start_server, tool, tmp_path):
    server = start_server(kind, config=f'jetstream {{ store_dir: "{tmp_path}/hub", domain: hub }}')
    tool.environ["NATS_URL"] = server.url
    tool.ok("stream", "add", "S", "--subjects", "s", "--defaults", "--js-domain", "hub")
    tool.ok("stream", "info", "S")
    assert '"domain":"hub"' in tool.ok("request", "s", "x")
    assert "Domain: hub" in tool.ok("account", "info")
