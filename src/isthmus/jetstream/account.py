"""The JetStream of one account: its streams, its limits, and where its API listens.

Owns the table of streams. Knows no socket and no disk: the journal and the logs of file streams
come from outside (`Premises`, `LogStore`). Invariant: no two streams take in the same subject.

    $JS.API.>                   ─► Inlet ─► Service.handle ─► a method per endpoint
    $JS.<domain>.API.STREAM.> … ─┘
    $JS.API.CONSUMER.MSG.NEXT.  ─► each consumer's own inlet; nobody there is a 503
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec
from msgspec.structs import replace

from isthmus.base.errors import JetStreamError
from isthmus.base.nuid import make_token
from isthmus.base.ports import Entropy
from isthmus.core.agenda import Agenda
from isthmus.core.inlet import Inlet
from isthmus.core.journal import Journal
from isthmus.core.router import AccountCore
from isthmus.core.stored import Usage
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree
from isthmus.core.turn import Turn
from isthmus.jetstream import (
    acks,
    consumer_rules,
    errors,
    removals,
    restores,
    retention,
    snapshots,
    stream_rules,
)
from isthmus.jetstream.beginnings import Beginning
from isthmus.jetstream.consumer import Consumer, ConsumerRecord
from isthmus.jetstream.consumer_config import AckPolicy, Action, ConsumerConfig
from isthmus.jetstream.limits import ZERO, AccountLimits, AccountUsage, ServerLimits
from isthmus.jetstream.premises import Premises
from isthmus.jetstream.requests import StreamSnapshotRequest
from isthmus.jetstream.reservations import Reservations, size_of
from isthmus.jetstream.restores import Answer, Restore
from isthmus.jetstream.service import Service
from isthmus.jetstream.snapshots import Snapshot
from isthmus.jetstream.stream import Stream, StreamRecord
from isthmus.jetstream.stream_config import Compression, Retention, Storage, StreamConfig
from isthmus.store.archives import Archives
from isthmus.store.found import Left

_PREFIX = "$JS.API."
_NOT_FORWARDED = ("CONSUMER.MSG.NEXT.", "DIRECT.GET")
_MAPPED_IN_DOMAIN = ("INFO", "STREAM.>", "CONSUMER.>", "META.>", "SERVER.>", "ACCOUNT.>")
_CONSUMER_NAME_LENGTH = 8
_NO_LIMIT_APPLIES = -2

Place = tuple[int, int, int, bytes] | None  # of a message in its block's file, write_back.erase
Erased = Callable[[str, Turn], None]


class LogStore(Protocol):
    """Who keeps the logs of file streams."""

    def make_log(self, number: int, first_seq: int, /) -> StreamLog:
        """An empty log for the stream `number`."""

    def keep(self, number: int, keeper: Stream, /) -> None:
        """`keeper` speaks for the stream `number` at checkpoints."""

    def compress(self, number: int, /, *, wanted: bool) -> None:
        """Whether blocks of the stream `number` are compressed from now on."""

    def drop_log(self, number: int, /) -> None:
        """The stream `number` is gone: its files may go."""

    def erase(self, number: int, seq: int, place: Place, done: Erased, /) -> None:
        """Message `seq` was removed: overwrite it in all files, then call `done`."""

    @property
    def archives(self) -> Archives:
        """The way of streams out and in."""


class AccountJetStream:
    """Streams and consumers of `core`'s account. `limits` None: the account has no JetStream.

    `journal` None: everything lives in memory, file streams too.
    """

    def __init__(
        self,
        core: AccountCore,
        journal: Journal | None,
        *,
        limits: AccountLimits | None,
        entropy: Entropy,
        agenda: Agenda,
        server_usage: Usage | None = None,
        server_limits: ServerLimits = ServerLimits(),
        server_reservations: Reservations | None = None,
        server_name: str = "",
        domain: str = "",
        strict: bool = True,
        logs: LogStore | None = None,
        long_ack_subjects: bool = False,
    ) -> None:
        self.core = core
        self.limits = limits
        self.tiers: dict[str, AccountLimits] = {}  # where limits are for each number of replicas
        self.server_limits = server_limits
        self.streams: dict[str, Stream] = {}
        self.restores: list[Restore] = []  # streams on their way in
        self.usage = Usage(above=server_usage)
        self._reservations = Reservations(above=server_reservations)
        self._logs = logs
        self.premises = Premises(
            core,
            journal=journal,
            agenda=agenda,
            usage=self.usage,
            entropy=entropy,
            domain=domain,
            server_name=server_name,
            ack_place=f"{domain or '_'}.{acks.account_hash(core.name.decode())}.",
            long_acks=long_ack_subjects,
        )
        self.service = Service(self, strict=strict)
        self._inlets: list[tuple[bytes, Inlet]] = []
        self._applicable = True
        self._running = True  # what is recovered begins at once; `limit` stops it if it may not
        self._listen()
        self._bound(limits)

    def __iter__(self) -> Iterator[Stream]:
        """Its streams by name."""
        return iter(self.streams[name] for name in sorted(self.streams))

    def limit(self, limits: AccountLimits | None, turn: Turn, *, applicable: bool = True) -> None:
        """Other limits; what is over them stays, and nothing is added.

        Without limits JetStream is off: its streams and consumers rest until it is on again, and
        archives that are under way are given up. Not `applicable`: what the account may have is
        for replicated streams only.
        """
        self._applicable = applicable
        self._bound(limits)
        if self._running == (limits is not None):
            return
        self._running = limits is not None
        for restore in list(self.restores):
            restore.abort(turn)
        for stream in self:
            if self._running:
                stream.go_on(turn)
            else:
                stream.suspend(turn)

    def _bound(self, limits: AccountLimits | None) -> None:
        self.limits = limits
        if limits is None:
            self.usage.limit(0, 0)
        elif not self._applicable:
            self.usage.limit(_NO_LIMIT_APPLIES, _NO_LIMIT_APPLIES)
        else:
            self.usage.limit(limits.max_memory, limits.max_storage)

    def shut_down(self, turn: Turn) -> None:
        """The server stops: who waits is told."""
        for core_subject, inlet in self._inlets:
            self.core.sublist.discard(core_subject, inlet)
        self._inlets.clear()
        for restore in list(self.restores):
            restore.abort(turn)
        for stream in self:
            stream.shut_down(turn)

    def _listen(self) -> None:
        subjects = [f"{_PREFIX}>"]
        prefixes = [_PREFIX]
        domain = self.premises.domain
        if domain:
            prefixes.append(f"$JS.{domain}.API.")
            subjects += [f"$JS.{domain}.API.{rest}" for rest in _MAPPED_IN_DOMAIN]
        excluded = tuple(f"{p}{verb}".encode() for p in prefixes for verb in _NOT_FORWARDED)
        inlet = Inlet(self.service.handle, excluded)
        for subject in subjects:
            self.core.sublist.add(subject.encode(), inlet)
            self._inlets.append((subject.encode(), inlet))

    # --- streams ---

    def stream(self, name: str) -> Stream:
        """The stream `name`; raises if there is none."""
        found = self.streams.get(name)
        if found is None:
            raise errors.make(errors.STREAM_NOT_FOUND)
        return found

    def reserved(self, without: str = "") -> AccountUsage:
        """What the streams take, but for one."""
        count, memory = len(self.streams), self._reservations.memory
        storage = self._reservations.storage
        if (stream := self.streams.get(without)) is not None:
            count -= 1
            if stream.config.storage is Storage.MEMORY:
                memory -= size_of(stream.config)
            else:
                storage -= size_of(stream.config)
        return AccountUsage(streams=count, reserved_memory=memory, reserved_storage=storage)

    def create_stream(
        self, name: str, request: StreamConfig, turn: Turn, *, pedantic: bool
    ) -> Stream:
        """A new stream, or the one that is there and equal."""
        limits = self._limits()
        room, usage = self._reservations.within(limits), self.reserved(without=name)
        stream_rules.require_creatable(name, request, room, usage)
        config = self._prepare(request, limits, pedantic=pedantic)
        self._require_tier()
        old = self.streams.get(name)
        if old is not None:
            if not stream_rules.same(old.config, config):
                raise errors.make(errors.STREAM_NAME_IN_USE)
            return old
        if any(restore.committing and restore.name == name for restore in self.restores):
            raise errors.make(errors.STREAM_NAME_IN_USE)
        stream_rules.require_room(config, room, usage)
        stream_rules.require_no_overlap(config, self._configs())
        self._require_rememberable(config, turn)
        self.require_writable()
        stream = self._make_stream(config, self.premises.take_number(), turn)
        self._enter(stream)
        stream.open(turn)
        return stream

    def recover(self, found: Left, turn: Turn) -> Stream:
        """A stream as it was left, with its consumers; it takes in and delivers from now on."""
        stream = self.rebuild(found, turn)
        for _slice in stream.recall_ids():
            pass
        self.resume(stream, found, turn)
        return stream

    def rebuild(self, found: Left, turn: Turn) -> Stream:
        """A stream as it was left, without its consumers, and unknown to anybody."""
        record = msgspec.json.decode(found.config, type=StreamRecord)
        if record.config.first_seq > 1:
            found.log.use_up(record.config.first_seq - 1)  # it ended before its first message
        return Stream(
            self.premises,
            record.config,
            number=found.number,
            created_ns=record.created_ns,
            log=found.log,
            tree=found.tree,
            now_ns=turn.now_ns,
        )

    def resume(self, stream: Stream, found: Left, turn: Turn) -> None:
        """It is there, with its consumers, and goes on."""
        record = msgspec.json.decode(found.config, type=StreamRecord)
        self._enter(stream)
        self._compress(stream)
        stream.origins.recall(record.positions, found.labels)
        stream.ages.recall(turn)
        for number, left in sorted(found.consumers.items()):
            kept = msgspec.json.decode(left.config, type=ConsumerRecord)
            consumer = Consumer(
                stream,
                kept.config,
                name=left.name.decode(),
                number=number,
                created_ns=kept.created_ns,
            )
            consumer.resume_seq = kept.resume_seq
            stream.consumers[consumer.name] = consumer
            consumer.resume(left.records, turn)
        stream.listen(turn)
        retention.look_again(stream, turn)
        per_subject = record.config.max_msgs_per_subject > 0
        removals.run(removals.Shrink(stream, each_subject=per_subject), turn)
        if not self._running:
            stream.suspend(turn)

    def _configs(self, without: str = "") -> list[StreamConfig]:
        """Of all streams, also of those that are as good as there."""
        restored = [restore.config for restore in self.restores if restore.committing]
        return [stream.config for stream in self if stream.name != without] + restored

    # --- archives ---

    @property
    def archives(self) -> Archives | None:
        """The way of file streams out and in; None: everything lives in memory."""
        return None if self._logs is None else self._logs.archives

    def snapshot(
        self, name: str, wanted: StreamSnapshotRequest, client: bytes, turn: Turn
    ) -> Snapshot:
        """An archive of a stream, to be sent."""
        stream = self.stream(name)
        snapshots.require_valid(wanted)
        if sum(len(one.snapshots) for one in self) >= snapshots.AT_ONCE_MAX:
            text = f"{snapshots.AT_ONCE_MAX} of this account are under way"
            raise errors.make(errors.SNAPSHOT_FAILED, err=text)
        made = Snapshot(stream, wanted, self.archives, client=client, turn=turn)
        stream.snapshots.append(made)
        return made

    def restore(
        self, name: str, request: StreamConfig, client: bytes, answer: Answer, turn: Turn
    ) -> Restore:
        """A stream to be, of an archive to come; what stands in its way may be gone by then."""
        if request.name not in {"", name}:
            raise errors.make(errors.STREAM_DOES_NOT_MATCH_SUBJECT)
        if name in self.streams:
            raise errors.make(errors.RESTORE_NAME_IN_USE)
        stream_rules.require_name(name)
        alone = replace(request, name=name, num_replicas=min(request.num_replicas, 1))
        config = self._prepare(alone, self._limits(), pedantic=False)
        config = replace(config, metadata=request.metadata)
        if request.num_replicas > 1:
            config = replace(config, num_replicas=request.num_replicas)
        self._require_rememberable(config, turn)
        if len(self.restores) >= restores.AT_ONCE_MAX:
            text = f"{restores.AT_ONCE_MAX} of this account are under way"
            raise errors.make(errors.RESTORE_FAILED, err=text)
        return Restore(self, config, answer, client=client, turn=turn)

    def require_place(self, config: StreamConfig) -> None:
        """Refuse a restored stream that cannot be added."""
        if config.name in [*self.streams, *(r.name for r in self.restores if r.committing)]:
            raise errors.make(errors.RESTORE_NAME_IN_USE)
        if self.limits is None:
            raise errors.make(errors.NOT_ENABLED_FOR_ACCOUNT)
        try:
            room, usage = self._reservations.within(self._limits()), self.reserved()
            stream_rules.require_creatable(config.name, replace(config, sealed=False), room, usage)
            if config.num_replicas > 1:
                raise errors.make(errors.REPLICAS_NOT_SUPPORTED)
            stream_rules.require_room(config, room, usage)
            stream_rules.require_no_overlap(config, self._configs())
            self.require_writable()
        except JetStreamError as error:
            text = f"error adding stream: {error.description} ({error.err_code})"
            raise errors.make(errors.RESTORE_FAILED, err=text) from None

    def require_consumer_place(self, stream: StreamConfig, count: int) -> None:
        """Refuse one more consumer of a restored stream that has `count`."""
        consumer_rules.require_room(count, stream, self.server_limits, self._limits())

    def restored_consumer(self, stream: StreamConfig, config: ConsumerConfig) -> ConsumerConfig:
        """A consumer of an archive, if a request could have made it."""
        prepared = consumer_rules.prepare(
            config, stream=stream, server=self.server_limits, account=self._limits()
        )
        if not prepared.name:
            raise errors.make(errors.STREAM_INVALID_CONFIG, err="a consumer without a name")
        return prepared

    def keep(self, stream: Stream) -> None:
        """A stream of an archive is there: its store asks it from now on."""
        if stream.journal is not None and self._logs is not None:
            self._logs.keep(stream.number, stream)

    def update_stream(
        self, name: str, request: StreamConfig, turn: Turn, *, pedantic: bool
    ) -> Stream:
        """A stream with another configuration."""
        limits = self._limits()
        config = self._prepare(request, limits, pedantic=pedantic)
        self._require_tier()
        stream = self.stream(name)
        room = self._reservations.within(limits)
        config = stream_rules.apply_update(stream.config, config, room, self.reserved(name))
        stream_rules.require_no_overlap(config, self._configs(without=name))
        self._require_rememberable(config, turn)
        self.require_writable()
        self._reservations.remove(stream.config)
        stream.update(config, turn)
        self._reservations.add(stream.config)
        self._compress(stream)
        return stream

    def delete_message(self, name: str, seq: int, turn: Turn, *, erase: bool, done: Erased) -> None:
        """Remove a message, and if it is to be erased, not only from sight.

        `done(problem, turn)` is called when that is so; raises what MSG.DELETE answers.
        """
        stream = self.stream(name)
        place = stream.delete_message(seq, turn, erase=erase)
        if erase and self._logs is not None and stream.journal is not None:
            self._logs.erase(stream.number, seq, place, done)
        else:
            done("", turn)

    def _prepare(
        self, request: StreamConfig, limits: AccountLimits, *, pedantic: bool
    ) -> StreamConfig:
        """`request` as it would be kept beside the other streams."""
        configs = {name: stream.config for name, stream in self.streams.items()}
        return stream_rules.prepare(
            request, server=self.server_limits, account=limits, pedantic=pedantic, known=configs
        )

    def _require_rememberable(self, config: StreamConfig, turn: Turn) -> None:
        record = StreamRecord(config=config, created_ns=turn.now_ns)
        self.premises.require_rememberable(config.name, record)

    def delete_stream(self, name: str, turn: Turn) -> None:
        """A stream and everything in it goes."""
        stream = self.stream(name)
        self.require_writable()
        del self.streams[name]
        self._reservations.remove(stream.config)
        stream.delete(turn)
        if self._logs is not None and stream.journal is not None:
            self._logs.drop_log(stream.number)

    def _enter(self, stream: Stream) -> None:
        self.streams[stream.name] = stream
        self._reservations.add(stream.config)

    def _make_stream(self, config: StreamConfig, number: int, turn: Turn) -> Stream:
        first_seq = max(config.first_seq, 1)
        if config.storage is Storage.FILE and self._logs is not None:
            log = self._logs.make_log(number, first_seq)
        else:
            log = StreamLog(number, first_seq=first_seq)
        stream = Stream(
            self.premises,
            config,
            number=number,
            created_ns=turn.now_ns,
            log=log,
            tree=SubjectTree(self.premises.seed()),
            now_ns=turn.now_ns,
        )
        if config.storage is Storage.FILE and self._logs is not None:
            self._logs.keep(number, stream)
        self._compress(stream)
        return stream

    def _compress(self, stream: Stream) -> None:
        if stream.journal is not None and self._logs is not None:
            wanted = stream.config.compression is Compression.S2
            self._logs.compress(stream.number, wanted=wanted)

    # --- consumers ---

    def consumer(self, stream_name: str, name: str) -> Consumer:
        """The consumer `name`; raises if there is none."""
        found = self.stream(stream_name).consumers.get(name)
        if found is None:
            raise errors.make(errors.CONSUMER_NOT_FOUND)
        return found

    def create_consumer(
        self,
        stream_name: str,
        request: ConsumerConfig,
        turn: Turn,
        *,
        action: Action,
        pedantic: bool,
        found: Beginning | None = None,
    ) -> Consumer:
        """A consumer as `request` says: new, changed, or as it was.

        `found` is where a new one begins, if that was looked for beforehand.
        """
        limits = self._limits()
        stream = self.stream(stream_name)
        self._require_tier()
        if request.direct and request.sourcing and request.name:
            request = self._sourcing(stream, request)
        old = stream.consumers.get(request.name) if request.name else None
        config = consumer_rules.prepare(
            request,
            stream=stream.config,
            server=self.server_limits,
            account=limits,
            pedantic=pedantic,
            old=None if old is None else old.config,
        )
        others = [one.config for one in stream.shown_consumers() if one is not old]
        retention.require_consumer(stream.config, config, others)
        if old is not None:
            changed = self._change_consumer(old, config, turn, action)
            if config.sourcing:
                changed.reset(0, turn)  # what was not acknowledged may never have arrived
            return changed
        if action is Action.UPDATE:
            raise errors.make(errors.CONSUMER_DOES_NOT_EXIST)
        consumer_rules.require_room(
            len(stream.shown_consumers()), stream.config, self.server_limits, limits
        )
        self._require_consumer_rememberable(config, turn)
        self.require_writable()
        consumer = Consumer(
            stream,
            config,
            name=config.name or self._free_name(stream),
            number=self.premises.take_number(),
            created_ns=turn.now_ns,
        )
        stream.add_consumer(consumer, turn, found)
        return consumer

    def _sourcing(self, stream: Stream, request: ConsumerConfig) -> ConsumerConfig:
        """The consumer of who copies `stream`: one for each time it asks, or, where a message goes
        when it was acknowledged, one that stays and is acknowledged by flow control.
        """
        if stream.config.retention is Retention.LIMITS:
            token = make_token(self.premises.entropy, _CONSUMER_NAME_LENGTH)
            return replace(request, name=f"{request.name}-{token}")
        return replace(
            request,
            direct=False,
            durable_name=request.name,
            ack_policy=AckPolicy.FLOW_CONTROL,
            ack_wait_ns=0,
            max_deliver=0,
            inactive_threshold_ns=0,
        )

    def _change_consumer(
        self, consumer: Consumer, config: ConsumerConfig, turn: Turn, action: Action
    ) -> Consumer:
        if consumer_rules.same(consumer.config, config):
            consumer.mention_pause(turn)
            return consumer
        if action is Action.CREATE:
            raise errors.make(errors.CONSUMER_EXISTS)
        consumer_rules.require_update(consumer.config, config)
        if consumer.bound and config.deliver_subject != consumer.config.deliver_subject:
            raise errors.make(errors.CONSUMER_NAME_IN_USE)
        self._require_consumer_rememberable(config, turn)
        self.require_writable()
        consumer.update(config, turn)
        retention.look_again(consumer.stream, turn)
        consumer.mention_pause(turn)
        return consumer

    def _require_consumer_rememberable(self, config: ConsumerConfig, turn: Turn) -> None:
        record = ConsumerRecord(config=config, created_ns=turn.now_ns)
        self.premises.require_rememberable(config.name, record)

    def delete_consumer(self, stream_name: str, name: str, turn: Turn) -> None:
        """A consumer goes; who waits at it is told."""
        consumer = self.consumer(stream_name, name)
        self.require_writable()
        consumer.stream.delete_consumer(consumer, turn)

    def _free_name(self, stream: Stream) -> str:
        while True:
            name = make_token(self.premises.entropy, _CONSUMER_NAME_LENGTH)
            if name not in stream.consumers:
                return name

    # --- what may be done ---

    def _limits(self) -> AccountLimits:
        assert self.limits is not None
        return self.limits

    @property
    def shown_limits(self) -> AccountLimits:
        """What the account is told it may use."""
        return ZERO if self.tiers else self._limits()

    def _require_tier(self) -> None:
        """Refuse what no limit is for: the account may have replicated streams only."""
        if not self._applicable:
            raise errors.make(errors.NO_LIMITS)

    def require_writable(self) -> None:
        """Refuse a change that could not be made durable."""
        journal = self.premises.journal
        if journal is not None and journal.refusing:
            raise errors.make(errors.INSUFFICIENT_RESOURCES)
