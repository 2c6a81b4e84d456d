"""`nats server check connection`: can one connect, and how fast is the server."""

import time
from typing import Any

import click

from isthmus.base.values import NS_PER_S, Value, format_duration
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.checks import Check, Metric, check_flags, report
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import DURATION, verb
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.session import Session

_HALF_NS = NS_PER_S // 2


class Options(Value):
    """The limits, in nanoseconds."""

    connect_warn: int = _HALF_NS
    connect_critical: int = NS_PER_S
    rtt_warn: int = _HALF_NS
    rtt_critical: int = NS_PER_S
    req_warn: int = _HALF_NS
    req_critical: int = NS_PER_S


@verb("connection", help="Check that one can connect, and how fast.")
@click.option("--connect-warn", type=DURATION, default=_HALF_NS, help="Connecting (500ms)")
@click.option("--connect-critical", type=DURATION, default=NS_PER_S, help="Connecting (1s)")
@click.option("--rtt-warn", type=DURATION, default=_HALF_NS, help="Round trip (500ms)")
@click.option("--rtt-critical", type=DURATION, default=NS_PER_S, help="Round trip (1s)")
@click.option("--req-warn", type=DURATION, default=_HALF_NS, help="Request (500ms)")
@click.option("--req-critical", type=DURATION, default=NS_PER_S, help="Request (1s)")
@check_flags
def command(session: Session, form: str, namespace: str, outfile: str, **given: Any) -> int:
    """Connect, measure, report."""
    options = Options(**given)
    check = Check("connections", "Connection")
    began_ns = time.monotonic_ns()
    try:
        session.connected(lambda client: run(options, client, check, began_ns), setup="")
    except CommandError as error:
        check.critical(f"connection failed: {error}")
    return report(session, check, form=form, namespace=namespace, outfile=outfile)


async def run(options: Options, client: Client, check: Check, began_ns: int) -> None:
    """Measure the three times."""
    took_ns = time.monotonic_ns() - began_ns
    url = client.raw.connected_url
    where = f"{url.scheme}://{url.hostname}:{url.port}" if url else ""
    _judge(
        check,
        _metric("connect_time", took_ns, options.connect_warn, options.connect_critical),
        f"connected to {where} in {format_duration(took_ns)}",
        "connect time exceeded",
    )
    rtt_ns = round(await client.raw.rtt() * NS_PER_S)
    _judge(
        check,
        _metric("rtt", rtt_ns, options.rtt_warn, options.rtt_critical),
        f"rtt time {format_duration(rtt_ns)}",
        "rtt time exceeded",
    )
    request_ns = await _round_trip(client)
    _judge(
        check,
        _metric("request_time", request_ns, options.req_warn, options.req_critical),
        f"round trip took {request_ns / NS_PER_S:.6f}s",
        "round trip request took",
    )


async def _round_trip(client: Client) -> int:
    """A message to ourselves."""
    incoming = Incoming(client)
    inbox = client.raw.new_inbox()
    await incoming.listen(inbox)
    began_ns = time.monotonic_ns()
    await client.raw.publish(inbox, b"check")
    if await incoming.next(client.settings.timeout_ns) is None:
        raise CommandError("no message came back")
    return time.monotonic_ns() - began_ns


def _metric(name: str, value_ns: int, warn_ns: int, critical_ns: int) -> Metric:
    about = {
        "connect_time": "Time taken to connect to NATS",
        "rtt": "The round-trip-time of the connection",
        "request_time": "Time taken for a full Request-Reply operation",
    }
    return Metric(
        name=name,
        value=value_ns / NS_PER_S,
        about=about[name],
        warning=warn_ns / NS_PER_S,
        critical=critical_ns / NS_PER_S,
        unit="s",
    )


def _judge(check: Check, metric: Metric, fine: str, exceeded: str) -> None:
    bound = metric.critical if metric.value >= metric.critical else metric.warning
    check.limit(metric, fine, f"{exceeded} {bound:g}")
