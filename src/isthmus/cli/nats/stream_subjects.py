"""`nats stream subjects`: which subjects a stream holds, and how many messages of each."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import count
from isthmus.cli.nats.records import Record
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream
from isthmus.cli.tables import rounded_table

_PAGES_MAX = 100_000
_NARROW, _MIDDLE = 20, 30  # columns that a subject with its count takes


class Options(Value):
    """Of which stream, and how to show them."""

    stream: str | None = None
    pattern: str = ">"
    as_json: bool = False
    sort: str = "messages"
    reverse: bool = False
    names: bool = False


class SubjectsRequest(Record):
    """The request of STREAM.INFO for a page of subjects."""

    subjects_filter: str
    offset: int = 0


@verb("subjects", help="Show the subjects of a stream.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("pattern", required=False, default=">", metavar="[FILTER]")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option(
    "--sort",
    type=click.Choice(["name", "subjects", "messages", "count"]),
    default="messages",
    help="Order (messages)",
)
@click.option("-R", "--reverse", is_flag=True, help="The other way round")
@click.option("--names/--no-names", default=False, help="Show subjects alone")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    found = session.connected(lambda client: run(options, client))
    streams = session.streams
    if options.as_json:
        streams.json_pretty(dict(sorted(found.items())))
        return
    if not found:
        streams.out(f"No subjects found matching {options.pattern}")
        return
    by_name = options.sort in {"name", "subjects"}
    order = sorted(found.items(), key=lambda entry: (() if by_name else (entry[1],), entry[0]))
    if options.reverse:
        order.reverse()
    if options.names:
        for subject, _ in order:
            streams.out(subject)
    else:
        streams.out(_table(options, order) + "\n")


async def run(options: Options, client: Client) -> dict[str, int]:
    """The subjects and their counts, page by page."""
    api = JetStreamApi(client)
    stream = (await find_stream(api, options.stream)).config.name
    found: dict[str, int] = {}
    for _ in range(_PAGES_MAX):
        request = SubjectsRequest(subjects_filter=options.pattern, offset=len(found))
        page = await api.call(f"STREAM.INFO.{stream}", dict[str, Any], request)
        entries = page.get("state", {}).get("subjects") or {}
        found |= entries
        if not entries or len(found) >= page.get("total", 0):
            break
    return found


def _table(options: Options, order: list[tuple[str, int]]) -> str:
    """Subjects and counts side by side, in columns that are read from top to bottom."""
    longest = max(len(subject) + len(count(number)) for subject, number in order)
    columns = 3 if longest < _NARROW else 2 if longest < _MIDDLE else 1
    height = -(-len(order) // columns)
    rows = []
    for line in range(height):
        row: list[str] = []
        for column in range(columns):
            at = column * height + line
            subject, number = order[at] if at < len(order) else ("", None)
            row += [subject, "" if number is None else count(number)]
        rows.append(row)
    title = f"{len(order)} Subjects in stream {options.stream}"
    return rounded_table(title, ("Subject", "Count") * columns, rows)
