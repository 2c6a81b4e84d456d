"""Which keys an operator, its accounts and users have, and which lie in the keystore for nobody.

Shared by `list keys` and `export keys`: the flags, and the keys they mean. Writes nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.store import Store
from isthmus.identity import nkeys
from isthmus.identity.nkeys import Kind

F = TypeVar("F", bound=Callable[..., Any])
UNKNOWN = "?"  # whose key it is
_KINDS = {Kind.OPERATOR, Kind.ACCOUNT, Kind.USER, Kind.CURVE}


class KeyFlags(Value):
    """What the flags said.

    A kind that is named means the keys of all accounts; without one, all kinds are meant, of the
    current account alone.
    """

    operator: bool = False
    accounts: bool = False
    users: bool = False
    curves: bool = False
    all: bool = False
    account: str = ""
    user: str = ""
    filter: str = ""
    not_referenced: bool = False

    @property
    def named(self) -> set[Kind]:
        """The kinds of keys that were named."""
        given = {
            Kind.OPERATOR: self.operator,
            Kind.ACCOUNT: self.accounts,
            Kind.USER: self.users,
            Kind.CURVE: self.curves,
        }
        return {kind for kind, wanted in given.items() if wanted}

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of keys that are meant."""
        return _KINDS if self.all or not self.named else self.named


class Key(Value):
    """A public key: whose, what for, and whether its seed is here."""

    name: str
    kind: Kind
    depth: int
    key: str
    signing: bool = False
    stored: bool = False
    owner: str = ""  # public key of whoever signed the token
    token: str = ""

    @property
    def curve(self) -> bool:
        """True for a key that seals instead of signing."""
        return self.kind is Kind.CURVE


def key_flags(*, curve: str) -> Callable[[F], F]:
    """Add the flags to a command; `curve` is the name of the one for curve keys."""
    decorators = [
        switch("-o", "--operator", help="the operator's keys"),
        switch("-a", "--accounts", help="the accounts' keys"),
        switch("-u", "--users", help="the users' keys"),
        switch(
            *curve.split(", "), "curves", help="the keys answers of auth callouts are sealed for"
        ),
        switch("-A", "--all", help="all of them, of all accounts"),
        flag("--account", help="only this account"),
        flag("--user", help="only this user"),
        flag("-f", "--filter", help="only keys that contain this text"),
        switch("--not-referenced", help="keys of the keystore that belong to nobody here"),
    ]

    def decorate(command: F) -> F:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def find_keys(flags: KeyFlags, store: Store) -> list[Key]:
    """The keys that are meant, the operator's first, each account followed by its users."""
    if not store.context.operator:
        raise CommandError("operator is not set -- set an operator first")
    found = _unknown_keys(store) if flags.not_referenced else _known_keys(flags, store)
    return [key for key in found if key.kind in flags.kinds and flags.filter.upper() in key.key]


def _known_keys(flags: KeyFlags, store: Store) -> Iterator[Key]:
    names = store.accounts()
    if flags.account or (not flags.all and not flags.named and store.context.account):
        names = [store.account_name(flags.account)]
    if flags.user and not any(flags.user in store.users(name) for name in names):
        raise CommandError(f"user {flags.user} does not exist in the current account")
    yield from _operator_keys(store)
    for name in names:
        yield from _account_keys(store, name)
        yield from _user_keys(store, name, flags.user)


def _operator_keys(store: Store) -> Iterator[Key]:
    claims = store.operator()
    token = store.operator_token()
    yield _key(store, claims.name, Kind.OPERATOR, claims.subject, token=token)
    for key in claims.nats.signing_keys:
        yield _key(store, claims.name, Kind.OPERATOR, key, signing=True)


def _account_keys(store: Store, name: str) -> Iterator[Key]:
    claims = store.account(name)
    token = store.account_token(name)
    yield _key(store, name, Kind.ACCOUNT, claims.subject, token=token, owner=claims.issuer)
    for key in sorted(claims.nats.scopes):
        yield _key(store, name, Kind.ACCOUNT, key, signing=True)
    if claims.nats.authorization.xkey:
        yield _key(store, name, Kind.CURVE, claims.nats.authorization.xkey)


def _user_keys(store: Store, account: str, only: str) -> Iterator[Key]:
    for name in store.users(account):
        if only in {"", name}:
            claims = store.user(account, name)
            token = store.user_token(account, name)
            yield _key(store, name, Kind.USER, claims.subject, token=token, owner=claims.issuer)


def _unknown_keys(store: Store) -> Iterator[Key]:
    known = {key.key for key in _known_keys(KeyFlags(all=True), store)}
    order = (Kind.OPERATOR, Kind.ACCOUNT, Kind.USER, Kind.CURVE)
    spare = [(nkeys.kind_of(key), key) for key in store.keys.public_keys() if key not in known]
    for kind in order:
        for other, key in spare:
            if other is kind:
                yield Key(name=UNKNOWN, kind=kind, depth=0, key=key, stored=True)


def _key(
    store: Store,
    name: str,
    kind: Kind,
    key: str,
    *,
    signing: bool = False,
    token: str = "",
    owner: str = "",
) -> Key:
    return Key(
        name=name,
        kind=kind,
        depth={Kind.OPERATOR: 0, Kind.USER: 2}.get(kind, 1),
        key=key,
        signing=signing,
        stored=store.keys.has(key),
        owner=owner,
        token=token,
    )
