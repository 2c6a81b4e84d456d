"""`nats subscribe`: show messages as they come, until a count, a silence or Ctrl-C.

Owns the flags, and the choice between a plain subscription (here) and reading a stream
(`sub_stream`). How messages are printed is in `messages`.
"""

from typing import Any

import click
from nats.aio.msg import Msg

from isthmus.base.subjects import covers, valid
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.config_files import split_list
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import DURATION, NATURAL, POSITIVE, verb
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.messages import Arrival, Printer, Style
from isthmus.cli.nats.session import Session

_ACK_TOKENS_MIN = 9
_ASKED_MAX = 1024  # requests whose reply --match-replies still waits for


class Options(Value):
    """What to listen to, and when to end."""

    subjects: tuple[str, ...]
    style: Style
    queue: str = ""
    ack: bool = False
    inbox: bool = False
    count: int = 0
    ignore_subject: tuple[str, ...] = ()
    wait: int = 0
    match_replies: bool = False
    report_subjects: bool = False
    report_subscriptions: bool = False
    report_top: int = 10
    stream: str = ""
    durable: str = ""
    every: bool = False
    new: bool = False
    last: bool = False
    since: int | None = None
    start_sequence: int | None = None
    last_per_subject: bool = False
    terminate_at_end: bool = False
    direct: bool = False

    @property
    def of_stream(self) -> bool:
        """True if a stream is read."""
        named = self.stream or self.durable or self.since is not None
        policy = self.every or self.new or self.last or self.last_per_subject or self.direct
        return bool(named or policy or self.start_sequence is not None)

    @property
    def ignored(self) -> list[str]:
        """The subjects to pass over."""
        return split_list(self.ignore_subject)


@verb("subscribe", help="Show messages as they come.", refused="--graph")
@click.argument("subjects", nargs=-1)
@click.option("--queue", default="", metavar="GROUP", help="Queue group")
@click.option("-r", "--raw", is_flag=True, help="Show bodies alone")
@click.option("--translate", default="", metavar="COMMAND", help="Show what it makes of the body")
@click.option("--ack/--no-ack", default=False, help="Acknowledge JetStream messages")
@click.option("--match-replies", is_flag=True, help="Show requests with their replies")
@click.option("-i", "--inbox", is_flag=True, help="Listen on a new inbox")
@click.option("--count", type=NATURAL, default=0, help="End after so many messages")
@click.option("--dump", default="", metavar="FOLDER", help="One file a message; - for the output")
@click.option("--headers-only", is_flag=True, help="Show no bodies")
@click.option("--subjects-only", is_flag=True, help="Show subjects alone")
@click.option("-I", "--ignore-subject", multiple=True, metavar="SUBJECT", help="Pass over these")
@click.option("--wait", type=DURATION, default=0, help="End after so long without a message")
@click.option("-t", "--timestamp", is_flag=True, help="Show the time of arrival, or of storing")
@click.option("-d", "--delta-time", is_flag=True, help="Show the time since the start")
@click.option("--report-subjects", is_flag=True, help="Count by subject")
@click.option("--report-subscriptions", is_flag=True, help="Count by subscription")
@click.option("--report-top", type=POSITIVE, default=10, help="So many lines of the report (10)")
@click.option("--stream", default="", metavar="STREAM", help="Read this stream")
@click.option("--durable", default="", metavar="CONSUMER", help="Use this consumer")
@click.option("--all", "every", is_flag=True, help="Stream: from its first message")
@click.option("--new", is_flag=True, help="Stream: new messages")
@click.option("--last", is_flag=True, help="Stream: from its last message")
@click.option("--since", type=DURATION, help="Stream: messages younger than this")
@click.option("--start-sequence", type=POSITIVE, help="Stream: from this sequence")
@click.option("--last-per-subject", is_flag=True, help="Stream: the last of each subject first")
@click.option("-T", "--terminate-at-end", is_flag=True, help="Stream: end when all is read")
@click.option("--direct", is_flag=True, help="Stream: read by direct gets, without a consumer")
def command(session: Session, **given: Any) -> None:
    """Fill the options, connect, listen."""
    style = Style(**{name: given.pop(name) for name in Style.__struct_fields__})
    options = Options(style=style, **given)
    if not options.subjects and not options.inbox and not options.of_stream:
        raise click.UsageError("required argument 'subjects' not provided")
    if style.timestamp and style.delta_time:
        raise click.UsageError("--timestamp and --delta-time exclude each other")
    for subject in [*options.subjects, *options.ignored]:
        if not valid(subject):
            raise CommandError("nats: invalid subject", hint=f'"{subject}" cannot be subscribed to')
    if options.of_stream:
        from isthmus.cli.nats import sub_stream

        sub_stream.check(options)
        session.connected(lambda client: sub_stream.run(options, session, client), setup="")
    elif options.report_subjects or options.report_subscriptions:
        from isthmus.cli.nats import sub_report

        session.connected(lambda client: sub_report.run(options, session, client), setup="")
    else:
        session.connected(lambda client: run(options, session, client), setup="")


async def run(options: Options, session: Session, client: Client) -> int:
    """Listen, and return the number of messages shown."""
    printer = Printer(session, options.style)
    subjects = [client.raw.new_inbox()] if options.inbox else list(options.subjects)
    incoming = Incoming(client)
    if options.match_replies:
        return await _matched(options, session, client, incoming, printer)
    for subject in subjects:
        await incoming.listen(subject, options.queue)
    await client.flush()  # what is announced is in effect
    announce(options, session, subjects)
    shown = 0
    while not options.count or shown < options.count:
        message = await incoming.next(options.wait)
        if message is None:
            break
        if any(covers(pattern, message.subject) for pattern in options.ignored):
            continue
        shown += 1
        await printer.show(_arrival(session, message, shown))
        if options.ack and _acknowledgeable(message.reply):
            await client.raw.publish(message.reply, b"")
    await client.flush()
    return shown


def announce(options: Options, session: Session, subjects: list[str]) -> None:
    """Say what is listened to, unless only messages may be printed."""
    if options.style.quiet and not options.inbox:
        return
    acks = "with acknowledgement of JetStream messages " if options.ack else ""
    skipped = f"\nIgnored subjects: {', '.join(options.ignored)}" if options.ignored else ""
    session.log(f"Subscribing on {', '.join(subjects)} {acks}{skipped}")
    session.streams.flush()


def _arrival(session: Session, message: Msg, number: int) -> Arrival:
    reply = f' with reply "{message.reply}"' if message.reply else ""
    title = f'Received on "{message.subject}"{reply}'
    return Arrival(message=message, number=number, title=title, moment_ns=session.wall_ns())


def _acknowledgeable(reply: str) -> bool:
    return reply.startswith("$JS.ACK.") and reply.count(".") >= _ACK_TOKENS_MIN - 1


async def _matched(
    options: Options, session: Session, client: Client, incoming: Incoming, printer: Printer
) -> int:
    """Show requests, and each reply with its request's number; the number of replies."""
    prefix = f"{client.settings.context.inbox_prefix or '_INBOX'}."
    session.log(f"Matching replies with inbox prefix {prefix}>")
    announce(options, session, list(options.subjects))
    for subject in (f"{prefix}>", *options.subjects):
        await incoming.listen(subject, "" if subject.startswith(prefix) else options.queue)
    await client.flush()
    asked: dict[str, int] = {}
    requests = replies = 0
    while not options.count or replies < options.count:
        message = await incoming.next(options.wait)
        if message is None:
            break
        if message.subject in asked:
            replies += 1
            title = f'Matched reply on "{message.subject}"'
            await printer.show(
                Arrival(
                    message=message,
                    number=asked[message.subject],
                    title=title,
                    moment_ns=session.wall_ns(),
                    suffix="_reply",
                )
            )
        elif message.reply.startswith(prefix) and not message.subject.startswith(prefix):
            requests += 1
            asked[message.reply] = requests
            if len(asked) > _ASKED_MAX:
                del asked[next(iter(asked))]
            await printer.show(_arrival(session, message, requests))
    return replies
