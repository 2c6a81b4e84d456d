"""/jsz: what JetStream holds and uses, down to each consumer if asked.

Owns the fields, their order, and what each query parameter adds. An account's details name its
limits as `reserved_*`; without a limit that is 2^64 - 1, as nats-server prints it.
"""

from msgspec.structs import replace

from isthmus.base import constants
from isthmus.base.values import Value, always, format_time
from isthmus.jetstream.responses import Cluster, ConsumerInfo, SourceInfo, StreamState
from isthmus.jetstream.stream_config import StreamConfig
from isthmus.monitor.answer import Pieces
from isthmus.monitor.documents import Document, Layout
from isthmus.monitor.snapshots import (
    AccountSnapshot,
    JetStreamSnapshot,
    ServerSnapshot,
    StreamSnapshot,
)

ACCOUNTS_MAX = 1024  # in one answer, unless `limit` says otherwise
SLICE = 16  # streams or accounts printed in one slice
_UNLIMITED = 2**64 - 1


class JszQuery(Value):
    """What is asked for."""

    account: str = ""
    accounts: bool = False
    streams: bool = False
    consumers: bool = False
    config: bool = False
    leaders: bool = False
    offset: int = 0
    limit: int = ACCOUNTS_MAX

    @property
    def detailed(self) -> bool:
        """Something of the accounts is asked for."""
        return bool(self.account) or self.accounts or self.deep

    @property
    def deep(self) -> bool:
        """Something of their streams is."""
        return self.streams or self.consumers


class ApiStats(Document):
    """Requests to the JetStream API."""

    level: int = always(0)
    total: int = always(0)
    errors: int = always(0)
    inflight: int = 0


class JetStreamConfig(Document):
    """What JetStream was told."""

    max_memory: int = always(0)
    max_storage: int = always(0)
    store_dir: str = ""
    sync_interval: int = 0
    sync_always: bool = False
    domain: str = ""
    strict: bool = False


class JetStreamLimits(Document):
    """Limits for every account."""

    default_max_consumers: int = 0
    max_request_batch: int = 0
    max_ack_pending: int = 0
    max_ha_assets: int = 0
    duplicate_window: int = 0


class StreamDetail(Document, kw_only=True):
    """A stream of an account."""

    name: str
    created: str
    cluster: Cluster
    config: StreamConfig | None = None
    state: StreamState
    consumer_detail: tuple[ConsumerInfo, ...] = ()
    mirror: SourceInfo | None = None
    sources: tuple[SourceInfo, ...] = ()


class AccountDetail(Document):
    """An account with JetStream."""

    name: str
    id: str
    memory: int = always(0)
    storage: int = always(0)
    reserved_memory: int = always(0)
    reserved_storage: int = always(0)
    accounts: int = always(0)
    ha_assets: int = always(0)
    api: ApiStats = always(ApiStats())
    stream_detail: tuple[StreamDetail, ...] = ()


class Jsz(Document, kw_only=True):
    """The document, in the order of its fields."""

    memory: int = always(0)
    storage: int = always(0)
    reserved_memory: int = always(0)
    reserved_storage: int = always(0)
    accounts: int = always(0)
    ha_assets: int = always(0)
    api: ApiStats = always(ApiStats())
    server_id: str
    now: str
    disabled: bool = False
    config: JetStreamConfig = always(JetStreamConfig())
    limits: JetStreamLimits | None = None
    streams: int = always(0)
    streams_leader: int = 0
    consumers: int = always(0)
    consumers_leader: int = 0
    messages: int = always(0)
    bytes: int = always(0)
    account_details: tuple[AccountDetail, ...] = ()
    total: int = always(0)


def make_jsz(server: ServerSnapshot, jetstream: JetStreamSnapshot | None, query: JszQuery) -> Jsz:
    """The document of a moment."""
    now = format_time(server.now_ns)
    if jetstream is None:
        return Jsz(server_id=server.server_id, now=now, disabled=True)
    return Jsz(
        memory=jetstream.memory,
        storage=jetstream.storage,
        reserved_memory=jetstream.reserved_memory,
        reserved_storage=jetstream.reserved_storage,
        accounts=jetstream.enabled_accounts,
        api=ApiStats(
            level=constants.API_LEVEL,
            total=jetstream.api_total,
            errors=jetstream.api_errors,
            inflight=jetstream.api_inflight,
        ),
        server_id=server.server_id,
        now=now,
        config=make_config(jetstream),
        limits=make_limits(jetstream),
        streams=jetstream.streams,
        streams_leader=jetstream.streams if query.leaders else 0,
        consumers=jetstream.consumers,
        consumers_leader=jetstream.consumers if query.leaders else 0,
        messages=jetstream.messages,
        bytes=jetstream.bytes,
        account_details=tuple(
            _account(account, server.server_name, query)
            for account in _asked_for(jetstream.accounts, query)
        ),
        total=jetstream.enabled_accounts,
    )


def write_jsz(
    server: ServerSnapshot, jetstream: JetStreamSnapshot | None, query: JszQuery, layout: Layout
) -> Pieces:
    """The same as text, a few streams at a time."""
    accounts = () if jetstream is None else _asked_for(jetstream.accounts, query)
    if jetstream is None or not accounts:
        yield layout.whole(make_jsz(server, jetstream, query))
        return
    between, after = layout.around(_head(server, jetstream, query), "account_details", depth=0)
    for account in accounts:
        yield between
        yield from write_account(account, server.server_name, query, layout, depth=2)
        between = layout.gap(0)
    yield after


def write_account(
    account: AccountSnapshot, leader: str, query: JszQuery, layout: Layout, depth: int = 0
) -> Pieces:
    """The part of it about one account."""
    bare = _account(replace(account, streams=()), leader, query)
    streams = account.streams if query.deep else ()
    if not streams:
        yield layout.whole(bare, depth)
        return
    between, after = layout.around(bare, "stream_detail", depth)
    for at in range(0, len(streams), SLICE):
        some = [_stream(stream, leader, query) for stream in streams[at : at + SLICE]]
        yield between + layout.items(some, depth)
        between = layout.gap(depth)
    yield after


def _head(server: ServerSnapshot, jetstream: JetStreamSnapshot, query: JszQuery) -> Jsz:
    """Everything but the accounts."""
    return make_jsz(server, replace(jetstream, accounts=()), query)


def make_config(jetstream: JetStreamSnapshot) -> JetStreamConfig:
    """The part of a document that says what JetStream was told."""
    return JetStreamConfig(
        max_memory=jetstream.max_memory,
        max_storage=jetstream.max_storage,
        store_dir=jetstream.store_dir,
        sync_interval=jetstream.sync_interval_ns,
        sync_always=jetstream.sync_always,
        domain=jetstream.domain,
        strict=jetstream.strict,
    )


def make_limits(jetstream: JetStreamSnapshot) -> JetStreamLimits:
    """The part of a document that says what every account is held to."""
    return JetStreamLimits(
        default_max_consumers=jetstream.default_max_consumers,
        max_request_batch=jetstream.max_request_batch,
        max_ack_pending=jetstream.max_ack_pending,
        max_ha_assets=jetstream.max_ha_assets,
        duplicate_window=jetstream.duplicate_window_ns,
    )


def _asked_for(
    accounts: tuple[AccountSnapshot, ...], query: JszQuery
) -> tuple[AccountSnapshot, ...]:
    if not query.detailed:
        return ()
    if query.account:
        return tuple(account for account in accounts if account.name == query.account)
    start = max(query.offset, 0)
    limit = query.limit if query.limit > 0 else ACCOUNTS_MAX
    return accounts[start : start + limit]


def _account(account: AccountSnapshot, leader: str, query: JszQuery) -> AccountDetail:
    streams = account.streams if query.deep else ()
    return AccountDetail(
        name=account.name,
        id=account.name,
        memory=account.memory,
        storage=account.storage,
        reserved_memory=account.max_memory if account.max_memory >= 0 else _UNLIMITED,
        reserved_storage=account.max_storage if account.max_storage >= 0 else _UNLIMITED,
        api=ApiStats(total=account.api_total, errors=account.api_errors),
        stream_detail=tuple(_stream(stream, leader, query) for stream in streams),
    )


def _stream(stream: StreamSnapshot, leader: str, query: JszQuery) -> StreamDetail:
    consumers = tuple(consumer.info for consumer in stream.consumers) if query.consumers else ()
    if not query.config:
        consumers = tuple(replace(info, config=None) for info in consumers)
    return StreamDetail(
        name=stream.name,
        created=format_time(stream.created_ns),
        cluster=Cluster(leader=leader),
        config=stream.config if query.config else None,
        state=stream.state,
        consumer_detail=consumers,
        mirror=stream.mirror,
        sources=stream.sources,
    )
