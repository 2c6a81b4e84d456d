"""`nats request`: send a request and show the reply, or several.

Owns the waiting: for the first reply `--timeout`, for more of them the mean round trip and a
little. A request that nobody answers is an error (exit 1), unlike the original: scripts must know.
"""

import time
from typing import Any

import click
from nats import errors
from nats.aio.msg import Msg

from isthmus.base.values import Value, format_duration
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bodies import (
    bodies,
    header_lines,
    parse_header_flags,
    print_body,
    require_literal,
)
from isthmus.cli.nats.connect import NO_RESPONDERS, Client
from isthmus.cli.nats.flags import DURATION, seconds, verb
from isthmus.cli.nats.messages import translated
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.templates import TemplateError, render

_MANY = 32_767  # what the original takes for "no limit"


class Options(Value):
    """What to ask, and how many replies to wait for."""

    subject: str
    body: str | None = None
    raw: bool = False
    translate: str = ""
    header: tuple[str, ...] = ()
    count: int = 1
    replies: int = 1
    reply_timeout: int = 300_000_000
    wait_for_empty: bool = False
    force_stdin: bool = False
    send_on: str = "eof"
    templates: bool = True


class Asked(Value):
    """One request."""

    subject: str
    body: bytes
    headers: dict[str, str] | None


@verb(
    "request",
    help="Send a request and show the reply.",
    refused="--wait --no-wait -w",
)
@click.argument("subject")
@click.argument("body", required=False)
@click.option("-r", "--raw", is_flag=True, help="Show the reply's body alone")
@click.option("--translate", default="", metavar="COMMAND", help="Show what it makes of the body")
@click.option("-H", "--header", multiple=True, metavar="K:V", help="Add a header")
@click.option("--count", type=int, default=1, help="Number of requests")
@click.option("--replies", type=int, default=1, help="Replies to wait for; 0 waits --timeout")
@click.option(
    "--reply-timeout", type=DURATION, default=300_000_000, help="Wait between replies (300ms)"
)
@click.option("--wait-for-empty", is_flag=True, help="Take replies until an empty one")
@click.option("--force-stdin", is_flag=True, help="Read the body from the input")
@click.option("--send-on", type=click.Choice(["newline", "eof"]), default="eof", help="Split input")
@click.option("--templates/--no-templates", default=True, help="Replace {{…}}")
def command(session: Session, **given: Any) -> None:
    """Fill the options, connect, ask."""
    options = Options(**given)
    session.connected(lambda client: run(options, session, client), setup="")


async def run(options: Options, session: Session, client: Client) -> int:
    """Ask, show each reply as it comes, and return their number."""
    headers = parse_header_flags(options.header)
    replies = number = 0
    for body in bodies(
        session,
        options.body,
        forced=options.force_stdin,
        send_on=options.send_on,
        quiet=options.raw,
    ):
        for _ in range(options.count if options.count > 0 else _MANY):
            number += 1
            subject, data = _filled(options, session, body, number)
            if not options.raw:
                session.log(f'Sending request on "{subject}"')
            asked = Asked(subject=subject, body=data, headers=headers)
            replies += await _exchange(options, session, client, asked)
    return replies


async def _exchange(
    options: Options,
    session: Session,
    client: Client,
    asked: Asked,
) -> int:
    """One request and its replies; no reply at all is an error."""
    wanted = _MANY if options.wait_for_empty else options.replies or _MANY
    inbox = client.raw.new_inbox()
    before = len(client.complaints)
    waiting = await client.raw.subscribe(inbox)
    started_ns = time.monotonic_ns()
    await client.raw.publish(asked.subject, asked.body, reply=inbox, headers=asked.headers)
    got, rtts_ns = 0, 0
    ends_ns = started_ns + client.settings.timeout_ns
    try:
        while got < wanted:
            wait_ns = ends_ns - time.monotonic_ns()
            if got and options.replies:
                wait_ns = rtts_ns // got + options.reply_timeout
            message = await waiting.next_msg(max(0.001, seconds(wait_ns)))
            rtt_ns = time.monotonic_ns() - started_ns
            _require_responders(session, message, asked.subject, raw=options.raw)
            got, rtts_ns = got + 1, rtts_ns + rtt_ns
            await _show(options, session, message, rtt_ns)
            if not message.data and options.replies and wanted > 1:
                break
    except (TimeoutError, errors.TimeoutError):
        if not got:
            client.raise_complaint(since=before)
            raise CommandError(
                "nats: timeout", hint=f'no reply on "{asked.subject}" within {client.timeout_s:g} s'
            ) from None
    finally:
        await waiting.unsubscribe()
    return got


def _require_responders(session: Session, message: Msg, subject: str, *, raw: bool) -> None:
    headers = message.headers or {}
    if not message.data and headers.get("Status") == NO_RESPONDERS:
        if not raw:
            session.log("No responders are available")
        raise CommandError(f'nats: no responders available for request on "{subject}"')


async def _show(options: Options, session: Session, message: Msg, rtt_ns: int) -> None:
    if not options.raw:
        session.log(f"Received with rtt {format_duration(rtt_ns)}")
        lines = header_lines(message.headers)
        for line in lines:
            session.log(line)
        if lines:
            session.log("")
    body = message.data
    if options.translate:
        body = await translated(options.translate, body, subject=message.subject)
    print_body(session.streams, body)
    session.streams.flush()


def _filled(options: Options, session: Session, body: bytes, number: int) -> tuple[str, bytes]:
    subject, now = options.subject, session.wall_ns()
    try:
        if options.templates:
            subject = render(subject, count=number, wall_ns=now)
            if b"{{" in body:
                body = render(body.decode(), count=number, wall_ns=now).encode()
    except (TemplateError, UnicodeDecodeError) as error:
        session.log(f"Could not parse body template: {error}")
    return require_literal(subject), body
