"""/connz: who is connected, or was.

Owns the fields, their order, the sorting, and what each option adds. `total` counts the connections
of the state and account asked for, before any other filter; a page of them is shown. Names of
accounts and users, and tokens, only with `auth`. A document is made while it is sent: of a million
subscriptions nobody holds more than a slice.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import NamedTuple

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.slices import Sliced
from isthmus.base.values import Value, always, format_duration, format_time
from isthmus.monitor.answer import Pieces
from isthmus.monitor.documents import Document, Layout, uptime
from isthmus.monitor.roster import ConnectionSnapshot, Roster, SubscriptionSnapshot
from isthmus.monitor.snapshots import ServerSnapshot

CONNECTIONS_MAX = 1024  # in one answer, unless `limit` says otherwise
OPEN, CLOSED, ALL = 0, 1, 2
SLICE_CONNECTIONS = 32  # described between two pauses
SLICE_CHOSEN = 1024  # looked at between two pauses


class ConnzQuery(Value):
    """What is asked for; the names are those of a request in JSON."""

    sort: str = ""
    auth: bool = False
    subscriptions: bool = False
    subscriptions_detail: bool = False
    offset: int = 0
    limit: int = 0
    cid: int = 0
    state: int = OPEN
    user: str = ""
    acc: str = ""
    filter_subject: str = ""


class SubscriptionDetail(Document, kw_only=True):
    """A subscription."""

    account: str = ""
    account_tag: str = ""
    subject: str
    qgroup: str = ""
    sid: str
    msgs: int = always(0)
    max: int = 0
    cid: int


class ConnectionDetail(Document, kw_only=True):
    """A connection."""

    cid: int
    kind: str = always("Client")
    type: str = always("nats")
    ip: str = always("")
    port: int = always(0)
    start: str
    last_activity: str
    stop: str = ""
    reason: str = ""
    rtt: str = ""
    uptime: str
    idle: str
    pending_bytes: int = always(0)
    in_msgs: int = always(0)
    out_msgs: int = always(0)
    in_bytes: int = always(0)
    out_bytes: int = always(0)
    subscriptions: int = always(0)
    name: str = ""
    lang: str = ""
    version: str = ""
    authorized_user: str = ""
    account: str = ""
    subscriptions_list: tuple[str, ...] = ()
    subscriptions_list_detail: tuple[SubscriptionDetail, ...] = ()
    jwt: str = ""
    issuer_key: str = ""
    name_tag: str = ""


class Connz(Value):
    """The document. An account that is not known has no connections at all."""

    server_id: str
    now: str
    num_connections: int
    total: int
    offset: int
    limit: int
    connections: tuple[ConnectionDetail, ...] | None


_Key = Callable[[ConnectionSnapshot], int | str]
_SORTS: dict[str, tuple[_Key, bool]] = {  # by what, and whether the largest is first
    "cid": (lambda one: one.cid, False),
    "start": (lambda one: one.started_ns, False),
    "subs": (lambda one: one.subscriptions, True),
    "pending": (lambda one: one.pending_bytes, True),
    "msgs_to": (lambda one: one.out_messages, True),
    "msgs_from": (lambda one: one.in_messages, True),
    "bytes_to": (lambda one: one.out_bytes, True),
    "bytes_from": (lambda one: one.in_bytes, True),
    "last": (lambda one: one.active_ns, True),
    "idle": (lambda one: one.active_ns, False),
    "uptime": (lambda one: one.started_ns, True),
    "stop": (lambda one: one.stopped_ns, True),
    "reason": (lambda one: one.reason, False),
    "rtt": (lambda one: one.rtt_ns, True),
}


def write_connz(
    server: ServerSnapshot, roster: Roster, query: ConnzQuery, layout: Layout
) -> Sliced[Pieces]:
    """The document of a moment, more or less, piece by piece. Raises `UsageError`."""
    frame, chosen = yield from _choose(server, roster, query)
    return _write(frame, chosen, server.now_ns, _Shown(roster, query, layout))


class _Shown(NamedTuple):
    """What is asked of each connection, and how it is laid out."""

    roster: Roster
    query: ConnzQuery
    layout: Layout


def _write(frame: Connz, chosen: list[ConnectionSnapshot], now_ns: int, shown: _Shown) -> Pieces:
    query, layout = shown.query, shown.layout
    if not chosen:
        yield layout.whole(frame)
        return
    before, after = layout.around(frame, "connections", depth=0)
    between = b""
    yield before
    if query.subscriptions or query.subscriptions_detail:
        for one in chosen:
            yield between
            yield from _write_listed(one, now_ns, shown)
            between = layout.gap(0)
    else:
        for at in range(0, len(chosen), SLICE_CONNECTIONS):
            some = chosen[at : at + SLICE_CONNECTIONS]
            yield between + layout.items([_describe(one, now_ns, query) for one in some], depth=0)
            between = layout.gap(0)
    yield after


def _write_listed(one: ConnectionSnapshot, now_ns: int, shown: _Shown) -> Pieces:
    """A connection with its subscriptions."""
    query, layout = shown.query, shown.layout
    bare = _describe(one, now_ns, query)
    name = "subscriptions_list_detail" if query.subscriptions_detail else "subscriptions_list"
    before = after = b""
    for some in _listed(one, shown.roster, query):
        if not before:
            before, after = layout.around(bare, name, depth=2)
            yield before + layout.items(some, depth=2)
        else:
            yield layout.gap(2) + layout.items(some, depth=2)
    yield after if before else layout.whole(bare, depth=2)


def _listed(
    one: ConnectionSnapshot, roster: Roster, query: ConnzQuery
) -> Iterator[Sequence[str] | Sequence[SubscriptionDetail]]:
    """The subscriptions of a connection, as they are asked for, in slices."""
    if query.subscriptions_detail:
        for some in roster.subscriptions(one.cid):
            yield list(map(make_subscription, some))
    elif query.subscriptions:
        yield from roster.subjects(one.cid)


def _choose(
    server: ServerSnapshot, roster: Roster, query: ConnzQuery
) -> Sliced[tuple[Connz, list[ConnectionSnapshot]]]:
    """The document without its connections, and which they are."""
    _require_sense(query)
    now = format_time(server.now_ns)
    limit = query.limit if query.limit > 0 else CONNECTIONS_MAX
    limit = 1 if query.cid else limit
    if query.acc and not roster.known(query.acc):
        nobody = Connz(server_id="", now=now, num_connections=0, total=0, offset=0, limit=limit,
                       connections=None)  # fmt: skip
        return nobody, []
    found: list[ConnectionSnapshot] = []
    if query.state in {OPEN, ALL}:
        for one in roster.open(query.acc):
            found.append(one)
            if len(found) % SLICE_CONNECTIONS == 0:
                yield
    if query.state in {CLOSED, ALL}:
        found += roster.closed(query.acc)
    chosen: list[ConnectionSnapshot] = []
    for number, one in enumerate(found, 1):
        meant = yield from _is_meant(one, roster, query)
        chosen += [one] if meant else []
        if number % SLICE_CHOSEN == 0:
            yield
    offset = max(query.offset, 0)
    page = yield from _sort(chosen, query.sort or "cid", offset, limit)
    frame = Connz(
        server_id=server.server_id,
        now=now,
        num_connections=len(page),
        total=len(found),
        offset=offset,
        limit=limit,
        connections=(),
    )
    return frame, page


def _sort(
    chosen: list[ConnectionSnapshot], name: str, offset: int, limit: int
) -> Sliced[list[ConnectionSnapshot]]:
    """A page of them, in order."""
    key, largest_first = _SORTS[name]
    runs = []
    for at in range(0, len(chosen), SLICE_CHOSEN):
        runs.append(sorted(chosen[at : at + SLICE_CHOSEN], key=key, reverse=largest_first))
        yield
    page = []
    ordered = merge(*runs, key=key, reverse=largest_first)
    for number, one in enumerate(islice(ordered, offset + limit), 1):
        if number > offset:
            page.append(one)
        if number % SLICE_CHOSEN == 0:
            yield
    return page


def _require_sense(query: ConnzQuery) -> None:
    if query.sort and query.sort not in _SORTS:
        raise UsageError(f"invalid sorting option: {query.sort}")
    if query.sort in {"stop", "reason"} and query.state != CLOSED:
        raise UsageError(f"sort by {query.sort} only valid on closed connections")
    if query.filter_subject and not query.acc:
        raise UsageError("filter by subject only valid with account filtering")


def _is_meant(one: ConnectionSnapshot, roster: Roster, query: ConnzQuery) -> Sliced[bool]:
    if (query.cid and one.cid != query.cid) or (query.user and one.user != query.user):
        return False
    if not query.filter_subject:
        return True
    for some in roster.subjects(one.cid):
        if any(subjects.collide(each, query.filter_subject) for each in some):
            return True
        yield
    return False


def _describe(one: ConnectionSnapshot, now_ns: int, query: ConnzQuery) -> ConnectionDetail:
    """A connection without what it is subscribed to."""
    auth = query.auth
    until_ns = one.stopped_ns or now_ns
    return ConnectionDetail(
        cid=one.cid,
        ip=one.ip,
        port=one.port,
        start=format_time(one.started_ns),
        last_activity=format_time(one.active_ns),
        stop=format_time(one.stopped_ns) if one.stopped_ns else "",
        reason=one.reason,
        rtt=format_duration(one.rtt_ns) if one.rtt_ns else "",
        uptime=uptime(until_ns - one.started_ns),
        idle=uptime(until_ns - one.active_ns),
        pending_bytes=one.pending_bytes,
        in_msgs=one.in_messages,
        out_msgs=one.out_messages,
        in_bytes=one.in_bytes,
        out_bytes=one.out_bytes,
        subscriptions=one.subscriptions,
        name=one.name,
        lang=one.lang,
        version=one.version,
        authorized_user=one.user if auth else "",
        account=one.account if auth else "",
        jwt=one.token if auth else "",
        issuer_key=one.issuer_key if auth else "",
        name_tag=one.label if auth else "",
    )


def make_subscription(
    one: SubscriptionSnapshot, account: str = "", label: str = ""
) -> SubscriptionDetail:
    """A subscription as documents show it."""
    return SubscriptionDetail(
        account=account,
        account_tag=label,
        subject=one.subject,
        qgroup=one.queue,
        sid=one.sid,
        msgs=one.messages,
        max=one.messages_max,
        cid=one.cid,
    )
