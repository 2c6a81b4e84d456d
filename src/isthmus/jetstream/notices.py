"""What a cursor tells of deliveries and pins, published as advisories and metrics.

    notices.subjects("S", "C")      what somebody must listen on, in the order of the kinds
    notices.publish(…)              those of one turn

Knows no consumer: who tells passes its names. Invariant: the order of `_KINDS` is that of `Notice`
in `core/ledger.pxd`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from isthmus.core.turn import Turn
from isthmus.jetstream import advisories
from isthmus.jetstream.premises import Premises, Told

if TYPE_CHECKING:
    from isthmus.core.ledger import Notice

_ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER"
_METRIC = "$JS.EVENT.METRIC.CONSUMER"

Fields = dict[str, object]


def _naked(notice: Notice, _premises: Premises, _groups: Sequence[str]) -> Fields:
    _, seq, consumer_seq, deliveries, _ = notice
    return {"consumer_seq": consumer_seq, "stream_seq": seq, "deliveries": deliveries}


def _terminated(notice: Notice, premises: Premises, groups: Sequence[str]) -> Fields:
    return {**_naked(notice, premises, groups), "reason": _text(notice)}


def _spent(notice: Notice, _premises: Premises, _groups: Sequence[str]) -> Fields:
    return {"stream_seq": notice[1], "deliveries": notice[3]}


def _pinned(notice: Notice, premises: Premises, groups: Sequence[str]) -> Fields:
    return {**_group(notice, premises, groups), "pinned_id": _text(notice)}


def _unpinned(notice: Notice, premises: Premises, groups: Sequence[str]) -> Fields:
    return {**_group(notice, premises, groups), "reason": _text(notice)}


def _sampled(notice: Notice, premises: Premises, groups: Sequence[str]) -> Fields:
    return {**_naked(notice, premises, groups), "ack_time_ns": notice[4]}


def _group(notice: Notice, premises: Premises, groups: Sequence[str]) -> Fields:
    number = notice[1]
    name = groups[number] if number < len(groups) else ""  # an update may have taken it away
    return {"account": premises.core.name.decode(), "group": name}


def _text(notice: Notice) -> str:
    detail = notice[4]
    assert isinstance(detail, bytes)
    return detail.decode("utf-8", "replace")


_KINDS: tuple[tuple[str, Callable[..., Told], Callable[..., Fields]], ...] = (
    (f"{_ADVISORY}.MSG_NAKED", advisories.Naked, _naked),
    (f"{_ADVISORY}.MSG_TERMINATED", advisories.Terminated, _terminated),
    (f"{_ADVISORY}.MAX_DELIVERIES", advisories.MaxDeliveries, _spent),
    (f"{_ADVISORY}.PINNED", advisories.Pinned, _pinned),
    (f"{_ADVISORY}.UNPINNED", advisories.Unpinned, _unpinned),
    (f"{_METRIC}.ACK", advisories.Acknowledged, _sampled),
)


def subjects(stream: str, consumer: str) -> tuple[bytes, ...]:
    """Where each kind is published, in the order of the kinds."""
    return tuple(f"{prefix}.{stream}.{consumer}".encode() for prefix, _, _ in _KINDS)


def publish(
    notices: list[Notice],
    premises: Premises,
    turn: Turn,
    *,
    stream: str,
    consumer: str,
    groups: Sequence[str] = (),
) -> None:
    """Publish what happened to the deliveries of a consumer, or to a pin of one of its groups."""
    for notice in notices:
        _, kind, fields = _KINDS[notice[0] - 1]
        premises.advise(
            kind, turn, stream=stream, consumer=consumer, **fields(notice, premises, groups)
        )
