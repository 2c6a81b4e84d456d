"""The flags that make a bucket, key-value or object, and the parts of its configuration they name.

Owns what both kinds of bucket have in common. Knows neither keys nor objects.
"""

from collections.abc import Callable
from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.config_files import split_list
from isthmus.cli.nats.flags import DURATION, PAIR, POSITIVE, SIZE
from isthmus.cli.nats.records import Placement, StreamConfig, StreamInfo, visible_metadata

STORAGE = {"f": "file", "m": "memory"}


class BucketOptions(Value):
    """The flags; None where nothing was said."""

    bucket: str
    description: str | None = None
    storage: str | None = None
    ttl: int | None = None
    replicas: int | None = None
    max_bucket_size: int | None = None
    tags: tuple[str, ...] = ()
    cluster: str | None = None
    compress: bool | None = None
    metadata: tuple[tuple[str, str], ...] = ()


def bucket_flags(*, editing: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the flags to a verb; what cannot be changed is left out when `editing`."""
    flags = [
        click.argument("bucket"),
        click.option("--description", metavar="TEXT", help="A line about it"),
        click.option("--ttl", type=DURATION, help="Remove what is older"),
        click.option("--replicas", type=POSITIVE, help="Number of replicas"),
        click.option("--max-bucket-size", type=SIZE, help="Bytes of the bucket at most"),
        click.option("--tags", multiple=True, metavar="TAG", help="Where it may live"),
        click.option("--cluster", metavar="NAME", help="The cluster it lives in"),
        click.option("--compress/--no-compress", default=None, help="Compress what is stored"),
        click.option("--metadata", type=PAIR, multiple=True, help="A note for other programs"),
    ]
    if not editing:
        kinds = click.Choice(["file", "f", "memory", "m"])
        flags.append(click.option("--storage", type=kinds, help="Where it is stored (file)"))

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for flag in reversed(flags):
            function = flag(function)
        return function

    return decorate


def with_flags(options: BucketOptions, config: StreamConfig) -> StreamConfig:
    """`config` with what the flags say."""
    fields: dict[str, Any] = {
        "description": options.description,
        "max_age": options.ttl,
        "num_replicas": options.replicas,
        "max_bytes": options.max_bucket_size,
        "storage": STORAGE.get(options.storage or "", options.storage),
        "compression": None if options.compress is None else ("s2" if options.compress else ""),
        "metadata": {**config.metadata, **dict(options.metadata)} if options.metadata else None,
    }
    if options.tags or options.cluster:
        before = config.placement or Placement()
        fields["placement"] = Placement(
            cluster=options.cluster or before.cluster,
            tags=split_list(options.tags) or before.tags,
        )
    said = {name: value for name, value in fields.items() if value is not None}
    return msgspec.structs.replace(config, **said)


def metadata_rows(view: Columns, config: StreamConfig) -> None:
    """The section with the keys that people set."""
    metadata = visible_metadata(config.metadata)
    if metadata:
        view.section("Metadata")
        for key, value in metadata.items():
            view.row(key, value)


def cluster_rows(view: Columns, info: StreamInfo) -> None:
    """The section that names who serves it; unlike a stream's, it is there for one server too."""
    if info.cluster is None:
        return
    view.section("Cluster Information")
    view.row("Name", info.cluster.name)
    view.row("Leader", info.cluster.leader)
