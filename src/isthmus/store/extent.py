"""Which part of the journal counts: from what each segment's survey says, to ranges to replay.

In the journal a damaged place is

        below what a commit record calls released   damage: named, and what follows counts
        above it                                    the group that was being written when the power
                                                    went: nobody was answered, the rest of it is
                                                    dropped, and that is named too

Owns these decisions. Knows no file. Invariant: what counts stands in order, and between two ranges
nothing is missing without a finding.
"""

from __future__ import annotations

from collections.abc import Iterable

from isthmus.core.replay import Survey


def plan(
    surveys: dict[int, Survey], segment_bytes: int, findings: list[str]
) -> tuple[list[tuple[int, int, int]], int]:
    """`(segment, begin, end)` of what counts, in order, and the lsn at which it ends."""
    released = max((found.released for found in surveys.values()), default=0)
    ranges: list[tuple[int, int, int]] = []
    ended = 0
    for number, limit in _limits(surveys, segment_bytes):
        base = number * segment_bytes
        stop = None if limit is None else limit - base
        if stop is not None and stop > segment_bytes:
            stop = None
            if number + 1 not in surveys:
                findings.append(f"journal: segments behind {number} are missing")
        at = 0
        for begin, end in _clipped(surveys[number].runs, stop):
            if begin > at:
                if base + at >= released:
                    dropped = _bytes_behind(surveys, number, at)
                    findings.append(
                        f"journal: an unfinished group at segment {number}, offset {at}, was "
                        f"dropped ({dropped} sound bytes in it); nobody had been answered"
                    )
                    return ranges, base + at
                findings.append(
                    f"journal: segment {number} is damaged from offset {at} to {begin}; "
                    "what was recorded there is lost"
                )
            if end > begin:
                ranges.append((number, begin, end))
            at = end
        ended = base + at
    return ranges, ended


def _limits(surveys: dict[int, Survey], segment_bytes: int) -> Iterable[tuple[int, int | None]]:
    """Segments that count, in order, each with the lsn where its records end (None: not known).

    Every segment names where the records before it end. Where a start dropped something, that lies
    further back than the segment before: what is between is void.
    """
    out: list[tuple[int, int | None]] = []
    limit: int | None = None
    for number in sorted(surveys, reverse=True):
        if limit is not None and limit <= number * segment_bytes:
            continue
        out.append((number, limit))
        if surveys[number].headed:
            limit = surveys[number].previous_end
    return reversed(out)


def _clipped(runs: list[tuple[int, int]], stop: int | None) -> list[tuple[int, int]]:
    """Runs up to `stop`, and an empty one there: what lies behind was dropped by another start."""
    if stop is None:
        return runs
    return [(begin, min(end, stop)) for begin, end in runs if begin < stop] + [(stop, stop)]


def _bytes_behind(surveys: dict[int, Survey], number: int, at: int) -> int:
    """Sound bytes behind a place."""
    later: Iterable[tuple[int, int, int]] = (
        (n, begin, end) for n, found in surveys.items() for begin, end in found.runs
    )
    return sum(end - begin for n, begin, end in later if n > number or (n == number and end > at))
