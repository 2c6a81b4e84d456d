"""How much one configuration may list: what the original takes without an end, and we do not.

A stream or consumer is made, changed and compared in one step of the loop, which is short only if
what it lists is. Knows no other rule: those are `stream_rules` and `consumer_rules`, which ask here
in their order. The decoder keeps no more than one element beyond `LISTED_MAX`, so a list that is
longer shows.

    patterns       subjects with wildcards are compared token by token
    transforms     those of one source are compared with each other
"""

from collections.abc import Sequence
from typing import NoReturn

from isthmus.jetstream import errors, metadata
from isthmus.jetstream.consumer_config import ConsumerConfig
from isthmus.jetstream.decoding import LISTED_MAX
from isthmus.jetstream.stream_config import StreamConfig

PATTERN_TOKENS_MAX = 1500  # of all subjects of a list that has wildcards in it
SOURCES_MAX = 256
TRANSFORMS_MAX = 32  # of one mirror or source
PAIRS_MAX = TRANSFORMS_MAX**2  # of transforms of the same source, counted for all sources


def require_stream(config: StreamConfig) -> None:
    """Refuse a stream that lists too much."""
    _require_subjects(config.subjects, "subjects")
    _require_few(config.sources, "sources", SOURCES_MAX)
    origins = config.sources if config.mirror is None else (config.mirror, *config.sources)
    for origin in origins:
        _require_few(origin.subject_transforms, "subject transforms of a source", TRANSFORMS_MAX)
    if sum(len(origin.subject_transforms) ** 2 for origin in origins) > PAIRS_MAX:
        _too_many("pairs of subject transforms", PAIRS_MAX)
    if config.placement is not None:
        _require_few(config.placement.tags, "placement tags", LISTED_MAX)
    require_metadata(config.metadata)


def require_metadata(pairs: dict[str, str]) -> None:
    """Refuse too many pairs; what is too large in all, another rule refuses before."""
    _require_few(pairs, "metadata keys", metadata.PAIRS_MAX)


def require_consumer(config: ConsumerConfig) -> None:
    """Refuse a consumer that lists too much, its metadata aside."""
    _require_few(config.backoff_ns, "back-offs", LISTED_MAX)
    _require_subjects(config.filter_subjects, "filter subjects")
    _require_few(config.priority_groups, "priority groups", LISTED_MAX)


def _require_subjects(subjects: tuple[str, ...], what: str) -> None:
    _require_few(subjects, what, LISTED_MAX)
    all_of_them = ".".join(subjects)
    wild = "*" in all_of_them or ">" in all_of_them
    if len(subjects) > 1 and wild and all_of_them.count(".") >= PATTERN_TOKENS_MAX:
        _too_many(f"tokens in {what} with wildcards", PATTERN_TOKENS_MAX)


def _require_few(listed: Sequence[object] | dict[str, str], what: str, most: int) -> None:
    if len(listed) > most:
        _too_many(what, most)


def _too_many(what: str, most: int) -> NoReturn:
    raise errors.make(errors.STREAM_INVALID_CONFIG, err=f"more than {most} {what}")
