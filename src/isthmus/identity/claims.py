"""What tokens say: operators, accounts, users, activations and anything else, as typed structs.

Owns the fields of each kind of claim and their form in JSON. Knows no signatures (`jwt`), no rules
(`validate`) and no trust (`trust`). The order of the fields is the order on the wire, and a field
that is zero or empty is not written: both are part of the format, since other implementations must
get the same bytes. Struct-typed fields are always written.

Zero is a real limit: an account without `limits.conn` lets nobody in. Whoever makes claims for
people starts with `UNLIMITED_ACCOUNT` or `UNLIMITED_USER`.

    Claims            aud exp jti iat iss name nbf sub       the same for all kinds
      OperatorClaims      nats: Operator
      AccountClaims       nats: Account      Export, Import, AccountLimits, UserScope, …
      UserClaims          nats: User
      ActivationClaims    nats: Activation
      GenericClaims       nats: any object
"""

from typing import Annotated, Literal

import msgspec

from isthmus.base.values import Value

NO_LIMIT = -1
VERSION = 2  # of the format this package writes; version 1 is read only


Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Omitting(Value, kw_only=False, omit_defaults=True):
    """A struct whose empty fields are not written, fields of a base class first."""


# -- users and permissions -------------------------------------------------------------------------


class Permission(_Omitting):
    """Subjects allowed and denied in one direction; `"subject queue"` is fine for subscriptions."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


class ResponsePermission(Value, rename={"messages_max": "max", "lifetime_ns": "ttl"}):
    """Leave to answer a request wherever its reply subject points: how often, how long."""

    messages_max: Int = 0
    lifetime_ns: Int = 0


class Permissions(_Omitting):
    """Publish, subscribe, and answer."""

    pub: Permission = msgspec.field(default_factory=Permission)
    sub: Permission = msgspec.field(default_factory=Permission)
    resp: ResponsePermission | None = None


class TimeRange(_Omitting):
    """A daily window, `HH:MM:SS` each; it may cross midnight."""

    start: str = ""
    end: str = ""


class UserLimits(
    _Omitting,
    rename={
        "sources": "src",
        "zone": "times_location",
        "connection_types": "allowed_connection_types",
    },
):
    """What a user, or every user of a scoped signing key, may do."""

    pub: Permission = msgspec.field(default_factory=Permission)
    sub: Permission = msgspec.field(default_factory=Permission)
    resp: ResponsePermission | None = None
    sources: tuple[str, ...] | str = ()  # networks; a reader also takes one comma-separated text
    times: tuple[TimeRange, ...] = ()
    zone: str = ""
    subs: Int = 0
    data: Int = 0
    payload: Int = 0
    bearer_token: bool = False
    proxy_required: bool = False
    connection_types: tuple[str, ...] = ()

    @property
    def permissions(self) -> Permissions:
        """The part that is about subjects."""
        return Permissions(pub=self.pub, sub=self.sub, resp=self.resp)


class User(UserLimits):
    """The body of a user token."""

    issuer_account: str = ""  # whose signing key issued the token
    tags: tuple[str, ...] = ()
    type: str = ""
    version: Int = 0


UNLIMITED_USER = User(subs=NO_LIMIT, data=NO_LIMIT, payload=NO_LIMIT)


# -- accounts --------------------------------------------------------------------------------------


class ServiceLatency(Value):
    """How often the latency of a service is measured, and where the result is published."""

    sampling: Int | Literal["headers"] = "headers"  # per cent, or when the request's headers ask
    results: str = ""

    def __post_init__(self) -> None:
        """Read 0 as what it stands for."""
        if self.sampling == 0:
            msgspec.structs.force_setattr(self, "sampling", "headers")


class Export(
    _Omitting, rename={"token_required": "token_req", "threshold_ns": "response_threshold"}
):
    """What an account offers to others."""

    name: str = ""
    subject: str = ""
    type: Literal["stream", "service", ""] = ""
    token_required: bool = False
    revocations: dict[str, Int] = msgspec.field(default_factory=dict)
    response_type: str = ""
    threshold_ns: Int = 0
    service_latency: ServiceLatency | None = None
    account_token_position: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    advertise: bool = False
    allow_trace: bool = False
    description: str = ""
    info_url: str = ""


class Import(_Omitting):
    """What an account takes from another.

    `subject` is the exporter's and `local_subject` the importer's. Old tokens use `to` instead: for
    a stream it is a prefix in front of the local subject; for a service `subject` is the importer's
    and `to` the exporter's. `remote` and `local` say which is which.
    """

    name: str = ""
    subject: str = ""
    account: str = ""
    token: str = ""
    to: str = ""
    local_subject: str = ""
    type: Literal["stream", "service", ""] = ""
    share: bool = False
    allow_trace: bool = False

    @property
    def remote(self) -> str:
        """The subject as the exporting account knows it."""
        return self.to if self.to and self.type == "service" else self.subject

    @property
    def local(self) -> str:
        """The subject as the importing account knows it; may refer to wildcards by `$1`."""
        if self.local_subject:
            return self.local_subject
        if self.to and self.type == "stream":
            return f"{self.to}.{self.subject}"
        return self.subject


_JETSTREAM_NAMES = {
    "memory_bytes": "mem_storage",
    "disk_bytes": "disk_storage",
    "consumers": "consumer",
    "ack_pending_max": "max_ack_pending",
    "memory_stream_bytes_max": "mem_max_stream_bytes",
    "disk_stream_bytes_max": "disk_max_stream_bytes",
    "bytes_required": "max_bytes_required",
}


class JetStreamLimits(_Omitting, rename=_JETSTREAM_NAMES):
    """What an account may store. JetStream is off while both storages are 0."""

    memory_bytes: Int = 0
    disk_bytes: Int = 0
    streams: Int = 0
    consumers: Int = 0
    ack_pending_max: Int = 0
    memory_stream_bytes_max: Int = 0
    disk_stream_bytes_max: Int = 0
    bytes_required: bool = False


class AccountLimits(
    _Omitting,
    rename=_JETSTREAM_NAMES
    | {"connections": "conn", "leaf_nodes": "leaf", "tiers": "tiered_limits"},
):
    """What an account may use: -1 is no limit, 0 is none at all.

    With `tiers` (`R1`, `R3`, …) the flat JetStream limits count for nothing.
    """

    subs: Int = 0
    data: Int = 0
    payload: Int = 0
    imports: Int = 0
    exports: Int = 0
    wildcards: bool = False
    disallow_bearer: bool = False
    connections: Int = 0
    leaf_nodes: Int = 0
    memory_bytes: Int = 0
    disk_bytes: Int = 0
    streams: Int = 0
    consumers: Int = 0
    ack_pending_max: Int = 0
    memory_stream_bytes_max: Int = 0
    disk_stream_bytes_max: Int = 0
    bytes_required: bool = False
    tiers: dict[str, JetStreamLimits] = msgspec.field(default_factory=dict)

    @property
    def jetstream(self) -> JetStreamLimits:
        """The flat JetStream limits as one value."""
        return JetStreamLimits(**{name: getattr(self, name) for name in _JETSTREAM_FIELDS})

    @property
    def has_jetstream(self) -> bool:
        """True if the account may store anything at all."""
        return bool(self.memory_bytes or self.disk_bytes) or any(
            tier.memory_bytes or tier.disk_bytes for tier in self.tiers.values()
        )


_JETSTREAM_FIELDS = JetStreamLimits.__struct_fields__
UNLIMITED_ACCOUNT = AccountLimits(
    subs=NO_LIMIT,
    data=NO_LIMIT,
    payload=NO_LIMIT,
    imports=NO_LIMIT,
    exports=NO_LIMIT,
    wildcards=True,
    connections=NO_LIMIT,
    leaf_nodes=NO_LIMIT,
)


class ScopeTemplate(UserLimits):
    """What every user of a scoped signing key may do. Limits that are absent read as -1.

    So these three are always written, unlike anywhere else: a zero that is left out would come
    back as no limit at all.
    """

    subs: Int = msgspec.field(default_factory=lambda: NO_LIMIT)
    data: Int = msgspec.field(default_factory=lambda: NO_LIMIT)
    payload: Int = msgspec.field(default_factory=lambda: NO_LIMIT)


class UserScope(Value, tag_field="kind", tag="user_scope"):
    """A signing key whose users get the limits of the template instead of their own."""

    key: str = ""
    role: str = ""
    template: ScopeTemplate = msgspec.field(default_factory=ScopeTemplate)
    description: str = ""


class WeightedMapping(_Omitting):
    """One destination of a mapped subject, always written; weight 0 means 100 per cent."""

    subject: str = msgspec.field(default_factory=str)
    weight: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    cluster: str = ""


class MessageTrace(_Omitting, rename={"destination": "dest"}):
    """Where traces of messages that carry a trace parent go; sampling 0 means 100 per cent."""

    destination: str = ""
    sampling: Int = 0


class ExternalAuthorization(_Omitting):
    """Users who answer for the login of all others (auth callout)."""

    auth_users: tuple[str, ...] = ()
    allowed_accounts: tuple[str, ...] = ()
    xkey: str = ""


class Account(_Omitting):
    """The body of an account token."""

    imports: tuple[Import, ...] = ()
    exports: tuple[Export, ...] = ()
    limits: AccountLimits = msgspec.field(default_factory=AccountLimits)
    signing_keys: tuple[str | UserScope, ...] = ()
    revocations: dict[str, Int] = msgspec.field(default_factory=dict)
    default_permissions: Permissions = msgspec.field(default_factory=Permissions)
    mappings: dict[str, tuple[WeightedMapping, ...]] = msgspec.field(default_factory=dict)
    authorization: ExternalAuthorization = msgspec.field(default_factory=ExternalAuthorization)
    trace: MessageTrace | None = None
    cluster_traffic: str = ""
    description: str = ""
    info_url: str = ""
    tags: tuple[str, ...] = ()
    type: str = ""
    version: Int = 0

    @property
    def scopes(self) -> dict[str, UserScope | None]:
        """Signing key → its scope, None for a plain one."""
        return {
            key if isinstance(key, str) else key.key: None if isinstance(key, str) else key
            for key in self.signing_keys
        }


# -- operators, activations, the rest --------------------------------------------------------------


class Operator(_Omitting):
    """The body of an operator token."""

    signing_keys: tuple[str, ...] = ()
    account_server_url: str = ""
    operator_service_urls: tuple[str, ...] = ()
    system_account: str = ""
    assert_server_version: str = ""
    strict_signing_key_usage: bool = False
    tags: tuple[str, ...] = ()
    type: str = ""
    version: Int = 0


class Activation(_Omitting):
    """The body of an activation: leave for one account to import one subject."""

    subject: str = ""
    kind: Literal["stream", "service", ""] = ""
    issuer_account: str = ""
    tags: tuple[str, ...] = ()
    type: str = ""
    version: Int = 0


class Claims(
    _Omitting,
    rename={
        "audience": "aud",
        "expires_s": "exp",
        "id": "jti",
        "issued_s": "iat",
        "issuer": "iss",
        "not_before_s": "nbf",
        "subject": "sub",
    },
):
    """What every token says: by whom, about whom, from when until when (seconds since 1970)."""

    audience: str = ""
    expires_s: Int = 0
    id: str = ""
    issued_s: Int = 0
    issuer: str = ""
    name: str = ""
    not_before_s: Int = 0
    subject: str = ""


class OperatorClaims(Claims):
    """The root of trust, issued by itself."""

    nats: Operator = msgspec.field(default_factory=Operator)


class AccountClaims(Claims):
    """A tenant, issued by an operator or one of its signing keys."""

    nats: Account = msgspec.field(default_factory=Account)


class UserClaims(Claims):
    """Somebody who may connect, issued by an account or one of its signing keys."""

    nats: User = msgspec.field(default_factory=User)


class ActivationClaims(Claims):
    """Leave to import, issued by the exporting account for the importing one (`subject`)."""

    nats: Activation = msgspec.field(default_factory=Activation)


class GenericClaims(Claims):
    """A token of no kind of ours, such as the request to delete accounts."""

    nats: dict[str, object] = msgspec.field(default_factory=dict)


AnyClaims = OperatorClaims | AccountClaims | UserClaims | ActivationClaims | GenericClaims


def make_operator(subject: str, name: str) -> OperatorClaims:
    """Claims of a new operator."""
    return OperatorClaims(subject=subject, name=name)


def make_account(subject: str, name: str) -> AccountClaims:
    """Claims of a new account: no limits but JetStream, which is off."""
    return AccountClaims(subject=subject, name=name, nats=Account(limits=UNLIMITED_ACCOUNT))


def make_user(subject: str, name: str) -> UserClaims:
    """Claims of a new user without limits."""
    return UserClaims(subject=subject, name=name, nats=UNLIMITED_USER)


def make_activation(subject: str, name: str, body: Activation) -> ActivationClaims:
    """Claims of a new activation for the importing account `subject`."""
    return ActivationClaims(subject=subject, name=name, nats=body)
