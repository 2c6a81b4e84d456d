"""What the system account asks servers: the same fields from ours and the real one."""

import json

import pytest

from support.raw import RawClient

pytestmark = [pytest.mark.oracle, pytest.mark.real]

CONFIG = """
    server_name: one
    jetstream {{ store_dir: "{folder}", domain: d }}
    accounts {{
      A: {{ jetstream: enabled, users: [{{user: a, password: a}}] }}
      SYS: {{ users: [{{user: sys, password: sys}}] }}
    }}
    system_account: SYS
"""
SILENT = {"server_name": "other"}, {"server_name": "on", "exact_match": True}, {"domain": "x"}
HEARD = {}, {"server_name": "on"}, {"server_name": "one", "exact_match": True}, {"domain": "d"}


@pytest.fixture
def client(kind, start_server, tmp_path):
    server = start_server(kind, config=CONFIG.format(folder=tmp_path / "store"))
    with RawClient(server.port, user="sys", **{"pass": "sys"}) as made:
        yield made


def ask(client, subject, body=b"", **waiting):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    message = client.request(f"$SYS.REQ.SERVER.{subject}", payload, **waiting)
    return None if message is None else json.loads(message.payload)


def test_a_ping_is_answered_with_statistics(client):
    for subject in ("PING", "PING.STATSZ"):
        answer = ask(client, subject)
        assert list(answer) == ["server", "statsz"]
        assert answer["server"]["name"] == "one"
        statsz = answer["statsz"]
        assert (statsz["connections"], statsz["active_accounts"]) == (1, 1)
        assert set(statsz) >= {
            *("start", "mem", "cores", "cpu", "total_connections", "subscriptions"),
            *("sent", "received", "slow_consumers", "active_servers", "jetstream"),
        }
        assert statsz["jetstream"]["stats"]["api"]["level"] > 0


def test_a_server_is_asked_by_its_id(client):
    who = ask(client, "PING.IDZ")
    assert list(who) == ["name", "host", "id"]
    assert ask(client, f"{who['id']}.VARZ")["data"]["server_name"] == "one"
    assert ask(client, f"{who['id']}.HEALTHZ")["data"] == {"status": "ok", "status_code": 200}
    assert ask(client, f"{who['id']}.JSZ")["data"]["config"]["domain"] == "d"


@pytest.mark.parametrize("asked", HEARD)
def test_who_is_meant_answers(client, asked):
    assert ask(client, "PING", asked)["server"]["name"] == "one"


@pytest.mark.parametrize("asked", SILENT)
def test_who_is_not_meant_is_silent(client, asked):
    assert ask(client, "PING", asked, timeout_s=0.4) is None


def test_what_is_no_request_is_told(client):
    answer = ask(client, "PING", b"{bad")
    assert answer["error"]["code"] == 400
    assert answer["server"]["name"] == "one"


def test_nobody_else_may_ask(kind, start_server, tmp_path):
    server = start_server(kind, config=CONFIG.format(folder=tmp_path / "store"))
    with RawClient(server.port, user="a", **{"pass": "a"}) as made:
        answer = made.request("$SYS.REQ.SERVER.PING", timeout_s=0.5)
        assert answer is None or answer.header.startswith(b"NATS/1.0 503")
