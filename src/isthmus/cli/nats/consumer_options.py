"""The flags that say what a consumer is, for the verbs that make or change one.

Owns their names, types and help. What they mean is in `consumer_flags`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import click

from isthmus.cli.nats.consumer_flags import MINUTE_NS
from isthmus.cli.nats.flags import DURATION, PAIR, WholeType

_NEW_FLAGS = (
    click.option("--pull", is_flag=True, help="Messages are pulled"),
    click.option("--ephemeral", is_flag=True, help="Gone when nobody uses it"),
    click.option(
        "--ack",
        "ack_policy",
        type=click.Choice(["none", "all", "explicit", "flow_control"]),
        help="Which messages are acknowledged",
    ),
    click.option("--bps", "rate_limit_bps", type=int, help="Bits a second, push only"),
    click.option("--deliver", metavar="POLICY", help="all, new, last, subject, a sequence, or 1h"),
    click.option("--deliver-group", metavar="GROUP", help="Queue group, push only"),
    click.option(
        "--flow-control",
        is_flag=True,
        default=None,
        help="Slow down if need be, push only",
    ),
    click.option(
        "--heartbeat", "idle_heartbeat", type=DURATION, help="Show life in silence, push only"
    ),
    click.option("--max-waiting", type=int, help="Waiting pulls at most"),
    click.option(
        "--replay",
        "replay_policy",
        type=click.Choice(["instant", "original"]),
        help="As fast as possible, or as they came",
    ),
    click.option(
        "--memory", "mem_storage", is_flag=True, default=None, help="Keep the state in memory"
    ),
    click.option("--pause", metavar="TIME", help="Deliver nothing until this time, or for so long"),
)
_GROUP_FLAGS = (
    click.option(
        "--pinned-groups",
        multiple=True,
        metavar="GROUP",
        help="Priority groups in which one client gets everything",
    ),
    click.option(
        "--pinned-ttl", type=DURATION, help="How long a silent client stays the pinned one (2m)"
    ),
    click.option(
        "--overflow-groups",
        multiple=True,
        metavar="GROUP",
        help="Priority groups of clients that wait until there is much",
    ),
    click.option(
        "--prioritized-groups",
        multiple=True,
        metavar="GROUP",
        help="Priority groups of clients with a rank of their own",
    ),
)
_FLAGS = (
    click.option("--target", metavar="SUBJECT", help="Messages are pushed to this subject"),
    click.option(
        "--backoff",
        "backoff_mode",
        type=click.Choice(["linear", "none"]),
        help="Grow the wait between redeliveries",
    ),
    click.option("--backoff-steps", type=WholeType(1, 10_000), default=10, help="Number of waits"),
    click.option("--backoff-min", type=DURATION, default=MINUTE_NS, help="First wait (1m)"),
    click.option(
        "--backoff-max",
        type=DURATION,
        default=20 * MINUTE_NS,
        help="They stay below this (20m)",
    ),
    click.option("--description", metavar="TEXT", help="A line about it"),
    click.option("--filter", "filters", multiple=True, metavar="SUBJECT", help="Only these"),
    click.option("--headers-only/--no-headers-only", default=None, help="Leave bodies out"),
    click.option("--max-deliver", type=int, help="Deliveries of one message at most"),
    click.option("--max-pending", "max_ack_pending", type=int, help="Unacknowledged at most"),
    click.option("--max-pull-batch", "max_batch", type=int, help="Messages of one pull at most"),
    click.option("--max-pull-expire", "max_expires", type=DURATION, help="How long one waits"),
    click.option("--max-pull-bytes", "max_bytes", type=int, help="Bytes of one pull at most"),
    click.option("--sample", type=WholeType(-1, 100), help="Percent of acks to report on"),
    click.option("--wait", "ack_wait", type=DURATION, help="Wait for an acknowledgement"),
    click.option("--inactive-threshold", type=DURATION, help="Gone after so long unused"),
    click.option("--replicas", "num_replicas", type=int, help="Number of replicas"),
    click.option("--metadata", type=PAIR, multiple=True, help="A note for other programs"),
)

Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def consumer_options(*, editing: bool = False, groups: bool = True) -> Decorator:
    """Add the flags to a verb; what cannot be changed is left out when `editing`.

    `groups` adds those of priority groups.
    """
    flags = _FLAGS if editing else (*_NEW_FLAGS, *_FLAGS)
    if groups:
        flags = (*flags, *_GROUP_FLAGS)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for flag in reversed(flags):
            function = flag(function)
        return function

    return decorate
