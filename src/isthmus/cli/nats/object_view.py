"""An object bucket and its objects as people read them.

Pure layout; prints nothing itself.
"""

from isthmus.cli.nats.bucket_flags import cluster_rows
from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.formats import age, byte_count, count, limit, local_time
from isthmus.cli.nats.object_store import STREAM_PREFIX, Described, digest_text
from isthmus.cli.nats.records import StreamInfo, visible_metadata


def store_view(info: StreamInfo) -> str:
    """Configuration and state of a bucket."""
    config = info.config
    name = config.name.removeprefix(STREAM_PREFIX)
    view = Columns(f"Information for Object Store Bucket {name} created {local_time(info.created)}")
    view.section("Configuration")
    view.row("Bucket Name", name)
    view.row_if("Description", config.description)
    view.row("Replicas", config.num_replicas)
    view.row("TTL", age(config.max_age) if config.max_age > 0 else "unlimited")
    view.row("Sealed", config.sealed)
    view.row("Size", byte_count(info.state.bytes))
    view.row("Maximum Bucket Size", limit(config.max_bytes, byte_count(config.max_bytes)))
    view.row("Storage", "Memory" if config.storage == "memory" else "File")
    view.row("Backing Store Kind", "JetStream")
    view.row("JetStream Stream", config.name)
    metadata = visible_metadata(config.metadata)
    if metadata:
        view.row("Metadata", "\n".join(f"{key}: {value}" for key, value in metadata.items()))
    cluster_rows(view, info)
    return view.render()


def object_view(bucket: str, found: Described) -> str:
    """One object."""
    info = found.info
    view = Columns(f"Object information for {bucket} > {info.name}")
    view.row_if("Description", info.description)
    view.row("Size", byte_count(info.size))
    view.row("Modification Time", local_time(found.written_ns))
    view.row("Chunks", count(info.chunks))
    if info.digest:
        view.row("Digest", digest_text(info))
    if info.deleted:
        view.row("Deleted", info.deleted)
    headers = [f"{key}: {value}" for key, values in info.headers.items() for value in values]
    view.row_if("Headers", "\n".join(headers))
    view.row_if("Metadata", "\n".join(f"{key}: {value}" for key, value in info.metadata.items()))
    return view.render()
