"""Accounts as a server runs them, beside `models.isolation`: every change and message on both.

No sockets: a registry, compiled connections in memory, tokens that are really signed. Owns the
comparison; who decides what happens next is the test.
"""

import random
from collections import Counter
from collections.abc import Iterator

from isthmus.accounts.permissions import Permissions, Rule
from isthmus.accounts.registry import Registry
from isthmus.accounts.spec import AccountSpec, Export, Import
from isthmus.accounts.transform import fit
from isthmus.base.values import NS_PER_S
from isthmus.core.router import AccountCore
from isthmus.identity import jwt
from isthmus.identity.claims import Activation, make_activation
from isthmus.identity.nkeys import Kind
from models.isolation import (
    Chain,
    Heard,
    IsolationModel,
    ModelAccount,
    ModelClient,
    ModelExport,
    ModelImport,
    ModelToken,
    counted,
)
from support.core import START_NS, MemoryConnection, World
from support.entropy import SeededEntropy
from support.tokens import key

KEYS = {
    made.public_key: made
    for made in (key(Kind.ACCOUNT, f"isolation-{number}") for number in range(4))
}
NAMES = sorted(KEYS)  # an account imports from those before it: no cycles
PREFIX = {"service": "svc", "stream": "st"}
FORMS = {"literal": "{}.a.b", "star": "{}.*.b", "tail": "{}.>", "order": "{}.*.*"}
RENAMED = {"literal": "in.{}.a.b", "star": "in.{}.*.b", "tail": "in.{}.>", "order": "in.{}.$2.$1"}
ANSWER_WITHIN_S = 100  # the threshold of answers is two minutes
_signed: dict[tuple[str, str, str, str, int, int], str] = {}


class RegistryWorld(World):
    """A `World` whose accounts are those of a registry."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.registry = registry

    def account(self, name: str = "$G") -> AccountCore:
        found = self.registry.get(name)
        assert found is not None
        return found.core


class Pending:
    """A request that somebody may still answer, over the borders of `chain`."""

    def __init__(self, reply: str, answerer: int, asker: int, inbox: str, chain: Chain) -> None:
        self.reply = reply
        self.answerer = answerer
        self.asker = asker
        self.inbox = inbox
        self.chain = chain
        self.request = 0  # its number
        self.until_s = 0


class Isolation:
    """The two side by side. `counts` says what was tried, for the test to judge."""

    def __init__(self, seed: int, counts: Counter[object]) -> None:
        self.chance = random.Random(seed)
        self.counts = counts
        self.model = IsolationModel()
        self.model.now_s = START_NS // NS_PER_S
        self.registry = Registry(SeededEntropy(f"isolation-{seed}"))
        self.world = RegistryWorld(self.registry)
        self.connections: list[MemoryConnection] = []
        self.pending: list[Pending] = []
        self._published = self._taken = 0

    # --- what is declared ---

    def arrive(self, name: str) -> None:
        """An account that nobody knew, with two clients: one hears all, one has limits."""
        if name in self.model.accounts:
            return
        self.model.accounts[name] = ModelAccount()
        self.update(name)
        denied = self.chance.choice([(), ("svc.a.>", "in.svc.>"), ("st.*.b", "in.>"), ("st.>",)])
        allowed = self.chance.choice([None, ("svc.>", "st.>", "in.>")])
        hidden = self.chance.choice([(), ("svc.a.b", "st.*.b"), ("in.st.>",), ("*.*.b",)])
        self._join(ModelClient(name), [("1", "svc.>"), ("2", "st.>"), ("3", "in.>")])
        self._join(
            ModelClient(name, denied, allowed, hidden),
            [("4", self.chance.choice(["svc.*.b", "svc.a.b"])), ("5", "st.*.*"), ("6", "in.>")],
        )

    def _join(self, client: ModelClient, subscriptions: list[tuple[str, str]]) -> None:
        number = len(self.model.clients)
        self.model.clients.append(client)
        permissions = self.compile(client)
        connection = MemoryConnection(
            self.world, client.account, permits=permissions.publish_permits()
        )
        self.connections.append(connection)
        connection.say(b'CONNECT {"verbose":false,"pedantic":false,"headers":true}')
        for sid, pattern in [*subscriptions, ("9", f"_INBOX.{number}.>")]:
            self.subscribe(number, sid, pattern)

    def compile(self, client: ModelClient) -> Permissions:
        """What the server makes of a client's rules."""
        allow = client.publish_allow
        return Permissions(
            publish=Rule(allow=allow and (*allow, "_R_.>"), deny=client.publish_deny),
            subscribe=Rule(deny=client.subscribe_deny),
        )

    def subscribe(self, number: int, sid: str, pattern: str) -> None:
        """If the client may."""
        client, connection = self.model.clients[number], self.connections[number]
        permissions = self.compile(client)
        if sid not in client.subscriptions and permissions.may_subscribe(pattern, ""):
            connection.denied = permissions.hidden_from(pattern, "")
            connection.say(f"SUB {pattern} {sid}".encode())
            client.subscriptions[sid] = pattern

    def unsubscribe(self, number: int, sid: str) -> None:
        if self.model.clients[number].subscriptions.pop(sid, None) is not None:
            self.connections[number].say(f"UNSUB {sid}".encode())

    def export(self, name: str, kind: str, form: str, *, private: bool) -> None:
        subject = FORMS[form].format(PREFIX[kind])
        exports = self.model.accounts[name].exports
        exports[:] = [one for one in exports if (one.kind, one.subject) != (kind, subject)]
        exports.append(ModelExport(kind, subject, private))

    def take(self, name: str, exporter: str, kind: str, form: str, *, renamed: bool) -> ModelImport:
        remote = FORMS[form].format(PREFIX[kind])
        named = RENAMED[form].format(PREFIX[kind]) if renamed or form == "order" else remote
        found = fit(named, remote)
        self._taken += 1
        wanted = ModelImport(
            kind,
            form,
            exporter,
            remote,
            found.pattern,
            None,
            found.outward,
            found.inward,
            named,
            self._taken,
        )
        own = self.model.accounts[name].imports
        same = (kind, exporter, remote, found.pattern)  # twice the same is refused at the push
        own[:] = [one for one in own if (one.kind, one.exporter, one.remote, one.local) != same]
        own.append(wanted)
        return wanted

    def lend(self, name: str, wanted: ModelImport, for_s: int, target: str) -> None:
        """A new activation, of the right account or of another one."""
        now_s = self.model.now_s
        wanted.token = ModelToken(
            wanted.kind, wanted.remote, target, now_s, now_s + for_s if for_s else 0
        )
        self.update(name)

    def revoke(self, name: str, wanted: ModelImport, who: str) -> None:
        """In all exports of the exporter that could be meant."""
        other = self.model.accounts.get(wanted.exporter)
        if other is not None:
            for export in other.exports:
                if export.kind == wanted.kind:
                    export.revoked[who] = self.model.now_s
            self.update(wanted.exporter)

    def restore(self, name: str) -> None:
        for export in self.model.accounts[name].exports:
            export.revoked.clear()
        self.update(name)

    def update(self, name: str) -> None:
        """The server is told what the account is now."""
        account = self.model.accounts[name]
        spec = AccountSpec(
            name=name,
            expires_ns=account.expires_s * NS_PER_S,
            exports=tuple(
                Export(
                    kind=one.kind,
                    subject=one.subject,
                    token_required=one.private,
                    revocations=dict(one.revoked),
                )
                for one in account.exports
            ),
            imports=tuple(
                Import(
                    kind=one.kind,
                    account=one.exporter,
                    remote=one.remote,
                    local=one.named,
                    activation=_sign(one),
                )
                for one in account.imports
            ),
        )
        self.registry.update(spec, self.world.now_ns)
        self.settle()

    def pass_time(self, seconds: int, *, noticed: bool) -> None:
        """`noticed`: the registry is told, as a server does it at the next turn."""
        self.model.now_s += seconds
        self.world.now_ns += seconds * NS_PER_S
        if noticed:
            self.registry.tick(self.world.now_ns)
            self.settle()
        else:
            self.pending.clear()

    def settle(self) -> None:
        """Answers over a border that is closed are not waited for any more."""
        self.registry.check()
        self.pending = [
            one
            for one in self.pending
            if self.model.now_s < one.until_s and all(self._is_open(*at) for at in one.chain)
        ]

    def _is_open(self, name: str, number: int) -> bool:
        return any(
            one.number == number and self.model.state(name, one) == "open"
            for one in self.model.accounts[name].imports
        )

    # --- what is said ---

    def publish(self, number: int, subject: str, *, inbox: str = "") -> None:
        """One message: heard by exactly those that the model names."""
        if self.expired(self.model.clients[number].account):
            return  # such a connection is closed
        expected = self.model.publish(number, subject)
        self._count(subject, expected)
        self._published += 1
        mark = b"m%d." % self._published
        got = self._say(number, subject, inbox, mark)
        heard = Counter(one for one, _ in got)
        assert heard == counted(expected), (subject, heard - counted(expected), heard)
        if inbox:
            self._note_requests(number, inbox, got, expected)

    def _say(self, number: int, subject: str, inbox: str, mark: bytes) -> list[tuple[Heard, str]]:
        """Publish it; who heard it, and the reply subject that each saw."""
        line = f"PUB {subject} {inbox} {len(mark)}".encode()
        own = self.connections[number].say(line + b"\r\n" + mark)
        out = []
        for at, connection in enumerate(self.connections):
            data = own if at == number else connection.heard()
            out += [((at, sid, shown), reply) for shown, sid, reply in _messages(data, mark)]
        return out

    def _note_requests(
        self,
        number: int,
        inbox: str,
        got: list[tuple[Heard, str]],
        expected: list[tuple[Heard, Chain]],
    ) -> None:
        chains: dict[Heard, list[Chain]] = {}
        for heard, chain in expected:
            chains.setdefault(heard, []).append(chain)
        known = {one.reply for one in self.pending}
        for heard, reply in got:
            if reply.startswith("_R_.") and len(chains[heard]) == 1 and reply not in known:
                found = Pending(reply, heard[0], number, inbox, chains[heard][0])
                found.request = self._published
                found.until_s = self.model.now_s + ANSWER_WITHIN_S
                self.pending.append(found)
                known.add(reply)

    def answer(self, at: int) -> None:
        """A request that was heard is answered, once."""
        self.settle()
        if not self.pending:
            return
        found = self.pending.pop(at % len(self.pending))
        # one answer for each request and border: a chain's borders are on the way of all behind it
        self.pending = [
            one
            for one in self.pending
            if one.request != found.request or one.chain[0] != found.chain[0]
        ]
        client = self.model.clients[found.answerer]
        if self.expired(client.account):
            return
        expected: Counter[Heard] = Counter(
            self.model.hear(self.model.clients[found.asker].account, found.inbox)
        )
        self.counts["publish"] += 1
        self.counts["crossing"] += 1
        self._published += 1
        mark = b"m%d." % self._published
        got = self._say(found.answerer, found.reply, "", mark)
        assert Counter(one for one, _ in got) == expected, found.reply

    def expired(self, name: str) -> bool:
        return 0 < self.model.accounts[name].expires_s <= self.model.now_s

    def _count(self, subject: str, expected: list[tuple[Heard, Chain]]) -> None:
        """How many cross a border, and which would have if their grant had not ended."""
        self.counts["publish"] += 1
        self.counts["crossing"] += any(chain for _, chain in expected)
        for name, account in self.model.accounts.items():
            for wanted in account.imports:
                if wanted.crossed(subject) is not None:
                    state = self.model.state(name, wanted)
                    self.counts[wanted.kind, wanted.form, state] += 1


def _messages(data: bytes, mark: bytes) -> Iterator[tuple[str, str, str]]:
    """Subject, sid and reply subject of each message in `data` that ends with `mark`."""
    at = 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        words = data[at:end].decode().split(" ")
        at = end + 2
        if words[0] in {"MSG", "HMSG"}:
            size = int(words[-1])
            body = data[at : at + size]
            at += size + 2
            names = words[1 : -2 if words[0] == "HMSG" else -1]
            if body.endswith(mark):
                yield names[0], names[1], names[2] if names[2:] else ""


def _sign(wanted: ModelImport) -> str:
    token = wanted.token
    if token is None:
        return ""
    facts = (
        token.kind,
        token.subject,
        token.target,
        wanted.exporter,
        token.issued_s,
        token.expires_s,
    )
    if facts not in _signed:
        body = Activation(subject=token.subject, kind=token.kind)
        claims = make_activation(token.target, token.subject, body)
        claims = type(claims)(
            subject=claims.subject, name=claims.name, nats=body, expires_s=token.expires_s
        )
        _signed[facts] = jwt.encode(claims, KEYS[wanted.exporter], token.issued_s * NS_PER_S)
    return _signed[facts]
