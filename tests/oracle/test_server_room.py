"""What a whole server has for streams: bounds, reservations across accounts, and what is told."""

import json
import os
import urllib.request

import pytest

from support.raw import RawClient
from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle]

MB = 1 << 20
NO_MEMORY, NO_STORAGE = 10028, 10047
CONFIG = """
jetstream {{ store_dir: "{store}" {limits} }}
accounts {{
  A {{ jetstream: enabled, users: [{{user: a, password: a}}] }}
  OFF {{ users: [{{user: idle, password: idle}}] }}
  B {{ jetstream: {b}, users: [{{user: b, password: b}}] }}
  SYS {{ users: [{{user: s, password: s}}] }}
}}
system_account: SYS
"""
LIMITED = ", max_mem: 100MB, max_file: 200MB"


@pytest.fixture
def serve(start_server, kind, tmp_path):
    """`serve(limits, b="enabled")`: a server with accounts A and B, and OFF without JetStream."""

    def start(limits: str = "", b: str = "enabled") -> ServerProcess:
        config = CONFIG.format(store=tmp_path / "store", limits=limits, b=b)
        return start_server(kind, "-m", "-1", config=config)

    return start


def get(server: ServerProcess, path: str) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}{path}", timeout=10) as answer:
        return json.loads(answer.read())


def reserved(server: ServerProcess) -> tuple[int, int]:
    """In memory and on disk, in MB; jsz and varz say the same."""
    jsz, varz = get(server, "/jsz"), get(server, "/varz")["jetstream"]["stats"]
    found = jsz["reserved_memory"], jsz["reserved_storage"]
    assert found == (varz["reserved_memory"], varz["reserved_storage"])
    return found[0] // MB, found[1] // MB


class Tenant:
    """A user of an account: each call gives the error's number, or 0."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        self.client = RawClient(server.port, user=name, **{"pass": name})

    def create(self, name: str, megabytes: int = -1, storage: str = "file") -> int:
        return self._ask("CREATE", name, megabytes, storage)

    def update(self, name: str, megabytes: int, storage: str = "file") -> int:
        return self._ask("UPDATE", name, megabytes, storage)

    def delete(self, name: str) -> None:
        assert b'"success":true' in self.client.api(f"STREAM.DELETE.{name}")

    def _ask(self, verb: str, name: str, megabytes: int, storage: str) -> int:
        size = megabytes * MB if megabytes > 0 else megabytes
        body = {"name": name, "subjects": [f"{name}.>"], "max_bytes": size, "storage": storage}
        answer = json.loads(self.client.api(f"STREAM.{verb}.{name}", body))
        return answer.get("error", {}).get("err_code", 0)


def test_accounts_share_what_the_server_has(serve):
    server = serve(LIMITED)
    a, b = Tenant(server, "a"), Tenant(server, "b")
    assert a.create("C", 150) == 0
    assert b.create("D", 60) == NO_STORAGE
    assert b.create("E", 40) == 0
    assert reserved(server) == (0, 190)
    assert a.create("H") == 0, "what reserves nothing needs a byte, and there are ten megabytes"
    assert a.create("F", 70, "memory") == 0
    assert b.create("G", 40, "memory") == NO_MEMORY
    assert a.update("F", 120, "memory") == NO_MEMORY
    assert a.update("F", 90, "memory") == 0
    assert reserved(server) == (90, 190)
    assert a.update("C", 10) == 0
    assert b.create("D", 60) == 0
    a.delete("F")
    assert reserved(server) == (0, 110)
    assert b.create("G", 100, "memory") == 0
    again = b.create("G", 100, "memory")
    assert again == (0 if server.kind == "isthmus" else NO_MEMORY), "it is there"
    assert a.create("G3", 0, "memory") == NO_MEMORY, "no byte is left"
    assert a.create("G4", -1, "memory") == NO_MEMORY


def test_what_is_reserved_is_counted_anew_at_a_start(serve):
    server = serve(LIMITED)
    a, b = Tenant(server, "a"), Tenant(server, "b")
    assert a.create("C", 150) == b.create("E", 40) == b.create("M", 30, "memory") == 0
    assert reserved(server) == (30, 190)
    server.stop()
    server.start()
    a = Tenant(server, "a")
    assert reserved(server) == (0, 190), "streams in memory are gone"
    assert a.create("D", 20) == NO_STORAGE
    assert a.update("C", 170) == NO_STORAGE
    assert a.update("C", 160) == 0
    assert reserved(server) == (0, 200)


def test_an_account_has_its_own_limit_as_well(serve):
    server = serve(LIMITED, b="{ max_mem: 30MB, max_file: 60MB }")
    a, b = Tenant(server, "a"), Tenant(server, "b")
    assert b.create("D", 70) == NO_STORAGE
    assert a.create("C", 160) == 0
    assert b.create("D", 50) == NO_STORAGE, "of the server's"
    assert b.create("D", 40) == 0
    assert b.create("G", 40, "memory") == NO_MEMORY


@pytest.mark.slow
def test_all_accounts_together_store_no_more_than_the_server_may(serve):
    server = serve(", max_mem: 4MB, max_file: 1GB")
    a, b = Tenant(server, "a"), Tenant(server, "b")
    assert a.create("X", -1, "memory") == b.create("Y", -1, "memory") == 0
    kept = 0
    for number in range(12):
        tenant, subject = ((a, "X.x"), (b, "Y.y"))[number % 2]
        answer = json.loads(tenant.client.request(subject, bytes(900_000)).payload)
        kept += "error" not in answer
        assert answer.get("error", {}).get("err_code", 10023) == 10023
    assert kept == (4 if server.kind == "isthmus" else 5)


# --- without a bound in the configuration ---


def test_three_quarters_of_the_machine_by_default(serve):
    server = serve()
    config = get(server, "/jsz")["config"]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert config["max_memory"] == memory // 4 * 3
    disk = os.statvfs(server.folder)
    assert 0 < config["max_storage"] < disk.f_blocks * disk.f_frsize
    assert get(server, "/varz")["jetstream"]["config"] == config
    a = Tenant(server, "a")
    assert a.create("HUGE", 1 << 30) == NO_STORAGE
    assert a.create("HUGE", 1 << 30, "memory") == NO_MEMORY


# --- which accounts have JetStream, and which of them jsz shows ---


@pytest.mark.parametrize(("accounts", "enabled"), [
    ("", ["$G"]), ("accounts { A { jetstream: enabled } }", ["A"]),
    ("accounts { A { exports: [{stream: x}] } }", []),
    ("accounts { S { exports: [{stream: x}] } }\nsystem_account: S", ["$G"]),
    ("accounts { $SYS { exports: [{stream: x}] } }", ["$G"]),
])  # fmt: skip
def test_users_without_an_account_have_jetstream_where_there_is_no_account(
    start_server, kind, tmp_path, accounts, enabled
):
    config = f"""
        jetstream {{ store_dir: "{tmp_path}/store" }}
        authorization {{ user: g, password: g }}
        {accounts}
    """
    server = start_server(kind, "-m", "-1", config=config)
    shown = get(server, "/jsz?accounts=1").get("account_details", [])
    assert [account["name"] for account in shown] == enabled
    answer = json.loads(Tenant(server, "g").client.api("INFO"))
    assert answer.get("error", {}).get("err_code", 0) == (0 if "$G" in enabled else 10039)


@pytest.mark.parametrize(("query", "shown"), [
    ("", []), ("?config=1", []), ("?accounts=1", ["A", "B"]), ("?acc=B", ["B"]), ("?acc=OFF", []),
    ("?acc=NONE", []), ("?acc=B&accounts=1", ["B"]), ("?accounts=1&offset=1", ["B"]),
    ("?accounts=1&limit=1", ["A"]), ("?acc=B&streams=1", ["B"]), ("?acc=OFF&streams=1", []),
    ("?streams=1", ["A", "B"]),
])  # fmt: skip
def test_accounts_with_jetstream_are_counted_and_shown_where_asked_for(serve, query, shown):
    server = serve()
    document = get(server, f"/jsz{query}")
    assert [account["name"] for account in document.get("account_details", [])] == shown
    assert (document["accounts"], document["total"]) == (2, 2)
    assert get(server, "/varz")["jetstream"]["stats"]["accounts"] == 2


@pytest.mark.parametrize("verb", ["INFO", "STREAM.NAMES", "STREAM.INFO.S"])
@pytest.mark.parametrize("user", ["s", "idle"])
def test_who_has_no_jetstream_is_told(serve, user, verb):
    with RawClient(serve().port, user=user, **{"pass": user}) as client:
        error = json.loads(client.api(verb))["error"]
    assert error == {
        "code": 503, "err_code": 10039, "description": "JetStream not enabled for account",
    }  # fmt: skip
