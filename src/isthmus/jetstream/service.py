"""What the requests of $JS.API do, for one account.

One method per endpoint, named in `api.ENDPOINTS`. A method returns the answer, a generator of it if
that may take longer than a slice, or None if it answers later; an answer leaves when what it speaks
of is durable. Knows no rules: those are the configurations' and the account's; and not how requests
come here: that is the `Reception`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

import msgspec
from msgspec.structs import replace

from isthmus.base.constants import API_LEVEL
from isthmus.base.errors import JetStreamError
from isthmus.base.headers import make_headers
from isthmus.base.slices import Sliced, as_long_as
from isthmus.base.values import Value, format_time, parse_time_ns
from isthmus.core.segment import Entry
from isthmus.core.turn import Turn
from isthmus.jetstream import (
    advisories,
    api,
    beginnings,
    consumer_requests,
    details,
    errors,
    stream_rules,
)
from isthmus.jetstream.consumer_config import ConsumerConfig, ConsumerCreateRequest
from isthmus.jetstream.json_time import in_utc
from isthmus.jetstream.limits import ZERO, AccountLimits
from isthmus.jetstream.reception import Asked, Reception, Slices
from isthmus.jetstream.requests import (
    ConsumerPauseRequest,
    ConsumerResetRequest,
    ConsumersRequest,
    ConsumerUnpinRequest,
    MessageDeleteRequest,
    MessageGetRequest,
    StreamInfoRequest,
    StreamListRequest,
    StreamNamesRequest,
    StreamPurgeRequest,
    StreamRestoreRequest,
    StreamSnapshotRequest,
)
from isthmus.jetstream.responses import (
    LIST_LIMIT,
    NAMES_LIMIT,
    SUBJECTS_LIMIT,
    AccountDetails,
    ApiStatistics,
    Cluster,
    ConsumerList,
    ConsumerNames,
    Created,
    MessageGot,
    Paged,
    Paused,
    Purged,
    Reset,
    Response,
    RestoreStarted,
    SnapshotStarted,
    StoredMessage,
    StreamInfo,
    StreamList,
    StreamNames,
    StreamState,
    Success,
    Tier,
    to_body,
)
from isthmus.jetstream.stream_config import StreamConfigRequest

if TYPE_CHECKING:
    from isthmus.jetstream.consumer import Consumer
    from isthmus.jetstream.stream import Stream


Item = TypeVar("Item")
Made = TypeVar("Made")
SLICE = 32  # streams or consumers described in one slice: half a millisecond


def _tiers(used: Tier, limits: dict[str, AccountLimits]) -> dict[str, Tier]:
    """What is used is in tier R1, which one server has; the others only have limits.

    Like the original, an unused tier is told of as long as there are fewer than there are limits.
    """
    tiers = {}
    if limits and (used.streams or "R1" in limits):
        tiers["R1"] = replace(used, limits=limits.get("R1", ZERO))
    if len(tiers) < len(limits):
        tiers |= {name: Tier(limits=limits[name]) for name in limits.keys() - tiers.keys()}
    return dict(sorted(tiers.items()))


class Service(Reception):
    """Carries out the API requests of `account`."""

    # --- account ---

    def account_info(self, asked: Asked, _body: Value, _turn: Turn) -> bytes:
        """What the account uses and may use."""
        account = self._account
        reserved = account.reserved()
        tier = Tier(
            memory=account.usage.memory_bytes,
            storage=account.usage.file_bytes,
            reserved_memory=reserved.reserved_memory,
            reserved_storage=reserved.reserved_storage,
            streams=len(account.streams),
            consumers=sum(len(stream.consumers) for stream in account),
            limits=account.shown_limits,
        )
        details = AccountDetails(
            domain=account.premises.domain,
            api=ApiStatistics(level=API_LEVEL, total=self.total, errors=self.errors),
            tiers=_tiers(tier, account.tiers),
        )
        return to_body(Response(type=asked.endpoint.type), tier, details)

    def clustering_required(self, _asked: Asked, _body: Value, _turn: Turn) -> bytes:
        """What only a cluster can do."""
        raise errors.make(errors.CLUSTERING_REQUIRED)

    # --- streams ---

    def stream_create(self, asked: Asked, body: StreamConfigRequest, turn: Turn) -> bytes:
        """A new stream."""
        stream = self._account.create_stream(
            asked.names[0], body.config(), turn, pedantic=body.pedantic
        )
        info = _shown(stream, turn)
        return to_body(Response(type=asked.endpoint.type), replace(info, domain=""), Created())

    def stream_update(self, asked: Asked, body: StreamConfigRequest, turn: Turn) -> bytes:
        """Another configuration."""
        stream = self._account.update_stream(
            asked.names[0], body.config(), turn, pedantic=body.pedantic
        )
        return to_body(Response(type=asked.endpoint.type), _shown(stream, turn))

    def stream_names(self, asked: Asked, body: StreamNamesRequest, _turn: Turn) -> Slices:
        """Names, a page at a time."""
        names = [stream.name for stream in (yield from self._matching(body.subject))]
        offset, page = _page(names, body.offset, NAMES_LIMIT)
        return to_body(
            StreamNames(
                type=asked.endpoint.type,
                total=len(names),
                offset=offset,
                limit=NAMES_LIMIT,
                streams=tuple(page) or None,
            )
        )

    def stream_list(self, asked: Asked, body: StreamListRequest, turn: Turn) -> Slices:
        """Streams, a page at a time."""
        streams = yield from self._matching(body.subject)
        offset, page = _page(streams, body.offset, LIST_LIMIT)
        infos = yield from _each(page, lambda stream: stream.info(turn))
        return to_body(
            StreamList(
                type=asked.endpoint.type,
                total=len(streams),
                offset=offset,
                limit=LIST_LIMIT,
                streams=infos,
            )
        )

    def stream_info(self, asked: Asked, body: StreamInfoRequest, turn: Turn) -> Slices:
        """One stream."""
        stream = self._account.stream(asked.names[0])
        paged = Paged(type=asked.endpoint.type)
        more: dict[str, msgspec.Raw] = {}
        if body.subjects_filter:
            offset = max(body.offset, 0)
            counts, total = yield from details.subjects(stream, body.subjects_filter, offset)
            if offset < total:
                more["subjects"] = counts
            if total:
                paged = Paged(
                    type=asked.endpoint.type, total=total, offset=offset, limit=SUBJECTS_LIMIT
                )
        if body.deleted_details and stream.stored.log.deleted_count:
            more["deleted"] = yield from details.deleted(stream)
        state = replace(stream.state(), **more)
        cluster = Cluster(leader=self._account.premises.server_name)
        return to_body(paged, replace(_shown(stream, turn, state), cluster=cluster))

    def stream_delete(self, asked: Asked, _body: Value, turn: Turn) -> bytes:
        """The end of a stream."""
        self._account.delete_stream(asked.names[0], turn)
        return to_body(Success(type=asked.endpoint.type, success=True))

    def stream_purge(self, asked: Asked, body: StreamPurgeRequest, turn: Turn) -> None:
        """Messages of a stream go; answered when they are gone, or the stream is."""
        stream = self._account.stream(asked.names[0])
        self._account.require_writable()

        def done(count: int | None, later: Turn) -> None:
            if count is None:
                self.errors += 1
                closed = errors.make(errors.STREAM_FAILED, err="stream closed")
                answer = api.refuse(asked.endpoint, closed)
            else:
                answer = to_body(Purged(type=asked.endpoint.type, success=True, purged=count))
            self._answer(asked, answer, later)

        stream.purge(body, turn, done)

    def stream_snapshot(self, asked: Asked, body: StreamSnapshotRequest, turn: Turn) -> None:
        """An archive of a stream, sent chunk by chunk; the answer says of what."""
        client = advisories.client(asked.client)
        snapshot = self._account.snapshot(asked.names[0], body, client, turn)
        stream = self._account.stream(asked.names[0])
        told = SnapshotStarted(config=stream.config, state=stream.state())
        answer = to_body(Response(type=asked.endpoint.type), told)
        self._answer(asked, answer, turn)
        snapshot.start(turn)

    def stream_restore(self, asked: Asked, body: StreamRestoreRequest, turn: Turn) -> None:
        """A stream of an archive; the answer says where to send that."""

        def answer(reply: bytes, made: Stream | JetStreamError, later: Turn) -> None:
            kind = api.RESTORED_TYPE
            if isinstance(made, JetStreamError):
                text = to_body(Response(type=kind, error=errors.to_api_error(made)))
            else:
                text = to_body(Response(type=kind), replace(_shown(made, later), domain=""))
            self._account.premises.answer(reply, text, later)

        client = advisories.client(asked.client)
        restore = self._account.restore(asked.names[0], body.config, client, answer, turn)
        restore.start(turn)
        started = RestoreStarted(type=asked.endpoint.type, deliver_subject=restore.subject)
        self._answer(asked, to_body(started), turn)

    def stream_msg_get(self, asked: Asked, body: MessageGetRequest, _turn: Turn) -> Slices:
        """One message."""
        stream = self._account.stream(asked.names[0])
        entry = yield from self._while_there(stream, _chosen(stream, body))
        if entry is None:
            raise errors.make(errors.MESSAGE_NOT_FOUND)
        message = StoredMessage(
            subject=entry.subject.decode("utf-8", "replace"),
            seq=entry.seq,
            hdrs=b"" if body.no_hdr else entry.header,
            data=entry.payload,
            time=format_time(entry.time_ns),
        )
        return to_body(MessageGot(type=asked.endpoint.type, message=message))

    def stream_msg_delete(self, asked: Asked, body: MessageDeleteRequest, turn: Turn) -> None:
        """One message goes; answered when its content is overwritten, unless that may stay."""

        def done(problem: str, later: Turn) -> None:
            if problem:
                text = f"message was deleted but not overwritten: {problem}"
                error = errors.make(errors.MESSAGE_DELETE_FAILED, err=text)
                answer = api.refuse(asked.endpoint, error)
            else:
                answer = to_body(Success(type=asked.endpoint.type, success=True))
            self._answer(asked, answer, later)

        self._account.stream(asked.names[0]).require_deletable()
        self._account.require_writable()
        try:
            self._account.delete_message(
                asked.names[0], body.seq, turn, erase=not body.no_erase, done=done
            )
        except JetStreamError as error:  # not among the errors that INFO counts
            answer = api.refuse(asked.endpoint, error)
            self._answer(asked, answer, turn)

    def _while_there(self, stream: Stream, work: Sliced[Made]) -> Sliced[Made]:
        """`work` on a stream; refused when that is gone, though another may have its name by then,
        or when JetStream is off.
        """
        account = self._account

        def there() -> bool:
            return account.limits is not None and account.streams.get(stream.name) is stream

        def refuse() -> NoReturn:
            off = account.limits is None
            raise errors.make(errors.NOT_ENABLED_FOR_ACCOUNT if off else errors.STREAM_NOT_FOUND)

        return as_long_as(there, work, refuse)

    def _matching(self, pattern: str) -> Sliced[list[Stream]]:
        streams = list(self._account)
        if not pattern:
            return streams
        fit = yield from _each(streams, lambda stream: stream.matches(pattern))
        return [stream for stream, fits in zip(streams, fit, strict=True) if fits]

    # --- consumers ---

    def consumer_create(
        self, asked: Asked, body: ConsumerCreateRequest, turn: Turn
    ) -> bytes | Slices | None:
        """A consumer, new or changed. Who copies the stream is told which one it is."""
        subject = consumer_requests.parse_create_subject(asked.subject)
        config = consumer_requests.require_agreement(subject, body)
        identity = ""
        if config.direct or config.sourcing:
            identity = self._account.stream(subject.stream).identity
            if asked.identity not in {"", identity}:
                raise errors.make(errors.STREAM_IDENTITY_MISMATCH, msg=identity)
        create = partial(
            self._account.create_consumer,
            subject.stream,
            config,
            turn,
            action=body.action,
            pedantic=body.pedantic,
        )
        answer = partial(self._made, asked, identity, turn)
        stream = self._account.streams.get(subject.stream)
        if stream is not None and beginnings.takes_long(stream.stored, config):
            return self._create_found(stream, config, create, answer)
        consumer = create()
        return _when_counted(consumer, partial(answer, consumer), turn)

    def _create_found(
        self,
        stream: Stream,
        config: ConsumerConfig,
        create: Callable[..., Consumer],
        answer: Callable[[Consumer], bytes | None],
    ) -> Slices:
        """Look for the beginning of a consumer, make it, and count what it has not seen."""
        found = yield from self._while_there(stream, beginnings.search(stream.stored, config))
        consumer = create(found=found)
        yield from consumer.count()
        return answer(consumer)

    def _made(self, asked: Asked, identity: str, turn: Turn, consumer: Consumer) -> bytes | None:
        answer = to_body(Response(type=asked.endpoint.type), consumer.shown(turn))
        if not identity:
            return answer
        header = make_headers([(api.IDENTITY_HEADER, identity)])
        self._answer(asked, answer, turn, header=header)
        return None

    def consumer_names(self, asked: Asked, body: ConsumersRequest, _turn: Turn) -> bytes:
        """Names, a page at a time."""
        stream = self._account.stream(asked.names[0])
        names = [consumer.name for consumer in stream.shown_consumers()]
        offset, page = _page(names, body.offset, NAMES_LIMIT)
        return to_body(
            ConsumerNames(
                type=asked.endpoint.type,
                total=len(names),
                offset=offset,
                limit=NAMES_LIMIT,
                consumers=tuple(page),
            )
        )

    def consumer_list(self, asked: Asked, body: ConsumersRequest, turn: Turn) -> Slices:
        """Consumers, a page at a time."""
        consumers = self._account.stream(asked.names[0]).shown_consumers()
        offset, page = _page(consumers, body.offset, LIST_LIMIT)
        for consumer in page:
            yield from consumer.count()
        infos = yield from _each(page, lambda consumer: consumer.info(turn))
        return to_body(
            ConsumerList(
                type=asked.endpoint.type,
                total=len(consumers),
                offset=offset,
                limit=LIST_LIMIT,
                consumers=infos,
            )
        )

    def consumer_info(self, asked: Asked, _body: Value, turn: Turn) -> bytes | Slices | None:
        """One consumer."""
        consumer = self._account.consumer(asked.names[0], asked.names[1])
        kind = Response(type=asked.endpoint.type)
        return _when_counted(consumer, lambda: to_body(kind, consumer.shown(turn)), turn)

    def consumer_pause(self, asked: Asked, body: ConsumerPauseRequest, turn: Turn) -> bytes:
        """A consumer delivers nothing for a while, or goes on."""
        consumer = self._account.consumer(asked.names[0], asked.names[1])
        self._account.require_writable()
        until = in_utc(body.pause_until)
        consumer.pause(until, turn)
        rest_ns = consumer.pause_rest_ns(turn)
        return to_body(
            Paused(
                type=asked.endpoint.type,
                paused=rest_ns > 0,
                pause_until=until,
                pause_remaining_ns=rest_ns,
            )
        )

    def consumer_unpin(self, asked: Asked, body: ConsumerUnpinRequest, turn: Turn) -> bytes:
        """The pinned client of a priority group makes room."""
        self._account.consumer(asked.names[0], asked.names[1]).unpin(body.group, turn)
        return to_body(Response(type=asked.endpoint.type))

    def consumer_reset(
        self, asked: Asked, body: ConsumerResetRequest, turn: Turn
    ) -> bytes | Slices | None:
        """A consumer begins anew; silence where there is none."""
        stream = self._account.streams.get(asked.names[0])
        consumer = stream.consumers.get(asked.names[1]) if stream is not None else None
        if consumer is None:
            return None
        self._account.require_writable()
        seq = consumer.reset(body.seq, turn)
        answer = partial(self._begun_anew, asked, consumer, seq, turn)
        return _when_counted(consumer, answer, turn)

    def _begun_anew(self, asked: Asked, consumer: Consumer, seq: int, turn: Turn) -> bytes | None:
        info = consumer.shown(turn)
        answer = to_body(Response(type=asked.endpoint.type), info, Reset(reset_seq=seq))
        if not asked.copies:
            return answer
        header = make_headers([(api.IDENTITY_HEADER, consumer.stream.identity)])
        self._answer(asked, answer, turn, header=header)
        return None

    def consumer_delete(self, asked: Asked, _body: Value, turn: Turn) -> bytes:
        """The end of a consumer."""
        self._account.delete_consumer(asked.names[0], asked.names[1], turn)
        return to_body(Success(type=asked.endpoint.type, success=True))


def _when_counted(
    consumer: Consumer, answer: Callable[[], bytes | None], turn: Turn
) -> bytes | Slices | None:
    """`answer` when it is known what the consumer has not seen: mostly at once.

    Many that are to be counted in one turn are not each counted a slice at once.
    """
    if not turn.exhausted and not consumer.cursor.count_on():
        return answer()
    return _count_first(consumer, answer)


def _count_first(consumer: Consumer, answer: Callable[[], bytes | None]) -> Slices:
    yield from consumer.count()
    return answer()


def _each(items: list[Item], make: Callable[[Item], Made]) -> Sliced[tuple[Made, ...]]:
    """What `make` makes of each, a slice at a time."""
    out: list[Made] = []
    for item in items:
        out.append(make(item))
        if len(out) % SLICE == 0:
            yield
    return tuple(out)


def _chosen(stream: Stream, body: MessageGetRequest) -> Sliced[Entry | None]:
    log = stream.stored.log
    seq = body.seq
    if body.start_time is not None:
        seq = log.seq_since(parse_time_ns(body.start_time))
        if not seq:
            return None
    if body.next_by_subj or body.last_by_subj:
        search = stream.search(
            body.next_by_subj or body.last_by_subj, seq=seq, last=not body.next_by_subj
        )
        while search.step():
            yield
        seq = search.found
    return stream.message(seq)


def _page(items: list[Item], offset: int, limit: int) -> tuple[int, list[Item]]:
    """The offset that counts, and what follows it."""
    start = min(max(offset, 0), len(items))
    return start, items[start : start + limit]


def _shown(stream: Stream, turn: Turn, state: StreamState | None = None) -> StreamInfo:
    """A stream with the server's own metadata."""
    return replace(stream.info(turn, state), config=stream_rules.shown(stream.config))
