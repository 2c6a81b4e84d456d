"""What an account is told to be, whoever tells it: a configuration file or a signed token.

Plain values. `config` and `identity` make them (`server/tenants.py`, `claims.py` here), the
registry turns them into running accounts. In operator mode names are public keys.
"""

from typing import Literal

from isthmus.accounts.permissions import Permissions
from isthmus.base.constants import RESPONSE_THRESHOLD_NS
from isthmus.base.values import Value

Kind = Literal["service", "stream"]
UNLIMITED = -1


class Latency(Value):
    """Where the latency of a service is published, and for how many of its requests."""

    subject: str
    percent: int = 100  # 0: only requests whose headers ask for it


class Export(Value):
    """A subject offered to others."""

    kind: Kind
    subject: str
    response_type: Literal["Singleton", "Stream", "Chunked"] = "Singleton"
    threshold_ns: int = RESPONSE_THRESHOLD_NS
    approved: frozenset[str] | None = None  # configuration: only these accounts; None: everybody
    token_required: bool = False  # operator mode: only with an activation
    latency: Latency | None = None
    account_token_position: int = 0  # n-th token of the imported subject is the importer's name
    revocations: dict[str, int] = {}  # account key or "*" -> revoked if issued at or before (s)


class Import(Value):
    """A subject taken from another account. `local` may hold `$1` for wildcards of `remote`."""

    kind: Kind
    account: str
    remote: str
    local: str
    share: bool = False
    activation: str = ""  # the token, where the export wants one
    name: str = ""


class MappedTo(Value):
    """One destination of a mapped subject, and its share of the messages in per cent."""

    subject: str
    weight: int = 100
    cluster: str = ""  # only servers of this cluster map to it


class SubjectMapping(Value):
    """A subject of an account that stands for others."""

    subject: str
    to: tuple[MappedTo, ...]


class Limits(Value):
    """What an account may use; -1: no bound."""

    connections: int = UNLIMITED
    subscriptions: int = UNLIMITED  # per connection
    payload: int = UNLIMITED  # bytes
    disallow_bearer: bool = False


class JetStreamLimits(Value):
    """What an account may store; -1: no bound. Sizes in bytes."""

    memory: int = UNLIMITED
    storage: int = UNLIMITED
    streams: int = UNLIMITED
    consumers: int = UNLIMITED
    ack_pending: int = UNLIMITED
    memory_stream_bytes: int = UNLIMITED
    storage_stream_bytes: int = UNLIMITED
    bytes_required: bool = False
    applicable: bool = True  # False: there are limits, none of them for streams on one server
    tiers: dict[str, "JetStreamLimits"] = {}  # by replicas (`R1`, `R3`), where a token has them


class AccountSpec(Value):
    """One account as it should be."""

    name: str
    label: str = ""  # the human name of a token; in configuration mode equal to `name`
    exports: tuple[Export, ...] = ()
    imports: tuple[Import, ...] = ()
    mappings: tuple[SubjectMapping, ...] = ()
    limits: Limits = Limits()
    jetstream: JetStreamLimits | None = None
    default_permissions: Permissions = Permissions()
    signing_keys: frozenset[str] = frozenset()
    revocations: dict[str, int] = {}  # user key or "*" -> seconds
    expires_ns: int = 0
    token: str = ""  # the JWT, operator mode
