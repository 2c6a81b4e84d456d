"""`nats consumer add`: create a consumer from a file or from flags, and show it.

A consumer of that name is updated, as the API does.
"""

from typing import Any

import click

from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_flags import MINUTE_NS, Options, consumer_config
from isthmus.cli.nats.consumer_view import consumer_view
from isthmus.cli.nats.flags import DURATION, EXISTING_FILE, PAIR, WholeType, verb
from isthmus.cli.nats.records import ConsumerConfig, ConsumerInfo, CreateRequest
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import require_stream


@verb(
    "add",
    help="Create a consumer from a file (--config) or from flags (--pull --defaults).",
    refused="--validate --output --max-outstanding --pinned-groups --pinned-ttl --overflow-groups "
    "--prioritized-groups -a --all",
)
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("--config", type=EXISTING_FILE, help="JSON file with the configuration")
@click.option("--defaults", is_flag=True, help="Take defaults for what is not said")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option("--pull", is_flag=True, help="Messages are pulled")
@click.option("--target", metavar="SUBJECT", help="Messages are pushed to this subject")
@click.option("--ephemeral", is_flag=True, help="Gone when nobody uses it")
@click.option(
    "--ack",
    "ack_policy",
    type=click.Choice(["none", "all", "explicit", "flow_control"]),
    help="Which messages are acknowledged",
)
@click.option("--bps", "rate_limit_bps", type=int, help="Bits a second, push only")
@click.option(
    "--backoff",
    "backoff_mode",
    type=click.Choice(["linear", "none"]),
    help="Grow the wait between redeliveries",
)
@click.option("--backoff-steps", type=WholeType(1, 10_000), default=10, help="Number of waits")
@click.option("--backoff-min", type=DURATION, default=MINUTE_NS, help="First wait (1m)")
@click.option(
    "--backoff-max", type=DURATION, default=20 * MINUTE_NS, help="The waits stay below this (20m)"
)
@click.option("--deliver", metavar="POLICY", help="all, new, last, subject, a sequence, or 1h")
@click.option("--deliver-group", metavar="GROUP", help="Queue group, push only")
@click.option("--description", metavar="TEXT", help="A line about it")
@click.option("--filter", "filters", multiple=True, metavar="SUBJECT", help="Only these subjects")
@click.option(
    "--flow-control", is_flag=True, default=None, help="Slow down with the subscriber, push only"
)
@click.option(
    "--heartbeat", "idle_heartbeat", type=DURATION, help="Show life in silence, push only"
)
@click.option("--headers-only/--no-headers-only", default=None, help="Leave bodies out")
@click.option("--max-deliver", type=int, help="Deliveries of one message at most")
@click.option("--max-pending", "max_ack_pending", type=int, help="Unacknowledged messages at most")
@click.option("--max-waiting", type=int, help="Waiting pulls at most")
@click.option("--max-pull-batch", "max_batch", type=int, help="Messages of one pull at most")
@click.option("--max-pull-expire", "max_expires", type=DURATION, help="How long a pull may wait")
@click.option("--max-pull-bytes", "max_bytes", type=int, help="Bytes of one pull at most")
@click.option(
    "--replay",
    "replay_policy",
    type=click.Choice(["instant", "original"]),
    help="As fast as possible, or as they came",
)
@click.option("--sample", type=WholeType(-1, 100), help="Percent of acks to report on")
@click.option("--wait", "ack_wait", type=DURATION, help="Wait for an acknowledgement")
@click.option("--inactive-threshold", type=DURATION, help="Gone after so long unused")
@click.option(
    "--memory", "mem_storage", is_flag=True, default=None, help="Keep the state in memory"
)
@click.option("--replicas", "num_replicas", type=int, help="Number of replicas")
@click.option("--metadata", type=PAIR, multiple=True, help="A note for other programs")
@click.option("--pause", metavar="TIME", help="Deliver nothing until this time, or for so long")
def command(session: Session, **given: Any) -> None:
    """Make the configuration, create, show."""
    options = Options(**given)
    with saying("could not select Stream: "):
        stream = require_stream(options.stream)
    config = consumer_config(options, session)
    info = session.connected(lambda client: run(stream, config, client))
    if options.as_json:
        session.streams.json_pretty(info)
    else:
        session.streams.out(consumer_view(info, session.wall_ns()))


async def run(stream: str, config: ConsumerConfig, client: Client) -> ConsumerInfo:
    """Create the consumer, or update the one of that name."""
    endpoint = f"CONSUMER.CREATE.{stream}.{config.name}"
    if config.filter_subject:
        endpoint += f".{config.filter_subject}"
    request = CreateRequest(stream_name=stream, config=config)
    with saying("Consumer creation failed: "):
        return await JetStreamApi(client).call(endpoint, ConsumerInfo, request)
