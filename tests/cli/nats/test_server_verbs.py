"""Servers asked through the system account, and accounts asked by themselves."""

import json

import pytest

from support.servers import ServerProcess

CONFIG = """
    server_name: one
    jetstream {{ store_dir: "{folder}/store" }}
    accounts {{
      A: {{ jetstream: enabled, users: [{{user: a, password: a}}] }}
      SYS: {{ users: [{{user: sys, password: sys}}] }}
    }}
    system_account: SYS
    no_auth_user: a
"""
SYSTEM = ("--user", "sys", "--password", "sys")


@pytest.fixture(params=["isthmus", "real"], scope="module")
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def shared_server(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp(kind)
    with ServerProcess(kind, folder, config=CONFIG.format(folder=folder)).start() as running:
        yield running


def cells(table: str, line: int) -> list[str]:
    return [cell.strip() for cell in table.splitlines()[line].split("│")[1:-1]]


def test_servers_are_listed(nats):
    out = nats.ok("server", "list", *SYSTEM)
    assert "Server Overview" in out
    row = cells(out, 5)
    assert row[:5] == ["one", "", "127.0.0.1", "2.15.1", "yes"]
    assert cells(out, 7)[1:3] == ["0", "1"]
    (document,) = json.loads(nats.ok("server", "list", "-j", *SYSTEM))
    assert document["server"]["name"] == "one"
    assert document["statsz"]["connections"] == 1


def test_servers_are_pinged(nats):
    out = nats.ok("server", "ping", "--timeout", "2s", *SYSTEM)
    first, _, rest = out.partition("\n\n---- ping statistics ----\n")
    assert first.startswith("one" + " " * 58 + "rtt=")
    assert rest.startswith("1 replies max: ")
    assert out.endswith("\n")
    named = nats.ok("server", "ping", "2", "--id", *SYSTEM)
    assert named.startswith("N")
    assert named.endswith("\n\nMissing 1 server(s)\n")


def test_one_server_in_detail(nats):
    out = nats.ok("server", "info", *SYSTEM)
    assert out.startswith("Server information for one (N")
    for part in ("\nProcess Details:\n\n", "Auth Required: true\n", "\nJetStream:\n\n"):
        assert part in out
    assert "Maximum Payload: 1.0 MiB\n" in out
    identity = out.partition("(")[2].partition(")")[0]
    assert nats.ok("server", "info", identity, *SYSTEM).startswith("Server information for one")
    assert nats.ok("server", "info", "one", *SYSTEM).startswith("Server information for one")
    nats.fails("server", "info", "two", "--timeout", "300ms", *SYSTEM)


def test_who_may_not_ask_is_told(nats):
    for line in ("list", "ping", "info", "report jetstream", "request varz"):
        said = nats.fails("server", *line.split(), "--timeout", "500ms")
        assert said.startswith("no results received, ensure the account used has system privileges")


def test_connections_of_all_accounts(nats):
    listening = nats.later("sub", "x", "--wait", "20s", "--count", "1")
    listening.wait_until("Subscribing")
    nats.ok("rtt")
    out = nats.ok("server", "report", "connections", *SYSTEM)
    assert "Top 2 Connections out of 2 by subs" in out
    assert "│ SYS     │" in out
    assert "│ A       │" in out
    assert "Totals for 2 connections" in out
    assert "Connections per server" in out
    assert cells(nats.ok("server", "report", "accounts", *SYSTEM), 2)[0] == "2 Accounts Overview"
    one = json.loads(nats.ok("server", "report", "accounts", "A", "-j", *SYSTEM))
    assert [(found["account"], found["connections"]) for found in one] == [("A", 1)]
    everyone = json.loads(nats.ok("server", "report", "connections", "-j", *SYSTEM))
    assert {found["account"] for found in everyone} == {"A", "SYS"}
    nats.ok("pub", "x", "end")
    assert listening.done().code == 0


def test_what_is_stored(nats):
    nats.ok("stream", "add", "S", "--subjects", "s", "--defaults")
    nats.ok("pub", "-J", "s", "x")
    out = nats.ok("server", "report", "jetstream", *SYSTEM)
    assert cells(out, 5)[:5] == ["one", "", "1", "0", "1"]


def test_answers_as_they_are(nats):
    document = json.loads(nats.ok("server", "request", "varz", *SYSTEM))
    assert document["data"]["server_name"] == "one"
    assert json.loads(nats.ok("server", "req", "healthz", *SYSTEM))["data"]["status"] == "ok"
    assert "is not one of" in nats.fails("server", "request", "nope", code=2)


def test_an_account_asks_for_its_own_connections(nats):
    out = nats.ok("account", "report", "connections")
    assert "Top 1 Connections out of 1 by subs" in out
    assert "│ A       │" in out
    assert "SYS" not in out


def test_an_account_asks_what_was_done_for_it(nats):
    out = nats.ok("account", "report", "statistics")
    row = cells(out, 5)
    assert row[:5] == ["one", "", "2.15.1", "", "1"]
    assert cells(out, 7)[0] == "1"
