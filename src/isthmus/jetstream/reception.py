"""The requests of $JS.API on their way: found, read, brought in order, counted, answered, told of.

    Inlet ─► handle ─┬─ short ────────────────────────► a method of the service ─► answer
                     └─ other ─► Line: read in slices ─► a method of the service ─► answer

Whoever comes while a body waits or is read stands behind it, since it may depend on what that does.
Owns the counters of requests and the bodies that wait, at most `UNREAD_MAX` bytes of them. Knows no
endpoint by name: `api` has the table, a subclass the methods.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from isthmus.base.errors import JetStreamError
from isthmus.base.headers import parse_headers
from isthmus.base.slices import Sliced, at_once
from isthmus.base.values import Value
from isthmus.core.agenda import Line
from isthmus.core.inlet import Request
from isthmus.core.turn import Turn
from isthmus.jetstream import api, audits, errors
from isthmus.jetstream.api import Endpoint

if TYPE_CHECKING:
    from isthmus.jetstream.account import AccountJetStream

Slices = Sliced[bytes | None]  # an answer that takes its time
AT_ONCE_BYTES = 256  # of a body that needs no slice: a third of a millisecond at most
UNREAD_MAX = 32 << 20  # bytes

_FRAME = 512  # bytes that a request costs beside its body
_UNCOUNTED = ("stream_msg_get", "consumer_reset")  # but for a MSG.GET that failed


class Asked(Value):
    """One request on its way through the service."""

    endpoint: Endpoint
    subject: str
    names: tuple[str, ...]
    reply: bytes
    identity: str = ""  # of the stream that a copy expects
    copies: bool = False  # who asks wants to know which stream this is
    client: bytes = b"{}"  # JSON of who asks
    body: bytes = b""


class Reception:
    """Takes in the API requests of `account`. `strict` refuses unknown fields."""

    def __init__(self, account: AccountJetStream, *, strict: bool) -> None:
        self._account = account
        self._strict = strict
        self._domain_prefix = f"$JS.{account.premises.domain}.API."
        self._line = Line()
        self._unread_bytes = 0  # of requests in the line, as long as they are not carried out
        self.total = 0
        self.errors = 0

    def handle(self, requests: list[Request], turn: Turn) -> None:
        """Everything that came in one turn, in order; a broken one does not stop the others."""
        first_error = None
        for request in requests:
            try:
                self._handle(request, turn)
            except Exception as error:  # noqa: BLE001 — kept and raised below
                first_error = first_error or error
        if first_error is not None:
            raise first_error

    def _handle(self, request: Request, turn: Turn) -> None:
        subject = request.subject.decode("utf-8", "replace")
        if self._account.premises.domain and subject.startswith(self._domain_prefix):
            subject = api.PREFIX + subject[len(self._domain_prefix) :]
        found = api.find(subject)
        if found is None:
            return
        endpoint, names = found
        asked = Asked(
            endpoint=endpoint,
            subject=subject,
            names=tuple(names),
            reply=request.reply,
            client=request.info or (b"{}" if request.client is None else request.client.document),
            body=request.payload,
        )
        if self._unread_bytes or len(request.payload) > AT_ONCE_BYTES:
            self._take_in_line(asked, request, turn)
            return
        try:
            answer = self._carry_out(*at_once(self._read(asked, request)), turn)
        except JetStreamError as error:
            answer = self._refuse(asked, error)
        if isinstance(answer, Generator):
            self._line.take(self._at_length(asked, answer), partial(self._finish, asked), turn)
        else:
            self._finish(asked, answer, turn)

    def _take_in_line(self, asked: Asked, request: Request, turn: Turn) -> None:
        size = len(request.payload) + _FRAME
        if self._unread_bytes + size > UNREAD_MAX:
            refused = self._refuse(asked, errors.make(errors.INSUFFICIENT_RESOURCES))
            self._finish(asked, refused, turn)
            return
        self._unread_bytes += size
        work = self._read_first(asked, request, size, turn)
        if not self._line.take(work, partial(self._finish, asked), turn):
            self._unread_bytes -= size

    def _read_first(self, asked: Asked, request: Request, size: int, turn: Turn) -> Slices:
        """Read a body in slices, then carry out what it says."""
        try:
            known, body = yield from self._read(asked, request)
            answer = self._carry_out(known, body, turn)
        except JetStreamError as error:
            answer = self._refuse(asked, error)
        finally:
            self._unread_bytes -= size
        if isinstance(answer, Generator):
            return (yield from self._at_length(asked, answer))
        return answer

    def _at_length(self, asked: Asked, work: Slices) -> Slices:
        """`work`, its refusal turned into an answer."""
        try:
            return (yield from work)
        except JetStreamError as error:
            return self._refuse(asked, error)

    def _refuse(self, asked: Asked, error: JetStreamError) -> bytes:
        self.errors += 1
        return api.refuse(asked.endpoint, error)

    def _finish(self, asked: Asked, answer: bytes | None, turn: Turn) -> None:
        """Count the request, send the answer."""
        # counted behind the answer: it tells of the requests before it
        if _counts(asked.endpoint, answer):
            self.total += 1
        if answer is not None:
            self._answer(asked, answer, turn)

    def _answer(self, asked: Asked, answer: bytes, turn: Turn, *, header: bytes = b"") -> None:
        """Send an answer, and tell of it."""
        premises = self._account.premises
        premises.answer(asked.reply, answer, turn, header=header)
        if _counts(asked.endpoint, answer):
            audits.publish(premises, asked, answer, turn)

    def _read(self, asked: Asked, request: Request) -> Sliced[tuple[Asked, Value]]:
        """The body of a request, and what its headers say."""
        if request.header:
            headers = parse_headers(request.header)
            api.require_level(headers.get(api.REQUIRED_LEVEL_HEADER, ""))
            asked = replace(
                asked,
                identity=headers.get(api.IDENTITY_HEADER, ""),
                copies=api.IDENTITY_HEADER in headers,
            )
        self._require_enabled()
        if asked.endpoint.stream_first:
            api.require_body(asked.endpoint, request.payload)
            self._account.stream(asked.names[0])
        body = yield from api.reading(asked.endpoint, request.payload, strict=self._strict)
        return asked, body

    def _carry_out(self, asked: Asked, body: Value, turn: Turn) -> bytes | Slices | None:
        self._require_enabled()  # still
        method = getattr(self, asked.endpoint.handler)
        answer: bytes | Slices | None = method(asked, body, turn)
        return answer

    def _require_enabled(self) -> None:
        if self._account.limits is None:
            raise errors.make(errors.NOT_ENABLED_FOR_ACCOUNT)


def _counts(endpoint: Endpoint, answer: bytes | None) -> bool:
    """True if INFO counts such a request, and an audit tells of it."""
    return endpoint.answer not in _UNCOUNTED or (
        endpoint.answer == "stream_msg_get" and (answer is None or b'"error"' in answer[:200])
    )
