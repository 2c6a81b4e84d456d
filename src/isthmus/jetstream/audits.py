"""What is told of each request to $JS.API: who asked what, and what was answered.

    audits.publish(premises, asked, answer, turn)      behind the answer, if anybody listens

Knows no endpoint's meaning. Whether a request is told of is whether it is counted; that is asked of
the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from isthmus.base.nuid import make_nuid
from isthmus.base.values import format_time, to_json
from isthmus.core.turn import Turn
from isthmus.jetstream import advisories

if TYPE_CHECKING:
    from isthmus.jetstream.premises import Premises
    from isthmus.jetstream.reception import Asked


def publish(premises: Premises, asked: Asked, answer: bytes, turn: Turn) -> None:
    """Tell of `asked` and its `answer`; like that, when what it speaks of is durable."""
    subject = advisories.ApiAudit.subject
    if not premises.listens(subject):
        return
    told = advisories.ApiAudit(
        id=make_nuid(premises.entropy),
        timestamp=format_time(turn.now_ns),
        server=premises.server_name,
        client=msgspec.Raw(advisories.client(asked.client)),
        api_subject=asked.subject,
        request=asked.body.decode("utf-8", "replace"),
        response=answer.decode("utf-8", "replace"),
        domain=premises.domain,
    )
    premises.answer(subject.encode(), to_json(told), turn)
