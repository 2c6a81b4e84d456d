"""Everything the server can be told, checked: one frozen tree of values.

Owns the names, units and defaults of the options after the configuration file and the command line
were read. Knows no text, no file and no loop, so anything may import it. Every value here has been
checked by `check.py` or is a default; files named in the configuration (operator tokens) were read.

    Options
        authorization  AuthorizationOptions   users outside accounts, the token, the timeout
        accounts       AccountOptions …       users, exports, imports, limits of each account
        operators      operator tokens        present: operator mode, accounts come from `resolver`
        resolver       ResolverOptions        where account tokens live
        jetstream      JetStreamOptions       absent: JetStream is off
"""

from typing import Literal

from isthmus.base import constants
from isthmus.base.values import Value

UNLIMITED = -1

StreamOrService = Literal["stream", "service"]
ResponseType = Literal["singleton", "stream", "chunked"]


class SubjectRules(Value):
    """Which subjects may be used. An entry of a subscribe rule may be `subject queue`.

    `allow` is None when nothing restricts (all but `deny`), empty when nothing is allowed.
    """

    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class ResponseRule(Value):
    """A subscriber may answer what it got, so often and so long; negative is unlimited."""

    max_messages: int = 1
    expires_ns: int = 120_000_000_000


class PermissionsOptions(Value):
    """What one user may publish and subscribe to. None: no rule of that kind was given."""

    publish: SubjectRules | None = None
    subscribe: SubjectRules | None = None
    responses: ResponseRule | None = None


class UserOptions(Value):
    """A user of the configuration file: `name` and `password`, or `nkey`."""

    name: str = ""
    password: str = ""  # plain text, or a bcrypt hash: `$2a$…`, `$2b$…`, `$2x$…`, `$2y$…`
    nkey: str = ""
    permissions: PermissionsOptions | None = None  # None: the account's default permissions
    connection_types: tuple[str, ...] = ()  # upper case; empty: every kind of connection

    def __repr__(self) -> str:
        """Name the user, never the password."""
        return f"UserOptions({self.name or self.nkey!r})"


class LatencyOptions(Value):
    """Where an exporter hears how long its service takes; sampling 0 is "when the headers ask"."""

    subject: str
    sampling_percent: int = 100


class ExportOptions(Value):
    """A stream or service other accounts may import. `accounts` None: every account."""

    kind: StreamOrService
    subject: str
    accounts: tuple[str, ...] | None = None
    response_type: ResponseType = "singleton"
    response_threshold_ns: int = 0  # 0: the server's default
    account_token_position: int = 0  # 1-based; 0: none
    latency: LatencyOptions | None = None
    allow_trace: bool = False


class ImportOptions(Value):
    """A stream or service taken from `account`, seen here as `local_subject`.

    `local_subject` is never empty; it may use `$1`, `$2`, … for the wildcards of `subject`.
    """

    kind: StreamOrService
    account: str
    subject: str
    local_subject: str
    share: bool = False
    allow_trace: bool = False


class MappedToOptions(Value):
    """One destination of a mapped subject, and its share of the messages in per cent."""

    subject: str
    weight: int = 100
    cluster: str = ""


class MappingOptions(Value):
    """A subject that stands for others."""

    subject: str
    to: tuple[MappedToOptions, ...]


class AccountLimits(Value):
    """What one account may use of the server; -1 is unlimited."""

    max_connections: int = UNLIMITED
    max_subscriptions: int = UNLIMITED
    max_payload: int = UNLIMITED  # bytes
    max_leafnodes: int = UNLIMITED


class AccountJetStream(Value):
    """What one account may use of JetStream; -1 is unlimited."""

    max_memory: int = UNLIMITED  # bytes
    max_file: int = UNLIMITED  # bytes
    max_streams: int = UNLIMITED
    max_consumers: int = UNLIMITED
    max_ack_pending: int = UNLIMITED
    max_bytes_required: bool = False
    memory_max_stream_bytes: int = UNLIMITED
    file_max_stream_bytes: int = UNLIMITED


class AccountOptions(Value):
    """An account of the configuration file. `jetstream` None: not enabled for it."""

    name: str
    nkey: str = ""
    users: tuple[UserOptions, ...] = ()
    default_permissions: PermissionsOptions | None = None
    exports: tuple[ExportOptions, ...] = ()
    imports: tuple[ImportOptions, ...] = ()
    mappings: tuple[MappingOptions, ...] = ()
    limits: AccountLimits = AccountLimits()
    jetstream: AccountJetStream | None = None


class AuthorizationOptions(Value):
    """Who may connect when no account says so: one user, one token, or a list of users of `$G`."""

    user: str = ""
    password: str = ""
    token: str = ""
    users: tuple[UserOptions, ...] = ()
    default_permissions: PermissionsOptions | None = None
    timeout_ns: int = constants.AUTH_TIMEOUT_NS

    def __repr__(self) -> str:
        """Say what kind of authorization it is, never a secret."""
        kind = "token" if self.token else "user" if self.user else f"{len(self.users)} users"
        return f"AuthorizationOptions({kind})"


class ResolverOptions(Value):
    """Where account tokens come from: memory (`resolver_preload` only), a directory of all tokens,
    one of those used last (the others are at other servers), or an account server.
    """

    kind: Literal["memory", "full", "cache", "url"] = "memory"
    url: str = ""  # of an account server; the account's key follows
    folder: str = ""
    allow_delete: bool = False
    hard_delete: bool = False
    interval_ns: int = 60_000_000_000  # how often servers of a cluster compare their tokens
    limit: int = UNLIMITED  # tokens in the directory; in a cache CACHE_LIMIT if not positive
    ttl_ns: int = 0  # life of a token in a cache after its last use; 0: for ever
    timeout_ns: int = constants.RESOLVER_FETCH_NS


class JetStreamLimits(Value):
    """Server-wide JetStream limits; 0 is the server's default."""

    max_ack_pending: int = 0
    max_ha_assets: int = 0
    max_request_batch: int = 0
    duplicate_window_ns: int = 0


class JetStreamOptions(Value):
    """JetStream, enabled. -1 for a size: 75 % of the memory, of what the file system has free."""

    store_dir: str = ""  # the folder `jetstream` below it holds the data; "": below the temp folder
    domain: str = ""
    max_memory: int = UNLIMITED  # bytes
    max_file: int = UNLIMITED  # bytes
    sync_always: bool = True  # a PubAck follows the sync that covers it
    sync_interval_ns: int = constants.SYNC_INTERVAL_NS  # between syncs when not `sync_always`
    strict: bool = True  # unknown fields in API requests are errors
    limits: JetStreamLimits = JetStreamLimits()


class Options(Value):
    """What one server runs with. `Options()` is a server without a configuration file."""

    config_file: str = ""
    config_digest: str = ""  # `sha256:…` of the parsed configuration, "" without a file

    server_name: str = ""  # "": the server id
    host: str = "0.0.0.0"  # noqa: S104 — nats-server's default
    port: int = constants.DEFAULT_PORT  # -1: a free one
    client_advertise: str = ""  # `host:port` told to clients instead of the listen address
    http_host: str = ""  # "": same as `host`
    http_port: int = 0  # 0: no monitoring; -1: a free one
    http_base_path: str = ""

    debug: bool = False
    trace: bool = False
    trace_verbose: bool = False  # the system account as well
    logtime: bool = True
    logtime_utc: bool = False
    log_file: str = ""
    pid_file: str = ""
    ports_file_dir: str = ""

    max_connections: int = constants.MAX_CONNECTIONS  # below 1: admits nobody
    max_control_line: int = constants.MAX_CONTROL_LINE
    max_payload: int = constants.MAX_PAYLOAD
    max_pending: int = constants.MAX_PENDING
    max_subscriptions: int = 0  # of one connection; 0: unlimited
    max_subscription_tokens: int = 0  # 0: unlimited
    max_traced_message: int = 0  # bytes of a payload shown in a trace; 0: all
    ping_interval_ns: int = constants.PING_INTERVAL_NS
    ping_max: int = constants.PING_MAX
    write_deadline_ns: int = constants.WRITE_DEADLINE_NS
    no_header_support: bool = False
    lame_duck_duration_ns: int = constants.LAME_DUCK_DURATION_NS
    lame_duck_grace_ns: int = constants.LAME_DUCK_GRACE_NS

    authorization: AuthorizationOptions = AuthorizationOptions()
    no_auth_user: str = ""
    accounts: tuple[AccountOptions, ...] = ()
    mappings: tuple[MappingOptions, ...] = ()  # of the global account
    system_account: str = ""  # name, or public key in operator mode; "": `$SYS`

    operators: tuple[str, ...] = ()  # tokens
    resolver: ResolverOptions | None = None
    resolver_preload: tuple[tuple[str, str], ...] = ()  # account public key, token
    resolver_pinned_accounts: tuple[str, ...] = ()

    jetstream: JetStreamOptions | None = None

    server_tags: tuple[str, ...] = ()
    server_metadata: tuple[tuple[str, str], ...] = ()

    @property
    def advertised_host(self) -> str:
        """The host of `client_advertise`, or nothing."""
        host, _, port = self.client_advertise.rpartition(":")
        return (host if port.isdecimal() else self.client_advertise).strip("[]")

    @property
    def advertised_port(self) -> int:
        """The port of `client_advertise`, or 0."""
        port = self.client_advertise.rpartition(":")[2]
        return int(port) if port.isdecimal() and len(port) <= len("65535") else 0
