"""`nats reply`: answer requests with a text, an echo, or what a program prints.

Owns how a reply is made of a request. Answers one request after the other, in order; more of them
at once are more of these processes in the same queue group.
"""

import asyncio
import secrets
import shlex
from typing import Any

import click
import msgspec
from nats.aio.msg import Msg

from isthmus.base.subjects import valid
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bodies import header_lines, parse_header_flags, print_line
from isthmus.cli.nats.connect import Client, read_by_server
from isthmus.cli.nats.flags import DURATION, NATURAL, seconds, verb
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.programs import run_program, split_command
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.templates import TemplateError, render

_COUNTER = "NATS-Reply-Counter"


class Options(Value):
    """What to answer to, and with what."""

    subject: str
    body: str | None = None
    echo: bool = False
    command: str = ""
    queue: str = "NATS-RPLY-22"
    sleep: int = 0
    header: tuple[str, ...] = ()
    count: int = 0


class Answer(Value):
    """What goes back."""

    body: bytes
    headers: dict[str, str] | None


@verb(
    "reply",
    help="Answer requests. The body may hold {{Request}}, {{Count}}, {{ID}}, {{Time}}; the command "
    "also {{1}}, the second token of the subject.",
)
@click.argument("subject")
@click.argument("body", required=False)
@click.option("--echo", is_flag=True, help="Send requests back, with their headers")
@click.option("--command", metavar="COMMAND", default="", help="Answer with what it prints")
@click.option(
    "-q", "--queue", default="NATS-RPLY-22", metavar="GROUP", help="Queue group (NATS-RPLY-22)"
)
@click.option("--sleep", type=DURATION, default=0, help="Wait up to so long before answering")
@click.option("-H", "--header", multiple=True, metavar="K:V", help="Add a header")
@click.option("--count", type=NATURAL, default=0, help="End after so many requests")
def command(session: Session, **given: Any) -> None:
    """Fill the options, connect, answer."""
    options = Options(**given)
    if not valid(options.subject):
        raise CommandError(
            "nats: invalid subject", hint=f'"{options.subject}" cannot be subscribed to'
        )
    if options.command:
        split_command(options.command)
    elif options.body is None and not options.echo:
        session.log("No body or command supplied, enabling echo mode")
        options = msgspec.structs.replace(options, echo=True)
    session.connected(lambda client: run(options, session, client), setup="")


async def run(options: Options, session: Session, client: Client) -> int:
    """Answer, and return the number of requests."""
    headers = parse_header_flags(options.header) or {}
    incoming = Incoming(client)
    await incoming.listen(options.subject, options.queue, limit=options.count)
    await client.flush()
    session.log(f'Listening on "{options.subject}" in group "{options.queue}"')
    session.streams.flush()
    number = 0
    try:
        while not options.count or number < options.count:
            request = await incoming.next()
            assert request is not None, "without a limit there is no silence"
            _show(session, request, number)
            answer = await _answer(options, session, request, number)
            if options.sleep:
                await asyncio.sleep(seconds(secrets.randbelow(options.sleep)))
            if request.reply:
                found = (answer.headers or {}) | headers
                await client.raw.publish(request.reply, answer.body, headers=found or None)
            number += 1
            session.streams.flush()
    finally:
        session.log("\nDraining...")
        await read_by_server(client.raw, client.timeout_s)
        session.log("Exiting")
    await client.flush()
    return number


def _show(session: Session, request: Msg, number: int) -> None:
    session.log(f'[#{number}] Received on subject "{request.subject}":')
    for line in header_lines(request.headers):
        session.log(line)
    session.streams.out()
    print_line(session.streams, request.data)


async def _answer(options: Options, session: Session, request: Msg, number: int) -> Answer:
    """The reply to one request. What cannot be made is said, and answered all the same."""
    if options.command:
        return Answer(body=await _printed(options, session, request, number), headers=None)
    if options.echo:
        echoed = dict(request.headers or {}) | {_COUNTER: str(number)}
        return Answer(body=request.data, headers=echoed)
    text = _filled(options.body or "", session, request, number)
    return Answer(body=text.encode(), headers=None)


async def _printed(options: Options, session: Session, request: Msg, number: int) -> bytes:
    words = split_command(
        options.command, lambda text: _filled(text, session, request, number, tokens=True)
    )
    environ = dict(session.environ) | {
        "NATS_REQUEST_SUBJECT": request.subject,
        "NATS_REQUEST_BODY": request.data.decode(errors="replace").replace("\x00", ""),
    }
    output, problem = await run_program(words, environ=environ)
    if problem:
        session.log(f'Command "{shlex.join(words)}" failed to run: {problem}')
    return output


def _filled(text: str, session: Session, request: Msg, number: int, *, tokens: bool = False) -> str:
    """`text` with its templates replaced, or as it is if they are not understood."""
    extra = {"Request": request.data.decode(errors="replace")}
    if tokens:
        extra |= {str(n): token for n, token in enumerate(request.subject.split("."))}
    try:
        return render(text, count=number, wall_ns=session.wall_ns(), extra=extra)
    except TemplateError as error:
        session.log(f"Could not parse body template: {error}")
        return text
