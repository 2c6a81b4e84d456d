"""`nats stream edit`: show what would change, ask, change."""

from typing import Any

import click
import msgspec

from isthmus.cli.groups import FAILED
from isthmus.cli.nats.api import JetStreamApi, saying
from isthmus.cli.nats.changes import differences
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import EXISTING_FILE, verb
from isthmus.cli.nats.records import StreamConfig, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_flags import Options, changed_config, stream_config
from isthmus.cli.nats.stream_info import find_stream
from isthmus.cli.nats.stream_layout import stream_view
from isthmus.cli.nats.stream_options import stream_options

_KV_PREFIX = "KV_"


@verb(
    "edit",
    help="Change a stream, by flags or by a file (--config).",
    refused="--mirror --source --interactive --no-interactive -i -a --all",
)
@click.argument("stream", required=False)
@click.option("--config", type=EXISTING_FILE, help="JSON file with the whole configuration")
@click.option("-f", "--force", is_flag=True, help="Do not ask")
@click.option("--dry-run", is_flag=True, help="Show what would change; exit 1 if anything would")
@click.option("--no-mirror", is_flag=True, help="Mirror nothing any more")
@click.option("--no-transform", is_flag=True, help="Rewrite no subjects any more")
@click.option("--no-republish", is_flag=True, help="Publish nothing again any more")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
@stream_options(editing=True)
def command(session: Session, **given: Any) -> int:
    """Compare, ask, change, show."""
    asked = {name: given.pop(name) for name in ("force", "dry_run")}
    dropped = {
        "mirror": given.pop("no_mirror"),
        "subject_transform": given.pop("no_transform"),
        "republish": given.pop("no_republish"),
    }
    options = Options(**given)

    async def edit(client: Client) -> tuple[StreamInfo | None, bool]:
        api = JetStreamApi(client)
        info = await find_stream(api, options.stream)
        new = _new_config(options, session, info.config, dropped)
        text = differences(info.config, new)
        if not text:
            if not asked["dry_run"]:
                session.streams.out("No difference in configuration")
            return None, False
        session.streams.out(text)
        if asked["dry_run"] or not _agreed(session, info.config.name, force=asked["force"]):
            return None, True
        with saying(f"could not edit Stream {info.config.name}: "):
            return await api.call(f"STREAM.UPDATE.{info.config.name}", StreamInfo, new), False

    info, refused = session.connected(edit)
    if info is not None:
        session.streams.out(f"Stream {info.config.name} was updated\n")
        if options.as_json:
            session.streams.json_pretty(info)
        else:
            session.streams.out(stream_view(info))
    return FAILED if refused else 0


def _new_config(
    options: Options, session: Session, old: StreamConfig, dropped: dict[str, bool]
) -> StreamConfig:
    if options.config:
        named = msgspec.structs.replace(options, stream=old.name)
        return stream_config(named, session)
    new = changed_config(options, old)
    gone = {field: None for field, given in dropped.items() if given}
    return msgspec.structs.replace(new, **gone)


def _agreed(session: Session, name: str, *, force: bool) -> bool:
    if force:
        return True
    if name.startswith(_KV_PREFIX):
        session.streams.out("WARNING: this stream is a key-value bucket; `nats kv edit` changes it")
    return session.confirm(f"Really edit Stream {name}")
