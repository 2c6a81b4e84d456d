"""Pull requests: what a body asks for, why it is refused, and every status a pull can end with.

A status is a header block without payload, sent to the inbox of the request; the bytes are exact.
Knows no queue of waiting requests and no messages: those belong to the consumer's cursor.

    read(body, config, level="")  ->  PullRequest, or the status that refuses it

A body that begins with `{` is JSON, read leniently; a whole number is a batch; anything else asks
for one message.
"""

import re
from typing import ClassVar

import msgspec

from isthmus.base.errors import JetStreamError
from isthmus.base.headers import make_headers
from isthmus.base.values import Value, format_duration
from isthmus.jetstream import api
from isthmus.jetstream.consumer_config import ConsumerConfig, PriorityPolicy
from isthmus.jetstream.decoding import decode_single
from isthmus.jetstream.json_kinds import Duration, Int, Int64
from isthmus.jetstream.json_text import JsonError

PRIORITY_MAX = 9
UNUSUAL_MAX = 1024  # bytes of a request that is not spelled as usual: those are read slowly

_BLANKS = b" \t\r\n"
_BATCH = re.compile(rb"\+?0*([1-9]\d{0,17})")


class PullRequest(Value, forbid_unknown_fields=True):
    """What is asked for, as written: a status counts down from `batch` and `max_bytes`.

    No bound of bytes, no heartbeat and no expiry is 0; less is the same but for the expiry, which
    is then at once.
    """

    go_name: ClassVar[str] = ""

    batch: Int = 0
    expires_ns: Duration = msgspec.field(default=0, name="expires")
    max_bytes: Int = 0
    no_wait: bool = False
    idle_heartbeat_ns: Duration = msgspec.field(default=0, name="idle_heartbeat")
    group: str = ""
    min_pending: Int64 = 0
    min_ack_pending: Int64 = 0
    id: str = ""
    priority: Int = 0

    @property
    def wanted(self) -> int:
        """Messages to send: an absent batch is one."""
        return max(self.batch, 1)


_EVERYDAY = msgspec.json.Decoder(PullRequest)


def read(body: bytes, config: ConsumerConfig, level: str = "") -> PullRequest | bytes:
    """The request in `body` to a consumer of `config`, or the status that refuses it.

    `level` is the request's `Nats-Required-Api-Level`.
    """
    if config.deliver_subject:
        return CONSUMER_IS_PUSH_BASED
    try:
        api.require_level(level)
    except JetStreamError:
        return REQUIRED_API_LEVEL
    is_json = body.lstrip(_BLANKS).startswith(b"{")
    try:
        request = _from_json(body) if is_json else _from_text(body)
    except JsonError as error:
        return bad_request(error.text)
    if request.idle_heartbeat_ns > 0 and request.idle_heartbeat_ns * 2 > request.expires_ns:
        return bad_request("heartbeat value too large")
    refused = _over_limit(request, config)
    if refused is None and is_json:
        refused = _wrong_priority(request, config)
    return request if refused is None else refused


def _from_text(body: bytes) -> PullRequest:
    number = _BATCH.fullmatch(body.strip(_BLANKS))
    return PullRequest(batch=int(number[1]) if number else 1)


def _from_json(body: bytes) -> PullRequest:
    try:
        return _EVERYDAY.decode(body)  # takes less than the rules allow, but nothing else
    except (msgspec.MsgspecError, UnicodeDecodeError):
        if len(body) > UNUSUAL_MAX:
            raise JsonError(f"request of {len(body)} bytes is too long") from None
        return decode_single(PullRequest, body)


def _over_limit(request: PullRequest, config: ConsumerConfig) -> bytes | None:
    if 0 < config.max_batch < request.batch:
        return _status(f"409 Exceeded MaxRequestBatch of {config.max_batch}")
    if 0 < config.max_expires_ns < request.expires_ns:
        return _status(
            f"409 Exceeded MaxRequestExpires of {format_duration(config.max_expires_ns)}"
        )
    if 0 < config.max_bytes < request.max_bytes:
        return _status(f"409 Exceeded MaxRequestMaxBytes of {config.max_bytes}")
    return None


def _wrong_priority(request: PullRequest, config: ConsumerConfig) -> bytes | None:
    policy = config.priority_policy
    if (request.min_pending or request.min_ack_pending) and policy is not PriorityPolicy.OVERFLOW:
        return bad_request("Not a Overflow Priority consumer")
    if request.id and policy is not PriorityPolicy.PINNED_CLIENT:
        return bad_request("Not a Pinned Client Priority consumer")
    if not 0 <= request.priority <= PRIORITY_MAX:
        return bad_request(f"Priority must be between 0 and {PRIORITY_MAX}")
    if policy is PriorityPolicy.NONE:
        return None
    if not request.group:
        return bad_request("Priority Group missing")
    if request.group not in config.priority_groups:
        return bad_request("Invalid Priority Group")
    return None


def _status(line: str, *pairs: tuple[str, int]) -> bytes:
    return make_headers([(key, str(number)) for key, number in pairs], status=line)


def _with_rest(line: str, messages: int, size: int) -> bytes:
    return _status(line, ("Nats-Pending-Messages", messages), ("Nats-Pending-Bytes", size))


NO_MESSAGES = _status("404 No Messages")
REQUESTS_PENDING = _status("408 Requests Pending")
EXCEEDED_MAX_WAITING = _status("409 Exceeded MaxWaiting")
CONSUMER_IS_PUSH_BASED = _status("409 Consumer is push based")
CONSUMER_DELETED = _status("409 Consumer Deleted")
REQUIRED_API_LEVEL = _status("412 Required Api Level")


def bad_request(text: str) -> bytes:
    """Refused for what the body says."""
    return _status(f"400 Bad Request - {text}")


def request_timeout(messages: int, size: int) -> bytes:
    """Expired with `messages` and `size` bytes left to send."""
    return _with_rest("408 Request Timeout", messages, size)


def interest_expired(messages: int, size: int) -> bytes:
    """The inbox in another account is gone."""
    return _with_rest("408 Interest Expired", messages, size)


def batch_completed(messages: int, size: int) -> bytes:
    """All messages sent; said only to a request with max_bytes."""
    return _with_rest("409 Batch Completed", messages, size)


def message_too_large(messages: int, size: int) -> bytes:
    """The next message does not fit in what is left of max_bytes."""
    return _with_rest("409 Message Size Exceeds MaxBytes", messages, size)


def server_shutdown(messages: int, size: int) -> bytes:
    """The server stops."""
    return _with_rest("409 Server Shutdown", messages, size)


def idle_heartbeat(consumer_seq: int, stream_seq: int) -> bytes:
    """Nothing sent for a while: what was delivered last, how far the stream was looked at."""
    line = "100 Idle Heartbeat"
    return _status(line, ("Nats-Last-Consumer", consumer_seq), ("Nats-Last-Stream", stream_seq))
