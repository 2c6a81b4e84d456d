"""What a stream's mirror and sources must keep, by themselves and beside the account's streams.

Pure functions, in the original's order. A stream that is named need not exist; where it does
(`known`, by name), messages must fit and nobody may end up copying itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from msgspec.structs import replace

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.quoting import quote
from isthmus.jetstream import errors, transforms
from isthmus.jetstream.errors import Row
from isthmus.jetstream.origin_requests import index_name
from isthmus.jetstream.stream_config import (
    SourceConsumer,
    StreamConfig,
    StreamSource,
    SubjectTransform,
)

_NOT_IN_NAMES = frozenset(" \t\r\n\f.*>\\/")
_API = "$JS.API"

Known = Mapping[str, StreamConfig]


def valid_name(name: str) -> bool:
    """True if a stream or consumer may have this name, its length aside."""
    return bool(name) and _NOT_IN_NAMES.isdisjoint(name)


def with_origins(config: StreamConfig, known: Known, *, pedantic: bool) -> StreamConfig:
    """`config` after all checks, its direct gets as those of the stream that it mirrors."""
    if config.mirror is not None:
        config = _with_mirror(config, config.mirror, known, pedantic=pedantic)
    _require_sources(config, known)
    _require_prefixes(config, known)
    _require_no_cycle(config, known)
    return config


def _invalid(text: str) -> NoReturn:
    raise errors.make(errors.STREAM_INVALID_CONFIG, err=text)


# --- mirrors ---


def _with_mirror(
    config: StreamConfig, mirror: StreamSource, known: Known, *, pedantic: bool
) -> StreamConfig:
    combinations = (
        (config.first_seq > 0, errors.MIRROR_WITH_FIRST_SEQ),
        (bool(config.subjects), errors.MIRROR_WITH_SUBJECTS),
        (bool(config.sources), errors.MIRROR_WITH_SOURCES),
        (config.allow_msg_counter, errors.MIRROR_WITH_COUNTERS),
        (config.allow_atomic, errors.MIRROR_WITH_ATOMIC),
        (config.allow_batched, errors.MIRROR_WITH_BATCHED),
        (config.allow_msg_schedules, errors.MIRROR_WITH_SCHEDULES),
    )
    for broken, row in combinations:
        if broken:
            raise errors.make(row)
    _require_consumer(mirror, errors.MIRROR_CONSUMER_INVALID)
    if mirror.filter_subject and mirror.subject_transforms:
        raise errors.make(errors.MIRROR_FILTER_AND_TRANSFORMS)
    if config.subject_delete_marker_ttl_ns > 0:
        _invalid("subject delete markers forbidden on mirrors")
    for place, one in enumerate(mirror.subject_transforms):
        _require_transform(
            one, errors.MIRROR_TRANSFORM_SOURCE_INVALID, errors.MIRROR_TRANSFORM_INVALID
        )
        others = mirror.subject_transforms[:place] + mirror.subject_transforms[place + 1 :]
        if any(subjects.collide(one.src, other.src) for other in others):
            raise errors.make(errors.MIRROR_FILTERS_OVERLAP)
    if mirror.external is not None:
        return config
    if not valid_name(mirror.name):
        raise errors.make(errors.MIRROR_NAME_INVALID)
    origin = known.get(mirror.name)
    if origin is None:
        return config
    if 0 < config.max_msg_size < origin.max_msg_size:
        raise errors.make(errors.MIRROR_MAX_MSG_SIZE_TOO_SMALL)
    if pedantic and config.mirror_direct != origin.allow_direct:
        text = "origin stream has direct get set, mirror has it disabled"
        raise errors.make(errors.PEDANTIC, err=text)
    return replace(config, mirror_direct=origin.allow_direct)


# --- sources ---


def _require_sources(config: StreamConfig, known: Known) -> None:
    if config.sources and config.allow_msg_schedules:
        raise errors.make(errors.SOURCES_WITH_SCHEDULES)
    seen, consumers = set(), set()
    for source in config.sources:
        if not valid_name(source.name):
            raise errors.make(errors.SOURCE_NAME_INVALID)
        if index_name(source) in seen:
            raise errors.make(errors.SOURCE_DUPLICATE)
        seen.add(index_name(source))
        _require_source(source)
        if source.consumer is not None:
            key = (source.name, source.external, source.consumer.name)
            if key in consumers:
                raise errors.make(errors.SOURCE_CONSUMER_DUPLICATE)
            consumers.add(key)
        origin = known.get(source.name) if source.external is None else None
        if origin is not None and 0 < config.max_msg_size < origin.max_msg_size:
            raise errors.make(errors.SOURCE_MAX_MSG_SIZE_TOO_SMALL)


def _require_source(source: StreamSource) -> None:
    if source.filter_subject and source.subject_transforms:
        raise errors.make(errors.SOURCE_FILTER_AND_TRANSFORMS)
    for one in source.subject_transforms:
        _require_transform(
            one, errors.SOURCE_TRANSFORM_SOURCE_INVALID, errors.SOURCE_TRANSFORM_INVALID
        )
    for place, one in enumerate(source.subject_transforms):
        others = source.subject_transforms[:place] + source.subject_transforms[place + 1 :]
        if any(subjects.covers(other.src, one.src) for other in others):
            raise errors.make(errors.SOURCE_FILTERS_OVERLAP)
    _require_consumer(source, errors.SOURCE_CONSUMER_INVALID)


def _require_transform(transform: SubjectTransform, bad_source: Row, bad_destination: Row) -> None:
    if transform.src and not subjects.valid(transform.src):
        raise errors.make(bad_source, err=f"invalid subject {transform.src}")
    if not transform.dest:
        return
    try:
        transforms.make_rewriting(transform.src, transform.dest)
    except UsageError as error:
        raise errors.make(bad_destination, err=str(error)) from None


def _require_consumer(source: StreamSource, row: Row) -> None:
    """A consumer that is there already decides itself where it begins, and what it delivers."""
    consumer: SourceConsumer | None = source.consumer
    if consumer is None:
        return
    literal = subjects.valid_literal(consumer.deliver_subject)
    starts = source.opt_start_seq or source.opt_start_time is not None
    if not valid_name(consumer.name) or not literal or starts or source.filter_subject:
        raise errors.make(row)


# --- what stands outside ---


def _origins(config: StreamConfig) -> tuple[StreamSource, ...]:
    return config.sources if config.mirror is None else (config.mirror, *config.sources)


def _require_prefixes(config: StreamConfig, known: Known) -> None:
    taken = [
        subject
        for origin in _origins(config)
        if origin.external is None and origin.name in known
        for subject in known[origin.name].subjects
    ]
    externals = [one.external for one in _origins(config) if one.external is not None]
    for prefix in [one.deliver for one in externals if one.deliver]:
        if not subjects.valid_literal(prefix):
            raise errors.make(errors.EXTERNAL_DELIVERY_WILDCARD, prefix=prefix)
        for subject in taken:
            if subjects.collide(subject, f"{prefix}.{subject}"):
                raise errors.make(errors.EXTERNAL_DELIVERY_OVERLAPS, prefix=prefix, subject=subject)
    for prefix in [one.api for one in externals if one.api]:
        if not subjects.valid_literal(prefix):
            _invalid(
                f"stream external api prefix {quote(prefix)} must be a valid subject "
                "without wildcards"
            )
        if subjects.collide(prefix, _API):
            raise errors.make(errors.EXTERNAL_API_OVERLAPS, prefix=prefix, subject=_API)


def _require_no_cycle(config: StreamConfig, known: Known) -> None:
    """No stream copies itself, at whatever distance inside the account."""
    to_visit, visited = [config], set()
    while to_visit:
        at = to_visit.pop(0)
        visited.add(at.name)
        for source in at.sources:
            if source.external is not None:
                continue
            if source.name in visited:
                pattern = source.filter_subject
                if not pattern or any(subjects.collide(one, pattern) for one in at.subjects):
                    _invalid("detected cycle")
            elif source.name in known:
                to_visit.append(known[source.name])
        if at.mirror is not None and at.mirror.external is None:
            if at.mirror.name in visited:
                _invalid("detected cycle")
            if at.mirror.name in known:
                to_visit.append(known[at.mirror.name])
