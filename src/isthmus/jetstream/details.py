"""What may be long in the answer to STREAM.INFO: every subject with its count, every gap.

Generators that yield between slices and return JSON as it stands in the answer: a stream of a
million subjects is walked, and its page printed, without holding up anybody. What changes meanwhile
may be counted or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from isthmus.base.slices import Sliced
from isthmus.base.values import to_json
from isthmus.jetstream.responses import SUBJECTS_LIMIT

if TYPE_CHECKING:
    from isthmus.jetstream.stream import Stream

DELETED_LIMIT = 1 << 20
SLICE = 1024  # subjects or sequences in one slice: half a millisecond


def subjects(stream: Stream, pattern: str, offset: int) -> Sliced[tuple[msgspec.Raw, int]]:
    """Messages by subject, at most SUBJECTS_LIMIT from `offset` on, and how many match in all."""
    pieces: list[bytes] = []
    after, total, ends = b"", 0, offset + SUBJECTS_LIMIT
    while True:
        states, after = stream.stored.tree.matching(pattern.encode(), after, SLICE)
        page = states[max(offset - total, 0) : max(ends - total, 0)]
        if page:
            counts = {one.subject.decode("utf-8", "replace"): one.count for one in page}
            pieces.append(to_json(counts)[1:-1])
        total += len(states)
        if not after:
            return msgspec.Raw(b"{%b}" % b",".join(pieces)), total
        yield


def deleted(stream: Stream) -> Sliced[msgspec.Raw]:
    """Sequences between first and last that are not there, the first DELETED_LIMIT of them.

    A copy of a stream, or an archive, may have a gap as wide as there are numbers.
    """
    log = stream.stored.log
    pieces: list[bytes] = []
    seq = log.first_seq if log.deleted_count else 0
    left = DELETED_LIMIT
    while seq and seq < log.last_seq and left > 0:
        gone: list[int] = []
        for _ in range(SLICE):
            following = log.next_seq(seq + 1)
            end = following or log.last_seq + 1
            gone.extend(range(seq + 1, min(end, seq + 1 + SLICE)))
            seq = following if end - seq <= SLICE + 1 else seq + SLICE
            if not seq or len(gone) >= SLICE:
                break
        if gone:
            pieces.append(to_json(gone[:left])[1:-1])
            left -= len(gone)
        yield
    return msgspec.Raw(b"[%b]" % b",".join(pieces))
