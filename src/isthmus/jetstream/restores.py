"""Archives of streams on their way in: STREAM.RESTORE.

        asked ─► chunks, each answered when it is taken ─► the empty one ─► committed ─► the stream
                 5 s without one: given up                  its answer says what was wrong

What arrives goes into a log that nobody sees (`store/archives.py`). The stream begins when all of
it is durable, so there is no moment at which a part of it is there. Owns the conversation with one
sender. Knows no disk. Invariant: what has arrived and is not taken in yet has at most
WAITING_BYTES_MAX, and no chunk is answered before it is taken in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from isthmus.base.errors import JetStreamError, StoreError
from isthmus.base.nuid import make_nuid
from isthmus.base.values import NS_PER_S, format_time, from_json, to_json
from isthmus.core import retrace
from isthmus.core.agenda import Alarm, Job, Steps, run_in_slices
from isthmus.core.inlet import Inlet, Request
from isthmus.core.portable import admit
from isthmus.core.router import publish
from isthmus.core.stored import Usage
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree
from isthmus.core.turn import Turn
from isthmus.jetstream import advisories, errors
from isthmus.jetstream.consumer import ConsumerRecord
from isthmus.jetstream.stream import StreamRecord
from isthmus.jetstream.stream_config import Compression, Storage, StreamConfig
from isthmus.store.archive import Manifest, Reader
from isthmus.store.found import FoundConsumer, Left
from isthmus.store.records import ConsumerMeta

if TYPE_CHECKING:
    from isthmus.jetstream.account import AccountJetStream
    from isthmus.jetstream.stream import Stream

AT_ONCE_MAX = 16  # of one account
CHUNK_WAIT_NS = 5 * NS_PER_S
WAITING_BYTES_MAX = 32 << 20
WRITES_MAX = 4  # blocks on their way to the disk, before more is taken in
RECORDS_AT_ONCE = 512
CONSUMERS_BYTES_MAX = 64 << 20  # of all consumers of one archive, a kibibyte more for each
CONSUMER_BYTES = 1 << 10
RUNS_MAX = 1 << 20  # messages that their states name without a byte for each

_NUMBER_MAX = (1 << 63) - 1

Answer = Callable[[bytes, "Stream | JetStreamError", Turn], None]
Kept = TypeVar("Kept", StreamRecord, ConsumerRecord)


class Restore:
    """One stream of `account` to be, as `config` says; `answer(reply, outcome, turn)` ends it."""

    def __init__(
        self,
        account: AccountJetStream,
        config: StreamConfig,
        answer: Answer,
        *,
        client: bytes,
        turn: Turn,
    ) -> None:
        premises = account.premises
        self.name = config.name
        self.config = config
        self.committing = False
        self.subject = f"$JS.SNAPSHOT.RESTORE.{config.name}.{make_nuid(premises.entropy)}"
        self._account = account
        self._premises = premises
        self._client = msgspec.Raw(client)
        self._answer = answer
        self._start_ns = turn.now_ns
        number = premises.take_number()
        in_files = config.storage is Storage.FILE and premises.journal is not None
        self._staging = account.archives if in_files else None
        self._files = None if self._staging is None else self._staging.stage(number)
        if self._files is not None:
            compress = config.compression is Compression.S2
            self._files.blocks.choose(compress=compress, from_seq=0)
        self._intake = _Intake(
            StreamLog(number) if self._files is None else self._files.log,
            SubjectTree(premises.seed()),
        )
        self._reader = Reader(self._intake)
        self._inlet = Inlet(self._arrived)
        self._alarm = Alarm(Job(self._ring))
        self._waiting: deque[Request] = deque()
        self._waiting_bytes = 0
        self._taking: Iterator[None] | None = None  # the first of them
        self._busy = False
        self._bytes = 0
        self._problem = ""
        self._closed = False

    def start(self, turn: Turn) -> None:
        """Take chunks from now on."""
        self._account.restores.append(self)
        self._premises.core.sublist.add(self.subject.encode(), self._inlet)
        self._wait(turn)
        self._premises.advise(
            advisories.RestoreCreated, turn, stream=self.name, client=self._client
        )

    def abort(self, turn: Turn) -> None:
        """Nothing comes of it."""
        if not self._closed:
            self._close(turn)
            self._account.restores.remove(self)
            self._drop()

    # --- chunks ---

    def _ring(self, turn: Turn) -> bool:
        if self._busy:
            self._wait(turn)  # not the sender is slow, but the disk
        else:
            self.abort(turn)
        return False

    def _wait(self, turn: Turn) -> None:
        self._premises.agenda.put(self._alarm, turn.now_ns + CHUNK_WAIT_NS, turn)

    def _arrived(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            if self._closed:
                return
            self._waiting.append(request)
            self._waiting_bytes += len(request.payload)
            if not request.reply or self._waiting_bytes > WAITING_BYTES_MAX:
                self._tell(turn)
                self.abort(turn)
        if not self._closed:
            self._wait(turn)
            self._go_on(turn)

    def _go_on(self, turn: Turn) -> None:
        if not self._busy and not self._closed:
            self._busy = True
            run_in_slices(self._step, turn)

    def _step(self, turn: Turn) -> bool:
        """Take in a slice; True if more can be done now."""
        if self._closed:
            return False
        if self._files is not None and self._files.writing >= WRITES_MAX:
            self._files.on_quiet = self._written
            return False
        if self._taking is None:
            return self._begin_chunk(turn)
        try:
            next(self._taking)
        except StopIteration:
            self._end_chunk(turn)
        except StoreError as error:
            self._fail(str(error))
            self._end_chunk(turn)
        return True

    def _written(self, turn: Turn) -> None:
        self._busy = False
        self._go_on(turn)

    def _begin_chunk(self, turn: Turn) -> bool:
        if not self._waiting:
            self._busy = False
            return False
        chunk = self._waiting[0]
        if not chunk.payload:
            self._finish(chunk.reply, turn)
            return False
        self._bytes += len(chunk.payload)
        self._taking = iter(()) if self._problem else self._reader.feed(chunk.payload)
        return True

    def _end_chunk(self, turn: Turn) -> None:
        self._taking = None
        chunk = self._waiting.popleft()
        self._waiting_bytes -= len(chunk.payload)
        if not self._problem:
            self._check_room()
        publish(self._premises.core, chunk.reply, b"", turn)

    def _check_room(self) -> None:
        log = self._intake.log
        usage: Usage | None = self._premises.usage
        while usage is not None:
            used = usage.memory_bytes if log.memory else usage.file_bytes
            most = usage.memory_max if log.memory else usage.file_max
            if 0 <= most < used + log.bytes_stored:
                self._fail(errors.make(errors.ACCOUNT_RESOURCES_EXCEEDED).description)
                return
            usage = usage.above
        if self._files is not None and self._files.failed:
            self._fail(self._files.failed)

    def _fail(self, problem: str) -> None:
        """Take in no more; the sender hears of it when it has sent all."""
        self._problem = problem
        self._drop()

    # --- the end ---

    def _finish(self, reply: bytes, turn: Turn) -> None:
        self._close(turn)
        try:
            found = self._whole(turn)
        except StoreError as error:
            self._refuse(reply, errors.make(errors.RESTORE_FAILED, err=str(error)), turn)
            return
        except JetStreamError as error:
            self._refuse(reply, error, turn)
            return
        self.committing = True

        def committed(problem: str, later: Turn) -> None:
            if problem:
                error = errors.make(errors.RESTORE_FAILED, err=problem)
                self._refuse(reply, error, later)
                return
            stream = self._account.rebuild(found, later)

            def begin(_nothing: None, at_last: Turn) -> None:
                self._begin(stream, found, reply, at_last)

            run_in_slices(Steps(stream.recall_ids(), begin), later)

        if self._staging is None:
            committed("", turn)
        else:
            self._staging.commit(found.number, found, committed)

    def _whole(self, turn: Turn) -> Left:
        """The stream as a start would have found it; raises if it cannot be."""
        if self._problem:
            raise StoreError(self._problem)
        self._reader.finish()
        self._account.require_place(self.config)
        manifest = self._intake.manifest
        assert manifest is not None
        kept = msgspec.json.decode(manifest.config, type=StreamRecord)
        log = self._intake.log
        if log.last_seq > manifest.last_seq:
            raise StoreError(f"archive: message {log.last_seq} stands behind its end")
        if manifest.first_seq > manifest.last_seq + 1:
            raise StoreError(f"archive: it begins at {manifest.first_seq}, behind its end")
        log.restored(manifest.first_seq, manifest.last_seq, manifest.last_ns)
        record = StreamRecord(config=self.config, created_ns=turn.now_ns, positions=kept.positions)
        found = Left(
            log,
            self._intake.tree,
            self._premises.core.name,
            self.name.encode(),
            to_json(record),
        )
        for meta in self._intake.consumers.values():
            self._account.require_consumer_place(self.config, len(found.consumers))
            number = self._premises.take_number()
            found.consumers[number] = self._consumer(meta, number, turn)
        return found

    def _consumer(self, meta: ConsumerMeta, number: int, turn: Turn) -> FoundConsumer:
        kept = msgspec.json.decode(meta.config, type=ConsumerRecord)
        named = replace(kept.config, name=meta.name.decode("utf-8", "replace"))
        config = self._account.restored_consumer(self.config, named)
        record = ConsumerRecord(config=config, created_ns=turn.now_ns, resume_seq=kept.resume_seq)
        consumer = FoundConsumer(number, config.name.encode(), to_json(record))
        consumer.records = list(meta.records)
        return consumer

    def _begin(self, stream: Stream, found: Left, reply: bytes, turn: Turn) -> None:
        self.committing = False
        self._account.restores.remove(self)
        self._account.resume(stream, found, turn)
        self._account.keep(stream)
        stream.advise_created(turn)
        self._tell(turn)
        self._answer(reply, stream, turn)

    def _refuse(self, reply: bytes, error: JetStreamError, turn: Turn) -> None:
        self.committing = False
        self._account.restores.remove(self)
        self._drop()
        self._tell(turn)
        self._answer(reply, error, turn)

    def _tell(self, turn: Turn) -> None:
        """It is over; how, the sender is told alone."""
        self._premises.advise(
            advisories.RestoreCompleted,
            turn,
            stream=self.name,
            start=format_time(self._start_ns),
            end=format_time(turn.now_ns),
            bytes=self._bytes,
            client=self._client,
        )

    def _close(self, turn: Turn) -> None:
        """Take nothing any more."""
        self._closed = True
        self._waiting.clear()
        self._premises.agenda.put(self._alarm, 0, turn)
        self._premises.core.sublist.discard(self.subject.encode(), self._inlet)

    def _drop(self) -> None:
        """What has arrived goes."""
        if self._staging is not None:
            self._staging.discard(self._intake.log.number)
            self._staging = None
            self._files = None
        self._intake.empty()


class _Intake:
    """What came out of an archive so far."""

    def __init__(self, log: StreamLog, tree: SubjectTree) -> None:
        self.log = log
        self.tree = tree
        self.manifest: Manifest | None = None
        self.consumers: dict[bytes, ConsumerMeta] = {}  # by name
        self._consumers_bytes = 0
        self._in_runs = 0

    def begin(self, manifest: Manifest) -> None:
        """What the stream was."""
        record = _read(manifest.config, StreamRecord, "stream")
        for seq, _ in record.positions.values():
            _require_number(seq, "the position of a source")
        self.manifest = manifest

    def consumer(self, meta: ConsumerMeta) -> None:
        """One of its consumers."""
        record = _read(meta.config, ConsumerRecord, "consumer")
        _require_number(record.resume_seq, "the position of a consumer")
        if meta.name in self.consumers:
            raise StoreError("archive: two consumers of one name")
        self._consumers_bytes += CONSUMER_BYTES + len(meta.config)
        for steps, time_ns in meta.records:
            _require_number(time_ns, "a time")
            self._consumers_bytes += len(steps)
            self._in_runs += retrace.require_snapshot(steps, RUNS_MAX - self._in_runs)
        if self._consumers_bytes > CONSUMERS_BYTES_MAX:
            raise StoreError(f"archive: its consumers have more than {CONSUMERS_BYTES_MAX} bytes")
        self.consumers[meta.name] = meta

    def records(self, data: bytes) -> int:
        """Some messages."""
        return admit(data, 0, self.log, self.tree, RECORDS_AT_ONCE)

    def counted(self) -> int:
        """How many there are."""
        messages: int = self.log.messages
        return messages

    def empty(self) -> None:
        """It is not wanted any more."""
        self.log = StreamLog(self.log.number)
        self.tree = SubjectTree(1)
        self.consumers = {}


def _read(raw: bytes, kind: type[Kept], what: str) -> Kept:
    try:
        return from_json(raw, kind)
    except msgspec.MsgspecError as error:
        raise StoreError(f"archive: the configuration of its {what}: {error}") from None


def _require_number(value: int, what: str) -> None:
    if not 0 <= value <= _NUMBER_MAX:
        raise StoreError(f"archive: {what} is {value}")
