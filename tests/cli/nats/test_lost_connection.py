"""What a long run does when its server goes away, or sends it away."""

import time

import pytest

from isthmus.identity.creds import make_creds
from support.operator_mode import SYSTEM, SYSTEM_USER, config, user_token
from support.waiting import wait_for


def test_a_server_that_comes_back_is_found_again(kind, start_server, tool):
    server = start_server(kind)
    tool.environ["NATS_URL"] = server.url
    listening = tool.later("sub", "x", "--count", "1", "--wait", "20s")
    listening.wait_until("Subscribing")
    tool.ok("rtt")
    server.stop()
    listening.wait_until(">>> Disconnected, will attempt reconnect")
    server.start(port=server.port)
    wait_for(lambda: "no responders" not in tool("req", "x", "probe", "--timeout", "100ms").err)
    done = listening.done()
    assert done.code == 0, done
    assert "probe" in done.out


@pytest.mark.slow
def test_a_user_whose_token_ends_is_told(kind, start_server, tool, tmp_path):
    """The server closes the connection for good; the run ends and says why."""
    tool.environ["NATS_URL"] = start_server(kind, config=config({})).url
    now_s = int(time.time())
    token = user_token(SYSTEM_USER, SYSTEM, now_ns=now_s * 10**9, name="sys", expires_s=now_s + 2)
    creds = tmp_path / "short.creds"
    creds.write_text(make_creds(token, SYSTEM_USER.seed))
    done = tool("sub", "x", "--wait", "15s", "--creds", str(creds))
    assert done.code == 1
    assert "nats: error: nats: user authentication expired" in done.err
