"""A consumer as people read it.

Pure layout over `records`; prints nothing itself. Times that count from now take `wall_ns`.
"""

from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.formats import age, byte_count, count, go_time, local_time, since
from isthmus.cli.nats.records import (
    ZERO_TIME,
    ConsumerConfig,
    ConsumerInfo,
    Position,
    PriorityGroup,
    visible_metadata,
)
from isthmus.cli.nats.stream_layout import backoff_text, peer_text, server_rows

ACK_POLICIES = {
    "explicit": "Explicit",
    "all": "All",
    "none": "None",
    "flow_control": "Flow Control",
}
_DELIVER = {
    "all": "All",
    "last": "Last",
    "new": "New",
    "last_per_subject": "Last Per Subject",
}


def consumer_view(info: ConsumerInfo, wall_ns: int) -> str:
    """Configuration and state."""
    view = Columns(
        f"Information for Consumer {info.stream_name} > {info.name} "
        f"created {local_time(info.created)}"
    )
    view.section("Configuration")
    _identity(view, info)
    _delivery(view, info.config)
    _pull_limits(view, info)
    metadata = visible_metadata(info.config.metadata)
    if metadata:
        view.section("Metadata")
        for key, value in metadata.items():
            view.row(key, value)
    if info.cluster and info.cluster.name:
        view.section("Cluster Information")
        view.row("Name", info.cluster.name)
        view.row_if("Raft Group", info.cluster.raft_group)
        view.row("Leader", info.cluster.leader)
        for peer in info.cluster.replicas:
            view.row("Replica", peer_text(peer))
    _state(view, info, wall_ns)
    return view.render()


def consumer_state_view(info: ConsumerInfo, wall_ns: int) -> str:
    """State alone."""
    view = Columns(
        f"State for Consumer {info.stream_name} > {info.name} created {local_time(info.created)}"
    )
    _state(view, info, wall_ns)
    return view.render()


def _identity(view: Columns, info: ConsumerInfo) -> None:
    config = info.config
    view.row("Name", info.name)
    if config.durable_name and config.durable_name != info.name:
        view.row("Durable Name", config.durable_name)
    view.row_if("Description", config.description)
    if config.deliver_subject:
        view.row("Delivery Subject", config.deliver_subject)
    else:
        view.row("Pull Mode", True)
    view.row_if("Filter Subject", config.filter_subject)
    view.row_if("Filter Subjects", config.filter_subjects)


def _delivery(view: Columns, config: ConsumerConfig) -> None:
    view.row("Deliver Policy", _start(config))
    view.row_if("Deliver Queue Group", config.deliver_group)
    view.row("Ack Policy", ACK_POLICIES.get(config.ack_policy, config.ack_policy))
    if config.ack_policy != "none":
        view.row("Ack Wait", age(config.ack_wait))
    view.row("Replay Policy", config.replay_policy.title())
    if config.max_deliver not in {0, -1}:
        view.row("Maximum Deliveries", count(config.max_deliver))
    view.row_if("Sampling Rate", config.sample_freq)
    if config.rate_limit_bps:
        view.row("Rate Limit", f"{byte_count(config.rate_limit_bps // 8)} / second")
    if config.max_ack_pending > 0:
        view.row("Max Ack Pending", count(config.max_ack_pending))
    if config.max_waiting:
        view.row("Max Waiting Pulls", count(config.max_waiting))
    if config.idle_heartbeat:
        view.row("Idle Heartbeat", age(config.idle_heartbeat))
    if config.deliver_subject:
        view.row("Flow Control", config.flow_control)
    view.row_if("Headers Only", config.headers_only)


def _pull_limits(view: Columns, info: ConsumerInfo) -> None:
    config = info.config
    if config.inactive_threshold and config.deliver_subject == "":
        view.row("Inactive Threshold", age(config.inactive_threshold))
    if config.max_expires:
        view.row("Max Pull Expire", age(config.max_expires))
    if config.max_batch:
        view.row("Max Pull Batch", count(config.max_batch))
    if config.max_bytes:
        view.row("Max Pull MaxBytes", count(config.max_bytes))
    view.row_if("Backoff", backoff_text(config.backoff))
    view.row_if("Replicas", config.num_replicas)
    view.row_if("Memory Storage", config.mem_storage)
    if config.pause_until not in {"", ZERO_TIME}:
        left = f" ({age(info.pause_remaining)} remaining)" if info.paused else ""
        view.row("Paused Until Deadline", local_time(config.pause_until) + left)
    if config.priority_policy not in {"", "none"}:
        view.row("Priority Policy", config.priority_policy)
        view.row("Priority Groups", config.priority_groups)
    if config.priority_policy == "pinned_client":
        view.row("Pinned TTL", age(config.priority_timeout))


def _start(config: ConsumerConfig) -> str:
    if config.deliver_policy == "by_start_time":
        return f"Since {go_time(config.opt_start_time)}"
    if config.deliver_policy == "by_start_sequence":
        return f"From Sequence {config.opt_start_seq}"
    return _DELIVER.get(config.deliver_policy, config.deliver_policy)


def _state(view: Columns, info: ConsumerInfo, wall_ns: int) -> None:
    config = info.config
    acked = config.ack_policy != "none"
    view.section("State")
    server_rows(view, config.metadata)
    view.row("Last Delivered Message", _position(info.delivered, "Last delivery", wall_ns))
    if acked:
        view.row("Acknowledgment Floor", _position(info.ack_floor, "Last Ack", wall_ns))
        most = config.max_ack_pending
        bound = f" out of maximum {count(most)}" if most > 0 else ""
        view.row("Outstanding Acks", f"{count(info.num_ack_pending)}{bound}")
        view.row("Redelivered Messages", count(info.num_redelivered))
    view.row("Unprocessed Messages", count(info.num_pending))
    if not config.deliver_subject:
        bound = f" of maximum {count(config.max_waiting)}" if config.max_waiting else ""
        view.row("Waiting Pulls", f"{count(info.num_waiting)}{bound}")
    elif info.push_bound:
        group = f" using Queue Group {config.deliver_group}" if config.deliver_group else ""
        view.row("Active Interest", f"Active{group}")
    else:
        view.row("Active Interest", "No interest")
    if info.paused:
        left = age(info.pause_remaining)
        view.row("Paused Until", f"{local_time(config.pause_until)} ({left} remaining)")
    if config.priority_policy == "pinned_client":
        view.row("Priority Groups", "\n".join(map(_pin, info.priority_groups)))


def _pin(state: PriorityGroup) -> str:
    if not state.pinned_client_id:
        return f"{state.group}: no pinned client"
    return f"{state.group}: {state.pinned_client_id} since {local_time(state.pinned_ts)}"


def _position(position: Position, what: str, wall_ns: int) -> str:
    text = f"Consumer sequence: {count(position.consumer_seq)} "
    text += f"Stream sequence: {count(position.stream_seq)}"
    if position.last_active:
        text += f" {what}: {since(position.last_active, wall_ns)} ago"
    return text
