"""`nats events`: what servers and JetStream report about themselves, as it happens.

Owns which subjects are listened to. How an event is printed is in `event_view`.
"""

import re
from typing import Any

import click
import msgspec
from nats.aio.msg import Msg

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.config_files import split_list
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.event_view import cloud_event, long_event, short_event
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.session import Session

_SERVER = (
    ("Client Connection", "$SYS.ACCOUNT.*.CONNECT"),
    ("Client Disconnection", "$SYS.ACCOUNT.*.DISCONNECT"),
    ("Authentication Errors", "$SYS.SERVER.*.CLIENT.AUTH.ERR"),
)


class Options(Value):
    """What to listen to, and how to show it."""

    every: bool = False
    as_json: bool = False
    cloudevent: bool = False
    short: bool = False
    filter: str = "."
    js_metric: bool = False
    js_advisory: bool = False
    srv_advisory: bool = True
    subjects: tuple[str, ...] = ()
    count: int = 0


@verb("events", help="Show what servers and JetStream report.", refused="--stream --since")
@click.option("-a", "--all", "every", is_flag=True, help="Listen to all of them")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option("--cloudevent", is_flag=True, help="Show CloudEvents")
@click.option("--short", is_flag=True, help="One line for each")
@click.option("--filter", default=".", metavar="REGEX", help="Only events that match")
@click.option("--js-metric", is_flag=True, help="JetStream: measurements")
@click.option("--js-advisory", is_flag=True, help="JetStream: advisories")
@click.option("--srv-advisory/--no-srv-advisory", default=True, help="Servers (the default)")
@click.option("--subjects", multiple=True, metavar="SUBJECT", help="These subjects too")
@click.option("--count", type=NATURAL, default=0, help="End after so many events")
def command(session: Session, **given: Any) -> None:
    """Listen until Ctrl-C."""
    options = Options(**given)
    try:
        pattern = re.compile(options.filter, re.IGNORECASE)
    except re.error as error:
        raise click.UsageError(f"--filter {options.filter}: {error}") from None
    session.connected(lambda client: run(options, session, client, pattern), setup="")


async def run(options: Options, session: Session, client: Client, pattern: re.Pattern[str]) -> int:
    """Show events, and return their number."""
    incoming = Incoming(client)
    for what, subject in _sources(options, client):
        await incoming.listen(subject)
        if not (options.as_json or options.cloudevent):
            session.streams.out(f"Listening for {what} on {subject}")
    await client.flush()
    session.streams.flush()
    shown = 0
    while not options.count or shown < options.count:
        message = await incoming.next()
        assert message is not None, "without a limit there is no silence"
        if pattern.search(message.data.decode(errors="replace")):
            _show(options, session, message)
            shown += 1
    return shown


def _sources(options: Options, client: Client) -> list[tuple[str, str]]:
    prefix = client.settings.context.jetstream_event_prefix or "$JS.EVENT"
    found = []
    if options.js_advisory or options.every:
        found.append(("Advisories", f"{prefix}.ADVISORY.>"))
    if options.js_metric or options.every:
        found.append(("Metrics", f"{prefix}.METRIC.>"))
    if options.srv_advisory or options.every:
        found += [(f"{what} events", subject) for what, subject in _SERVER]
    found += [("Custom events", subject) for subject in split_list(options.subjects)]
    if not found:
        raise CommandError("nothing to listen to: --no-srv-advisory and no other events")
    return found


def _show(options: Options, session: Session, message: Msg) -> None:
    streams = session.streams
    try:
        event = msgspec.json.decode(message.data, type=dict[str, Any])
    except msgspec.DecodeError as error:
        text = message.data.decode(errors="backslashreplace")
        indented = "\n".join(" " * 10 + line for line in text.splitlines())
        streams.out(f"Event error: {error}\n\n{indented}")
        streams.flush()
        return
    if options.as_json:
        streams.json_pretty(event)
    elif options.cloudevent:
        streams.json_pretty(cloud_event(event))
    elif options.short:
        streams.out(short_event(event))
    else:
        streams.out("\n" + long_event(event))
    streams.flush()
