"""Where a consumer begins: its deliver policy as a sequence of the stream.

    start, chosen = beginnings.find(stored, config)

`chosen` are messages that come before everything from `start` on: the last of each subject. Knows
no consumer; what is stored at this moment decides.
"""

from isthmus.base.values import parse_time_ns
from isthmus.core.stored import Stored
from isthmus.jetstream.consumer_config import ConsumerConfig, DeliverPolicy


def find(stored: Stored, config: ConsumerConfig) -> tuple[int, list[int] | None]:
    """The first sequence to look at, and the messages to deliver before, if chosen."""
    log = stored.log
    policy = config.deliver_policy
    chosen: list[int] | None = None
    start = log.first_seq
    if policy is DeliverPolicy.LAST:
        start = max(last_seqs(stored, config), default=0) if config.filters else log.last_seq
    elif policy is DeliverPolicy.NEW:
        start = log.last_seq + 1
    elif policy is DeliverPolicy.BY_START_SEQUENCE:
        start = config.opt_start_seq
    elif policy is DeliverPolicy.BY_START_TIME:
        assert config.opt_start_time is not None
        start = log.seq_since(parse_time_ns(config.opt_start_time)) or log.last_seq + 1
    elif policy is DeliverPolicy.LAST_PER_SUBJECT:
        chosen = sorted(last_seqs(stored, config))
        start = log.last_seq + 1
    return max(start, log.first_seq, 1), chosen


def last_seqs(stored: Stored, config: ConsumerConfig) -> list[int]:
    """The last sequence of each subject that the filters match."""
    out = []
    for pattern in config.filters:
        states, _ = stored.tree.matching(pattern.encode())
        for state in states:
            ends = stored.log.ends(stored.tree, state.subject)
            if ends is not None:
                out.append(ends[1])
    return out
