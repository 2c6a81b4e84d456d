"""`nats consumer find`: the consumers that fit all conditions."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value, parse_time_ns
from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import DURATION, NATURAL, verb
from isthmus.cli.nats.records import ConsumerInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import require_stream
from isthmus.cli.nats.stream_ls import read_pages


class Options(Value):
    """The conditions; None where nothing was said."""

    stream: str | None = None
    pull: bool = False
    push: bool = False
    bound: bool = False
    pinned: bool = False
    waiting: int | None = None
    ack_pending: int | None = None
    pending: int | None = None
    idle: int | None = None
    created: int | None = None
    replicas: int | None = None
    leader: str | None = None
    invert: bool = False
    api_level: int | None = None


@verb(
    "find",
    help="Show the consumers that fit all conditions.",
    refused="--expression -a --all",
)
@click.argument("stream", required=False)
@click.option("--pull", is_flag=True, help="Pull consumers")
@click.option("--push", is_flag=True, help="Push consumers")
@click.option("--bound", is_flag=True, help="Push consumers that somebody listens to")
@click.option("--pinned", is_flag=True, help="Consumers that have a pinned client")
@click.option("--waiting", type=NATURAL, help="With at most so many waiting pulls")
@click.option("--ack-pending", type=NATURAL, help="With at most so many unacknowledged messages")
@click.option("--pending", type=NATURAL, help="With at most so many messages to come")
@click.option("--idle", type=DURATION, help="Without a delivery for so long")
@click.option("--created", type=DURATION, help="Made longer ago than this")
@click.option("--replicas", type=NATURAL, help="With at most so many replicas")
@click.option("--leader", metavar="NAME", help="Led by this server")
@click.option("--invert/--no-invert", default=False, help="Show those that do not fit")
@click.option("--api-level", type=NATURAL, help="That need at least this API level")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    for name in session.connected(lambda client: run(options, session, client)):
        session.streams.out(name)


async def run(options: Options, session: Session, client: Client) -> list[str]:
    """The names of the consumers that fit."""
    with saying("could not select Stream: "):
        stream = require_stream(options.stream)
        found = await read_pages(JetStreamApi(client), f"CONSUMER.LIST.{stream}", "consumers")
    infos = [msgspec.convert(entry, ConsumerInfo) for entry in found]
    now = session.wall_ns()
    return sorted(info.name for info in infos if _fits(options, info, now) != options.invert)


def _fits(options: Options, info: ConsumerInfo, wall_ns: int) -> bool:
    pushing = bool(info.config.deliver_subject)
    last_ns = parse_time_ns(info.delivered.last_active or info.created)
    led_by = info.cluster.leader if info.cluster and info.cluster.name else ""
    level = int(info.config.metadata.get("_nats.req.level") or 0)
    conditions = (
        (options.pull or None, lambda _: not pushing),
        (options.push or None, lambda _: pushing),
        (options.bound or None, lambda _: info.push_bound),
        (options.pinned or None, lambda _: bool(info.pinned)),
        (options.waiting, lambda most: info.num_waiting <= most),
        (options.ack_pending, lambda most: info.num_ack_pending <= most),
        (options.pending, lambda most: info.num_pending <= most),
        (options.idle, lambda ago_ns: wall_ns - last_ns > ago_ns),
        (options.created, lambda ago_ns: wall_ns - parse_time_ns(info.created) > ago_ns),
        (options.replicas, lambda most: info.config.num_replicas <= most),
        (options.leader, lambda name: led_by == name),
        (options.api_level, lambda least: level >= least),
    )
    return all(fits(given) for given, fits in conditions if given is not None)
