"""`nats latency`: how long messages take from one server, account or context to another.

Owns the pace and the percentiles. Messages that are not back a while after the last was sent are
lost, which is said.
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from isthmus.base.values import NS_PER_S, Value, format_duration
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.connect import Client, connect
from isthmus.cli.nats.flags import DURATION, WholeType, seconds, verb
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.session import Session

_STAMP = 8  # bytes in front of each message: when it was sent
_SIZE_MAX = 64 * 1024 * 1024
_RATE_MAX = 1_000_000
_LATE_NS = 10 * NS_PER_S
_RULE = "=" * 30
_PERCENTILES = (10, 50, 75, 90, 99, 99.9, 99.99, 99.999, 99.9999, 99.99999, 100)


class Options(Value):
    """Where to, and how much."""

    server_b: str = ""
    context_b: str = ""
    subject: str = ""
    size: int = _STAMP
    rate: int = 1000
    duration: int = 5 * NS_PER_S
    histogram: str = ""


class Measured(Value):
    """One run."""

    latencies_ns: list[int]  # sorted
    sent: int
    first_sent_ns: int  # after the start
    last_sent_ns: int
    last_received_ns: int


@verb("latency", help="Measure how long messages take from one server or account to another.")
@click.option("--server-b", default="", metavar="URL", help="The server that is subscribed to")
@click.option("--context-b", default="", metavar="NAME", help="Its context: another account's, too")
@click.option("--subject", default="", metavar="SUBJECT", help="Subject to use (a new inbox)")
@click.option("--size", type=WholeType(_STAMP, _SIZE_MAX), default=_STAMP, help="Bytes (8)")
@click.option("--rate", type=WholeType(1, _RATE_MAX), default=1000, help="Messages a second (1000)")
@click.option("--duration", type=DURATION, default=5 * NS_PER_S, help="How long (5s)")
@click.option("--histogram", default="", metavar="FILE", help="Write all latencies to this file")
def command(session: Session, **given: Any) -> None:
    """Connect twice, measure, show."""
    options = Options(**given)
    if not options.server_b and not options.context_b:
        raise click.UsageError("required flag --server-b not provided")
    if options.duration <= 0:
        raise click.UsageError("--duration must be more than nothing")
    session.connected(lambda client: run(options, session, client), setup="")


async def run(options: Options, session: Session, sender: Client) -> None:
    """Measure between `sender` and a second connection."""
    settings = session.settings(options.context_b)
    if options.server_b:
        context = msgspec.structs.replace(settings.context, url=options.server_b)
        settings = msgspec.structs.replace(settings, context=context)
    try:
        receiver = await connect(session, settings)
    except CommandError as error:
        raise CommandError(f"second connection failed: {error}", hint=error.hint) from None
    try:
        await _report(options, session, sender, receiver)
    finally:
        receiver.hanging_up = True
        await receiver.raw.close()


async def _report(options: Options, session: Session, sender: Client, receiver: Client) -> None:
    there, back = await sender.raw.rtt(), await receiver.raw.rtt()
    rate = _short(options.rate * options.size * 2)
    for line in (
        _RULE,
        f"Pub Server RTT : {_time(round(there * NS_PER_S))}",
        f"Sub Server RTT : {_time(round(back * NS_PER_S))}",
        f"Message Payload: {_short(options.size)}",
        f"Target Duration: {_time(options.duration)}",
        f"Target Msgs/Sec: {options.rate}",
        f"Target Band/Sec: {rate}",
        _RULE,
    ):
        session.log(line)
    found = await _measure(options, sender, receiver)
    for line in _lines(options, found):
        session.log(line)
    if options.histogram:
        text = "".join(f"{one}\n" for one in found.latencies_ns)
        await asyncio.to_thread(Path(options.histogram).write_text, text)


async def _measure(options: Options, sender: Client, receiver: Client) -> Measured:
    subject = options.subject or sender.raw.new_inbox()
    total = max(1, options.rate * options.duration // NS_PER_S)
    incoming = Incoming(receiver)
    await incoming.listen(subject)
    await receiver.flush()
    sender_task = asyncio.ensure_future(_send(options, sender, subject, total))
    latencies: list[int] = []
    began_ns = last_ns = time.monotonic_ns()
    try:
        while len(latencies) < total:
            message = await incoming.next(_LATE_NS)
            if message is None and sender_task.done():
                break
            if message is not None:
                last_ns = time.monotonic_ns()
                latencies.append(last_ns - int.from_bytes(message.data[:_STAMP], "big"))
        first_ns, end_ns = await sender_task
    finally:
        sender_task.cancel()
    if not latencies:
        raise CommandError(f'no message arrived on "{subject}"')
    return Measured(
        latencies_ns=sorted(latencies),
        sent=total,
        first_sent_ns=first_ns - began_ns,
        last_sent_ns=end_ns - began_ns,
        last_received_ns=last_ns - began_ns,
    )


async def _send(options: Options, sender: Client, subject: str, total: int) -> tuple[int, int]:
    """Send at an even pace; when the first and the last went out."""
    pause_ns = NS_PER_S // options.rate
    filler = bytes(options.size - _STAMP)
    first_ns = now_ns = time.monotonic_ns()
    for number in range(total):
        early_ns = first_ns + number * pause_ns - time.monotonic_ns()
        if early_ns > 0:
            await asyncio.sleep(seconds(early_ns))
        now_ns = time.monotonic_ns()
        await sender.raw.publish(subject, now_ns.to_bytes(_STAMP, "big") + filler)
        await sender.raw._flush_pending()  # noqa: SLF001 — each message on its way at once
    await sender.flush()
    return first_ns, now_ns


def _lines(options: Options, found: Measured) -> list[str]:
    latencies = found.latencies_ns
    took_ns = max(1, found.last_received_ns - found.first_sent_ns)
    rate = len(latencies) * NS_PER_S // took_ns
    lines = ["HDR Percentiles:"]
    for percent in _PERCENTILES:
        label = f"{percent:g}:" if percent < 99.9999 else f"{percent}:"
        lines.append(f"{label:<10}{_time(percentile(latencies, percent))}")
    lost = found.sent - len(latencies)
    return [
        *lines,
        _RULE,
        f"Actual Msgs/Sec: {rate}",
        f"Actual Band/Sec: {_short(rate * options.size * 2)}",
        f"Minimum Latency: {_time(latencies[0])}",
        f"Median Latency : {_time(percentile(latencies, 50))}",
        f"Maximum Latency: {_time(latencies[-1])}",
        f"1st Sent Wall Time : {_time(max(0, found.first_sent_ns))}",
        f"Last Sent Wall Time: {_time(found.last_sent_ns)}",
        f"Last Recv Wall Time: {_time(found.last_received_ns)}",
        *([f"Lost Messages: {lost}"] if lost else []),
    ]


def percentile(ordered: list[int], percent: float) -> int:
    """The value that `percent` of the values do not exceed."""
    position = -(-len(ordered) * percent // 100)
    return ordered[max(0, min(len(ordered), int(position)) - 1)]


def _short(size: int) -> str:
    """`8B`, `16K`, `3M`."""
    for power, unit in ((3, "G"), (2, "M"), (1, "K")):
        if size >= 1000**power:
            return f"{size // 1000**power}{unit}"
    return f"{size}B"


def _time(duration_ns: int) -> str:
    """To the microsecond."""
    return format_duration(round(duration_ns, -3))
