"""`nats kv add`: make a bucket and show it."""

from typing import Any

from isthmus.cli.nats.bucket_api import create_stream, in_client_words
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.kv_flags import Options, kv_flags, new_bucket
from isthmus.cli.nats.kv_view import bucket_view
from isthmus.cli.nats.session import Session


@verb("add", help="Make a key-value bucket.", refused="--mirror --mirror-domain --source")
@kv_flags(editing=False)
def command(session: Session, **given: Any) -> None:
    """Make the configuration, create, show."""
    options = Options(**given)
    config = new_bucket(options)
    info = in_client_words(session, lambda api: create_stream(api, config, options.bucket))
    session.streams.out(bucket_view(info))
