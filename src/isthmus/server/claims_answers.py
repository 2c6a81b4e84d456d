"""What is asked about account tokens, what is answered, and how that looks on the wire.

Values only: owns the order of the fields, which is the original's. Knows no token, and not who may
ask; `claims_service` decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from isthmus.accounts.imports import Refusal
from isthmus.accounts.spec import Import
from isthmus.base.values import Value, to_json
from isthmus.sharing.finding import Finding, finding_document


class Subscription(NamedTuple):
    """What to listen to."""

    subject: str
    queue: str = ""


class Change(NamedTuple):
    """An account has this token now; an empty one: the account is gone."""

    account: str
    token: str


class Asked(NamedTuple):
    """A request. `server` is the JSON of this server, as every envelope carries it."""

    subject: str
    payload: bytes
    now_ns: int
    server: bytes

    @property
    def verb(self) -> str:
        """What is to be done: the last token of the subject."""
        return self.subject.rpartition(".")[2]

    @property
    def account(self) -> str:
        """The account that the subject names, or an empty text."""
        tokens = self.subject.split(".")
        return tokens[-3] if tokens[-4] == "ACCOUNT" else ""


class Answer(NamedTuple):
    """What to send back, one message each, and what to apply. `replies` may be lazy and long.

    `refusals`: what of a pushed account will not be active once somebody uses it.
    """

    replies: Iterable[bytes] = ()
    changes: tuple[Change, ...] = ()
    refusals: tuple[tuple[Import, Refusal], ...] = ()


class _Updated(Value, omit_defaults=True):
    account: str
    code: int
    message: str
    findings: tuple[dict[str, object], ...] = ()  # ours: why an import of it is not active


class _Deleted(Value):
    code: int
    message: str


class _UpdateFailed(Value):
    account: str
    code: int
    description: str


class _DeleteFailed(Value):
    code: int
    description: str


class _Data(Value):
    server: msgspec.Raw
    data: _Updated | _Deleted


class _UpdatedData(Value):
    server: msgspec.Raw
    data: _Updated


class _Error(Value):
    server: msgspec.Raw
    error: _UpdateFailed | _DeleteFailed


class _List(Value):
    data: list[str]
    server: msgspec.Raw


def updated(asked: Asked, account: str, message: str) -> bytes:
    """A push was taken, or there was nothing to do."""
    done = _Updated(account=account, code=200, message=message)
    return to_json(_Data(server=msgspec.Raw(asked.server), data=done))


def refused(asked: Asked, account: str, description: str) -> bytes:
    """A push was not taken."""
    failure = _UpdateFailed(account=account, code=500, description=description)
    return to_json(_Error(server=msgspec.Raw(asked.server), error=failure))


def listed(asked: Asked, keys: list[str]) -> bytes:
    """The accounts there are."""
    return to_json(_List(data=keys, server=msgspec.Raw(asked.server)))


def deleted(asked: Asked, message: str) -> bytes:
    """Accounts are gone."""
    gone = _Deleted(code=200, message=message)
    return to_json(_Data(server=msgspec.Raw(asked.server), data=gone))


def not_deleted(asked: Asked, description: str) -> bytes:
    """Some or all of them are not."""
    failure = _DeleteFailed(code=500, description=description)
    return to_json(_Error(server=msgspec.Raw(asked.server), error=failure))


def with_findings(reply: bytes, findings: Iterable[Finding]) -> bytes:
    """The answer to a push, with what is wrong with the account's imports."""
    answer = msgspec.json.decode(reply, type=_UpdatedData)
    told = tuple(finding_document(finding) for finding in findings)
    return to_json(replace(answer, data=replace(answer.data, findings=told)))
