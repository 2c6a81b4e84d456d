"""The endpoints of $JS.API: subject, body, answer, and the name of the method that handles it.

    found = find(subject)                     endpoint, and the names behind its verb; or None
    request = read(endpoint, body)            raises JetStreamError for a body that does not fit
    request = yield from reading(…)           the same in slices, for a body that is long
    answer = refuse(endpoint, error)          the answer that carries an error

A subject that is no endpoint gets no answer at all, as from the original. Knows no stream, no
consumer and no account.
"""

import re
from enum import Enum, auto

from isthmus.base.constants import API_LEVEL
from isthmus.base.errors import JetStreamError
from isthmus.base.slices import Sliced, at_once
from isthmus.base.values import Value
from isthmus.jetstream import decoding, errors
from isthmus.jetstream.consumer_config import ConsumerCreateRequest
from isthmus.jetstream.json_text import JsonError
from isthmus.jetstream.requests import (
    Checked,
    ConsumerPauseRequest,
    ConsumerResetRequest,
    ConsumersRequest,
    ConsumerUnpinRequest,
    MessageDeleteRequest,
    MessageGetRequest,
    NoBody,
    StreamInfoRequest,
    StreamListRequest,
    StreamNamesRequest,
    StreamPurgeRequest,
    StreamRestoreRequest,
    StreamSnapshotRequest,
)
from isthmus.jetstream.responses import (
    ConsumerList,
    ConsumerNames,
    ConsumerReset,
    Paged,
    Paused,
    Purged,
    Response,
    RestoreStarted,
    StreamList,
    StreamNames,
    to_body,
)
from isthmus.jetstream.stream_config import StreamConfigRequest

PREFIX = "$JS.API."
REQUIRED_LEVEL_HEADER = "Nats-Required-Api-Level"
IDENTITY_HEADER = "Nats-Stream-Identity"  # of an origin, asked by its copies
BODY_MAX = 2 << 20  # bytes: a step that passes over all of them takes a few milliseconds

_WHOLE_NUMBER = re.compile(r"[+-]?0{0,20}\d{1,20}", re.ASCII)


class Body(Enum):
    """What an endpoint takes as its body."""

    WHOLE = auto()  # JSON; no body is the same as no fields
    REQUIRED = auto()  # JSON with at least one field
    OPTIONAL = auto()  # what does not begin like an object or array counts as absent
    SINGLE = auto()  # one JSON document, read leniently, its errors without a place
    SINGLE_OR_NONE = auto()
    EMPTY = auto()  # nothing, or an object without members
    IGNORED = auto()


class Endpoint(Value):
    """One row of the API."""

    verb: str  # the subject behind the prefix, up to the first name
    names: tuple[int, int]  # least and most tokens behind the verb
    request: type[Value]
    answer: str  # the part of the answer's type that differs
    handler: str  # method of the account's owner
    body: Body
    refused: type[Response]  # what is printed beside an error
    stream_first: bool = (
        False  # a stream that is not there is said before what is wrong with a body
    )

    @property
    def type(self) -> str:
        """The `type` of every answer."""
        return f"io.nats.jetstream.api.v1.{self.answer}_response"


def _row(
    verb: str,
    names: int,
    request: type[Value],
    answer: str,
    body: Body = Body.WHOLE,
    *,
    handler: str | None = None,
    refused: type[Response] = Response,
    names_max: int = 0,
    stream_first: bool = False,
) -> Endpoint:
    return Endpoint(
        verb=verb,
        names=(names, max(names, names_max)),
        request=request,
        answer=answer,
        handler=answer if handler is None else handler,
        body=body,
        refused=refused,
        stream_first=stream_first,
    )


RESTORED_TYPE = "io.nats.jetstream.api.v1.stream_create_response"  # of the answer to the last chunk
_CLUSTER = "clustering_required"  # 10010 from a server alone, whether the account has JetStream
_ANY = 1 << 12  # tokens of a filter in a subject: bounded by the control line

ENDPOINTS = (
    _row("INFO", 0, NoBody, "account_info", Body.IGNORED),
    _row("STREAM.CREATE", 1, StreamConfigRequest, "stream_create"),
    _row("STREAM.UPDATE", 1, StreamConfigRequest, "stream_update"),
    _row("STREAM.NAMES", 0, StreamNamesRequest, "stream_names", Body.OPTIONAL, refused=StreamNames),
    _row("STREAM.LIST", 0, StreamListRequest, "stream_list", Body.OPTIONAL, refused=StreamList),
    _row("STREAM.INFO", 1, StreamInfoRequest, "stream_info", Body.OPTIONAL, refused=Paged),
    _row("STREAM.DELETE", 1, NoBody, "stream_delete", Body.EMPTY),
    _row("STREAM.PURGE", 1, StreamPurgeRequest, "stream_purge", Body.OPTIONAL, refused=Purged),
    _row("STREAM.MSG.GET", 1, MessageGetRequest, "stream_msg_get", Body.REQUIRED),
    _row("STREAM.MSG.DELETE", 1, MessageDeleteRequest, "stream_msg_delete", Body.REQUIRED),
    _row("STREAM.SNAPSHOT", 1, StreamSnapshotRequest, "stream_snapshot", Body.REQUIRED,
         stream_first=True),
    _row("STREAM.RESTORE", 1, StreamRestoreRequest, "stream_restore", Body.REQUIRED,
         refused=RestoreStarted),
    _row("STREAM.LEADER.STEPDOWN", 1, NoBody, "stream_leader_stepdown", Body.IGNORED,
         handler=_CLUSTER),
    _row("STREAM.PEER.REMOVE", 1, NoBody, "stream_remove_peer", Body.IGNORED, handler=_CLUSTER),
    _row("STREAM.PEER.EVACUATE", 1, NoBody, "stream_evacuate_peer", Body.IGNORED,
         handler=_CLUSTER),
    _row("STREAM.CANCEL_MOVE", 1, NoBody, "stream_cancel_move", Body.IGNORED, handler=_CLUSTER),
    _row("CONSUMER.CREATE", 1, ConsumerCreateRequest, "consumer_create", names_max=_ANY),
    _row("CONSUMER.DURABLE.CREATE", 2, ConsumerCreateRequest, "consumer_create"),
    _row("CONSUMER.NAMES", 1, ConsumersRequest, "consumer_names", Body.OPTIONAL,
         refused=ConsumerNames),
    _row("CONSUMER.LIST", 1, ConsumersRequest, "consumer_list", Body.OPTIONAL,
         refused=ConsumerList),
    _row("CONSUMER.INFO", 2, NoBody, "consumer_info", Body.EMPTY),
    _row("CONSUMER.DELETE", 2, NoBody, "consumer_delete", Body.EMPTY),
    _row("CONSUMER.PAUSE", 2, ConsumerPauseRequest, "consumer_pause", Body.OPTIONAL,
         refused=Paused),
    _row("CONSUMER.RESET", 2, ConsumerResetRequest, "consumer_reset", Body.SINGLE_OR_NONE,
         refused=ConsumerReset),
    _row("CONSUMER.UNPIN", 2, ConsumerUnpinRequest, "consumer_unpin", Body.SINGLE),
    _row("CONSUMER.LEADER.STEPDOWN", 2, NoBody, "consumer_leader_stepdown", Body.IGNORED,
         handler=_CLUSTER),
)  # fmt: skip

_BY_VERB = {endpoint.verb: endpoint for endpoint in ENDPOINTS}
_VERB_TOKENS_MAX = max(verb.count(".") + 1 for verb in _BY_VERB)


def find(subject: str) -> tuple[Endpoint, list[str]] | None:
    """The endpoint of `subject` and the tokens behind its verb: stream, consumer, filter."""
    tokens = subject.removeprefix(PREFIX).split(".")
    for length in range(min(len(tokens), _VERB_TOKENS_MAX), 0, -1):
        endpoint = _BY_VERB.get(".".join(tokens[:length]))
        if endpoint is not None:
            names = tokens[length:]
            least, most = endpoint.names
            return (endpoint, names) if least <= len(names) <= most else None
    return None


def require_level(header: str) -> None:
    """Refuse a request whose `Nats-Required-Api-Level` is above ours, or no number."""
    wanted = header.strip()
    if wanted and (_WHOLE_NUMBER.fullmatch(wanted) is None or int(wanted) > API_LEVEL):
        raise errors.make(errors.REQUIRED_API_LEVEL)


def read(endpoint: Endpoint, body: bytes, *, strict: bool = True) -> Value:
    """The request in `body`; `strict` refuses unknown fields."""
    return at_once(reading(endpoint, body, strict=strict))


def reading(endpoint: Endpoint, body: bytes, *, strict: bool = True) -> Sliced[Value]:
    """`read` in slices."""
    if endpoint.body is Body.IGNORED:
        return endpoint.request()
    if len(body) > BODY_MAX:
        text = f"request of {len(body)} bytes: at most {BODY_MAX}"
        raise errors.make(errors.INVALID_JSON, err=text)
    if endpoint.body is Body.EMPTY:
        if not decoding.without_fields(body):
            raise errors.make(errors.NOT_EMPTY_REQUEST)
        return endpoint.request()
    require_body(endpoint, body)
    if endpoint.body is Body.OPTIONAL and body.lstrip(b" \t\r\n")[:1] not in {b"{", b"["}:
        return endpoint.request()
    if endpoint.body is Body.SINGLE_OR_NONE and not body:
        return endpoint.request()
    single = endpoint.body in {Body.SINGLE, Body.SINGLE_OR_NONE}
    try:
        if single:
            request = yield from decoding.reading_single(endpoint.request, body)
        else:
            request = yield from decoding.reading(endpoint.request, body, strict=strict)
    except JsonError as error:
        place = f" at offset {error.offset}" if error.offset is not None and not single else ""
        raise errors.make(errors.INVALID_JSON, err=error.text + place) from None
    if isinstance(request, Checked):
        request.require_valid()
    return request


def require_body(endpoint: Endpoint, body: bytes) -> None:
    """Refuse an empty body where there must be one."""
    if endpoint.body is Body.REQUIRED and decoding.without_fields(body):
        raise errors.make(errors.BAD_REQUEST)


def refuse(endpoint: Endpoint, error: JetStreamError) -> bytes:
    """The answer that carries `error`."""
    return to_body(endpoint.refused(type=endpoint.type, error=errors.to_api_error(error)))
