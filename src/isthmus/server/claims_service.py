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

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from isthmus.accounts.imports import Refusal
from isthmus.accounts.spec import Import
from isthmus.base.errors import AuthError, StoreError
from isthmus.base.values import Value, to_json
from isthmus.identity import jwt, nkeys
from isthmus.identity.claims import AccountClaims
from isthmus.identity.nkeys import Kind
from isthmus.identity.trust import Trust, expired
from isthmus.identity.validate import blocking, validate
from isthmus.server.cache_resolver import CacheResolver
from isthmus.server.outlook import Outlook
from isthmus.server.resolvers import DirectoryResolver, MemoryResolver
from isthmus.server.url_resolver import UrlResolver
from isthmus.sharing.finding import Finding, finding_document

_FAILED = "jwt update resulted in error"
_CACHE_FAILED = "jwt update cache resulted in error"
_DONE = frozenset({"jwt updated", "jwt updated cache"})  # all other messages: nothing was done
_REQUEST = "$SYS.REQ.CLAIMS."


class Subscription(NamedTuple):
    """What to listen to."""

    subject: str
    queue: str = ""


class Change(NamedTuple):
    """An account has this token now; an empty one: the account is gone."""

    account: str
    token: str


class Answer(NamedTuple):
    """What to send back, one message each, and what to apply. `replies` may be lazy and long.

    `refusals`: what of a pushed account will not be active once somebody uses it.
    """

    replies: Iterable[bytes] = ()
    changes: tuple[Change, ...] = ()
    refusals: tuple[tuple[Import, Refusal], ...] = ()


class _Updated(Value, omit_defaults=True):
    account: str
    code: int
    message: str
    findings: tuple[dict[str, object], ...] = ()  # ours: why an import of it is not active


class _Deleted(Value):
    code: int
    message: str


class _UpdateFailed(Value):
    account: str
    code: int
    description: str


class _DeleteFailed(Value):
    code: int
    description: str


class _Data(Value):
    server: msgspec.Raw
    data: _Updated | _Deleted


class _UpdatedData(Value):
    server: msgspec.Raw
    data: _Updated


class _Error(Value):
    server: msgspec.Raw
    error: _UpdateFailed | _DeleteFailed


class _List(Value):
    data: list[str]
    server: msgspec.Raw


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

    def answer(self, subject: str, payload: bytes, now_ns: int, server: bytes) -> Answer:
        """Answer one request. `server` is the JSON of this server, as every envelope carries it."""
        tokens = subject.split(".")
        verb = tokens[-1]
        account = tokens[-3] if tokens[-4] == "ACCOUNT" else ""
        envelope = msgspec.Raw(server)
        resolver = self._resolver
        if verb == "UPDATE" and (account or resolver.shared):
            return self._update(account, payload, now_ns, envelope)
        if not isinstance(resolver, DirectoryResolver):
            return Answer()
        if verb == "LOOKUP":
            return _lookup(resolver, account)
        if verb == "LIST":
            return Answer((to_json(_List(data=resolver.keys(now_ns), server=envelope)),))
        if verb == "DELETE":
            return self._delete(resolver, payload, envelope)
        if verb == "PACK":
            return Answer(_pack(resolver, payload, now_ns))
        return Answer()

    # -- updates -----------------------------------------------------------------------------------

    def _update(self, account: str, payload: bytes, now_ns: int, envelope: msgspec.Raw) -> Answer:
        try:
            if isinstance(self._resolver, CacheResolver):
                change, message = self._save_in_use(self._resolver, account, payload, now_ns)
            elif isinstance(self._resolver, DirectoryResolver):
                change, message = self._save(self._resolver, account, payload, now_ns)
            else:
                change, message = self._apply(account, payload, now_ns)
        except _RefusedError as refused:
            failure = _UpdateFailed(account=refused.account, code=500, description=str(refused))
            return Answer((to_json(_Error(server=envelope, error=failure)),))
        done = _Updated(account=change.account, code=200, message=message)
        reply = to_json(_Data(server=envelope, data=done))
        if message not in _DONE:
            return Answer((reply,))
        refusals: tuple[tuple[Import, Refusal], ...] = ()
        if not self._loaded(change.account):
            refusals = self._outlook.refusals(change.token, now_ns)
        return Answer((reply,), (change,), refusals)

    def _save(
        self, resolver: DirectoryResolver, account: str, payload: bytes, now_ns: int
    ) -> tuple[Change, str]:
        """Check a token and put it in the directory."""
        token = _text(payload)
        claims = _decode(token, "n/a")
        key = claims.subject
        if account:
            _require_valid(claims, now_ns)
            _require_match(claims, account)
            self._require_signing_key(claims)
        else:  # the original asks in another order here
            self._require_signing_key(claims)
            _require_valid(claims, now_ns)
        self._require_trusted(claims)
        _write(resolver, key, token, _FAILED)
        return Change(key, token), "jwt updated"

    def _save_in_use(
        self, resolver: CacheResolver, account: str, payload: bytes, now_ns: int
    ) -> tuple[Change, str]:
        """Check a token for an account that is in use, and put it in the cache."""
        token = _text(payload)
        claims = _decode(token, account or "n/a", _CACHE_FAILED)
        _require_match(claims, account, _CACHE_FAILED)
        key = claims.subject
        if not self._loaded(key):
            return Change(key, token), "jwt update cache skipped"
        _require_valid(claims, now_ns, "jwt update cache validation failed")
        self._require_trusted(claims, _CACHE_FAILED)
        _write(resolver, key, token, _CACHE_FAILED)
        return Change(key, token), "jwt updated cache"

    def _apply(self, account: str, payload: bytes, now_ns: int) -> tuple[Change, str]:
        """Check a token for an account that is in use; nothing is stored."""
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

    def _delete(self, resolver: DirectoryResolver, payload: bytes, envelope: msgspec.Raw) -> Answer:
        try:
            request = jwt.decode_generic(_text(payload))
        except AuthError as error:
            return _not_deleted("", str(error), envelope)
        accounts = request.nats.get("accounts")
        if not self._allow_delete:
            return _not_deleted(
                request.subject, "delete must be enabled in server config", envelope
            )
        if request.issuer not in self._trust.keys:
            return _not_deleted(request.subject, "not trusted", envelope)
        if request.issuer != request.subject:
            return _not_deleted(request.subject, "not self signed", envelope)
        if not isinstance(accounts, list) or not all(map(_is_account, accounts)):
            return _not_deleted(request.subject, "malformed request", envelope)
        if self._system_account in accounts:
            why = "not allowed to delete system account"
            return _not_deleted(request.subject, why, envelope)
        return _delete_all(resolver, accounts, envelope)


def with_findings(reply: bytes, findings: Iterable[Finding]) -> bytes:
    """The answer to a push, with what is wrong with the account's imports."""
    answer = msgspec.json.decode(reply, type=_UpdatedData)
    told = tuple(finding_document(finding) for finding in findings)
    return to_json(replace(answer, data=replace(answer.data, findings=told)))


def _lookup(resolver: DirectoryResolver, account: str) -> Answer:
    if not nkeys.is_public(account, Kind.ACCOUNT):
        return Answer()
    return Answer((resolver.load(account).encode(),))


def _pack(resolver: DirectoryResolver, known: bytes, now_ns: int) -> Iterator[bytes]:
    if known != resolver.pack_hash():
        for account, token in resolver.pack(now_ns):
            yield f"{account}|{token}".encode()
    yield b""


def _delete_all(resolver: DirectoryResolver, accounts: list[str], envelope: msgspec.Raw) -> Answer:
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
        failure = _DeleteFailed(code=500, description=description)
        reply = to_json(_Error(server=envelope, error=failure))
    else:
        reply = to_json(_Data(server=envelope, data=_Deleted(code=200, message=message)))
    return Answer((reply,), tuple(changes))


def _not_deleted(subject: str, why: str, envelope: msgspec.Raw) -> Answer:
    description = f"delete accounts request by {subject} failed - {why}"
    failure = _DeleteFailed(code=500, description=description)
    return Answer((to_json(_Error(server=envelope, error=failure)),))


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


def _write(resolver: DirectoryResolver, key: str, token: str, what: str) -> None:
    try:
        resolver.save(key, token)
    except StoreError as error:
        raise _RefusedError(key, str(error), what) from None
    except OSError as error:
        why = f"cannot write to the jwt store: {error.strerror}"
        raise _RefusedError(key, why, what) from None
