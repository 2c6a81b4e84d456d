"""`nats object add`: make an object bucket and show it."""

from typing import Any

from isthmus.cli.nats.bucket_api import create_stream, in_client_words
from isthmus.cli.nats.bucket_flags import BucketOptions, bucket_flags, with_flags
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.object_store import STREAM_PREFIX, require_store
from isthmus.cli.nats.object_view import store_view
from isthmus.cli.nats.records import StreamConfig
from isthmus.cli.nats.session import Session


@verb("add", help="Make an object bucket.")
@bucket_flags(editing=False)
def command(session: Session, **given: Any) -> None:
    """Make the configuration, create, show."""
    options = BucketOptions(**given)
    config = with_flags(options, _new_store(require_store(options.bucket)))
    info = in_client_words(session, lambda api: create_stream(api, config, options.bucket))
    session.streams.out(store_view(info))


def _new_store(name: str) -> StreamConfig:
    return StreamConfig(
        name=f"{STREAM_PREFIX}{name}",
        subjects=[f"$O.{name}.C.>", f"$O.{name}.M.>"],
        max_consumers=-1,
        max_msgs=-1,
        max_bytes=-1,
        max_msgs_per_subject=-1,
        max_msg_size=-1,
        num_replicas=1,
        discard="new",
        allow_rollup_hdrs=True,
        allow_direct=True,
    )
