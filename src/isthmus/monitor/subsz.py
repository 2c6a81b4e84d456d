"""/subsz: how many subscriptions there are, and a page of them.

Owns the fields and their order. Listed are those of connections; what the server subscribes to for
itself is counted only.
"""

from msgspec.structs import replace

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.slices import Sliced
from isthmus.base.values import Value, always, format_time
from isthmus.monitor.accountz import make_stats
from isthmus.monitor.answer import Pieces
from isthmus.monitor.census import Census
from isthmus.monitor.connz import SubscriptionDetail, make_subscription
from isthmus.monitor.documents import Document, around, gap, indented, items_at
from isthmus.monitor.roster import ConnectionSnapshot, Roster
from isthmus.monitor.snapshots import ServerSnapshot

SUBSCRIPTIONS_MAX = 1024  # in one answer, unless `limit` says otherwise
SLICE = 256  # subscriptions printed in one slice


class SubszQuery(Value):
    """What is asked for; the names are those of a request in JSON. `test`: who would hear it."""

    subscriptions: bool = False
    offset: int = 0
    limit: int = 0
    account: str = ""
    test: str = ""


class Subsz(Document, kw_only=True):
    """The document, in the order of its fields."""

    server_id: str
    now: str
    num_subscriptions: int = always(0)
    num_cache: int = always(0)
    num_inserts: int = always(0)
    num_removes: int = always(0)
    num_matches: int = always(0)
    cache_hit_rate: float = always(0)
    max_fanout: int = always(0)
    avg_fanout: float = always(0)
    total: int = always(0)
    offset: int = always(0)
    limit: int = always(0)
    subscriptions_list: tuple[SubscriptionDetail, ...] = ()


def make_subsz(
    server: ServerSnapshot, census: Census, roster: Roster, query: SubszQuery
) -> Sliced[Subsz]:
    """The document of a moment, more or less. Raises `UsageError`."""
    if query.test and not subjects.valid_literal(query.test):
        raise UsageError(f"invalid test subject, must be valid publish subject: {query.test}")
    limit = query.limit if query.limit > 0 else SUBSCRIPTIONS_MAX
    offset = max(query.offset, 0)
    page: list[SubscriptionDetail] = []
    total = 0
    if query.subscriptions:
        for connection in roster.open(query.account):
            total += yield from _gather(connection, roster, query.test, page, offset + limit)
    stats = make_stats(census.sublist(query.account))
    return Subsz(
        server_id=server.server_id,
        now=format_time(server.now_ns),
        num_subscriptions=stats.num_subscriptions,
        num_inserts=stats.num_inserts,
        num_removes=stats.num_removes,
        num_matches=stats.num_matches,
        cache_hit_rate=stats.cache_hit_rate,
        total=total,
        offset=min(offset, total),
        limit=limit,
        subscriptions_list=tuple(page[offset:]),
    )


def write_subsz(
    server: ServerSnapshot, census: Census, roster: Roster, query: SubszQuery
) -> Sliced[Pieces]:
    """The same as text, piece by piece."""
    document = yield from make_subsz(server, census, roster, query)
    return _write(document)


def _write(document: Subsz) -> Pieces:
    listed = document.subscriptions_list
    if not listed:
        yield indented(document)
        return
    before, after = around(replace(document, subscriptions_list=()), "subscriptions_list", depth=0)
    yield before
    for at in range(0, len(listed), SLICE):
        yield (gap(0) if at else b"") + items_at(listed[at : at + SLICE], depth=0)
    yield after


def _gather(
    connection: ConnectionSnapshot,
    roster: Roster,
    test: str,
    page: list[SubscriptionDetail],
    most: int,
) -> Sliced[int]:
    """Add a connection's subscriptions to the page until it has `most`; how many there are."""
    if not test and len(page) >= most:
        return connection.subscriptions
    count = 0
    for some in roster.subscriptions(connection.cid):
        for one in some:
            if not test or subjects.covers(one.subject, test):
                count += 1
                if len(page) < most:
                    page.append(make_subscription(one, connection.account, connection.label))
        yield
    return count
