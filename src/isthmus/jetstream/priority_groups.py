"""Priority groups: a consumer's configuration as the compiled policy, and its state as a document.

Knows no cursor. A consumer may name several groups, which share one pin; as in the original only
the first is shown.
"""

from isthmus.base.values import format_time
from isthmus.core.priority import Priority
from isthmus.jetstream.consumer_config import ConsumerConfig, PriorityPolicy
from isthmus.jetstream.json_time import ZERO_TIME
from isthmus.jetstream.pulls import PullRequest
from isthmus.jetstream.responses import PriorityGroupState

_POLICIES = {
    PriorityPolicy.OVERFLOW: 1,
    PriorityPolicy.PINNED_CLIENT: 2,
    PriorityPolicy.PRIORITIZED: 3,
}
_WISH_MAX = (1 << 62) - 1
_TIMEOUT_MAX_NS = 1 << 60  # 36 years: a sum with the time of day stays a number


def policy_of(config: ConsumerConfig, old: Priority | None) -> Priority | None:
    """What `config` asks for: `old` where that goes on, None where there are no groups."""
    if config.priority_policy is PriorityPolicy.NONE:
        return None
    policy = _POLICIES[config.priority_policy]
    timeout_ns = min(config.priority_timeout_ns, _TIMEOUT_MAX_NS)
    if old is None or old.policy != policy:
        return Priority(policy, timeout_ns)
    old.configure(timeout_ns)
    return old


def wish_of(
    request: PullRequest, config: ConsumerConfig
) -> tuple[int, int, int, int, bytes] | None:
    """What a request says of itself in its group; None where there are no groups."""
    if config.priority_policy is PriorityPolicy.NONE:
        return None
    groups = config.priority_groups
    return (
        min(max(request.min_pending, 0), _WISH_MAX),
        min(max(request.min_ack_pending, 0), _WISH_MAX),
        request.priority,
        groups.index(request.group) if request.group in groups else -1,
        request.id.encode("utf-8", "replace"),
    )


def states(config: ConsumerConfig, priority: Priority | None) -> tuple[PriorityGroupState, ...]:
    """Who is pinned, as CONSUMER.INFO shows it; of the other policies nobody ever is."""
    if priority is None:
        return ()
    return (
        PriorityGroupState(
            group=config.priority_groups[0],
            pinned_client_id=priority.pin_id.decode(),
            pinned_ts=format_time(priority.pinned_ns) if priority.pinned else ZERO_TIME,
        ),
    )
