"""A bucket and its entries as people read them.

Pure layout; prints nothing itself.
"""

import base64

from isthmus.cli.nats.bucket_flags import cluster_rows, metadata_rows
from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.formats import age, byte_count, count, limit, local_time
from isthmus.cli.nats.kv_bucket import STREAM_PREFIX, Entry
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.tables import rounded_table

_SHOWN_MAX, _PART = 40, 15


def bucket_view(info: StreamInfo) -> str:
    """Configuration and state of a bucket."""
    config = info.config
    name = config.name.removeprefix(STREAM_PREFIX)
    view = Columns(
        f"Information for Key-Value Store Bucket {name} created {local_time(info.created)}"
    )
    view.section("Configuration")
    view.row("Bucket Name", name)
    view.row("History Kept", count(config.max_msgs_per_subject))
    view.row("Values Stored", count(info.state.messages))
    view.row("Compressed", config.compression == "s2")
    view.row("Per-Key TTL Supported", config.allow_msg_ttl)
    if config.subject_delete_marker_ttl:
        view.row("Limit Marker TTL", age(config.subject_delete_marker_ttl))
    view.row("Backing Store Kind", "JetStream")
    view.row_if("Description", config.description)
    view.row("Bucket Size", byte_count(info.state.bytes))
    view.row("Maximum Bucket Size", limit(config.max_bytes, byte_count(config.max_bytes)))
    view.row("Maximum Value Size", limit(config.max_msg_size, byte_count(config.max_msg_size)))
    view.row("Maximum Age", age(config.max_age) if config.max_age > 0 else "unlimited")
    view.row("JetStream Stream", config.name)
    view.row("Storage", "Memory" if config.storage == "memory" else "File")
    if config.republish:
        headers = " Headers" if config.republish.headers_only else ""
        target = f"{config.republish.src or '>'} to {config.republish.dest}"
        view.row(f"Republishing{headers}", target)
    metadata_rows(view, config)
    cluster_rows(view, info)
    return view.render()


def history_table(bucket: str, key: str, entries: list[Entry]) -> str:
    """All revisions of a key."""
    rows = [
        (
            entry.key,
            entry.revision,
            entry.operation,
            local_time(entry.created_ns),
            count(len(entry.value)),
            short_value(entry.value),
        )
        for entry in entries
    ]
    headers = ("Key", "Revision", "Op", "Created", "Length", "Value")
    return rounded_table(f"History for {bucket} > {key}", headers, rows)


def short_value(value: bytes) -> str:
    """A value in a table: base64 if it cannot be printed, its middle left out if it is long."""
    text = value.decode("ascii", errors="replace")
    if not (text.isascii() and text.isprintable()):
        text = base64.b64encode(value).decode()
    return text if len(text) <= _SHOWN_MAX else f"{text[:_PART]}...{text[-_PART:]}"
