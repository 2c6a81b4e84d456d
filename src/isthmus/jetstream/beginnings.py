"""Where a consumer begins: its deliver policy as a sequence of the stream.

    start, chosen = yield from beginnings.search(stored, config)

`chosen` are messages that come before everything from `start` on: the last of each subject,
ascending. Knows no consumer; what is stored when it looks decides. That may take many slices: what
is published meanwhile lies from `start` on, so nothing is missed.
"""

from __future__ import annotations

from array import array
from heapq import merge
from itertools import islice

from isthmus.base.slices import Sliced
from isthmus.base.values import parse_time_ns
from isthmus.core import lookup
from isthmus.core.stored import Stored
from isthmus.jetstream.consumer_config import ConsumerConfig, DeliverPolicy

SLICE = 2048  # subjects, or sequences put in order: a millisecond

Beginning = tuple[int, "array[int] | None"]


def search(stored: Stored, config: ConsumerConfig) -> Sliced[Beginning]:
    """The first sequence to look at, and the messages to deliver before, if chosen."""
    log = stored.log
    policy = config.deliver_policy
    chosen: array[int] | None = None
    start = log.first_seq
    if policy is DeliverPolicy.LAST:
        start = (yield from _last_seq(stored, config)) if config.filters else log.last_seq
    elif policy is DeliverPolicy.NEW:
        start = log.last_seq + 1
    elif policy is DeliverPolicy.BY_START_SEQUENCE:
        start = config.opt_start_seq
    elif policy is DeliverPolicy.BY_START_TIME:
        assert config.opt_start_time is not None
        start = log.seq_since(parse_time_ns(config.opt_start_time)) or log.last_seq + 1
    elif policy is DeliverPolicy.LAST_PER_SUBJECT:
        end = log.last_seq
        chosen = (yield from last_seqs(stored, config, above=0, below=end + 1)) or None
        start = end + 1 if chosen else end  # as the original: the last one has been looked at
    return max(start, log.first_seq, 1), chosen


def takes_long(stored: Stored, config: ConsumerConfig) -> bool:
    """True if `search` must look at more subjects than a slice has."""
    looks = config.deliver_policy in {DeliverPolicy.LAST, DeliverPolicy.LAST_PER_SUBJECT}
    return looks and bool(config.filters) and stored.tree.count > SLICE


def _last_seq(stored: Stored, config: ConsumerConfig) -> Sliced[int]:
    """The last message that a filter matches, or 0."""
    found = 0
    for pattern in config.filters:
        looking = lookup.Search(stored.log, stored.tree, pattern.encode(), last=True)
        while looking.step():
            yield
        found = max(found, looking.found)
    return found


def last_seqs(
    stored: Stored, config: ConsumerConfig, *, above: int, below: int
) -> Sliced[array[int]]:
    """The last sequence of each subject that the filters match, ascending, between the bounds."""
    runs: list[list[int]] = []
    for pattern in config.filters:
        after = b""
        while True:
            found, after = lookup.last_of_each(
                stored.log, stored.tree, pattern.encode(), after, SLICE
            )
            runs.append(sorted(seq for seq in found if above < seq < below))
            if not after:
                break
            yield
    out = array("Q")
    ordered = merge(*runs)
    while run := list(islice(ordered, SLICE)):
        out.extend(run)
        yield
    return out
