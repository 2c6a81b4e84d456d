"""What the documents are made from: plain values that a server fills in when it is asked.

Owns the boundary between a running server and its monitoring: `Source` is the only thing a document
ever calls. Counters are since the start. Times are nanoseconds since 1970, sizes bytes.
"""

from typing import Protocol

import msgspec

from isthmus.base import constants
from isthmus.base.slices import Sliced
from isthmus.base.values import Value
from isthmus.jetstream.limits import DEFAULT_MAX_CONSUMERS
from isthmus.jetstream.responses import ConsumerInfo, SourceInfo, StreamState
from isthmus.jetstream.stream_config import StreamConfig
from isthmus.monitor.census import Census
from isthmus.monitor.roster import Roster


class ServerSnapshot(Value):
    """The server itself: what it was told, and what it did."""

    server_id: str
    server_name: str
    now_ns: int
    start_ns: int
    version: str = constants.SERVER_VERSION
    runtime: str = ""  # of the interpreter; the field that names Go's version elsewhere
    config_load_ns: int = 0
    config_digest: str = ""

    host: str = ""
    port: int = 0
    http_host: str = ""
    http_port: int = 0
    http_base_path: str = ""
    auth_required: bool = False
    auth_timeout_ns: int = constants.AUTH_TIMEOUT_NS
    max_connections: int = constants.MAX_CONNECTIONS
    max_subscriptions: int = 0
    max_control_line: int = constants.MAX_CONTROL_LINE
    max_payload: int = constants.MAX_PAYLOAD
    max_pending: int = constants.MAX_PENDING
    ping_interval_ns: int = constants.PING_INTERVAL_NS
    ping_max: int = constants.PING_MAX
    write_deadline_ns: int = constants.WRITE_DEADLINE_NS
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    system_account: str = ""
    jetstream: bool = False
    operator_tokens: tuple[str, ...] = ()

    memory_bytes: int = 0  # resident
    cpu_percent: float = 0  # of one core, lately
    cores: int = 1
    connections: int = 0
    total_connections: int = 0
    subscriptions: int = 0
    in_messages: int = 0
    in_bytes: int = 0
    out_messages: int = 0
    out_bytes: int = 0
    active_accounts: int = 0
    slow_consumers: int = 0
    stale_connections: int = 0
    stalled_clients: int = 0


class ConsumerSnapshot(Value):
    """A consumer; `info` is what CONSUMER.INFO answers."""

    name: str
    info: ConsumerInfo


class StreamSnapshot(Value):
    """A stream. `write_error` is why its messages are not stored any more, empty if they are."""

    name: str
    created_ns: int
    config: StreamConfig
    state: StreamState
    consumers: tuple[ConsumerSnapshot, ...] = ()
    mirror: SourceInfo | None = None
    sources: tuple[SourceInfo, ...] = ()
    write_error: str = ""


class AccountSnapshot(Value):
    """JetStream of one account; limits of -1 are unlimited."""

    name: str
    memory: int = 0
    storage: int = 0
    max_memory: int = -1
    max_storage: int = -1
    api_total: int = 0
    api_errors: int = 0
    streams: tuple[StreamSnapshot, ...] = ()


class JetStreamSnapshot(Value):
    """JetStream of the server. `problem` is why it does not work any more, empty if it does."""

    store_dir: str = ""  # with `jetstream` at its end
    domain: str = ""
    max_memory: int = 0
    max_storage: int = 0
    sync_interval_ns: int = 0
    sync_always: bool = False
    strict: bool = True
    default_max_consumers: int = DEFAULT_MAX_CONSUMERS
    max_ack_pending: int = 0
    max_ha_assets: int = 0
    max_request_batch: int = 0
    duplicate_window_ns: int = 0
    memory: int = 0
    storage: int = 0
    reserved_memory: int = 0
    reserved_storage: int = 0
    api_total: int = 0
    api_errors: int = 0
    api_inflight: int = 0
    streams: int = 0
    consumers: int = 0
    messages: int = 0
    bytes: int = 0
    enabled_accounts: int = 0  # those that may use JetStream
    accounts: tuple[AccountSnapshot, ...] = ()  # the same, sorted by name, where they are asked for
    problem: str = ""


class Source(Protocol):
    """The running server, as monitoring sees it. Called in its event loop; must not block."""

    @property
    def census(self) -> Census:
        """Its accounts."""

    @property
    def roster(self) -> Roster:
        """Its connections."""

    def server(self) -> ServerSnapshot:
        """The server now."""

    def jetstream(self, *, streams: bool) -> JetStreamSnapshot | None:
        """JetStream now, with or without what is in each account; None if it is off.

        With streams it takes as long as there are many: see `jetstream_in_slices`.
        """

    def jetstream_in_slices(self, *, streams: bool = True) -> Sliced[JetStreamSnapshot | None]:
        """The same with each account and, unless nobody asks, its streams, a few at a time."""
