"""The chain operator → account → user, and the grants between accounts: who may, or why not.

Owns the decisions about signers, scopes, revocations and expiry. Knows no connections and no
registry: whoever asks brings the claims and the time. Every question is answered by a value: what
was granted and when that ends, or a `Refusal` with its reason. The texts of refusals are for the
log; a peer hears no more than that it may not.

    operator, strict or not
      signs      account, with its own key (unless strict) or a signing key
        signs    user, with its own key (unless strict) or a signing key, maybe with a scope
        signs    activation, for one importing account, one subject, until revoked or expired
"""

import base64
import binascii
import enum
from collections.abc import Collection, Iterable, Iterator, Mapping

from isthmus.base import subjects
from isthmus.base.values import NS_PER_S, Value, moment_ns
from isthmus.identity import jwt, nkeys
from isthmus.identity.claims import (
    AccountClaims,
    ActivationClaims,
    OperatorClaims,
    UserClaims,
    UserLimits,
    UserScope,
)
from isthmus.identity.nkeys import NkeyError
from isthmus.identity.payload import TokenError
from isthmus.identity.restrictions import Zones, from_allowed_network, only_utc, window_end_ns
from isthmus.identity.revocations import is_revoked
from isthmus.identity.templates import TemplateError, expand
from isthmus.identity.validate import blocking, validate

CONNECTION_TYPES = frozenset(
    {"STANDARD", "WEBSOCKET", "LEAFNODE", "LEAFNODE_WS", "MQTT", "MQTT_WS", "IN_PROCESS"}
)
_NO_LIMITS_SET = UserLimits()


class Reason(enum.Enum):
    """Why not. The value is a stable code for programs."""

    ACCOUNT_UNTRUSTED = "account_untrusted"
    ACCOUNT_EXPIRED = "account_expired"
    CLAIMS_INVALID = "claims_invalid"
    ISSUER_UNKNOWN = "issuer_unknown"
    SCOPE_VIOLATED = "scope_violated"
    TEMPLATE_INVALID = "template_invalid"
    BEARER_FORBIDDEN = "bearer_forbidden"
    CONNECTION_TYPE = "connection_type"
    PROXY_REQUIRED = "proxy_required"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_WRONG = "signature_wrong"
    REVOKED = "revoked"
    ADDRESS = "address"
    TIME_OF_DAY = "time_of_day"
    ACTIVATION_MISSING = "activation_missing"
    ACTIVATION_INVALID = "activation_invalid"
    ACTIVATION_ISSUER = "activation_issuer"
    ACTIVATION_ACCOUNT = "activation_account"
    ACTIVATION_KIND = "activation_kind"
    ACTIVATION_SUBJECT = "activation_subject"
    ACTIVATION_REVOKED = "activation_revoked"
    ACTIVATION_EXPIRED = "activation_expired"
    ACTIVATION_EARLY = "activation_early"


class Refusal(Value):
    """Why something may not be, and a line for the log."""

    reason: Reason
    text: str
    wakes_ns: int = 0  # time alone will change the answer then


class Admission(Value):
    """What a user may do, and until when (0: no end)."""

    limits: UserLimits
    ends_ns: int
    has_default_permissions: bool = False  # the account's, for want of its own


class Grant(Value):
    """Leave to import, and until when (0: no end); `issued_s` decides whether it is revoked."""

    issued_s: int
    ends_ns: int


class Trust(Value):
    """Whose signature under an account counts here."""

    keys: frozenset[str]
    strict_keys: frozenset[str]  # those of operators whose subordinates sign by signing keys only

    @classmethod
    def from_operators(cls, operators: Iterable[OperatorClaims]) -> "Trust":
        """Trust these operators."""
        keys: set[str] = set()
        strict_keys: set[str] = set()
        for operator in operators:
            own = set(operator.nats.signing_keys)
            if not operator.nats.strict_signing_key_usage:
                own.add(operator.subject)
            else:
                strict_keys |= own
            keys |= own
        return cls(keys=frozenset(keys), strict_keys=frozenset(strict_keys))


class Login(Value):
    """Who wants in: the token's claims, the proof, and from where."""

    user: UserClaims
    account: AccountClaims
    nonce: str = ""
    signature: str = ""
    connection_type: str = "STANDARD"
    address: str = ""
    proxied: bool = False


# -- accounts and users ----------------------------------------------------------------------------


def check_account(account: AccountClaims, trust: Trust, now_ns: int) -> Refusal | None:
    """Whether an account may be used at all."""
    if account.issuer not in trust.keys:
        return _no(Reason.ACCOUNT_UNTRUSTED, "Account JWT not signed by trusted operator")
    if expired(account.expires_s, now_ns):
        return _no(Reason.ACCOUNT_EXPIRED, "Account JWT has expired")
    return None


def admit(login: Login, trust: Trust, now_ns: int, zones: Zones = only_utc) -> Admission | Refusal:
    """Whether a user gets in, with which limits and until when."""
    user, account = login.user, login.account
    wrong = blocking(validate(user, now_ns, lambda name: zones(name) is not None), now=True)
    if wrong:
        texts = " ".join(finding.text for finding in wrong)
        return _no(Reason.CLAIMS_INVALID, f"User JWT no longer valid: &{{Issues:[{texts}]}}")
    if expired(user.expires_s, now_ns):  # in the second of its end, too: it would be cut at once
        return _no(Reason.CLAIMS_INVALID, "User JWT no longer valid: &{Issues:[claim is expired]}")
    if account.issuer not in trust.keys:
        return _no(Reason.ACCOUNT_UNTRUSTED, "Account JWT not signed by trusted operator")
    limits = limits_of(user, account, trust)
    if isinstance(limits, Refusal):
        return limits
    if expired(account.expires_s, now_ns):
        return _no(Reason.ACCOUNT_EXPIRED, "Account JWT has expired")
    refusal = _check_connection(login, limits) or _check_proof(login, limits)
    if refusal is not None:
        return refusal
    if is_revoked(account.nats.revocations, user.subject, user.issued_s):
        return _no(Reason.REVOKED, "User authentication revoked")
    if not from_allowed_network(login.address, limits.sources):
        return _no(Reason.ADDRESS, f"Bad src Ip {login.address}")
    ends_ns = moment_ns(user.expires_s)
    if limits.times:
        zone = zones(limits.zone)
        closes_ns = window_end_ns(limits.times, zone, now_ns) if zone is not None else None
        if closes_ns is None:
            return _no(Reason.TIME_OF_DAY, "Outside connect times")
        ends_ns = min(ends_ns or closes_ns, closes_ns)
    if says_nothing(limits):
        limits = with_defaults(limits, account)
        return Admission(limits=limits, ends_ns=ends_ns, has_default_permissions=True)
    return Admission(limits=limits, ends_ns=ends_ns)


def expired(expires_s: int, now_ns: int) -> bool:
    """True from the second on that claims name as their end."""
    return 0 < expires_s <= now_ns // NS_PER_S


def signed_by(account: AccountClaims, issuer: str, trust: Trust) -> bool:
    """True if `issuer` may sign for `account`: it is its key (unless strict) or a signing key."""
    if issuer == account.subject:
        return account.issuer not in trust.strict_keys
    return issuer in account.nats.scopes


def limits_of(user: UserClaims, account: AccountClaims, trust: Trust) -> UserLimits | Refusal:
    """The user's own limits, or those of the scope of the key that signed."""
    if account.subject != (user.nats.issuer_account or user.issuer):
        return _no(Reason.ISSUER_UNKNOWN, "User JWT issuer is not known")
    if not signed_by(account, user.issuer, trust):
        return _no(Reason.ISSUER_UNKNOWN, "User JWT issuer is not known")
    own = UserLimits(**{name: getattr(user.nats, name) for name in UserLimits.__struct_fields__})
    scope: UserScope | None = account.nats.scopes.get(user.issuer)
    if scope is None:
        return own
    if own != _NO_LIMITS_SET:
        return _no(
            Reason.SCOPE_VIOLATED,
            "User JWT is not valid: scoped users require no permissions or limits set",
        )
    try:
        return expand(scope.template, user, account)
    except TemplateError as error:
        return _no(Reason.TEMPLATE_INVALID, f"User JWT generated invalid permissions: {error}")


def _check_connection(login: Login, limits: UserLimits) -> Refusal | None:
    if limits.bearer_token and login.account.nats.limits.disallow_bearer:
        return _no(Reason.BEARER_FORBIDDEN, "Account does not allow bearer tokens")
    allowed = {name.upper() for name in limits.connection_types} & CONNECTION_TYPES
    if limits.connection_types and login.connection_type not in allowed:
        return _no(Reason.CONNECTION_TYPE, "Connection type not allowed")
    if limits.proxy_required and not login.proxied:
        return _no(Reason.PROXY_REQUIRED, "Proxy is required but the connection is not proxied")
    return None


def _check_proof(login: Login, limits: UserLimits) -> Refusal | None:
    """Whether the peer holds the user's key: it signed the nonce of this connection."""
    if limits.bearer_token:
        return None
    if not login.signature:
        return _no(Reason.SIGNATURE_MISSING, "Signature missing")
    try:
        signature = parse_signature(login.signature)
    except ValueError:
        return _no(Reason.SIGNATURE_WRONG, "Signature not valid base64")
    try:
        nkeys.verify(login.user.subject, login.nonce.encode(), signature)
    except NkeyError:
        return _no(Reason.SIGNATURE_WRONG, "Signature not verified")
    return None


def parse_signature(text: str) -> bytes:
    """The bytes of a CONNECT signature: base64url without padding, or the standard form with it."""
    raw = text.encode("ascii", "replace")
    try:
        if b"=" not in raw:
            return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
        return base64.b64decode(raw, validate=True)
    except binascii.Error:
        raise ValueError("signature is not base64") from None


def says_nothing(limits: UserLimits) -> bool:
    """True if nothing is said about subjects: the account's default permissions count."""
    rules = (limits.pub, limits.sub)
    return limits.resp is None and not any(rule.allow or rule.deny for rule in rules)


def with_defaults(limits: UserLimits, account: AccountClaims) -> UserLimits:
    """What a user who says nothing about subjects gets: what the account says for all."""
    default = account.nats.default_permissions
    values = {name: getattr(limits, name) for name in UserLimits.__struct_fields__}
    return UserLimits(**(values | {"pub": default.pub, "sub": default.sub, "resp": default.resp}))


# -- activations -----------------------------------------------------------------------------------


class Offer(Value):
    """A private export as one importer wants to use it."""

    kind: str
    subject: str  # as the exporter knows it
    importer: str
    exporter: str
    signing_keys: Collection[str]  # the exporter's own key need not be among them
    revocations: Mapping[str, int]  # of this export


def check_activation(token: str, offer: Offer, now_ns: int) -> Grant | Refusal:
    """Whether `token` gives the importer leave to use `offer`."""
    if not token:
        return _missing(offer)
    try:
        activation = jwt.decode_activation(token)
    except TokenError as error:
        return _unreadable(error)
    for refusal in _activation_refusals(activation, offer, now_ns):
        return refusal
    return Grant(issued_s=activation.issued_s, ends_ns=moment_ns(activation.expires_s))


def activation_refusals(token: str, offer: Offer, now_ns: int) -> list[Refusal]:
    """Every reason, not only the first, why `token` gives no leave; none if it does."""
    if not token:
        return [_missing(offer)]
    try:
        activation = jwt.decode_activation(token)
    except TokenError as error:
        return [_unreadable(error)]
    return list(_activation_refusals(activation, offer, now_ns))


def _activation_refusals(
    activation: ActivationClaims, offer: Offer, now_ns: int
) -> Iterator[Refusal]:
    wrong = blocking(validate(activation, now_ns))
    if wrong:
        yield _no(Reason.ACTIVATION_INVALID, f"activation token is not valid: {wrong[0].text}")
    yield from _check_parties(activation, offer)
    yield from _check_content(activation, offer)
    if is_revoked(offer.revocations, activation.subject, activation.issued_s):
        yield _no(Reason.ACTIVATION_REVOKED, "activation token was revoked")
    if expired(activation.expires_s, now_ns):
        yield _no(Reason.ACTIVATION_EXPIRED, "activation token has expired")
    begins_ns = moment_ns(activation.not_before_s)
    if begins_ns > now_ns:
        text = "activation token is not valid yet"
        yield Refusal(reason=Reason.ACTIVATION_EARLY, text=text, wakes_ns=begins_ns)


def _missing(offer: Offer) -> Refusal:
    return _no(
        Reason.ACTIVATION_MISSING,
        f"{offer.subject} of account {offer.exporter} is private: the import needs an"
        " activation token",
    )


def _unreadable(error: TokenError) -> Refusal:
    return _no(Reason.ACTIVATION_INVALID, f"activation token is not valid: {error}")


def _check_parties(activation: ActivationClaims, offer: Offer) -> Iterator[Refusal]:
    """Whether a token is from the exporter and for the importer."""
    account = activation.nats.issuer_account or activation.issuer
    if account != offer.exporter:
        yield _no(
            Reason.ACTIVATION_ISSUER, f"activation token is from {account}, not {offer.exporter}"
        )
    elif activation.issuer not in {offer.exporter, *offer.signing_keys}:
        yield _no(
            Reason.ACTIVATION_ISSUER,
            f"activation token is signed by {activation.issuer}, which is no signing key of"
            f" {offer.exporter} now",
        )
    if activation.subject != offer.importer:
        yield _no(
            Reason.ACTIVATION_ACCOUNT,
            f"activation token is for account {activation.subject}, not {offer.importer}",
        )


def _check_content(activation: ActivationClaims, offer: Offer) -> Iterator[Refusal]:
    """Whether a token is for what the importer wants."""
    body = activation.nats
    if body.kind != offer.kind:
        yield _no(
            Reason.ACTIVATION_KIND, f"activation token is for a {body.kind}, not a {offer.kind}"
        )
    if not subjects.covers(body.subject, offer.subject):
        yield _no(
            Reason.ACTIVATION_SUBJECT,
            f"activation token for {body.subject} does not cover {offer.subject}",
        )


def _no(reason: Reason, text: str) -> Refusal:
    return Refusal(reason=reason, text=text)
