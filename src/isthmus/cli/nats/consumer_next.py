"""`nats consumer next`: pull messages one by one and acknowledge them.

Owns the pull request, the reading of the `$JS.ACK` subject and the printed form. Asks for nothing
but `CONSUMER.MSG.NEXT`; `CONSUMER.INFO` only explains why nobody answered, its grant is not needed.

    $JS.ACK.<stream>.<consumer>.<tries>.<seq>.<consumer_seq>.<time>.<pending>
    $JS.ACK.<domain>.<account>.<stream>.<consumer>.….<pending>[.<token>]

The server ends a pull at its expiry; the tool waits a little longer: nothing comes to nobody.
"""

import asyncio
import secrets
from typing import Any

import click
from nats import errors
from nats.aio.msg import Msg

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value, format_duration
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi, require_name
from isthmus.cli.nats.bodies import header_lines, print_line
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.failures import in_words
from isthmus.cli.nats.flags import DURATION, NATURAL, seconds, verb
from isthmus.cli.nats.formats import clock_time
from isthmus.cli.nats.records import ConsumerInfo, Record
from isthmus.cli.nats.session import Session

_GRACE_S = 0.5  # after the pull's expiry, for the status that says so
_V1_TOKENS, _V2_TOKENS_MIN = 9, 11
_TIMEOUTS = {"404", "408"}


class Options(Value):
    """Which consumer, how many messages, and what to answer."""

    stream: str
    consumer: str
    ack: bool | None = None  # None: not said, so yes
    nak: bool = False
    term: bool = False
    raw: bool = False
    wait: int = 0
    count: int = 1


class PullRequest(Record):
    """The request of CONSUMER.MSG.NEXT."""

    expires: int
    batch: int


class Delivery(Value, kw_only=False):
    """What the reply subject of a delivered message says, in its order."""

    tries: int
    seq: int
    consumer_seq: int
    time_ns: int
    pending: int


@verb("next", help="Pull messages from a pull consumer and acknowledge them.", refused="-a --all")
@click.argument("stream")
@click.argument("consumer")
@click.option("--ack/--no-ack", default=None, help="Acknowledge (the default)")
@click.option("--nak", is_flag=True, help="Ask for redelivery instead")
@click.option("--term", is_flag=True, help="Ask for no redelivery, ever")
@click.option("-r", "--raw", is_flag=True, help="Show the body alone")
@click.option("--wait", type=DURATION, default=0, help="Wait up to so long before acknowledging")
@click.option("--count", type=NATURAL, default=1, help="Number of messages")
def command(session: Session, **given: Any) -> None:
    """Fill the options, connect, pull."""
    options = Options(**given)
    if options.term and (options.ack or options.nak):
        raise click.UsageError("can not both Acknowledge and Terminate message")
    require_name("stream", options.stream)
    require_name("consumer", options.consumer)
    session.connected(lambda client: run(options, session, client))


async def run(options: Options, session: Session, client: Client) -> int:
    """Pull, show, answer, one message after the other; return their number."""
    api = JetStreamApi(client)
    for _ in range(options.count):
        message = await _pull(options, api)
        _show(options, session, message)
        await _answer(options, session, client, message)
        session.streams.flush()
    return options.count


async def _pull(options: Options, api: JetStreamApi) -> Msg:
    body = PullRequest(expires=api.client.settings.timeout_ns, batch=1)
    endpoint = f"CONSUMER.MSG.NEXT.{options.stream}.{options.consumer}"
    try:
        message = await api.pull(endpoint, body, grace_s=_GRACE_S)
    except errors.NoRespondersError as error:
        raise await _explained(options, api, error) from None
    except errors.TimeoutError as error:
        raise CommandError(f"no message received: {in_words(error)}") from None
    status = (message.headers or {}).get("Status", "")
    if status and not message.reply:
        reason = (message.headers or {}).get("Description", "")
        what = "nats: timeout" if status in _TIMEOUTS else f"{status} {reason}".strip()
        raise CommandError(f"no message received: {what}")
    return message


async def _explained(
    options: Options, api: JetStreamApi, error: errors.NoRespondersError
) -> CommandError:
    """Why nobody answers the pull: the consumer, if it may be asked for, knows better."""
    endpoint = f"CONSUMER.INFO.{options.stream}.{options.consumer}"
    try:
        info = await api.call(endpoint, ConsumerInfo)
    except (CommandError, JetStreamError) as cause:
        hint = cause.hint if isinstance(cause, CommandError) else ""
        return CommandError(f'could not load consumer "{options.consumer}": {cause}', hint=hint)
    if info.config.deliver_subject:
        return CommandError(f'consumer "{options.consumer}" is not a Pull consumer')
    return CommandError(f"no message received: {in_words(error)}")


def _show(options: Options, session: Session, message: Msg) -> None:
    streams = session.streams
    if options.raw:
        print_line(streams, message.data)
        return
    found = parse_delivery(message.reply)
    if found is None:
        reply = f" reply: {message.reply}" if message.reply else ""
        streams.out(f"--- subject: {message.subject}{reply}")
    else:
        streams.out(
            f"[{clock_time(session.wall_ns())}] subj: {message.subject} / tries: {found.tries} / "
            f"cons seq: {found.consumer_seq} / str seq: {found.seq} / pending: {found.pending:,}"
        )
    streams.out()
    lines = header_lines(message.headers)
    if lines:
        streams.out("Headers:\n")
        for line in lines:
            streams.out(f"  {line}")
        streams.out("\nData:\n\n")
    streams.out_bytes(message.data)
    if not message.data.endswith(b"\n"):
        streams.out()


async def _answer(options: Options, session: Session, client: Client, message: Msg) -> None:
    """Acknowledge, or whatever was asked for, and return when the server has it."""
    streams = session.streams
    if options.term:
        await _send(client, message, b"+TERM", "Terminate")
        streams.out("\nTerminated message")
        return
    if options.ack is False and not options.nak:
        return
    delay_ns = secrets.randbelow(options.wait) if options.wait else 0
    if delay_ns:
        await asyncio.sleep(seconds(delay_ns))
    if options.nak:
        await _send(client, message, b"-NAK", "Negative Acknowledge")
        text = "Negative Acknowledged message"
    else:
        await _send(client, message, b"+ACK", "Acknowledge")
        text = "Acknowledged message"
    after = f" after {format_duration(delay_ns)} delay" if delay_ns else ""
    if not options.raw:
        streams.out(f"\n{text}{after}\n")


async def _send(client: Client, message: Msg, answer: bytes, what: str) -> None:
    if not message.reply:
        raise CommandError(f"could not {what} message: nats: message does not have a reply")
    try:
        await client.raw.publish(message.reply, answer)
        await client.flush()
    except (CommandError, errors.Error) as error:
        text = in_words(error) if isinstance(error, errors.Error) else str(error)
        raise CommandError(f"could not {what} message: {text}") from None


def parse_delivery(reply: str) -> Delivery | None:
    """The counters in a `$JS.ACK` subject of either form; None for any other subject."""
    tokens = reply.split(".")
    if tokens[:2] != ["$JS", "ACK"]:
        return None
    if len(tokens) >= _V2_TOKENS_MIN:
        tokens = tokens[:2] + tokens[4:]
    elif len(tokens) != _V1_TOKENS:
        return None
    numbers = tokens[4:9]
    if not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    return Delivery(*map(int, numbers))
