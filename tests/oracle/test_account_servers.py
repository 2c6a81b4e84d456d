"""Accounts that are not at the server: at an account server (URL), or at other servers (cache)."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from isthmus.base.values import NS_PER_S
from isthmus.identity.claims import UNLIMITED_ACCOUNT, Export, Import
from isthmus.identity.nkeys import KeyPair, Kind
from support.account_server import AccountServer, Answer
from support.claims_requests import DELETE, LIST, PACK, UPDATE, deletion, names, of, old_name
from support.operator_mode import (
    OPERATOR,
    SYSTEM,
    SYSTEM_TOKEN,
    SignedClient,
    account_token,
    config,
    operator_token,
    system_client,
    user_token,
)
from support.servers import ServerProcess
from support.tokens import key
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.oracle]

USER = key(Kind.USER, "user")
STRANGER = key(Kind.OPERATOR, "stranger")
REFUSED = "-ERR 'Authorization Violation'"
NOW_NS = time.time_ns() // NS_PER_S * NS_PER_S


def account(name: str) -> KeyPair:
    return key(Kind.ACCOUNT, f"elsewhere-{name}")


def token(name: str, *, newer: int = 0, **body: object) -> str:
    return account_token(account(name), name=name, now_ns=NOW_NS + newer * NS_PER_S, **body)


def login(server: ServerProcess, name: str) -> SignedClient:
    return SignedClient(server.port, user_token(USER, account(name), now_ns=NOW_NS), USER)


def told(client: SignedClient, subject: str, payload: str = "") -> object:
    """The answer without its server; empty if nobody answers."""
    [answer] = client.request(subject, payload.encode())
    if not answer.payload.startswith(b"{"):
        return answer.payload.decode()
    document = json.loads(answer.payload)
    del document["server"]
    return document.get("data", document.get("error"))


def done(name: str, message: str) -> dict[str, object]:
    return {"account": account(name).public_key, "code": 200, "message": message}


# --- an account server ---


@pytest.fixture(scope="module")
def accounts() -> Iterator[AccountServer]:
    with AccountServer() as server:
        server.has(SYSTEM.public_key, SYSTEM_TOKEN)
        yield server


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory, accounts) -> Iterator[ServerProcess]:
    """One server whose accounts are at `accounts`, but for those of other servers."""
    text = f"operator: {operator_token()}\nresolver: URL({accounts.base})\n"
    folder = tmp_path_factory.mktemp("url")
    with ServerProcess(request.param, folder, config=text) as server:
        yield server


def at(accounts: AccountServer, name: str, answer: Answer) -> None:
    accounts.answers[account(name).public_key] = answer


def test_the_account_server_is_asked_for_nothing_and_for_the_system_account_at_start(
    kind, start_server, tmp_path
):
    with AccountServer() as accounts:
        accounts.has(SYSTEM.public_key, SYSTEM_TOKEN)
        text = f"operator: {operator_token()}\nresolver: URL({accounts.base})\n"
        start_server(kind, config=text)
        assert accounts.asked[0] == ""
        assert set(accounts.asked[1:]) == {SYSTEM.public_key}


PRELOAD = f"resolver_preload {{ {SYSTEM.public_key}: {SYSTEM_TOKEN} }}"


@pytest.mark.parametrize("more", ["", PRELOAD])
def test_no_start_without_the_account_server_or_with_accounts_preloaded(kind, start_server, more):
    with AccountServer() as accounts:
        if not more:
            accounts.answers = {}
        text = f"operator: {operator_token()}\nresolver: URL({accounts.base})\n{more}"
        with pytest.raises(AssertionError) as caught:
            start_server(kind, config=text)
    wanted = "resolver preloads only available" if more else f'could not fetch <"{accounts.base}">'
    assert wanted in str(caught.value)


def test_the_operator_names_the_account_server(kind, start_server):
    with AccountServer() as accounts:
        accounts.has(SYSTEM.public_key, SYSTEM_TOKEN)
        accounts.has(account("named").public_key, token("named"))
        url = accounts.base.removesuffix("/accounts/")
        text = f"operator: {operator_token(account_server_url=url)}"
        assert login(start_server(kind, config=text), "named").error == ""


def test_an_account_is_fetched_when_somebody_logs_in_and_then_known(server, accounts):
    accounts.has(account("good").public_key, token("good"))
    accounts.asked.clear()
    assert login(server, "good").error == ""
    assert login(server, "good").error == ""
    assert accounts.asked == [account("good").public_key]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("missing", Answer(404)),
        ("failing", Answer(500, token("failing").encode())),
        ("nothing", Answer(204)),
        ("garbage", Answer(body=b"hello")),
        ("long", Answer(body=b"x" * (3 << 20))),
        ("foreign", Answer(body=account_token(account("foreign"), signer=STRANGER).encode())),
        ("self", Answer(body=account_token(account("self"), signer=account("self")).encode())),
        ("expired", Answer(body=token("expired", exp=5).encode())),
        ("early", Answer(body=token("early", nbf=NOW_NS // NS_PER_S + 3600).encode())),
        ("another", Answer(body=token("good").encode())),
        ("hints", Answer(body=token("hints").encode(), hints=500_000)),
        ("in a circle", Answer(302, location=account("in a circle").public_key)),
    ],
)
def test_nobody_logs_in_by_an_answer_that_is_no_good_token(server, accounts, name, answer):
    at(accounts, name, answer)
    assert login(server, name).error == REFUSED
    accounts.has(account(name).public_key, token(name))
    assert login(server, name).error == ""  # as soon as the account server has it


def test_a_few_hints_before_the_answer_are_passed_over(server, accounts):
    at(accounts, "hinted", Answer(body=token("hinted").encode(), hints=20))
    assert login(server, "hinted").error == ""


def test_a_redirection_is_followed(server, accounts):
    at(accounts, "moved", Answer(302, location="/there"))
    accounts.has("there", token("moved"))
    assert login(server, "moved").error == ""


def test_a_line_end_behind_the_token_is_none_of_it(server, accounts):
    at(accounts, "line", Answer(body=token("line").encode() + b"\n"))
    assert login(server, "line").error == ""


def test_a_slow_account_server_keeps_waiting_only_who_needs_it(server, accounts):
    accounts.has(account("quick").public_key, token("quick"))
    go = threading.Event()
    at(accounts, "slow", Answer(body=token("slow").encode(), wait=lambda: go.wait(10)))
    outcome: list[str] = []
    waiting = threading.Thread(target=lambda: outcome.append(login(server, "slow").error))
    waiting.start()
    try:
        wait_for(lambda: account("slow").public_key in accounts.asked)
        assert login(server, "quick").error == ""
        assert outcome == []  # and is still waiting
    finally:
        go.set()
        waiting.join()
    assert outcome == [""]


def test_who_waits_too_long_is_refused(server, accounts):
    never = threading.Event()
    at(accounts, "never", Answer(wait=lambda: never.wait(10)))
    try:
        assert login(server, "never").error == REFUSED
    finally:
        never.set()


def test_what_an_account_imports_from_is_fetched_with_it(server, accounts):
    exports = (Export(subject="svc", type="service"),)
    imports = (Import(subject="svc", account=account("exporter").public_key, type="service"),)
    accounts.has(account("exporter").public_key, token("exporter", exports=exports))
    accounts.has(account("importer").public_key, token("importer", imports=imports))
    asking = login(server, "importer")
    answering = login(server, "exporter")
    assert answering.subscribe("svc") == ""
    asking.send_request("svc", "_INBOX.x")
    assert answering.message().payload == b"ask"


def test_a_push_changes_accounts_in_use_and_no_others(server, accounts):
    accounts.has(account("used").public_key, token("used"))
    client = login(server, "used")
    system = system_client(server.port)
    used, unused = account("used"), account("unused")
    assert told(system, of(used, "UPDATE"), token("used", newer=1)) == done("used", "jwt updated")
    assert told(system, old_name(used), token("used", newer=2)) == done("used", "jwt updated")
    assert told(system, of(unused, "UPDATE"), token("unused")) == done(
        "unused", "jwt update skipped"
    )
    refused = told(system, of(used, "UPDATE"), account_token(used, signer=used))
    assert refused["code"] == 500
    assert refused["description"].startswith(
        "jwt update resulted in error - account validation failed"
    )
    for subject in (UPDATE, LIST, PACK, DELETE, of(used, "LOOKUP")):
        assert told(system, subject) == ""
    assert client.publish("still") == ""


def test_streams_of_an_account_that_is_elsewhere_are_there_after_a_restart(
    kind, start_server, tmp_path
):
    storing = replace(UNLIMITED_ACCOUNT, disk_bytes=-1, streams=-1, consumers=-1)
    with AccountServer() as accounts:
        accounts.has(SYSTEM.public_key, SYSTEM_TOKEN)
        accounts.has(account("storing").public_key, token("storing", limits=storing))
        text = f"operator: {operator_token()}\nresolver: URL({accounts.base})\n"
        server = start_server(kind, "-js", "-sd", f"{tmp_path}/store", config=text)
        with login(server, "storing") as client:
            body = b'{"name":"S","subjects":["s"]}'
            [made] = client.request("$JS.API.STREAM.CREATE.S", body)
            assert b'"did_create":true' in made.payload
            [stored] = client.request("s", b"one")
            assert json.loads(stored.payload) == {"stream": "S", "seq": 1}
        server.stop()
        server.start()
        with login(server, "storing") as client:
            assert client.error == ""
            [stored] = client.request("s", b"two")
            assert json.loads(stored.payload) == {"stream": "S", "seq": 2}


# --- a cache of what other servers have ---


class Others(threading.Thread):
    """The servers that have all accounts: a user of the system account answers for them."""

    def __init__(self, port: int, tokens: dict[str, str]) -> None:
        super().__init__()
        self.tokens = tokens
        self.asked: list[str] = []
        self._client = system_client(port)
        assert self._client.subscribe("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP") == ""
        assert self._client.subscribe("stop") == ""

    def run(self) -> None:
        while (message := self._client.message()).subject != "stop":
            name = message.subject.split(".")[3]
            self.asked.append(name)
            self._client.send_request(message.reply, "", self.tokens.get(name, "").encode())


@pytest.fixture
def others():
    """`others(server, tokens)`: they answer until the test is over."""
    running: list[tuple[ServerProcess, Others]] = []

    def start(server: ServerProcess, tokens: dict[str, str]) -> Others:
        found = Others(server.port, tokens)
        found.start()
        running.append((server, found))
        return found

    yield start
    for server, found in running:
        system_client(server.port).publish("stop")
        found.join()


def cache(start_server, kind: str, folder, more: str = "") -> ServerProcess:
    resolver = f'{{ type: cache, dir: "{folder}/jwt", timeout: "1s"{more} }}'
    return start_server(kind, config=config({}, resolver=resolver))


def tokens_of(*accounts: str) -> dict[str, str]:
    return {account(name).public_key: token(name) for name in accounts}


def test_a_cache_asks_others_and_keeps_what_was_used_last(kind, start_server, others, tmp_path):
    server = cache(start_server, kind, tmp_path, ", limit: 2")
    assert login(server, "a").error == REFUSED  # nobody has it
    there = others(server, tokens_of("a", "b"))
    assert login(server, "a").error == ""
    assert login(server, "a").error == ""
    assert login(server, "b").error == ""
    assert login(server, "c").error == REFUSED
    assert there.asked == [account(name).public_key for name in "abc"]
    kept = {f"{account(name).public_key}.jwt" for name in "ab"}
    wait_for(lambda: {path.name for path in (tmp_path / "jwt").glob("*.jwt")} == kept)
    [answer] = system_client(server.port).request(LIST)
    assert json.loads(answer.payload)["data"] == sorted(names(account("a"), account("b")))


def test_a_foreign_token_of_others_is_not_taken(kind, start_server, others, tmp_path):
    server = cache(start_server, kind, tmp_path)
    foreign = account_token(account("f"), signer=STRANGER, now_ns=NOW_NS)
    others(server, {account("f").public_key: foreign})
    assert login(server, "f").error == REFUSED


def test_a_push_to_a_cache_is_for_accounts_in_use(kind, start_server, others, tmp_path):
    server = cache(start_server, kind, tmp_path)
    others(server, tokens_of("a"))
    system = system_client(server.port)
    skipped = "jwt update cache skipped"
    assert told(system, UPDATE, token("a")) == done("a", skipped)
    assert told(system, of(account("a"), "UPDATE"), token("a")) == done("a", skipped)
    client = login(server, "a")
    updated = done("a", "jwt updated cache")
    for number, subject in enumerate((UPDATE, of(account("a"), "UPDATE"), old_name(account("a")))):
        assert told(system, subject, token("a", newer=number)) == updated
    unreadable = "jwt update cache resulted in error - expected 3 chunks"
    assert told(system, UPDATE)["description"] == unreadable
    assert told(system, of(account("a"), "UPDATE"), "x") == {
        "account": account("a").public_key,
        "code": 500,
        "description": unreadable,
    }
    other = told(system, of(account("b"), "UPDATE"), token("a"))
    assert other["description"].endswith("error - subject does not match jwt content")
    bad = token("a", newer=5, exports=(Export(subject="foo bar", type="service"),))
    assert told(system, UPDATE, bad)["description"] == (
        "jwt update cache validation failed - validation errors: "
        '[subject "foo bar" cannot have spaces]'
    )
    assert told(system, PACK) == ""
    assert client.publish("still") == ""
    assert told(system, DELETE, deletion(names(account("a")), OPERATOR)) == {
        "code": 200,
        "message": "deleted 1 accounts",
    }
    assert client.ending() == "-ERR 'Account Authentication Expired'"
    assert not (tmp_path / "jwt" / f"{account('a').public_key}.jwt").exists()


def test_a_token_that_nobody_uses_leaves_the_cache(kind, start_server, others, tmp_path):
    server = cache(start_server, kind, tmp_path, ', ttl: "1s"')
    others(server, tokens_of("a"))
    client = login(server, "a")
    path = tmp_path / "jwt" / f"{account('a').public_key}.jwt"
    wait_for(path.exists)
    wait_for(lambda: not path.exists())
    assert client.publish("still") == ""
    assert login(server, "a").error == ""


# --- servers that have all accounts compare them ---


def test_servers_compare_their_accounts_again_and_again(kind, start_server, tmp_path):
    resolver = f'{{ type: full, dir: "{tmp_path}/jwt", interval: "500ms", limit: 3 }}'
    server = start_server(kind, config=config(tokens_of("a"), resolver=resolver))
    newer = token("a", newer=1)
    with system_client(server.port) as system:
        assert system.subscribe(PACK) == ""
        asked = system.message()
        assert (asked.subject, len(asked.payload)) == (PACK, 32)
        for name, text in (("b", token("b")), ("a", newer), ("a", token("a"))):
            packed = f"{account(name).public_key}|{text}"
            system.send_request(asked.reply, "", packed.encode())
        system.send_request(asked.reply, "", b"")
        again = system.message()
        assert (again.reply, again.payload != asked.payload) == (asked.reply, True)
        [found] = system.request(of(account("a"), "LOOKUP"))
        assert found.payload.decode() == newer
    assert login(server, "b").error == ""
