"""`nats stream add`: create a stream from a file or from flags, and show it."""

from typing import Any

import click

from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import AGE, DURATION, EXISTING_FILE, PAIR, SIZE, verb
from isthmus.cli.nats.records import StreamConfig, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_flags import Options, stream_config
from isthmus.cli.nats.stream_view import stream_view


@verb(
    "add",
    help="Create a stream from a file (--config) or from flags (--defaults for what is not said).",
    refused="--mirror --source --validate --output --allow-mirror-direct --no-allow-mirror-direct "
    "-a --all",
)
@click.argument("stream", required=False)
@click.option("--config", type=EXISTING_FILE, help="JSON file with the configuration")
@click.option("--defaults", is_flag=True, help="Take defaults for what is not said")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@click.option("--subjects", multiple=True, metavar="LIST", help="Subjects to store")
@click.option("--description", metavar="TEXT", help="A line about it")
@click.option("--storage", type=click.Choice(["file", "f", "memory", "m"]), help="Where")
@click.option("--compression", type=click.Choice(["none", "s2"]), help="Compression of files")
@click.option("--replicas", "num_replicas", type=int, help="Number of replicas")
@click.option("--tag", "--tags", "tag", multiple=True, metavar="TAG", help="Placement tag")
@click.option("--cluster", metavar="NAME", help="Placement cluster")
@click.option("--ack/--no-ack", default=None, help="Acknowledge publishes")
@click.option(
    "--retention",
    type=click.Choice(["limits", "interest", "workq", "work"]),
    help="What removes messages: limits, interest or being worked off",
)
@click.option("--discard", type=click.Choice(["old", "new"]), help="What goes when it is full")
@click.option(
    "--discard-per-subject/--no-discard-per-subject",
    "discard_new_per_subject",
    default=None,
    help="Apply --discard=new to each subject",
)
@click.option("--first-sequence", "first_seq", type=int, help="Sequence of the first message")
@click.option("--max-age", type=AGE, help="How long messages are kept")
@click.option("--max-bytes", type=SIZE, help="How many bytes are kept")
@click.option("--max-consumers", type=int, help="How many consumers there may be")
@click.option("--max-msg-size", type=SIZE, help="How large a message may be")
@click.option("--max-msgs", type=int, help="How many messages are kept")
@click.option("--max-msgs-per-subject", type=int, help="How many of each subject")
@click.option(
    "--dupe-window", "duplicate_window", type=DURATION, help="How long ids are remembered"
)
@click.option(
    "--allow-batch/--no-allow-batch", "allow_atomic", default=None, help="Allow atomic batches"
)
@click.option(
    "--allow-fast/--no-allow-fast", "allow_batched", default=None, help="Allow fast batches"
)
@click.option(
    "--allow-counter", "allow_msg_counter", is_flag=True, default=None, help="Messages are counters"
)
@click.option(
    "--allow-rollup/--no-allow-rollup",
    "allow_rollup_hdrs",
    default=None,
    help="Allow messages that replace older ones",
)
@click.option("--deny-delete/--no-deny-delete", default=None, help="Messages cannot be deleted")
@click.option("--deny-purge/--no-deny-purge", default=None, help="The stream cannot be purged")
@click.option(
    "--allow-direct/--no-allow-direct", default=None, help="Allow direct gets (on with --defaults)"
)
@click.option(
    "--allow-msg-ttl", is_flag=True, default=None, help="Messages may have an own time to live"
)
@click.option(
    "--allow-schedules/--no-allow-schedules",
    "allow_msg_schedules",
    default=None,
    help="Messages may be scheduled",
)
@click.option(
    "--subject-del-markers-ttl",
    "subject_delete_marker_ttl",
    type=DURATION,
    help="Mark what age removed, for so long",
)
@click.option("--transform-source", metavar="SUBJECT", help="Subjects to rewrite")
@click.option("--transform-destination", metavar="SUBJECT", help="What they become")
@click.option("--republish-source", metavar="SUBJECT", help="Stored subjects to publish again")
@click.option("--republish-destination", metavar="SUBJECT", help="Where to")
@click.option("--republish-headers", is_flag=True, default=None, help="Headers alone")
@click.option("--metadata", type=PAIR, multiple=True, help="A note for other programs")
@click.option(
    "--limit-consumer-inactive", type=DURATION, help="Consumers go after so long unused, at most"
)
@click.option(
    "--limit-consumer-max-pending", type=int, help="Unacknowledged messages of a consumer, at most"
)
@click.option(
    "--persist-mode", type=click.Choice(["default", "async"]), help="When a publish is acknowledged"
)
def command(session: Session, **given: Any) -> None:
    """Make the configuration, create, show."""
    options = Options(**given)
    config = stream_config(options, session)
    info = session.connected(lambda client: run(config, client), setup="could not create Stream: ")
    session.streams.out(f"Stream {info.config.name} was created\n")
    if options.as_json:
        session.streams.json_pretty(info)
    else:
        session.streams.out(stream_view(info))


async def run(config: StreamConfig, client: Client) -> StreamInfo:
    """Create the stream."""
    with saying("could not create Stream: "):
        api = JetStreamApi(client)
        return await api.call(f"STREAM.CREATE.{config.name}", StreamInfo, config)
