"""A stream as people read it: the information view and its state part.

Pure layout over `records`; prints nothing itself.
"""

from isthmus.base.values import format_duration
from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.formats import age, byte_count, count, limit, local_time
from isthmus.cli.nats.records import (
    Cluster,
    Peer,
    SourceInfo,
    StreamConfig,
    StreamInfo,
    StreamSource,
    visible_metadata,
)

_RETENTION = {"limits": "Limits", "interest": "Interest", "workqueue": "WorkQueue"}
_STORAGE = {"file": "File", "memory": "Memory"}


def stream_view(info: StreamInfo) -> str:
    """Configuration and state."""
    config = info.config
    view = Columns(f"Information for Stream {config.name} created {local_time(info.created)}")
    _placement(view, config)
    _options(view, config)
    _limits(view, config)
    metadata = visible_metadata(config.metadata)
    if metadata:
        view.section("Metadata")
        for key, value in metadata.items():
            view.row(key, value)
    if config.mirror or config.sources:
        view.section("Replication")
        if config.mirror:
            view.row("Mirror", _source(config.mirror))
        for number, source in enumerate(config.sources):
            view.row("" if number else "Sources", _source(source))
    _cluster(view, info.cluster)
    if info.mirror:
        view.section("Mirror Information")
        _copied(view, info.mirror)
    for number, copied in enumerate(info.sources):
        if number:
            view.blank()
        else:
            view.section("Source Information")
        _copied(view, copied)
    _state(view, info)
    return view.render()


def stream_state_view(info: StreamInfo) -> str:
    """State alone."""
    view = Columns(f"State for Stream {info.config.name} created {local_time(info.created)}")
    _cluster(view, info.cluster)
    _state(view, info)
    return view.render()


def _placement(view: Columns, config: StreamConfig) -> None:
    view.row_if("Description", config.description)
    view.row_if("Subjects", config.subjects)
    view.row("Replicas", config.num_replicas)
    view.row_if("Sealed", config.sealed)
    view.row("Storage", _STORAGE.get(config.storage, config.storage))
    if config.compression == "s2":
        view.row("Compression", "S2 Compression")
    view.row_if("Persistence Mode", config.persist_mode.title())
    view.row_if("First Sequence", count(config.first_seq) if config.first_seq else "")
    if config.placement:
        view.row_if("Placement Cluster", config.placement.cluster)
        view.row_if("Placement Tags", config.placement.tags)


def _options(view: Columns, config: StreamConfig) -> None:
    view.section("Options")
    transform = config.subject_transform
    if transform:
        view.row("Subject Transform", f"{transform.src or '>'} to {transform.dest}")
    if config.republish:
        headers = " Headers" if config.republish.headers_only else ""
        target = f"{config.republish.src or '>'} to {config.republish.dest}"
        view.row(f"Republishing{headers}", target)
    view.row("Retention", _RETENTION.get(config.retention, config.retention))
    view.row("Acknowledgments", not config.no_ack)
    discard = "Old" if config.discard == "old" else "New"
    view.row("Discard Policy", "New Per Subject" if config.discard_new_per_subject else discard)
    view.row("Duplicate Window", age(config.duplicate_window))
    view.row_if("Direct Get", config.allow_direct)
    view.row_if("Mirror Direct Get", config.mirror_direct)
    view.row("Allows Atomic Batch Publish", config.allow_atomic)
    view.row("Allows Fast Batch Publish", config.allow_batched)
    view.row("Allows Counters", config.allow_msg_counter)
    view.row("Allows Msg Delete", not config.deny_delete)
    view.row("Allows Per-Message TTL", config.allow_msg_ttl)
    view.row("Allows Purge", not config.deny_purge)
    view.row("Allows Schedules", config.allow_msg_schedules)
    if config.subject_delete_marker_ttl:
        view.row("Subject Delete Markers TTL", age(config.subject_delete_marker_ttl))
    view.row("Allows Rollups", config.allow_rollup_hdrs)


def _limits(view: Columns, config: StreamConfig) -> None:
    view.section("Limits")
    view.row("Maximum Messages", limit(config.max_msgs, count(config.max_msgs)))
    per_subject = config.max_msgs_per_subject
    view.row("Maximum Per Subject", limit(per_subject, count(per_subject)))
    view.row("Maximum Bytes", limit(config.max_bytes, byte_count(config.max_bytes)))
    view.row("Maximum Age", age(config.max_age) if config.max_age > 0 else "unlimited")
    size = config.max_msg_size
    view.row("Maximum Message Size", limit(size, byte_count(size)))
    view.row("Maximum Consumers", limit(config.max_consumers, count(config.max_consumers)))
    imposed = config.consumer_limits
    if imposed.inactive_threshold:
        view.row("Consumer Inactive Threshold", age(imposed.inactive_threshold))
    if imposed.max_ack_pending:
        view.row("Consumer Max Ack Pending", count(imposed.max_ack_pending))


def _cluster(view: Columns, cluster: Cluster | None) -> None:
    if cluster is None or not cluster.name:
        return  # a stand-alone server names only itself
    view.section("Cluster Information")
    view.row("Name", cluster.name)
    view.row_if("Cluster Group", cluster.raft_group)
    view.row("Leader", cluster.leader)
    for peer in cluster.replicas:
        view.row("Replica", peer_text(peer))


def peer_text(peer: Peer) -> str:
    """One replica in words."""
    state = [peer.name, "current" if peer.current else "outdated"]
    if peer.offline:
        state.append("OFFLINE")
    state.append(f"seen {age(peer.active)} ago" if peer.active else "not seen")
    if peer.lag:
        state.append(f"{count(peer.lag)} operation{'s' if peer.lag > 1 else ''} behind")
    return ", ".join(state)


def _state(view: Columns, info: StreamInfo) -> None:
    state = info.state
    view.section("State")
    server_rows(view, info.config.metadata)
    view.row("Messages", count(state.messages))
    view.row("Bytes", byte_count(state.bytes))
    if state.lost:
        lost = len(state.lost.msgs or ())
        view.row("Lost Messages", f"{count(lost)} ({byte_count(state.lost.bytes)})")
    view.row("First Sequence", _position(state.first_seq, state.first_ts))
    view.row("Last Sequence", _position(state.last_seq, state.last_ts))
    view.row_if("Deleted Messages", count(state.num_deleted) if state.num_deleted else "")
    view.row("Active Consumers", count(state.consumer_count))
    view.row_if("Number of Subjects", count(state.num_subjects) if state.num_subjects else "")


def server_rows(view: Columns, metadata: dict[str, str]) -> None:
    """Which server holds it, and the API level it needs."""
    view.row_if("Host Version", metadata.get("_nats.ver", ""))
    if "_nats.level" in metadata:
        needed = metadata.get("_nats.req.level") or "0"
        view.row("Required API Level", f"{needed} hosted at level {metadata['_nats.level']}")


def _position(seq: int, moment: str) -> str:
    if moment.startswith("0001-") or not moment:
        return count(seq)
    return f"{count(seq)} @ {local_time(moment)}"


def _source(source: StreamSource) -> str:
    parts = [source.name]
    if source.opt_start_seq:
        parts.append(f"Start Seq: {count(source.opt_start_seq)}")
    if source.opt_start_time:
        parts.append(f"Start Time: {local_time(source.opt_start_time)}")
    parts += [f"Subject Filter: {source.filter_subject}"] if source.filter_subject else []
    if source.external:
        parts.append(f"API Prefix: {source.external.api}")
        if source.external.deliver:
            parts.append(f"Delivery Prefix: {source.external.deliver}")
    return ", ".join(parts)


def _copied(view: Columns, copied: SourceInfo) -> None:
    view.row("Stream Name", copied.name)
    view.row_if("Subject Filter", copied.filter_subject)
    for transform in copied.subject_transforms:
        view.row("Subject Transform", f"{transform.src} to {transform.dest}")
    view.row("Lag", count(copied.lag))
    view.row("Last Seen", age(copied.active) if copied.active > 0 else "never")
    if copied.external:
        view.row_if("Ext. API Prefix", copied.external.api)
        view.row_if("Ext. Delivery Prefix", copied.external.deliver)
    if copied.error:
        view.row("Error", str(copied.error.get("description", copied.error)))


def backoff_text(steps_ns: list[int]) -> str:
    """A backoff list in Go's durations."""
    return ", ".join(format_duration(step) for step in steps_ns)
