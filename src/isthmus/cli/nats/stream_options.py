"""The flags that say what a stream is, for the verbs that make or change one.

Owns their names, types and help. What they mean is in `stream_flags`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import click

from isthmus.cli.nats.flags import AGE, DURATION, PAIR, SIZE

_NEW_FLAGS = (
    click.option("--storage", type=click.Choice(["file", "f", "memory", "m"]), help="Where"),
    click.option("--mirror", metavar="NAME|JSON", help="Mirror this stream"),
    click.option(
        "--source", "origins", multiple=True, metavar="NAME|JSON", help="Copy this stream, too"
    ),
    click.option("--first-sequence", "first_seq", type=int, help="Sequence of the first message"),
    click.option(
        "--limit-consumer-inactive",
        type=DURATION,
        help="Consumers go after so long unused, at most",
    ),
    click.option(
        "--limit-consumer-max-pending",
        type=int,
        help="Unacknowledged messages of a consumer, at most",
    ),
    click.option(
        "--persist-mode",
        type=click.Choice(["default", "async"]),
        help="When a publish is acknowledged",
    ),
)
_FLAGS = (
    click.option("--subjects", multiple=True, metavar="LIST", help="Subjects to store"),
    click.option("--description", metavar="TEXT", help="A line about it"),
    click.option("--compression", type=click.Choice(["none", "s2"]), help="Compression of files"),
    click.option("--replicas", "num_replicas", type=int, help="Number of replicas"),
    click.option("--tag", "--tags", "tag", multiple=True, metavar="TAG", help="Placement tag"),
    click.option("--cluster", metavar="NAME", help="Placement cluster"),
    click.option("--ack/--no-ack", default=None, help="Acknowledge publishes"),
    click.option(
        "--retention",
        type=click.Choice(["limits", "interest", "workq", "work"]),
        help="What removes messages: limits, interest or being worked off",
    ),
    click.option("--discard", type=click.Choice(["old", "new"]), help="What goes when it is full"),
    click.option(
        "--discard-per-subject/--no-discard-per-subject",
        "discard_new_per_subject",
        default=None,
        help="Apply --discard=new to each subject",
    ),
    click.option("--max-age", type=AGE, help="How long messages are kept"),
    click.option("--max-bytes", type=SIZE, help="How many bytes are kept"),
    click.option("--max-consumers", type=int, help="How many consumers there may be"),
    click.option("--max-msg-size", type=SIZE, help="How large a message may be"),
    click.option("--max-msgs", type=int, help="How many messages are kept"),
    click.option("--max-msgs-per-subject", type=int, help="How many of each subject"),
    click.option(
        "--dupe-window", "duplicate_window", type=DURATION, help="How long ids are remembered"
    ),
    click.option(
        "--allow-batch/--no-allow-batch", "allow_atomic", default=None, help="Allow atomic batches"
    ),
    click.option(
        "--allow-fast/--no-allow-fast", "allow_batched", default=None, help="Allow fast batches"
    ),
    click.option(
        "--allow-counter",
        "allow_msg_counter",
        is_flag=True,
        default=None,
        help="Messages are counters",
    ),
    click.option(
        "--allow-rollup/--no-allow-rollup",
        "allow_rollup_hdrs",
        default=None,
        help="Allow messages that replace older ones",
    ),
    click.option("--deny-delete/--no-deny-delete", default=None, help="Messages cannot be deleted"),
    click.option("--deny-purge/--no-deny-purge", default=None, help="The stream cannot be purged"),
    click.option(
        "--allow-direct/--no-allow-direct",
        default=None,
        help="Allow direct gets (on with --defaults)",
    ),
    click.option(
        "--allow-msg-ttl", is_flag=True, default=None, help="Messages may have an own time to live"
    ),
    click.option(
        "--allow-schedules/--no-allow-schedules",
        "allow_msg_schedules",
        default=None,
        help="Messages may be scheduled",
    ),
    click.option(
        "--subject-del-markers-ttl",
        "subject_delete_marker_ttl",
        type=DURATION,
        help="Mark what age removed, for so long",
    ),
    click.option("--transform-source", metavar="SUBJECT", help="Subjects to rewrite"),
    click.option("--transform-destination", metavar="SUBJECT", help="What they become"),
    click.option("--republish-source", metavar="SUBJECT", help="Stored subjects to publish again"),
    click.option("--republish-destination", metavar="SUBJECT", help="Where to"),
    click.option("--republish-headers", is_flag=True, default=None, help="Headers alone"),
    click.option("--metadata", type=PAIR, multiple=True, help="A note for other programs"),
)

Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def stream_options(*, editing: bool = False) -> Decorator:
    """Add the flags to a verb; what cannot be changed is left out when `editing`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for flag in reversed(_FLAGS if editing else (*_NEW_FLAGS, *_FLAGS)):
            function = flag(function)
        return function

    return decorate
