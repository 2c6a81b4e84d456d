"""Pushing account tokens: the requests `$SYS.REQ.CLAIMS.*` and their answers.

Owns what may be pushed, listed and deleted, and the exact answers. Knows no connections: it is told
a subject and a payload, and gives back the answers and which accounts changed; the caller sends the
one and applies the other. A token that no operator of ours signed, or that
makes no sense, is refused with the reason and never takes the place of a good one.

    $SYS.REQ.CLAIMS.UPDATE              a token             {"server":…,"data":{"account":…}}
    $SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE    a token             the same, for the account named
    $SYS.ACCOUNT.*.CLAIMS.UPDATE        a token             the same, its old name
    $SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP                        a token, or nothing
    $SYS.REQ.CLAIMS.LIST                                    {"data":[keys],"server":…}
    $SYS.REQ.CLAIMS.DELETE              a signed request    {"server":…,"data":…}
    $SYS.REQ.CLAIMS.PACK                hash of what I have key|token … and an empty end

A directory serves all; a cache all but LOOKUP and PACK; memory and an account server only the
updates of one account. The answer to an update also says which imports of the account are not
active, and why, in the field `findings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import NamedTuple, TypeVar

from isthmus.accounts.imports import Refusal
from isthmus.accounts.spec import Import
from isthmus.base.errors import AuthError
from isthmus.identity import jwt, nkeys
from isthmus.identity.claims import AccountClaims
from isthmus.identity.nkeys import Kind
from isthmus.identity.trust import Trust, expired
from isthmus.identity.validate import blocking, validate
from isthmus.server.cache_resolver import CacheResolver
from isthmus.server.claims_answers import (
    Answer,
    Asked,
    Change,
    Subscription,
    deleted,
    listed,
    not_deleted,
    refused,
    updated,
)
from isthmus.server.outlook import Outlook
from isthmus.server.resolvers import DirectoryResolver, MemoryResolver
from isthmus.server.url_resolver import UrlResolver

T = TypeVar("T")
_FAILED = "jwt update resulted in error"
_CACHE_FAILED = "jwt update cache resulted in error"
_DONE = frozenset({"jwt updated", "jwt updated cache"})  # all other messages: nothing was done
_REQUEST = "$SYS.REQ.CLAIMS."


class _Push(NamedTuple):
    """A token that was checked; `message`: what is said when it is saved."""

    asked: Asked
    change: Change
    message: str

    @property
    def accepted(self) -> bool:
        """False: there is nothing to do."""
        return self.message in _DONE


class _RefusedError(Exception):
    """An update that is not made: about which account, what failed and why."""

    def __init__(self, account: str, why: str, what: str = _FAILED) -> None:
        super().__init__(f"{what} - {why}")
        self.account = account


class ClaimsService:
    """Answers requests about account tokens.

    `loaded` tells whether an account is in use; it matters where tokens are in memory only, since
    there a push changes nothing but running accounts, and in a cache, which takes no others.
    """

    def __init__(
        self,
        resolver: DirectoryResolver | MemoryResolver | UrlResolver,
        trust: Trust,
        *,
        system_account: str,
        operator_keys: Iterable[str] = (),
        allow_delete: bool = False,
        loaded: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._resolver = resolver
        self._trust = trust
        self._system_account = system_account
        self._operator_keys = frozenset(operator_keys)
        self._allow_delete = allow_delete
        self._loaded = loaded
        self._outlook = Outlook(resolver.load, trust.keys)

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """The subjects that are served."""
        updates: tuple[Subscription, ...] = (
            Subscription("$SYS.REQ.ACCOUNT.*.CLAIMS.UPDATE"),
            Subscription("$SYS.ACCOUNT.*.CLAIMS.UPDATE"),
        )
        if not self._resolver.shared:
            return updates
        updates = (
            *updates,
            Subscription(f"{_REQUEST}UPDATE"),
            Subscription(f"{_REQUEST}LIST"),
            Subscription(f"{_REQUEST}DELETE"),
        )
        if isinstance(self._resolver, CacheResolver):  # who asks others has nothing to tell them
            return updates
        return (
            *updates,
            Subscription("$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP"),
            Subscription(f"{_REQUEST}PACK", "responder"),
        )

    def answer_all(self, requests: Sequence[Asked]) -> list[Answer | Exception]:
        """Answer requests in order; pushes that come together wait for the disk together.

        One that goes wrong concerns no other: what went wrong stands in its place.
        """
        out: list[Answer | Exception] = []
        pushes: list[_Push | Answer | Exception] = []
        for asked in requests:
            if self._is_push(asked):
                pushes.append(_attempt(self._check, asked))
                continue
            out += self._save_all(pushes)
            pushes = []
            out.append(_attempt(self._answer_other, asked))
        return out + self._save_all(pushes)

    def _is_push(self, asked: Asked) -> bool:
        return asked.verb == "UPDATE" and bool(asked.account or self._resolver.shared)

    def _answer_other(self, asked: Asked) -> Answer:
        resolver, verb, now_ns = self._resolver, asked.verb, asked.now_ns
        if not isinstance(resolver, DirectoryResolver):
            return Answer()
        if verb == "LOOKUP":
            return _lookup(resolver, asked.account)
        if verb == "LIST":
            return Answer((listed(asked, resolver.keys(now_ns)),))
        if verb == "DELETE":
            return self._delete(resolver, asked)
        if verb == "PACK":
            return Answer(_pack(resolver, asked.payload, now_ns))
        return Answer()

    # -- updates -----------------------------------------------------------------------------------

    def _check(self, asked: Asked) -> _Push | Answer:
        """What is pushed, if it may be; otherwise the answer that says why not."""
        account, payload, now_ns = asked.account, asked.payload, asked.now_ns
        try:
            if isinstance(self._resolver, CacheResolver):
                change, message = self._check_in_use(account, payload, now_ns)
            elif isinstance(self._resolver, DirectoryResolver):
                change, message = self._check_any(account, payload, now_ns)
            else:
                change, message = self._check_running(account, payload, now_ns)
        except _RefusedError as wrong:
            return Answer((refused(asked, wrong.account, str(wrong)),))
        return _Push(asked, change, message)

    def _save_all(self, pushes: Sequence[_Push | Answer | Exception]) -> list[Answer | Exception]:
        """The answers to pushes that were checked, when what they bring is on stable storage."""
        errors: Iterator[Exception | None] = repeat(None)
        if isinstance(self._resolver, DirectoryResolver):
            new = [one.change for one in pushes if isinstance(one, _Push) and one.accepted]
            errors = iter(self._resolver.save_all(new))
        out: list[Answer | Exception] = []
        for one in pushes:
            if not isinstance(one, _Push):
                out.append(one)
            elif one.accepted:
                out.append(_attempt(self._saved, one, next(errors)))
            else:
                out.append(Answer((updated(one.asked, one.change.account, one.message),)))
        return out

    def _saved(self, push: _Push, error: Exception | None) -> Answer:
        change, asked = push.change, push.asked
        if error is not None:
            why = str(error)
            if isinstance(error, OSError):
                why = f"cannot write to the jwt store: {error.strerror}"
            cached = isinstance(self._resolver, CacheResolver)
            what = _CACHE_FAILED if cached else _FAILED
            return Answer((refused(asked, change.account, f"{what} - {why}"),))
        refusals: tuple[tuple[Import, Refusal], ...] = ()
        if not self._loaded(change.account):
            refusals = self._outlook.refusals(change.token, asked.now_ns)
        reply = updated(asked, change.account, push.message)
        return Answer((reply,), (change,), refusals)

    def _check_any(self, account: str, payload: bytes, now_ns: int) -> tuple[Change, str]:
        """A token that may be put in the directory."""
        token = _text(payload)
        claims = _decode(token, "n/a")
        if account:
            _require_valid(claims, now_ns)
            _require_match(claims, account)
            self._require_signing_key(claims)
        else:  # the original asks in another order here
            self._require_signing_key(claims)
            _require_valid(claims, now_ns)
        self._require_trusted(claims)
        return Change(claims.subject, token), "jwt updated"

    def _check_in_use(self, account: str, payload: bytes, now_ns: int) -> tuple[Change, str]:
        """A token that may be put in the cache: that of an account that is in use."""
        token = _text(payload)
        claims = _decode(token, account or "n/a", _CACHE_FAILED)
        _require_match(claims, account, _CACHE_FAILED)
        key = claims.subject
        if not self._loaded(key):
            return Change(key, token), "jwt update cache skipped"
        _require_valid(claims, now_ns, "jwt update cache validation failed")
        self._require_trusted(claims, _CACHE_FAILED)
        return Change(key, token), "jwt updated cache"

    def _check_running(self, account: str, payload: bytes, now_ns: int) -> tuple[Change, str]:
        """A token that an account that is in use may have; nothing is stored."""
        if not payload:
            raise _RefusedError(account, "request body is empty", "jwt update error")
        token = _text(payload)
        claims = _decode(token, account)
        _require_match(claims, account)
        change = Change(account, token)
        if not self._loaded(account):
            return change, "jwt update skipped"
        wrong = [finding.text for finding in blocking(validate(claims, now_ns), now=True)]
        if not wrong and expired(claims.expires_s, now_ns):
            wrong = ["claim is expired"]
        if wrong:
            raise _RefusedError(account, f"account validation failed: {wrong[0]}")
        self._require_trusted(claims)
        return change, "jwt updated"

    def _require_signing_key(self, claims: AccountClaims) -> None:
        """A strict operator signs accounts with its signing keys only."""
        if claims.issuer in self._operator_keys - self._trust.keys:
            raise _RefusedError(claims.subject, "operator requires issuer to be a signing key")

    def _require_trusted(self, claims: AccountClaims, what: str = _FAILED) -> None:
        if claims.issuer not in self._trust.keys:
            raise _RefusedError(
                claims.subject,
                f"account validation failed: issuer {claims.issuer} is no operator key trusted"
                " here",
                what,
            )

    # -- deletion ----------------------------------------------------------------------------------

    def _delete(self, resolver: DirectoryResolver, asked: Asked) -> Answer:
        try:
            request = jwt.decode_generic(_text(asked.payload))
        except AuthError as error:
            return _not_deleted("", str(error), asked)
        accounts = request.nats.get("accounts")
        if not self._allow_delete:
            why = "delete must be enabled in server config"
            return _not_deleted(request.subject, why, asked)
        if request.issuer not in self._trust.keys:
            return _not_deleted(request.subject, "not trusted", asked)
        if request.issuer != request.subject:
            return _not_deleted(request.subject, "not self signed", asked)
        if not isinstance(accounts, list) or not all(map(_is_account, accounts)):
            return _not_deleted(request.subject, "malformed request", asked)
        if self._system_account in accounts:
            why = "not allowed to delete system account"
            return _not_deleted(request.subject, why, asked)
        return _delete_all(resolver, accounts, asked)


def _attempt(work: Callable[..., T], *arguments: object) -> T | Exception:
    try:
        return work(*arguments)
    except Exception as error:  # noqa: BLE001 — it is logged where this is told of
        return error


def _lookup(resolver: DirectoryResolver, account: str) -> Answer:
    if not nkeys.is_public(account, Kind.ACCOUNT):
        return Answer()
    return Answer((resolver.load(account).encode(),))


def _pack(resolver: DirectoryResolver, known: bytes, now_ns: int) -> Iterator[bytes]:
    if known != resolver.pack_hash():
        for account, token in resolver.pack(now_ns):
            yield f"{account}|{token}".encode()
    yield b""


def _delete_all(resolver: DirectoryResolver, accounts: list[str], asked: Asked) -> Answer:
    """Delete what can be deleted; accounts that nobody knows count as deleted."""
    changes, failures = [], []
    for account in accounts:
        try:
            resolver.delete(account)
        except OSError as error:
            failures.append(f"{account}: {error.strerror}")
        else:
            changes.append(Change(account, ""))
    message = f"deleted {len(changes)} accounts"
    if failures:
        description = f"{message}, failed for {len(failures)} - {'; '.join(failures)}"
        reply = not_deleted(asked, description)
    else:
        reply = deleted(asked, message)
    return Answer((reply,), tuple(changes))


def _not_deleted(subject: str, why: str, asked: Asked) -> Answer:
    description = f"delete accounts request by {subject} failed - {why}"
    return Answer((not_deleted(asked, description),))


def _is_account(value: object) -> bool:
    return isinstance(value, str) and nkeys.is_public(value, Kind.ACCOUNT)


def _text(payload: bytes) -> str:
    return payload.rstrip(b"\r\n").decode("utf-8", "replace")


def _require_valid(claims: AccountClaims, now_ns: int, what: str = "jwt validation failed") -> None:
    wrong = blocking(validate(claims, now_ns))
    if wrong:
        texts = " ".join(finding.text for finding in wrong)
        raise _RefusedError(claims.subject, f"validation errors: [{texts}]", what)


def _require_match(claims: AccountClaims, account: str, what: str = _FAILED) -> None:
    if account and claims.subject != account:
        raise _RefusedError(account, "subject does not match jwt content", what)


def _decode(token: str, account: str, what: str = _FAILED) -> AccountClaims:
    try:
        return jwt.decode_account(token)
    except AuthError as error:
        raise _RefusedError(account, str(error), what) from None
