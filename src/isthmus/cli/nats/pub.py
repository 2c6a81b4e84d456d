"""`nats pub`: publish messages, from the command line or the input.

Owns the order of body, templates and headers. Invariant: the run ends with 0 only after the server
has read every message, so a refusal by permission is an error and not a surprise later.
"""

import asyncio
from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bodies import bodies, parse_header_flags, require_literal
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import DURATION, seconds, verb
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.templates import TemplateError, render

_LINES_MAX = 20  # of a longer run only the end is logged


class Options(Value):
    """What to publish, and how often."""

    subject: str
    body: str | None = None
    reply: str = ""
    header: tuple[str, ...] = ()
    count: int = 1
    sleep: int = 0
    force_stdin: bool = False
    send_on: str = "eof"
    jetstream: bool = False
    quiet: bool = False
    templates: bool = True


class Message(Value):
    """What goes out."""

    body: bytes
    subject: str = ""
    headers: dict[str, str] | None = None


class PubAck(Value):
    """What the stream answers."""

    stream: str = ""
    seq: int = 0
    domain: str = ""
    duplicate: bool = False
    val: str = ""
    error: dict[str, Any] | None = None


@verb(
    "publish",
    help="Publish messages. Body and subject may hold {{Count}}, {{ID}}, {{Time}}, {{Random 5 9}}.",
    refused="--atomic --jitter --schedule-after --schedule-at --schedule-cron --schedule-dest "
    "--schedule-every --schedule-source --schedule-ttl",
)
@click.argument("subject")
@click.argument("body", required=False)
@click.option("--reply", default="", metavar="SUBJECT", help="Subject for replies")
@click.option("-H", "--header", multiple=True, metavar="K:V", help="Add a header")
@click.option("--count", type=int, default=1, help="Number of messages")
@click.option("--sleep", type=DURATION, default=0, help="Pause between messages")
@click.option("--force-stdin", is_flag=True, help="Read the body from the input")
@click.option("--send-on", type=click.Choice(["newline", "eof"]), default="eof", help="Split input")
@click.option("-J", "--jetstream", is_flag=True, help="Wait for the acknowledgement of the stream")
@click.option("-q", "--quiet", is_flag=True, help="Log nothing")
@click.option("--templates/--no-templates", default=True, help="Replace {{…}}")
def command(session: Session, **given: Any) -> None:
    """Fill the options, connect, publish."""
    options = Options(**given)
    session.connected(lambda client: run(options, session, client), setup="")


async def run(options: Options, session: Session, client: Client) -> int:
    """Publish, and return the number of messages."""
    headers = parse_header_flags(options.header)
    sent = 0
    total = max(1, options.count)
    for body in bodies(
        session,
        options.body,
        forced=options.force_stdin,
        send_on=options.send_on,
        quiet=options.quiet,
    ):
        for _ in range(total):
            if sent and options.sleep:
                await asyncio.sleep(seconds(options.sleep))
            sent += 1
            message = _filled(options, session, Message(body=body, headers=headers), sent)
            await _publish(options, session, client, message)
    await client.flush()
    if total > _LINES_MAX and not options.quiet:
        session.log(f'Published {sent:,} messages to "{options.subject}"')
    return sent


async def _publish(options: Options, session: Session, client: Client, message: Message) -> None:
    subject, data, headers = message.subject, message.body, message.headers
    quiet = options.quiet or options.count > _LINES_MAX

    def published() -> None:
        if not quiet:
            session.log(f'Published {len(data)} bytes to "{subject}"')

    if not options.jetstream:
        await client.raw.publish(subject, data, reply=options.reply, headers=headers)
        published()
        return
    published()
    answer = await client.raw.request(subject, data, timeout=client.timeout_s, headers=headers)
    _report(session, answer.data, quiet=quiet)


def _report(session: Session, answer: bytes, *, quiet: bool) -> None:
    try:
        ack = msgspec.json.decode(answer, type=PubAck)
    except msgspec.DecodeError:
        raise CommandError("nats: invalid jetstream publish response") from None
    if ack.error is not None:
        raise CommandError(f"{ack.error.get('description')} ({ack.error.get('err_code')})")
    line = f"Stored in Stream: {ack.stream} Sequence: {ack.seq:,}"
    line += f' Domain: "{ack.domain}"' if ack.domain else ""
    line += " Duplicate: true" if ack.duplicate else ""
    line += f" Counter Value: {ack.val}" if ack.val else ""
    if not quiet:
        session.log(line)


def _filled(options: Options, session: Session, message: Message, number: int) -> Message:
    """The message with its templates replaced, and a subject that may be published to."""
    subject, body, headers = options.subject, message.body, message.headers
    now = session.wall_ns()
    try:
        if options.templates:
            subject = render(subject, count=number, wall_ns=now)
            if b"{{" in body:
                body = render(body.decode(), count=number, wall_ns=now).encode()
        if headers:
            headers = {
                key: render(value, count=number, wall_ns=now) for key, value in headers.items()
            }
    except (TemplateError, UnicodeDecodeError) as error:
        session.log(f"Could not parse body template: {error}")
    return Message(subject=require_literal(subject), body=body, headers=headers)
