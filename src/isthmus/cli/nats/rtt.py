"""`nats rtt`: the mean round trip to each address behind each server of the run.

Each address gets its own connection. An address that cannot be reached is reported and the others
are measured; if none could be, the run failed.
"""

import asyncio
import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from isthmus.base.values import NS_PER_S, Value, format_time
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.flags import POSITIVE, verb
from isthmus.cli.nats.formats import age
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.settings import Settings


class Options(Value):
    """How often to measure."""

    iterations: int = 5
    as_json: bool = False


class RoundTrip(Value):
    """One address; `rtt` is the mean in nanoseconds."""

    time: str
    address: str
    rtt: int
    url: str


class Target(Value):
    """One server of the run, and what was measured at each of its addresses."""

    url: str
    results: list[RoundTrip]


@verb("rtt", help="Measure the round trip to servers.")
@click.argument("iterations", type=POSITIVE, default=5, required=False)
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
def command(session: Session, **given: Any) -> None:
    """Measure, then show."""
    options = Options(**given)
    targets, failures = asyncio.run(run(options, session))
    for address, reason in failures:
        session.log(f"Failed to compute rtt for {address}: {reason}")
    if options.as_json:
        session.streams.json_pretty(targets)
    else:
        _show(session, targets)
    if not any(target.results for target in targets):
        raise CommandError(failures[-1][1] if failures else "no server to measure")


async def run(options: Options, session: Session) -> tuple[list[Target], list[tuple[str, str]]]:
    """The round trips, and the addresses that failed with their reasons."""
    targets, failures = [], []
    settings = session.settings()
    for url in settings.urls:
        results = []
        for address in await _addresses(url):
            try:
                rtt_ns = await _measure(session, _to(settings, address), options.iterations)
            except CommandError as error:
                failures.append((address, str(error)))
                continue
            moment = format_time(session.wall_ns())
            results.append(RoundTrip(time=moment, address=address, rtt=rtt_ns, url=url))
        targets.append(Target(url=url, results=results))
    return targets, failures


def _to(settings: Settings, url: str) -> Settings:
    return msgspec.structs.replace(
        settings, context=msgspec.structs.replace(settings.context, url=url)
    )


async def _measure(session: Session, settings: Settings, iterations: int) -> int:
    from isthmus.cli.nats.connect import run_connected

    async def measured(client: Any) -> int:
        total_s = 0.0
        for _ in range(iterations):
            total_s += await client.raw.rtt()
        return int(total_s / iterations * NS_PER_S)

    return await run_connected(session, settings, measured, setup="")


async def _addresses(url: str) -> list[str]:
    """The URL once for each address of its host; itself if the name cannot be resolved."""
    parts = urlsplit(url if "://" in url else f"nats://{url}")
    host, port = parts.hostname or "", parts.port or 4222
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return [url]
    texts = dict.fromkeys(str(entry[4][0]) for entry in found)
    user = parts.netloc.rpartition("@")[0]
    return [
        f"{parts.scheme}://{user}{'@' if user else ''}"
        f"{f'[{text}]' if ipaddress.ip_address(text).version == 6 else text}:{port}"
        for text in texts
    ]


def _show(session: Session, targets: list[Target]) -> None:
    width = 3 + max(
        (len(result.address) for target in targets for result in target.results), default=0
    )
    for target in targets:
        session.streams.out(f"{target.url}:\n")
        for result in target.results:
            session.streams.out(f"{result.address:>{width}}: {age(result.rtt)}")
        session.streams.out()
