"""/varz: the server's options, counters and usage.

Owns the fields and their order. Fields of parts that do not exist here (routes, gateways, leaf
nodes, MQTT, WebSocket) are there, empty or zero, so that tools that read them find them.
"""

import base64

import msgspec

from isthmus.base import constants
from isthmus.base.values import NS_PER_S, Value, always, format_time
from isthmus.monitor.documents import Document, uptime
from isthmus.monitor.jsz import ApiStats, JetStreamConfig, JetStreamLimits, make_config, make_limits
from isthmus.monitor.snapshots import JetStreamSnapshot, ServerSnapshot


class Nothing(Value):
    """A part of nats-server that does not exist here."""


class KindCounts(Value):
    """A counter for each kind of connection."""

    clients: int = 0
    routes: int = 0
    gateways: int = 0
    leafs: int = 0


class DiskWaits(Value):
    """Waits for a turn at the disk; here nothing waits for one."""

    waiters: int = 0
    waits: int = 0
    wait_time: int = 0
    max_wait_time: int = 0


class JetStreamStats(Document):
    """What JetStream uses."""

    memory: int = always(0)
    storage: int = always(0)
    reserved_memory: int = always(0)
    reserved_storage: int = always(0)
    accounts: int = always(0)
    ha_assets: int = always(0)
    api: ApiStats = always(ApiStats())


class JetStreamVarz(Document):
    """The JetStream part; empty when it is off."""

    config: JetStreamConfig | None = None
    stats: JetStreamStats | None = None
    limits: JetStreamLimits | None = None


class Varz(Document, kw_only=True):
    """The document, in the order of its fields."""

    server_id: str
    server_name: str
    version: str
    proto: int
    git_commit: str = ""
    go: str
    host: str
    port: int
    auth_required: bool = False
    max_connections: int
    max_subscriptions: int = 0
    ping_interval: int
    ping_max: int
    http_host: str
    http_port: int
    http_base_path: str
    https_port: int
    auth_timeout: float
    max_control_line: int
    max_payload: int
    max_pending: int
    cluster: Nothing = always(Nothing())
    gateway: Nothing = always(Nothing())
    leaf: Nothing = always(Nothing())
    mqtt: Nothing = always(Nothing())
    websocket: Nothing = always(Nothing())
    jetstream: JetStreamVarz
    tls_timeout: float
    write_deadline: int
    start: str
    now: str
    uptime: str
    mem: int
    cores: int
    gomaxprocs: int
    cpu: float
    connections: int
    total_connections: int
    routes: int = always(0)
    remotes: int = always(0)
    leafnodes: int = always(0)
    in_msgs: int
    in_bytes: int
    in_client_msgs: int
    in_client_bytes: int
    out_msgs: int
    out_bytes: int
    out_client_msgs: int
    out_client_bytes: int
    slow_consumers: int
    stale_connections: int
    stalled_clients: int
    subscriptions: int
    http_req_stats: dict[str, int]
    config_load_time: str
    config_digest: str
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    feature_flags: Nothing = always(Nothing())
    trusted_operators_jwt: tuple[str, ...] = ()
    trusted_operators_claim: tuple[msgspec.Raw, ...] = ()
    system_account: str = ""
    slow_consumer_stats: KindCounts
    stale_connection_stats: KindCounts
    disk_io_wait_stats: DiskWaits = always(DiskWaits())


def make_varz(
    server: ServerSnapshot, jetstream: JetStreamSnapshot | None, requests: dict[str, int]
) -> Varz:
    """The document of a moment; `requests` counts requests by path."""
    return Varz(
        server_id=server.server_id,
        server_name=server.server_name,
        version=server.version,
        proto=constants.PROTOCOL_VERSION,
        go=server.runtime,
        host=server.host,
        port=server.port,
        auth_required=server.auth_required,
        max_connections=server.max_connections,
        max_subscriptions=server.max_subscriptions,
        ping_interval=server.ping_interval_ns,
        ping_max=server.ping_max,
        http_host=server.http_host,
        http_port=server.http_port,
        http_base_path=server.http_base_path,
        https_port=0,
        auth_timeout=_seconds(server.auth_timeout_ns),
        max_control_line=server.max_control_line,
        max_payload=server.max_payload,
        max_pending=server.max_pending,
        jetstream=JetStreamVarz() if jetstream is None else make_jetstream(jetstream),
        tls_timeout=2,
        write_deadline=server.write_deadline_ns,
        start=format_time(server.start_ns),
        now=format_time(server.now_ns),
        uptime=uptime(server.now_ns - server.start_ns),
        mem=server.memory_bytes,
        cores=server.cores,
        gomaxprocs=1,  # one loop does the work
        cpu=server.cpu_percent,
        connections=server.connections,
        total_connections=server.total_connections,
        in_msgs=server.in_messages,
        in_bytes=server.in_bytes,
        in_client_msgs=server.in_messages,
        in_client_bytes=server.in_bytes,
        out_msgs=server.out_messages,
        out_bytes=server.out_bytes,
        out_client_msgs=server.out_messages,
        out_client_bytes=server.out_bytes,
        slow_consumers=server.slow_consumers,
        stale_connections=server.stale_connections,
        stalled_clients=server.stalled_clients,
        subscriptions=server.subscriptions,
        http_req_stats=dict(sorted(requests.items())),
        config_load_time=format_time(server.config_load_ns or server.start_ns),
        config_digest=server.config_digest,
        tags=server.tags,
        metadata=server.metadata,
        trusted_operators_jwt=server.operator_tokens,
        trusted_operators_claim=tuple(map(_claims, server.operator_tokens)),
        system_account=server.system_account,
        slow_consumer_stats=KindCounts(clients=server.slow_consumers),
        stale_connection_stats=KindCounts(clients=server.stale_connections),
    )


def make_jetstream(snapshot: JetStreamSnapshot) -> JetStreamVarz:
    """The JetStream part of a document."""
    return JetStreamVarz(
        config=make_config(snapshot),
        stats=JetStreamStats(
            memory=snapshot.memory,
            storage=snapshot.storage,
            reserved_memory=snapshot.reserved_memory,
            reserved_storage=snapshot.reserved_storage,
            accounts=snapshot.enabled_accounts,
            api=ApiStats(
                level=constants.API_LEVEL,
                total=snapshot.api_total,
                errors=snapshot.api_errors,
                inflight=snapshot.api_inflight,
            ),
        ),
        limits=make_limits(snapshot),
    )


def _seconds(ns: int) -> float:
    whole, rest = divmod(ns, NS_PER_S)
    return whole if rest == 0 else ns / NS_PER_S


def _claims(token: str) -> msgspec.Raw:
    """The claims in a token, as they stand; it was verified when the configuration was read."""
    body = token.split(".")[1]
    return msgspec.Raw(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
