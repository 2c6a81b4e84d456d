"""`nats stream find`: the streams that fit all conditions."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value, parse_time_ns
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import DURATION, NATURAL, verb
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_ls import read_pages, streams_table


class Options(Value):
    """The conditions; None where nothing was said."""

    server_name: str | None = None
    cluster: str | None = None
    empty: bool = False
    idle: int | None = None
    created: int | None = None
    consumers: int | None = None
    subject: str = ""
    replicas: int | None = None
    sourced: bool = False
    mirrored: bool = False
    leader: str | None = None
    names: bool = False
    invert: bool = False
    api_level: int | None = None


@verb("find", help="Show the streams that fit all conditions.", refused="--expression -a --all")
@click.option("--server-name", metavar="NAME", help="Served by this server")
@click.option("--cluster", metavar="NAME", help="In this cluster")
@click.option("--empty", is_flag=True, help="Without messages")
@click.option("--idle", type=DURATION, help="Without a new message for so long")
@click.option("--created", type=DURATION, help="Made longer ago than this")
@click.option("--consumers", type=NATURAL, help="With at most so many consumers")
@click.option("--subject", default="", metavar="SUBJECT", help="That store these subjects")
@click.option("--replicas", type=NATURAL, help="With at most so many replicas")
@click.option("--sourced", is_flag=True, help="That copy from others")
@click.option("--mirrored", is_flag=True, help="That mirror another")
@click.option("--leader", metavar="NAME", help="Led by this server")
@click.option("-n", "--names", is_flag=True, help="Show names alone")
@click.option("--invert/--no-invert", default=False, help="Show those that do not fit")
@click.option("--api-level", type=NATURAL, help="That need at least this API level")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    infos = session.connected(lambda client: run(options, session, client))
    if options.names:
        for name in sorted(info.config.name for info in infos):
            session.streams.out(name)
        return
    title = f"Streams matching {options.subject}" if options.subject else "Streams"
    session.streams.out(streams_table(title, infos, session.wall_ns()) + "\n\n")


async def run(options: Options, session: Session, client: Client) -> list[StreamInfo]:
    """The streams that fit, by bytes and then name."""
    found = await read_pages(
        JetStreamApi(client), "STREAM.LIST", "streams", subject=options.subject
    )
    infos = [msgspec.convert(entry, StreamInfo) for entry in found]
    fitting = [info for info in infos if _fits(options, info, session.wall_ns()) != options.invert]
    return sorted(fitting, key=lambda info: (info.state.bytes, info.config.name))


def _fits(options: Options, info: StreamInfo, wall_ns: int) -> bool:
    config, state = info.config, info.state
    cluster = info.cluster if info.cluster and info.cluster.name else None
    servers = [cluster.leader, *(peer.name for peer in cluster.replicas)] if cluster else []
    last_ns = max(parse_time_ns(state.last_ts), parse_time_ns(info.created))
    level = int(config.metadata.get("_nats.req.level") or 0)
    conditions = (
        (options.server_name, lambda name: name in servers),
        (options.cluster, lambda name: cluster is not None and cluster.name == name),
        (options.empty or None, lambda _: not state.messages),
        (options.idle, lambda ago_ns: wall_ns - last_ns > ago_ns),
        (options.created, lambda ago_ns: wall_ns - parse_time_ns(info.created) > ago_ns),
        (options.consumers, lambda most: state.consumer_count <= most),
        (options.replicas, lambda most: config.num_replicas <= most),
        (options.sourced or None, lambda _: bool(config.sources)),
        (options.mirrored or None, lambda _: config.mirror is not None),
        (options.leader, lambda name: cluster is not None and cluster.leader == name),
        (options.api_level, lambda least: level >= least),
    )
    return all(fits(given) for given, fits in conditions if given is not None)
