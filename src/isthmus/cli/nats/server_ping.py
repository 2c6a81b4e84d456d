"""`nats server ping`: how long each server takes to answer."""

import click

from isthmus.base.values import format_duration
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.system_requests import ask_servers

_SUBJECT = "$SYS.REQ.SERVER.PING"
_NAME_WIDTH = 60
_MS_NS = 1_000_000


@verb("ping", help="Measure how long each server takes to answer.", refused="--graph")
@click.argument("expect", required=False, type=NATURAL, default=0)
@click.option("--id", "with_id", is_flag=True, help="Show the ids of the servers")
def command(session: Session, expect: int, with_id: bool) -> None:
    """Ask, show each, then the summary."""
    replies = session.connected(lambda client: ask_servers(client, _SUBJECT, expect=expect))
    streams = session.streams
    for reply in replies:
        name = str(reply.server.get("name", "")).ljust(_NAME_WIDTH)
        shown = f"{reply.server.get('id', '')} {name}" if with_id else name
        streams.out(f"{shown} rtt={format_duration(reply.rtt_ns)}")
    times = [reply.rtt_ns // _MS_NS for reply in replies]
    mean = sum(times) / len(times)
    streams.out("\n---- ping statistics ----")
    streams.out(f"{len(times)} replies max: {max(times):.2f} min: {min(times):.2f} avg: {mean:.2f}")
    if len(times) < expect:
        streams.out(f"\nMissing {expect - len(times)} server(s)")
