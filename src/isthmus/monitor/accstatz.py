"""/accstatz: connections and traffic, account by account.

Owns the fields and their order. Gateways, routes and leaf nodes do not exist here, so their part of
the traffic is 0.
"""

from msgspec.structs import replace

from isthmus.base.slices import Sliced
from isthmus.base.values import Value, format_time
from isthmus.monitor.answer import Pieces
from isthmus.monitor.documents import Layout
from isthmus.monitor.roster import AccountTraffic, Roster
from isthmus.monitor.snapshots import ServerSnapshot
from isthmus.monitor.statsz import Traffic

_SLICE = 256  # accounts between two pauses
_PRINTED = 64  # in one slice


class StatzQuery(Value):
    """What is asked for; the names are those of a request in JSON."""

    accounts: tuple[str, ...] = ()
    include_unused: bool = False


class AllTraffic(Value):
    """Messages and bytes, in all and by what else than clients they came."""

    msgs: int
    bytes: int
    gateways: Traffic = Traffic()
    routes: Traffic = Traffic()
    leafs: Traffic = Traffic()


class AccountStat(Value):
    """One account. `sent` is what its clients got."""

    acc: str
    name: str
    conns: int
    leafnodes: int
    total_conns: int
    num_subscriptions: int
    sent: AllTraffic
    received: AllTraffic
    slow_consumers: int


class Accstatz(Value):
    """The document."""

    server_id: str
    now: str
    account_statz: tuple[AccountStat, ...]


def make_accstatz(server: ServerSnapshot, roster: Roster, query: StatzQuery) -> Sliced[Accstatz]:
    """The document of a moment, more or less; accounts without connections if asked for."""
    found: list[AccountStat] = []
    for name in query.accounts or ("",):
        for index, one in enumerate(roster.traffic(name)):
            if one.connections or query.include_unused:
                found.append(make_stat(one))
            if index % _SLICE == _SLICE - 1:
                yield
    return Accstatz(
        server_id=server.server_id, now=format_time(server.now_ns), account_statz=tuple(found)
    )


def write_accstatz(document: Accstatz, layout: Layout) -> Pieces:
    """The same as text, some accounts at a time."""
    stats = document.account_statz
    if not stats:
        yield layout.whole(document)
        return
    between, after = layout.around(replace(document, account_statz=()), "account_statz", depth=0)
    for at in range(0, len(stats), _PRINTED):
        yield between + layout.items(stats[at : at + _PRINTED], depth=0)
        between = layout.gap(0)
    yield after


def make_stat(one: AccountTraffic) -> AccountStat:
    """An account's part of the document."""
    return AccountStat(
        acc=one.name,
        name=one.label,
        conns=one.connections,
        leafnodes=0,
        total_conns=one.connections,
        num_subscriptions=one.subscriptions,
        sent=AllTraffic(msgs=one.out_messages, bytes=one.out_bytes),
        received=AllTraffic(msgs=one.in_messages, bytes=one.in_bytes),
        slow_consumers=one.slow_consumers,
    )
