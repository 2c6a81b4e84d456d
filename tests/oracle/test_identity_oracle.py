"""Tokens of ours at servers: they admit whom `trust` admits, and serve what it grants."""

import base64
import json
import time
from typing import NamedTuple

import msgspec
import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt, trust
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    UNLIMITED_USER,
    Activation,
    Export,
    Import,
    Permission,
    Permissions,
    ScopeTemplate,
    TimeRange,
    User,
    UserScope,
    make_activation,
)
from isthmus.identity.nkeys import KeyPair, Kind
from isthmus.identity.trust import Admission, Grant, Login, Offer, Trust
from isthmus.identity.validate import blocking, validate
from support.operator_mode import (
    OPERATOR,
    OPERATOR_SIGNING,
    SignedClient,
    account_token,
    config,
    operator_token,
    user_token,
)
from support.servers import ServerProcess
from support.tokens import forge, key

pytestmark = [pytest.mark.real, pytest.mark.oracle]

NOW_S = int(time.time())
NOW_NS = NOW_S * NS_PER_S
TRUST = Trust.from_operators([jwt.decode_operator(operator_token())])
SIGNING = key(Kind.ACCOUNT, "signing")
SCOPED = key(Kind.ACCOUNT, "scoped")
USER = key(Kind.USER, "user")


class Case(NamedTuple):
    """A user's token, its account's token, and how the user connects."""

    account: str
    token: str
    signer: KeyPair | None = USER
    padded: bool = False


def body(**changes):
    return msgspec.structs.replace(UNLIMITED_USER, **changes)


def window(start_min, end_min):
    """A daily window around now; one that ends before it starts crosses midnight."""
    times = (
        time.strftime("%H:%M:%S", time.gmtime(NOW_S + 60 * minutes))
        for minutes in (start_min, end_min)
    )
    start, end = times
    return body(times=(TimeRange(start=start, end=end),), zone="UTC")


def case(name, nats=UNLIMITED_USER, *, by="account", of=None, signer=USER, padded=False, **claims):
    """One case with an account of its own."""
    account = key(Kind.ACCOUNT, name)
    template = (of or {}).pop("template", ScopeTemplate())
    signing_keys = (SIGNING.public_key, UserScope(key=SCOPED.public_key, template=template))
    of = {"signing_keys": signing_keys, "now_ns": NOW_NS} | (of or {})
    issuer = {"account": account, "signing": SIGNING, "scoped": SCOPED}[by]
    if by != "account" and nats.issuer_account == "":
        nats = msgspec.structs.replace(nats, issuer_account=account.public_key)
    token = user_token(USER, issuer, nats, **({"now_ns": NOW_NS, "name": "bob"} | claims))
    return Case(account_token(account, name=name, **of), token, signer, padded)


def old_token(document, signer):
    header = b'{"typ":"jwt","alg":"ed25519"}'
    document = {"iat": NOW_S, "iss": signer.public_key} | document
    return forge(json.dumps(document).encode(), signer, header, old=True)


def old_case():
    account = key(Kind.ACCOUNT, "old")
    limits = dict.fromkeys(["subs", "data", "payload", "imports", "exports", "conn", "leaf"], -1)
    return Case(
        old_token(
            {"sub": account.public_key, "type": "account", "nats": {"limits": limits}}, OPERATOR
        ),
        old_token({"sub": USER.public_key, "type": "user", "nats": {}}, account),
    )


NO_BEARERS = msgspec.structs.replace(UNLIMITED_ACCOUNT, disallow_bearer=True)
CASES = {
    "plain": case("plain"),
    "padded signature": case("padded", padded=True),
    "old format": old_case(),
    "operator signing key": case("by-signing", of={"signer": OPERATOR_SIGNING}),
    "foreign operator": case("foreign", of={"signer": key(Kind.OPERATOR, "foreign")}),
    "self-signed account": case("self", of={"signer": key(Kind.ACCOUNT, "self")}),
    "wrong key": case("wrong", signer=key(Kind.USER, "other")),
    "no signature": case("unsigned", signer=None),
    "bearer": case("bearer", body(bearer_token=True), signer=None),
    "bearer with a wrong signature": case(
        "bearer-wrong", body(bearer_token=True), signer=key(Kind.USER, "other")
    ),
    "bearer where none may": case(
        "no-bearers", body(bearer_token=True), of={"limits": NO_BEARERS}, signer=None
    ),
    "signing key": case("signing", by="signing"),
    "signing key that is not listed": case("unlisted", by="signing", of={"signing_keys": ()}),
    "key of another account": case(
        "elsewhere", body(issuer_account=key(Kind.ACCOUNT, "plain").public_key)
    ),
    "scope": case("scope", User(), by="scoped"),
    "scope and own limits": case("scope-limits", body(subs=5), by="scoped"),
    "scope with a tag in allow": case(
        "scope-allow",
        User(),
        by="scoped",
        of={"template": ScopeTemplate(pub=Permission(allow=("{{tag(none)}}",)))},
    ),
    "scope with a tag in deny": case(
        "scope-deny",
        User(),
        by="scoped",
        of={"template": ScopeTemplate(pub=Permission(deny=("{{tag(none)}}",)))},
    ),
    "scope with an unknown function": case(
        "scope-unknown",
        User(),
        by="scoped",
        of={"template": ScopeTemplate(pub=Permission(allow=("{{nope()}}",)))},
    ),
    "expired": case("expired", expires_s=NOW_S - 5),
    "not yet": case("early", not_before_s=NOW_S + 3600),
    "expires later": case("later", expires_s=NOW_S + 3600),
    "expired account": case("account-expired", of={"exp": NOW_S - 5}),
    "revoked": case("revoked", of={"revocations": {USER.public_key: NOW_S}}),
    "revoked before": case("before", of={"revocations": {USER.public_key: NOW_S - 1}}),
    "all revoked": case("all-revoked", of={"revocations": {"*": NOW_S}}),
    "connection type": case("type", body(connection_types=("standard",))),
    "other connection type": case("other-type", body(connection_types=("MQTT",))),
    "unknown connection types": case("no-type", body(connection_types=("X",))),
    "a known among unknown types": case("some-type", body(connection_types=("X", "STANDARD"))),
    "network": case("network", body(sources=("127.0.0.0/8",))),
    "other network": case("other-network", body(sources=("10.0.0.0/8",))),
    "no network": case("no-network", body(sources=("x",))),
    "mapped address": case("mapped", body(sources=("::ffff:127.0.0.1/128",))),
    "mapped network": case("mapped-network", body(sources=("::ffff:7f00:0/104",))),
    "other mapped network": case("other-mapped", body(sources=("::ffff:10.0.0.0/104",))),
    "network around all mapped": case("around-mapped", body(sources=("::ffff:0:0/90",))),
    "any time": case(
        "any-time", body(times=(TimeRange(start="00:00:00", end="23:59:59"),), zone="UTC")
    ),
    "no zone": case(
        "no-zone", body(times=(TimeRange(start="00:00:00", end="23:59:59"),), zone="Nowhere/X")
    ),
    "window of an hour around": case("window-now", window(-30, 30)),
    "window of an hour ago": case("window-before", window(-90, -30)),
    "window in an hour": case("window-after", window(30, 90)),
    "window that ended half an hour ago and begins in half an hour": case(
        "window-long", window(30, -30)
    ),
    "window that begins now and ends a day later": case("window-day", window(-1, -2)),
    "bad permission": case("bad-subject", body(pub=Permission(allow=("a..b",)))),
}
ADMITTED = {
    "plain",
    "padded signature",
    "old format",
    "operator signing key",
    "bearer",
    "bearer with a wrong signature",
    "signing key",
    "scope",
    "scope with a tag in allow",
    "expires later",
    "revoked before",
    "connection type",
    "a known among unknown types",
    "network",
    "mapped address",
    "mapped network",
    "any time",
    "window of an hour around",
    "window that begins now and ends a day later",
}


@pytest.fixture(scope="module", params=["isthmus", "real"])
def login_server(request, tmp_path_factory):
    preload = {jwt.decode(each.account).subject: each.account for each in CASES.values()}
    folder = tmp_path_factory.mktemp("login")
    with ServerProcess(request.param, folder, "-DV", config=config(preload)) as server:
        yield server


@pytest.mark.parametrize("name", CASES)
def test_trust_admits_exactly_these(name):
    account, token, signer, _ = CASES[name]
    nonce = "n" * 15
    login = Login(
        user=jwt.decode_user(token),
        account=jwt.decode_account(account),
        nonce=nonce,
        signature="" if signer is None else _sign(signer, nonce),
        address="127.0.0.1",
    )
    outcome = trust.admit(login, TRUST, time.time_ns())
    assert isinstance(outcome, Admission) == (name in ADMITTED), outcome


@pytest.mark.parametrize("name", CASES)
def test_a_server_admits_exactly_these(login_server, name):
    _, token, signer, padded = CASES[name]
    with SignedClient(login_server.port, token, signer, padded=padded) as client:
        assert (client.error == "") == (name in ADMITTED), login_server.log_text[-2000:]
        assert client.error in {"", "-ERR 'Authorization Violation'"}


def _sign(signer, nonce):
    return base64.urlsafe_b64encode(signer.sign(nonce.encode())).decode().rstrip("=")


# -- permissions of scoped users -------------------------------------------------------------------

TEMPLATE = ScopeTemplate(
    pub=Permission(
        allow=(
            "u.{{name()}}.{{subject()}}",
            "t.{{tag(team)}}.{{account-tag(region)}}",
            "{{tag(no)}}",
        ),
        deny=("t.red.{{account-name()}}",),
    ),
    sub=Permission(allow=("{{tag(no)}}",)),
)
TAGS = ("team:red", "team:blue", "region:wrong")


def test_a_server_expands_templates_alike(kind, start_server):
    account = key(Kind.ACCOUNT, "templates")
    scope = UserScope(key=SCOPED.public_key, template=TEMPLATE)
    token_of_account = account_token(
        account,
        name="acme",
        signing_keys=(scope,),
        tags=("region:eu", "region:acme"),
        now_ns=NOW_NS,
    )
    nats = User(issuer_account=account.public_key, tags=TAGS)
    token = user_token(USER, SCOPED, nats, name="bob", now_ns=NOW_NS)
    claims, of = jwt.decode_user(token), jwt.decode_account(token_of_account)
    login = Login(user=claims, account=of, nonce="n", signature=_sign(USER, "n"))
    limits = trust.admit(login, TRUST, NOW_NS).limits
    assert limits.permissions == Permissions(
        pub=Permission(
            allow=(
                f"u.bob.{USER.public_key}",
                "t.red.eu",
                "t.red.acme",
                "t.blue.eu",
                "t.blue.acme",
            ),
            deny=("t.red.acme",),
        ),
        sub=Permission(deny=(">",)),
    )
    server = start_server(kind, config=config({account.public_key: token_of_account}))
    with SignedClient(server.port, token, USER) as client:
        refused = {
            subject for subject in (*limits.pub.allow, "other") if client.publish(subject) != ""
        }
        assert refused == {"t.red.acme", "other"}
        assert "Permissions Violation" in client.subscribe("anything")


# -- activations -----------------------------------------------------------------------------------

EXPORTER = key(Kind.ACCOUNT, "exporter")
SERVED, NOBODY, NO_LOGIN = "served", "no responders", "no login"


class Activated(NamedTuple):
    token: str
    importer: KeyPair
    remote: str
    outcome: str


def activated(name, outcome, *, signer=EXPORTER, subject="svc.>", remote="svc.a", **changes):
    importer = key(Kind.ACCOUNT, f"importer-{name}")
    target = changes.pop("target", importer).public_key
    times = {field: changes.pop(field, 0) for field in ("expires_s", "not_before_s")}
    now_ns = changes.pop("now_ns", NOW_NS)
    nats = Activation(subject=subject, **({"kind": "service"} | changes))
    claims = msgspec.structs.replace(make_activation(target, subject, nats), **times)
    return Activated(jwt.encode(claims, signer, now_ns), importer, remote, outcome)


BY_SIGNING_KEY = {"issuer_account": EXPORTER.public_key}
REVOKED = key(Kind.ACCOUNT, "importer-revoked").public_key
REVOKED_BEFORE = key(Kind.ACCOUNT, "importer-before").public_key
STRANGER = key(Kind.ACCOUNT, "stranger")
ACTIVATIONS = {
    "good": activated("good", SERVED),
    "same subject": activated("same", SERVED, subject="svc.a"),
    "signing key": activated("signing", SERVED, signer=SIGNING, **BY_SIGNING_KEY),
    "scoped signing key": activated("scoped", SERVED, signer=SCOPED, **BY_SIGNING_KEY),
    "own key and account": activated("own", SERVED, **BY_SIGNING_KEY),
    "unlisted signing key": activated("unlisted", NOBODY, signer=STRANGER, **BY_SIGNING_KEY),
    "signing key alone": activated("alone", NO_LOGIN, signer=SIGNING),
    "stranger": activated("stranger", NO_LOGIN, signer=STRANGER),
    "other target": activated("target", NO_LOGIN, target=STRANGER),
    "other kind": activated("kind", NO_LOGIN, kind="stream"),
    "narrower": activated("narrower", NO_LOGIN, subject="svc.b"),
    "expired": activated("expired", NOBODY, expires_s=NOW_S - 5),
    "not yet": activated("early", NOBODY, not_before_s=NOW_S + 3600),
    "expires later": activated("later", SERVED, expires_s=NOW_S + 3600),
    "revoked": activated("revoked", NOBODY),
    "revoked before": activated("before", SERVED),
    "no token": activated("none", NOBODY)._replace(token=""),
}
EXPORT = Export(
    subject="svc.>",
    type="service",
    token_required=True,
    revocations={REVOKED: NOW_S, REVOKED_BEFORE: NOW_S - 1},
)
EXPORTER_TOKEN = account_token(
    EXPORTER,
    exports=(EXPORT,),
    signing_keys=(SIGNING.public_key, UserScope(key=SCOPED.public_key)),
    now_ns=NOW_NS,
)


def importing_account(name):
    token, importer, remote, _ = ACTIVATIONS[name]
    taken = Import(
        subject=remote,
        account=EXPORTER.public_key,
        type="service",
        token=token,
        local_subject="mine",
    )
    return account_token(importer, imports=(taken,), now_ns=NOW_NS)


@pytest.fixture(scope="module", params=["isthmus", "real"])
def sharing_server(request, tmp_path_factory):
    preload = {
        item.importer.public_key: importing_account(name) for name, item in ACTIVATIONS.items()
    }
    preload[EXPORTER.public_key] = EXPORTER_TOKEN
    folder = tmp_path_factory.mktemp("sharing")
    with ServerProcess(request.param, folder, "-DV", config=config(preload)) as server:
        yield server


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_trust_grants_exactly_these(name):
    token, importer, remote, outcome = ACTIVATIONS[name]
    claims = jwt.decode_account(importing_account(name))
    if blocking(validate(claims, NOW_NS)):
        assert outcome == NO_LOGIN
        return
    exporter = jwt.decode_account(EXPORTER_TOKEN)
    offer = Offer(
        kind="service",
        subject=remote,
        importer=importer.public_key,
        exporter=EXPORTER.public_key,
        signing_keys=exporter.nats.scopes,
        revocations=EXPORT.revocations,
    )
    granted = isinstance(trust.check_activation(token, offer, time.time_ns()), Grant)
    assert outcome == (SERVED if granted else NOBODY)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_server_serves_exactly_these(sharing_server, name):
    importer, outcome = ACTIVATIONS[name].importer, ACTIVATIONS[name].outcome
    responder = SignedClient(sharing_server.port, user_token(USER, EXPORTER, now_ns=NOW_NS), USER)
    token = user_token(USER, importer, now_ns=NOW_NS)
    with responder, SignedClient(sharing_server.port, token, USER) as client:
        assert (client.error != "") == (outcome == NO_LOGIN)
        if client.error:
            return
        assert responder.subscribe("svc.>") == ""
        inbox = "_INBOX.one"
        client.subscribe(inbox)
        client.publish("mine", b"ask", inbox)
        if outcome == SERVED:
            asked = responder.message()
            assert asked.payload == b"ask"
            responder.publish(asked.reply, b"answer")
        assert client.message().payload == (b"answer" if outcome == SERVED else b"")
