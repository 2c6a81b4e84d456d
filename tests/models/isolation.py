"""Accounts as lists: what each exports and imports, and who hears a message that is published.

Obviously right and slow: every question walks all lists. Times in seconds.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from models.crossing import rewrite
from models.sublist import matches


@dataclass
class ModelExport:
    kind: str
    subject: str
    private: bool
    revoked: dict[str, int] = field(default_factory=dict)  # importer or `*` -> issued until then


@dataclass
class ModelToken:
    """An activation: who may import what, since when, until when (0: for ever)."""

    kind: str
    subject: str
    target: str
    issued_s: int
    expires_s: int = 0


@dataclass
class ModelImport:
    """`outward`, `inward`: how the two subjects are rewritten (None: they are equal)."""

    kind: str
    form: str
    exporter: str
    remote: str
    local: str
    token: ModelToken | None
    outward: list[bytes | int] | None
    inward: list[bytes | int] | None
    named: str  # `local` as people write it
    number: int  # no other import ever has it

    def crossed(self, subject: str) -> str | None:
        """The subject on the other side; None if the import does not concern it."""
        here, parts = (self.local, self.outward)
        if self.kind == "stream":
            here, parts = (self.remote, self.inward)
        if not matches(here.encode(), subject.encode()):
            return None
        return rewrite(here.encode(), parts, subject.encode()).decode()


@dataclass
class ModelAccount:
    exports: list[ModelExport] = field(default_factory=list)
    imports: list[ModelImport] = field(default_factory=list)
    expires_s: int = 0


@dataclass
class ModelClient:
    """Who may publish and hear what: what is denied, and (if given) what alone is allowed."""

    account: str
    publish_deny: tuple[str, ...] = ()
    publish_allow: tuple[str, ...] | None = None
    subscribe_deny: tuple[str, ...] = ()
    subscriptions: dict[str, str] = field(default_factory=dict)  # sid -> pattern

    def may_publish(self, subject: str) -> bool:
        if self.publish_allow is not None and not _any(self.publish_allow, subject):
            return False
        return not _any(self.publish_deny, subject)

    def may_hear(self, subject: str) -> bool:
        return not _any(self.subscribe_deny, subject)


Heard = tuple[int, str, str]  # client, sid, the subject it sees
Chain = tuple[tuple[str, int], ...]  # (importer, number of the import) for each border


class IsolationModel:
    """Everything that is declared; `known` are the accounts that have arrived."""

    def __init__(self) -> None:
        self.accounts: dict[str, ModelAccount] = {}
        self.clients: list[ModelClient] = []
        self.now_s = 0

    def state(self, importer: str, wanted: ModelImport) -> str:
        """`open`, or why nothing crosses."""
        own, other = self.accounts[importer], self.accounts.get(wanted.exporter)
        if other is None:
            return "unknown"
        if any(0 < account.expires_s <= self.now_s for account in (own, other)):
            return "account expired"
        offers = [one for one in other.exports if one.kind == wanted.kind]
        found = [one for one in offers if one.subject == wanted.remote] or [
            one for one in offers if matches(one.subject.encode(), wanted.remote.encode())
        ]
        if not found:
            return "missing"
        return self._token_state(importer, wanted, found[0]) if found[0].private else "open"

    def _token_state(self, importer: str, wanted: ModelImport, offer: ModelExport) -> str:
        token = wanted.token
        if token is None:
            return "no token"
        if token.target != importer:
            return "of somebody else"
        if token.kind != wanted.kind or not matches(token.subject.encode(), wanted.remote.encode()):
            return "for something else"
        if any(offer.revoked.get(who, -1) >= token.issued_s for who in (importer, "*")):
            return "revoke"
        return "expire" if 0 < token.expires_s <= self.now_s else "open"

    def publish(self, number: int, subject: str) -> list[tuple[Heard, Chain]]:
        """Who hears it, and over which borders."""
        client = self.clients[number]
        if not client.may_publish(subject):
            return []
        return list(self._deliver(client.account, subject, ()))

    def hear(self, account: str, subject: str) -> Iterator[Heard]:
        """The subscribers of one account."""
        for number, client in enumerate(self.clients):
            if client.account != account or not client.may_hear(subject):
                continue
            for sid, pattern in client.subscriptions.items():
                if matches(pattern.encode(), subject.encode()):
                    yield number, sid, subject

    def _deliver(self, name: str, subject: str, chain: Chain) -> Iterator[tuple[Heard, Chain]]:
        for heard in self.hear(name, subject):
            yield heard, chain
        for wanted, there in self._open(name, "service", subject):
            border = (name, wanted.number)
            yield from self._deliver(wanted.exporter, there, (*chain, border))
        if chain:
            return  # what came by a service is not handed on by a stream
        for other in self.accounts:
            for wanted, there in self._open(other, "stream", subject):
                if wanted.exporter == name:
                    for heard in self.hear(other, there):
                        yield heard, ((other, wanted.number),)

    def _open(self, name: str, kind: str, subject: str) -> Iterator[tuple[ModelImport, str]]:
        for wanted in self.accounts[name].imports:
            there = wanted.crossed(subject)
            if wanted.kind == kind and there is not None and self.state(name, wanted) == "open":
                yield wanted, there


def counted(found: list[tuple[Heard, Chain]]) -> Counter[Heard]:
    return Counter(heard for heard, _ in found)


def _any(patterns: tuple[str, ...], subject: str) -> bool:
    return any(matches(pattern.encode(), subject.encode()) for pattern in patterns)
