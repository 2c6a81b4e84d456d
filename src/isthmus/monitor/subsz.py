"""/subsz: how many subscriptions there are, and a page of them.

Owns the fields and their order. Listed are those of connections; what the server subscribes to for
itself is counted only.
"""

from collections.abc import Generator

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.slices import Sliced
from isthmus.base.values import Value, always, format_time
from isthmus.monitor.accountz import make_stats
from isthmus.monitor.answer import Pieces
from isthmus.monitor.census import Census
from isthmus.monitor.connz import SubscriptionDetail, make_subscription
from isthmus.monitor.documents import Document, Layout
from isthmus.monitor.roster import Roster, SubscriptionSnapshot
from isthmus.monitor.snapshots import ServerSnapshot

SUBSCRIPTIONS_MAX = 1024  # in one answer, unless `limit` says otherwise
SLICE = 32  # connections looked at in one slice


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


def write_subsz(
    server: ServerSnapshot, census: Census, roster: Roster, query: SubszQuery, layout: Layout
) -> Sliced[Pieces]:
    """The document of a moment, more or less, piece by piece. Raises `UsageError`."""
    if query.test and not subjects.valid_literal(query.test):
        raise UsageError(f"invalid test subject, must be valid publish subject: {query.test}")
    offset = max(query.offset, 0)
    total = 0
    if query.subscriptions:
        total = yield from _count(roster, query)
    stats = make_stats(census.sublist(query.account))
    frame = Subsz(
        server_id=server.server_id,
        now=format_time(server.now_ns),
        num_subscriptions=stats.num_subscriptions,
        num_inserts=stats.num_inserts,
        num_removes=stats.num_removes,
        num_matches=stats.num_matches,
        cache_hit_rate=stats.cache_hit_rate,
        total=total,
        offset=min(offset, total),
        limit=query.limit if query.limit > 0 else SUBSCRIPTIONS_MAX,
    )
    return _write(frame, roster, query, layout)


def _write(frame: Subsz, roster: Roster, query: SubszQuery, layout: Layout) -> Pieces:
    """Nobody holds more of the page than a slice of it: what has been counted is found again."""
    after = b""
    for some in _page(roster, query, frame.limit) if frame.total else ():
        if not some:
            yield b""
        elif after:
            yield layout.gap(0) + layout.items(some, depth=0)
        else:
            before, after = layout.around(frame, "subscriptions_list", depth=0)
            yield before + layout.items(some, depth=0)
    yield after or layout.whole(frame)


def _page(
    roster: Roster, query: SubszQuery, limit: int
) -> Generator[list[SubscriptionDetail], None, None]:
    """What is shown, in slices; an empty one is a pause."""
    skipped, left = max(query.offset, 0), limit
    for connection in roster.open(query.account):
        if not query.test and connection.subscriptions <= skipped:
            skipped -= connection.subscriptions
            yield []
            continue
        for some in roster.subscriptions(connection.cid):
            heard = [one for one in some if _hears(one, query.test)]
            shown = heard[skipped : skipped + left]
            skipped = max(skipped - len(heard), 0)
            left -= len(shown)
            yield [make_subscription(one, connection.account, connection.label) for one in shown]
            if left == 0:
                return


def _count(roster: Roster, query: SubszQuery) -> Sliced[int]:
    """How many there are to be shown, on whatever page."""
    count = 0
    for number, connection in enumerate(roster.open(query.account), 1):
        if query.test:
            for some in roster.subscriptions(connection.cid):
                count += sum(_hears(one, query.test) for one in some)
                yield
        else:
            count += connection.subscriptions
        if number % SLICE == 0:
            yield
    return count


def _hears(one: SubscriptionSnapshot, test: str) -> bool:
    return not test or subjects.covers(one.subject, test)
