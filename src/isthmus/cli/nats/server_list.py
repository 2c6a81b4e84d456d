"""`nats server list`: all servers in one table."""

from typing import Any

import click

from isthmus.base.values import Value, parse_time_ns
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.formats import age, byte_count, count
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.system_requests import Reply, ask_servers, whole_seconds
from isthmus.cli.tables import Row, rounded_table

_SUBJECT = "$SYS.REQ.SERVER.PING"
_MS_NS = 1_000_000
_HEADERS = (
    *("Name", "Cluster", "Host", "Version", "JS", "Conns", "Subs", "Routes", "GWs", "Mem"),
    *("CPU %", "Cores", "Slow", "Uptime", "RTT"),
)
_SORTS = {
    "conns": "connections",
    "conn": "connections",
    "subs": "subscriptions",
    "sub": "subscriptions",
    "mem": "mem",
    "cpu": "cpu",
    "slow": "slow_consumers",
    "uptime": "start",
}


class Options(Value):
    """How many servers there should be, and in which order."""

    expect: int = 0
    as_json: bool = False
    sort: str = "rtt"
    reverse: bool = False


@verb("list", help="Show all servers.", refused="--archive --compact --no-compact")
@click.argument("expect", required=False, type=NATURAL, default=0)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option(
    "--sort",
    type=click.Choice(["name", "cluster", *_SORTS, "routes", "route", "gw", "rtt"]),
    default="rtt",
    help="Order (rtt)",
)
@click.option("-R", "--reverse", is_flag=True, help="The other way round")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    replies = session.connected(lambda client: ask_servers(client, _SUBJECT, expect=options.expect))
    replies.sort(key=lambda reply: _order(options, reply), reverse=options.reverse)
    if options.as_json:
        session.streams.json_pretty([reply.body for reply in replies])
        return
    rows = [_row(reply, session.wall_ns()) for reply in replies]
    session.streams.out(rounded_table("Server Overview", _HEADERS, rows, _footer(replies)))
    clusters = sorted({str(reply.server.get("cluster") or "") for reply in replies} - {""})
    if clusters:
        session.streams.out("\n" + _clusters(replies, clusters))


def _stats(reply: Reply) -> dict[str, Any]:
    found = reply.body.get("statsz") or {}
    assert isinstance(found, dict)
    return found


def _order(options: Options, reply: Reply) -> Any:
    if options.sort in {"name", "cluster"}:
        return str(reply.server.get(options.sort, ""))
    if options.sort == "rtt":
        return reply.rtt_ns
    if options.sort in {"routes", "route"}:
        return len(_stats(reply).get("routes") or ())
    if options.sort == "gw":
        return len(_stats(reply).get("gateways") or ())
    return _stats(reply).get(_SORTS[options.sort], 0)


def _row(reply: Reply, wall_ns: int) -> Row:
    server, stats = reply.server, _stats(reply)
    jetstream = str(server.get("domain") or "yes") if server.get("jetstream") else "no"
    up_ns = whole_seconds(max(0, wall_ns - parse_time_ns(str(stats.get("start", "")))))
    return (
        str(server.get("name", "")),
        str(server.get("cluster", "")),
        str(server.get("host", "")),
        str(server.get("ver", "")),
        jetstream,
        count(stats.get("connections", 0)),
        count(stats.get("subscriptions", 0)),
        len(stats.get("routes") or ()),
        len(stats.get("gateways") or ()),
        byte_count(stats.get("mem", 0)),
        f"{stats.get('cpu', 0):.0f}",
        int(stats.get("cores", 0)),
        count(stats.get("slow_consumers", 0)),
        age(up_ns),
        age(round(reply.rtt_ns / _MS_NS) * _MS_NS),
    )


def _footer(replies: list[Reply]) -> Row:
    def total(key: str) -> int:
        return sum(int(_stats(reply).get(key, 0)) for reply in replies)

    clusters = {reply.server.get("cluster") for reply in replies} - {None, ""}
    versions = {reply.server.get("ver") for reply in replies}
    serving = sum(bool(reply.server.get("jetstream")) for reply in replies)
    return (
        *("", str(len(clusters)), str(len(replies)), "X" if len(versions) > 1 else ""),
        *(str(serving), count(total("connections")), count(total("subscriptions")), "", ""),
        *(byte_count(total("mem")), "", "", count(total("slow_consumers")), "", ""),
    )


def _clusters(replies: list[Reply], clusters: list[str]) -> str:
    rows: list[Row] = []
    for name in clusters:
        members = [_stats(reply) for reply in replies if reply.server.get("cluster") == name]
        out = sum(len(stats.get("gateways") or ()) for stats in members)
        inbound = sum(
            int(gateway.get("num_inbound", 0))
            for stats in members
            for gateway in stats.get("gateways") or ()
        )
        connections = sum(int(stats.get("connections", 0)) for stats in members)
        rows.append((name, len(members), out, inbound, connections))
    headers = ("Cluster", "Node Count", "Outgoing Gateways", "Incoming Gateways", "Connections")
    totals = [sum(int(row[column]) for row in rows) for column in range(1, 5)]
    return rounded_table("Cluster Overview", headers, rows, ("", *totals))
