"""`nats stream ls`: list the streams, smallest first.

Owns the reading of paged answers, which `consumer ls` shares.
"""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import byte_count, count, local_time, since
from isthmus.cli.nats.records import Record, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.tables import rounded_table

_HEADERS = ("Name", "Description", "Created", "Messages", "Size", "Last Message")
_SYSTEM = ("KV_", "OBJ_", "$MQTT_")
_PAGES_MAX = 10_000


class Options(Value):
    """Which streams, and how to show them."""

    subject: str = ""
    names: bool = False
    as_json: bool = False
    every: bool = False


class PageRequest(Record):
    """Where a page begins, and which subjects count."""

    offset: int = 0
    subject: str = ""


@verb("ls", help="List the streams.")
@click.option("--subject", default="", metavar="SUBJECT", help="Streams that store these subjects")
@click.option("-n", "--names", is_flag=True, help="Show names alone")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show names as JSON")
@click.option("-a", "--all", "every", is_flag=True, help="Include key-value and object streams")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    infos = session.connected(lambda client: run(options, client))
    streams = session.streams
    names = sorted(info.config.name for info in infos)
    if options.as_json:
        streams.json_pretty(names or None)
    elif options.names:
        for name in names:
            streams.out(name)
    else:
        _show(options, session, infos)


async def run(options: Options, client: Client) -> list[StreamInfo]:
    """The streams, by bytes and then name."""
    found = await read_pages(
        JetStreamApi(client), "STREAM.LIST", "streams", subject=options.subject
    )
    infos = [msgspec.convert(entry, StreamInfo) for entry in found]
    return sorted(infos, key=lambda info: (info.state.bytes, info.config.name))


async def read_pages(
    api: JetStreamApi, endpoint: str, field: str, *, subject: str = ""
) -> list[Any]:
    """All entries of a paged answer."""
    found: list[Any] = []
    for _ in range(_PAGES_MAX):
        request = PageRequest(offset=len(found), subject=subject)
        page = await api.call(endpoint, dict[str, Any], request)
        entries = page.get(field) or []
        found += entries
        if not entries or len(found) >= page.get("total", 0):
            break
    return found


def _show(options: Options, session: Session, infos: list[StreamInfo]) -> None:
    shown = [info for info in infos if options.every or not info.config.name.startswith(_SYSTEM)]
    if not shown:
        more = ", pass -a to include system streams" if infos else ""
        session.streams.out(f"No Streams defined{more}")
        return
    title = f"Streams matching {options.subject}" if options.subject else "Streams"
    session.streams.out(streams_table(title, shown, session.wall_ns()) + "\n\n")


def streams_table(title: str, infos: list[StreamInfo], wall_ns: int) -> str:
    """The streams, a line each."""
    rows = [
        (
            info.config.name,
            info.config.description,
            local_time(info.created),
            count(info.state.messages),
            byte_count(info.state.bytes),
            since(info.state.last_ts, wall_ns),
        )
        for info in infos
    ]
    return rounded_table(title, _HEADERS, rows)
