"""Operator mode: accounts come from a resolver, users bring a token.

Joins `identity.trust` (who may) to the registry (who is): looks up account tokens, refuses those no
trusted operator signed, turns a user's token and signature into a `User`. Knows no connection. An
account that is not here may be looked for elsewhere (`elsewhere`): whoever logs in waits for that.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Generator, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from isthmus.accounts import mappings
from isthmus.accounts.authenticate import AccountCheck, Loading, User
from isthmus.accounts.claims import make_permissions, make_spec
from isthmus.accounts.registry import Registry
from isthmus.accounts.spec import AccountSpec
from isthmus.base.constants import CACHE_LIMIT
from isthmus.base.errors import AuthError, UsageError
from isthmus.base.handshake import ConnectInfo
from isthmus.base.ports import Clock
from isthmus.config.options import Options
from isthmus.identity import jwt, trust
from isthmus.identity.claims import AccountClaims, UserClaims
from isthmus.identity.validate import blocking, validate
from isthmus.server.cache_resolver import CacheResolver
from isthmus.server.resolvers import DirectoryResolver, MemoryResolver
from isthmus.server.url_resolver import UrlResolver

LARGE_TOKEN_BYTES = 65_536  # what is longer is understood in a thread: hundreds of imports
Resolver = DirectoryResolver | MemoryResolver | UrlResolver


def make_resolver(options: Options, clock: Clock) -> Resolver:
    """The configured source of account tokens, with what is preloaded. Raises `StoreError`."""
    rules = options.resolver
    if rules is None:
        raise UsageError("operators require an account resolver to be configured")
    if rules.kind == "memory":
        return MemoryResolver(dict(options.resolver_preload))
    if rules.kind == "url":
        return UrlResolver(rules.url, timeout_ns=rules.timeout_ns)
    resolver: DirectoryResolver
    if rules.kind == "cache":
        resolver = CacheResolver(
            Path(rules.folder),
            limit=rules.limit if rules.limit > 0 else CACHE_LIMIT,
            ttl_ns=rules.ttl_ns,
            wall_ns=clock.wall_ns,
        )
    else:
        resolver = DirectoryResolver(
            Path(rules.folder), limit=rules.limit, hard_delete=rules.hard_delete
        )
    for key, token in options.resolver_preload:
        resolver.save_if_newer(key, token)
    return resolver


def time_zone(name: str) -> tzinfo | None:
    """A zone by its IANA name; the empty name is the machine's own zone."""
    if not name:
        return datetime.now().astimezone().tzinfo
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


class Examined(NamedTuple):
    """A token that was found good: what its users are held to, and what the account should be."""

    for_logins: AccountClaims
    spec: AccountSpec
    problems: tuple[str, ...]  # of its mappings, for the log


class OperatorMode:
    """Trust in some operators. `registry` must get `fetch` as its source of accounts."""

    def __init__(
        self,
        operators: Sequence[str],
        resolver: Resolver,
        registry: Registry,
        clock: Clock,
        *,
        system_account: str = "",
        pinned: Sequence[str] = (),
        warn: Callable[[str], None],
    ) -> None:
        assert operators
        self._warn = warn
        self.operators = [jwt.decode_operator(token) for token in operators]
        self.trust = trust.Trust.from_operators(self.operators)
        self.resolver = resolver
        self._registry = registry
        self._clock = clock
        named = {claims.nats.system_account for claims in self.operators} - {""}
        if system_account and named - {system_account}:
            raise UsageError("system_account in config and operator JWT must be identical")
        self.system_account = system_account or next(iter(sorted(named)), "")
        self._pinned = frozenset(pinned) | ({self.system_account} if pinned else frozenset())
        # by name, of the accounts in the registry: what counts when a user comes
        self._claims: dict[str, AccountClaims] = {}
        self.elsewhere: Callable[[str], None] | None = None  # look for an account that is not here
        registry.fetch = self.fetch

    def fetch(self, key: str) -> AccountSpec | None:
        """An account of the resolver, if a trusted operator signed it and it has not expired.

        One that is not here is looked for elsewhere; the registry hears of it when it is found.
        """
        token = self.resolver.load(key)
        if not token:
            if self.elsewhere is not None:
                self.elsewhere(key)
            return None
        try:
            return self.accept(token, key)
        except AuthError:
            return None

    def accept(self, token: str, key: str = "", *, timely: bool = False) -> AccountSpec:
        """Examine a token, and let its account's users in."""
        return self.take(self.examine(token, key, timely=timely))

    def take(self, examined: Examined) -> AccountSpec:
        """What was examined counts from now on when a user comes."""
        self._claims[examined.spec.name] = examined.for_logins
        for problem in examined.problems:
            self._warn(f"account {examined.spec.name}: {problem}")
        return examined.spec

    def examine(self, token: str, key: str = "", *, timely: bool = False) -> Examined:
        """The account of a token, that of `key` if given; `timely`: one that is good now.

        Raises `AuthError` if nobody trusted signed it. A large token takes a good part of a second;
        nothing changes here, so that may happen beside the loop.
        """
        claims = jwt.decode_account(token)
        if key and claims.subject != key:
            raise AuthError(f"the token for account {key} is that of {claims.subject}")
        now_ns = self._clock.wall_ns()
        wrong = blocking(validate(claims, now_ns), now=timely)
        if wrong:
            raise AuthError(f"account {claims.subject} is not valid: {wrong[0].text}")
        refusal = trust.check_account(claims, self.trust, now_ns)
        if refusal is not None and refusal.reason is not trust.Reason.ACCOUNT_EXPIRED:
            raise AuthError(refusal.text)
        spec = make_spec(claims, token)
        return Examined(_for_logins(claims), spec, tuple(mappings.problems(spec.mappings)))

    def forget(self, key: str) -> None:
        """An account was deleted: nobody logs in to it before a token of it arrives again."""
        self._claims.pop(key, None)

    def load_system_account(self) -> None:
        """The system account exists from the start, so that the first push can work."""
        if not self.system_account:
            return
        now_ns = self._clock.wall_ns()
        if self._registry.load(self.system_account, now_ns) is None:
            self._claims[self.system_account] = AccountClaims(
                subject=self.system_account, issuer=min(self.trust.keys)
            )
            self._registry.update(AccountSpec(name=self.system_account), now_ns)

    def verify(
        self, connect: ConnectInfo, nonce: str, address: str
    ) -> User | Loading | AccountCheck:
        """The user of a CONNECT, at once if its account is loaded. Raises `AuthError`."""
        if not connect.jwt:
            raise AuthError("no user JWT given")
        claims = jwt.decode_user(connect.jwt)
        account_key = claims.nats.issuer_account or claims.issuer
        if self._pinned and account_key not in self._pinned:
            raise AuthError(f"account {account_key} is not pinned")
        if self._registry.get(account_key) is None and self.is_large(account_key):
            return AccountCheck(account=account_key)
        if self._registry.get(account_key) is None or self._registry.undecided(account_key):
            return Loading(self._load_and_admit(claims, account_key, connect, nonce, address))
        return self._admit(claims, account_key, connect, nonce, address)

    def _load_and_admit(
        self, claims: UserClaims, account_key: str, connect: ConnectInfo, nonce: str, address: str
    ) -> Generator[str, None, User | AccountCheck]:
        yield from self._load(account_key)
        return self._admit(claims, account_key, connect, nonce, address)

    def is_large(self, key: str) -> bool:
        """True if the account's token is one that nobody should wait for."""
        return len(self.resolver.load(key)) > LARGE_TOKEN_BYTES

    def examine_large(self, key: str) -> Examined | None:
        """The token of an account as the resolver has it, if it is large and good.

        Files and trust only, so that may happen beside the loop.
        """
        try:
            return self.examine(self.resolver.load(key), key) if self.is_large(key) else None
        except AuthError:
            return None  # as if it were not there; a login is told so

    def _load(self, key: str) -> Generator[str, None, None]:
        """An account, and what it imports, however much: nobody comes in before that is decided."""
        self._registry.load(key, self._clock.wall_ns())
        if not self._registry.undecided(key):
            yield ""  # that was a slice: who it is, is the next
        while self._registry.undecided(key):
            yield key

    def _admit(
        self, claims: UserClaims, account_key: str, connect: ConnectInfo, nonce: str, address: str
    ) -> User | AccountCheck:
        now_ns = self._clock.wall_ns()
        account = self._registry.get(account_key)
        known = account is not None and account_key in self._claims
        if self.elsewhere is not None and (not known or (account is not None and account.expired)):
            return AccountCheck(account=account_key)
        if not known:
            raise AuthError(f"account {account_key} is not known")
        verdict = trust.admit(
            trust.Login(
                user=claims,
                account=self._claims[account_key],
                nonce=nonce,
                signature=connect.sig,
                address=address,
            ),
            self.trust,
            now_ns,
            time_zone,
        )
        if isinstance(verdict, trust.Refusal):
            raise AuthError(f"{verdict.text} (user {claims.subject})")
        limits = verdict.limits
        return User(
            account=account_key,
            name=claims.subject,
            label=f"jwt:{claims.subject}",
            permissions=make_permissions(limits.permissions),
            has_default_permissions=verdict.has_default_permissions,
            subscriptions_max=limits.subs,
            payload_max=limits.payload,
            expires_ns=verdict.ends_ns,
            issued_s=claims.issued_s,
            token=connect.jwt,
            issuer_key=claims.issuer,
            name_tag=claims.name,
            tags=claims.nats.tags,
            bearer=limits.bearer_token,
        )


def _for_logins(claims: AccountClaims) -> AccountClaims:
    """An account without what it shares: that is in its spec."""
    return replace(claims, nats=replace(claims.nats, imports=(), exports=()))
