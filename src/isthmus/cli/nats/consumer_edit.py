"""`nats consumer edit`: show what would change, ask, change."""

from typing import Any

import click
import msgspec

from isthmus.cli.groups import FAILED, CommandError
from isthmus.cli.nats import consumer_add
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.changes import differences
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_flags import Options, changed_config, consumer_config
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.consumer_options import consumer_options
from isthmus.cli.nats.consumer_view import consumer_view
from isthmus.cli.nats.flags import EXISTING_FILE, verb
from isthmus.cli.nats.records import ConsumerConfig, ConsumerInfo
from isthmus.cli.nats.session import Session


@verb(
    "edit",
    help="Change a durable consumer, by flags or by a file (--config).",
    refused="--interactive --no-interactive -i -a --all",
)
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.option("--config", type=EXISTING_FILE, help="JSON file with the whole configuration")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
@click.option("--dry-run", is_flag=True, help="Show what would change; exit 1 if anything would")
@consumer_options(editing=True, groups=False)
def command(session: Session, *, force: bool, dry_run: bool, **given: Any) -> int:
    """Compare, ask, change, show."""
    options = Options(**given)

    async def edit(client: Client) -> tuple[ConsumerInfo | None, bool]:
        info = await find_consumer(JetStreamApi(client), options.stream, options.consumer)
        if not info.config.durable_name:
            raise CommandError("only durable consumers can be edited")
        new = _new_config(options, session, info.config)
        text = differences(info.config, new)
        if not text:
            if not dry_run:
                session.streams.out("No difference in configuration")
            return None, False
        session.streams.out(text)
        question = f"Really edit Consumer {info.stream_name} > {info.name}"
        if dry_run or not (force or session.confirm(question)):
            return None, True
        return await consumer_add.run(info.stream_name, new, client), False

    info, refused = session.connected(edit)
    if info is not None:
        session.streams.out(consumer_view(info, session.wall_ns()))
    return FAILED if refused else 0


def _new_config(options: Options, session: Session, old: ConsumerConfig) -> ConsumerConfig:
    if options.config:
        named = msgspec.structs.replace(options, consumer=old.durable_name)
        return consumer_config(named, session)
    return changed_config(options, old)
