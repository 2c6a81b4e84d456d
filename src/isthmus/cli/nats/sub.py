"""`nats subscribe`: show messages as they come, until a count, a silence or Ctrl-C.

Owns the printed form of a message.
"""

from typing import Any

import click
from nats.aio.msg import Msg

from isthmus.base.subjects import covers, valid
from isthmus.base.values import Value, format_duration
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bodies import header_lines, print_body, print_line
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import DURATION, NATURAL, verb
from isthmus.cli.nats.formats import stamp_time
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.session import Session

_ACK_TOKENS_MIN = 9


class Options(Value):
    """What to listen to, and how to show it."""

    subjects: tuple[str, ...]
    queue: str = ""
    raw: bool = False
    ack: bool = False
    inbox: bool = False
    count: int = 0
    headers_only: bool = False
    subjects_only: bool = False
    ignore_subject: tuple[str, ...] = ()
    wait: int = 0
    timestamp: bool = False
    delta_time: bool = False


@verb(
    "subscribe",
    help="Show messages as they come.",
    refused="--durable --translate --match-replies --dump --start-sequence --all --new --last "
    "--since --last-per-subject -T --terminate-at-end --stream --report-subjects "
    "--report-subscriptions --report-top --graph --direct",
)
@click.argument("subjects", nargs=-1)
@click.option("--queue", default="", metavar="GROUP", help="Queue group")
@click.option("-r", "--raw", is_flag=True, help="Show bodies alone")
@click.option("--ack/--no-ack", default=False, help="Acknowledge JetStream messages")
@click.option("-i", "--inbox", is_flag=True, help="Listen on a new inbox")
@click.option("--count", type=NATURAL, default=0, help="End after so many messages")
@click.option("--headers-only", is_flag=True, help="Show no bodies")
@click.option("--subjects-only", is_flag=True, help="Show subjects alone")
@click.option("-I", "--ignore-subject", multiple=True, metavar="SUBJECT", help="Pass over these")
@click.option("--wait", type=DURATION, default=0, help="End after so long without a message")
@click.option("-t", "--timestamp", is_flag=True, help="Show the time of arrival")
@click.option("-d", "--delta-time", is_flag=True, help="Show the time since the start")
def command(session: Session, **given: Any) -> None:
    """Fill the options, connect, listen."""
    options = Options(**given)
    if not options.subjects and not options.inbox:
        raise click.UsageError("required argument 'subjects' not provided")
    if options.timestamp and options.delta_time:
        raise click.UsageError("--timestamp and --delta-time exclude each other")
    session.connected(lambda client: run(options, session, client), setup="")


async def run(options: Options, session: Session, client: Client) -> int:
    """Listen, and return the number of messages shown."""
    subjects = [client.raw.new_inbox()] if options.inbox else list(options.subjects)
    ignored = [part for text in options.ignore_subject for part in text.replace(",", " ").split()]
    for subject in [*subjects, *ignored]:
        if not valid(subject):
            raise CommandError("nats: invalid subject", hint=f'"{subject}" cannot be subscribed to')
    incoming = Incoming(client)
    _announce(options, session, subjects, ignored)
    for subject in subjects:
        await incoming.listen(subject, options.queue)
    await client.flush()
    started_ns = session.wall_ns()
    shown = 0
    while not options.count or shown < options.count:
        message = await incoming.next(options.wait)
        if message is None:
            break
        if any(covers(pattern, message.subject) for pattern in ignored):
            continue
        shown += 1
        _show(options, session, message, shown, session.wall_ns() - started_ns)
        if options.ack and _acknowledgeable(message.reply):
            await client.raw.publish(message.reply, b"")
    await client.flush()
    return shown


def _announce(options: Options, session: Session, subjects: list[str], ignored: list[str]) -> None:
    if options.raw and not options.inbox:
        return
    acks = "with acknowledgement of JetStream messages " if options.ack else ""
    skipped = f"\nIgnored subjects: {', '.join(ignored)}" if ignored else ""
    session.log(f"Subscribing on {', '.join(subjects)} {acks}{skipped}")
    session.streams.flush()


def _show(options: Options, session: Session, message: Msg, number: int, since_ns: int) -> None:
    streams = session.streams
    if options.raw:
        if message.data.endswith(b"\n"):
            streams.out_bytes(message.data)
        else:
            print_line(streams, message.data or b"nil body")
        streams.flush()
        return
    moment = ""
    if options.timestamp:
        moment = f" @ {stamp_time(session.wall_ns())}"
    elif options.delta_time:
        moment = f" @ {format_duration(since_ns)}"
    reply = f' with reply "{message.reply}"' if message.reply else ""
    streams.out(f'[#{number}]{moment} Received on "{message.subject}"{reply}')
    if not options.subjects_only:
        lines = header_lines(message.headers)
        for line in lines:
            streams.out(line)
        if lines:
            streams.out()
        if not options.headers_only:
            print_body(streams, message.data)
    streams.flush()


def _acknowledgeable(reply: str) -> bool:
    return reply.startswith("$JS.ACK.") and reply.count(".") >= _ACK_TOKENS_MIN - 1
