"""What both servers say about an account: the same, and ours why an import is not active."""

import json
import time
import urllib.error
import urllib.request

import pytest

from isthmus.identity.claims import Export, Import
from isthmus.identity.nkeys import Kind
from support.operator_mode import SYSTEM, SignedClient, account_token, config, system_client
from support.operator_mode import user_token as make_user
from support.servers import ServerProcess
from support.tokens import key

pytestmark = [pytest.mark.real, pytest.mark.oracle]

GIVER, TAKER, STRANGER = (key(Kind.ACCOUNT, name) for name in ("giver", "taker", "stranger"))
USER = key(Kind.USER, "taker-user")
G, T = GIVER.public_key, TAKER.public_key
# what two servers do not have in common: identity, moments, and what they subscribe to themselves
OWN = {"server_id", "now", "update_time", "subscriptions", "sublist_stats"}
OWN |= {"takers", "taking_accounts"}  # ours says more


def giver(**changes) -> str:
    exports = {
        "svc": Export(subject="svc.>", type="service", response_type="Stream"),
        "one": Export(subject="one.*.x", type="service", account_token_position=2),
        "private": Export(
            subject="private.>", type="service", token_required=True, revocations={"*": 1}
        ),
        "feed": Export(subject="feed.>", type="stream"),
    } | changes
    return account_token(
        GIVER, name="GIVER", now_ns=time.time_ns(), exports=tuple(filter(None, exports.values()))
    )


def taker() -> str:
    imports = (
        Import(subject="svc.a", account=G, type="service", local_subject="my.a", share=True),
        Import(subject="feed.>", account=G, type="stream", local_subject="from.>"),
        Import(subject="private.a", account=G, type="service"),
        Import(subject="nowhere", account=G, type="stream"),
        Import(subject="x", account=STRANGER.public_key, type="service"),
    )
    now_ns = time.time_ns()
    return account_token(TAKER, name="TAKER", now_ns=now_ns, imports=imports, tags=("a:b",))


TOKENS = {G: giver(), T: taker()}
REASONS = {"private.a": "activation_missing", "nowhere": "export_missing", "x": "account_missing"}


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    resolver = f'{{ type: full, dir: "{folder}/jwt", timeout: "0.2s" }}'
    text = f'server_name: one\njetstream {{ store_dir: "{folder}/store" }}\n'
    text += config(TOKENS, resolver=resolver)
    with ServerProcess(request.param, folder, "-m", "-1", config=text) as running:
        yield running


@pytest.fixture(scope="module")
def taken(server):
    """Somebody of the importing account is connected: it is loaded, and its exporter with it."""
    token = make_user(USER, TAKER, now_ns=time.time_ns())
    with SignedClient(server.port, token, USER) as client:
        assert client.error == ""
        client.subscribe("from.x")
        yield client


def ask(server, subject, body=None):
    with system_client(server.port) as client:
        payload = b"" if body is None else json.dumps(body).encode()
        return json.loads(client.request(f"$SYS.REQ.{subject}", payload)[0].payload)


def get(server, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def told(detail, expected_reasons=None):
    """An account in detail without what differs; ours told the reasons, which are taken out."""
    detail = {name: value for name, value in detail.items() if name not in OWN}
    imports = detail.get("imports", [])
    for one in imports:
        one.pop("usage", None)
    findings = {one["subject"]: one.pop("finding") for one in imports if "finding" in one}
    if expected_reasons is not None and findings:
        assert {one: found["code"] for one, found in findings.items()} == expected_reasons
        assert all(repr(one) in found["cause"] for one, found in findings.items())
        assert all(one["invalid"] for one in imports if one["subject"] in findings)
    detail["imports"] = sorted(
        (one for one in imports if not one["invalid"]), key=lambda one: one["local_subject"]
    )
    detail["exports"] = sorted(detail.get("exports", []), key=lambda one: one["subject"])
    return detail


def services_of_every_account(account):
    def taken(local, remote, *, share=False):
        fields = {"to": local, "local_subject": local, "type": "service", "invalid": False}
        return {"subject": remote, "account": SYSTEM.public_key, **fields, "share": share,
                "tracking": False}  # fmt: skip

    return [
        taken("$JS.API.>", "$JS.API.>", share=True),
        taken("$SYS.REQ.ACCOUNT.PING.CONNZ", f"$SYS.REQ.ACCOUNT.{account}.CONNZ"),
        taken("$SYS.REQ.ACCOUNT.PING.STATZ", f"$SYS.REQ.ACCOUNT.{account}.STATZ"),
        taken("$SYS.REQ.SERVER.PING.CONNZ", f"$SYS.REQ.ACCOUNT.{account}.CONNZ"),
        taken("$SYS.REQ.USER.INFO", f"$SYS.REQ.USER.{account}.INFO", share=True),
    ]


def test_all_accounts_are_named(server, taken):
    answer = ask(server, "SERVER.PING.ACCOUNTZ")
    assert list(answer) == ["server", "data"]
    assert list(answer["data"]) == ["server_id", "now", "system_account", "accounts"]
    assert answer["data"]["system_account"] == SYSTEM.public_key
    assert set(answer["data"]["accounts"]) >= {G, T, SYSTEM.public_key}


def test_an_account_that_takes(server, taken):
    detail = told(ask(server, f"ACCOUNT.{T}.INFO")["data"], REASONS)
    feed, service = (
        {"subject": "feed.>", "account": G, "local_subject": "from.>", "type": "stream"},
        {"subject": "svc.a", "account": G, "to": "my.a", "local_subject": "my.a",
         "type": "service"},
    )  # fmt: skip
    state = {"invalid": False, "share": False, "tracking": False}
    assert detail.pop("imports") == [
        *services_of_every_account(T),
        feed | state,
        service | state | {"share": True},
    ]
    decoded = detail.pop("decoded_jwt")
    assert (decoded["sub"], len(decoded["nats"]["imports"])) == (T, 5)
    assert detail == {
        "account_name": T,
        "expired": False,
        "complete": False,
        "jetstream_enabled": False,
        "leafnode_connections": 0,
        "client_connections": 1,
        "jwt": TOKENS[T],
        "issuer_key": decoded["iss"],
        "name_tag": "TAKER",
        "tags": ["a:b"],
        "exports": [],
    }


def test_an_account_that_offers(server, taken):
    answer = ask(server, "SERVER.PING.ACCOUNTZ", {"account": G})
    assert list(answer["data"]) == ["server_id", "now", "system_account", "account_detail"]
    detail = told(answer["data"]["account_detail"])
    assert detail["complete"]
    assert detail["imports"] == services_of_every_account(G)
    service = {"type": "service", "response_type": "Singleton"}
    assert detail["exports"] == [
        {"subject": "feed.>", "type": "stream"},
        service | {"subject": "one.*.x"},
        service
        | {"subject": "private.>", "token_req": True,
           "revoked_activations": {"*": "1970-01-01T00:00:01Z"}},
        service | {"subject": "svc.>", "response_type": "Streamed"},
    ]  # fmt: skip


def test_the_same_by_http(server, taken):
    status, body = get(server, f"/accountz?acc={T}")
    assert status == 200
    assert body.startswith('{\n  "server_id"')
    detail = json.loads(body)["account_detail"]
    assert told(detail) == told(ask(server, f"ACCOUNT.{T}.INFO")["data"])
    assert list(json.loads(get(server, "/accountz")[1]))[-1] == "accounts"


def test_the_order_of_fields(server, taken):
    detail = ask(server, f"ACCOUNT.{T}.INFO")["data"]
    assert list(detail) == [
        *("account_name", "update_time", "expired", "complete", "jetstream_enabled"),
        *("leafnode_connections", "client_connections", "subscriptions", "imports", "jwt"),
        *("issuer_key", "name_tag", "tags", "decoded_jwt", "sublist_stats"),
    ]
    assert list(detail["sublist_stats"]) == [
        *("num_subscriptions", "num_cache", "num_inserts", "num_removes", "num_matches"),
        *("cache_hit_rate", "max_fanout", "avg_fanout"),
    ]


def test_the_system_account(server, taken):
    detail = told(ask(server, f"ACCOUNT.{SYSTEM.public_key}.INFO")["data"])
    assert detail["is_system"]
    assert [one["local_subject"] for one in detail["imports"]] == ["$SYS.REQ.USER.INFO"]
    assert [one["subject"] for one in detail["exports"]] == [
        *("$JS.API.>", "$SYS.DEBUG.SUBSCRIBERS", "$SYS.REQ.ACCOUNT.*.CONNZ"),
        *("$SYS.REQ.ACCOUNT.*.STATZ", "$SYS.REQ.USER.*.INFO"),
    ]


def test_an_unknown_account(server):
    for subject, body in (("ACCOUNT.ZZ.INFO", None), ("SERVER.PING.ACCOUNTZ", {"account": "ZZ"})):
        answer = ask(server, subject, body)
        assert list(answer) == ["server", "data", "error"]
        assert answer["data"] is None
        assert answer["error"] == {"code": 500, "description": "Account ZZ does not exist"}
    assert get(server, "/accountz?acc=ZZ") == (400, "Account ZZ does not exist")


def test_the_answer_to_a_push_says_what_is_not_active(server, taken):
    """To whom nobody is connected as well; the real server's answer has no such field."""
    imports = (
        Import(subject="svc.b", account=G, type="service"),
        Import(subject="nowhere.b", account=G, type="stream"),
        Import(subject="y", account=key(Kind.ACCOUNT, "nobody").public_key, type="service"),
    )
    for account in (TAKER, key(Kind.ACCOUNT, "unused")):
        token = account_token(account, now_ns=time.time_ns(), imports=imports)
        with system_client(server.port) as client:
            subject = f"$SYS.REQ.ACCOUNT.{account.public_key}.CLAIMS.UPDATE"
            data = json.loads(client.request(subject, token.encode())[0].payload)["data"]
        findings = data.pop("findings", [])
        assert data == {"account": account.public_key, "code": 200, "message": "jwt updated"}
        codes = {finding["subject"]: finding["code"] for finding in findings}
        if server.kind == "isthmus":
            assert codes == {"nowhere.b": "export_missing", "y": "account_missing"}
            assert list(findings[0]) == ["code", "hop", "subject", "cause", "fix"]
        else:
            assert not findings
    with system_client(server.port) as client:
        client.request(f"$SYS.REQ.ACCOUNT.{T}.CLAIMS.UPDATE", TOKENS[T].encode())


def test_an_import_that_ends_is_told_from_one_that_is_active(server, taken):
    """The real one takes it off its list; ours says why."""

    def push(token):
        with system_client(server.port) as client:
            subject = f"$SYS.REQ.ACCOUNT.{G}.CLAIMS.UPDATE"
            answer = json.loads(client.request(subject, token.encode())[0].payload)
        assert answer["data"]["code"] == 200

    def state():
        imports = ask(server, f"ACCOUNT.{T}.INFO")["data"]["imports"]
        found = {one["subject"]: one for one in imports}.get("svc.a", {"invalid": True})
        return not found["invalid"], found.get("finding", {}).get("code")

    push(giver(svc=None))
    assert state() == (False, "export_missing" if server.kind == "isthmus" else None)
    push(giver())
    if server.kind == "isthmus":  # the real one lists it when the importer is pushed again
        assert state() == (True, None)
