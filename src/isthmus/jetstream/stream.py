"""One stream: owner of its log, its ingest and its consumers.

Owns configuration, long removals and the table of consumers. What happens per
message is the compiled half's (`core/ingest.pyx`, `core/stored.pyx`). Invariant: the ingest listens
under exactly the configured subjects while the stream exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from isthmus.base import subjects
from isthmus.base.slices import Sliced
from isthmus.base.values import Value, format_time, to_json
from isthmus.core import lookup, upkeep, write_back
from isthmus.core.agenda import Job, Steps, run_in_slices
from isthmus.core.ingest import Ingest
from isthmus.core.journal import Journal
from isthmus.core.linking import Linking
from isthmus.core.republish import Republisher
from isthmus.core.segment import KINDS, Entry
from isthmus.core.stored import Stored
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree
from isthmus.core.turn import Turn
from isthmus.jetstream import advisories, errors, removals, retention
from isthmus.jetstream.acks import account_hash
from isthmus.jetstream.ages import Ages
from isthmus.jetstream.consumer import Consumer
from isthmus.jetstream.direct import DirectGets
from isthmus.jetstream.origins import Origins
from isthmus.jetstream.premises import Premises
from isthmus.jetstream.requests import StreamPurgeRequest
from isthmus.jetstream.responses import StreamInfo, StreamState
from isthmus.jetstream.stream_config import Discard, Storage, StreamConfig
from isthmus.jetstream.transforms import make_rewriting
from isthmus.jetstream.verdicts import Verdict, judge, judge_copy
from isthmus.store.blocks import StreamNow

if TYPE_CHECKING:
    from isthmus.jetstream.beginnings import Beginning
    from isthmus.jetstream.snapshots import Snapshot

RECALLED_AT_ONCE = 256  # messages in one slice


class StreamRecord(Value):
    """What is journalled of a stream."""

    config: StreamConfig
    created_ns: int
    positions: dict[str, tuple[int, str]] = {}  # of its sources, by index name: seq and identity


class Stream:
    """A stream of an account. `journal` None: it lives in memory."""

    def __init__(
        self,
        premises: Premises,
        config: StreamConfig,
        *,
        number: int,
        created_ns: int,
        log: StreamLog,
        tree: SubjectTree,
        now_ns: int,
    ) -> None:
        self.premises = premises
        self.config = config
        self.name = config.name
        self.number = number
        self.created_ns = created_ns
        self.consumers: dict[str, Consumer] = {}
        self.snapshots: list[Snapshot] = []  # archives of it that are on their way
        self.journal: Journal | None = premises.journal if config.storage is Storage.FILE else None
        self.stored = Stored(
            premises.core,
            config.name.encode(),
            number=number,
            log=log,
            tree=tree,
            journal=self.journal,
            usage=premises.usage,
            domain=premises.domain.encode(),
        )
        self.ingest = Ingest(self.stored, self, seed=premises.seed())
        self.origins = Origins(self)
        self.direct = DirectGets(self.stored)
        self._complete = False  # as a mirror, but for a few messages
        self.problem = ""  # why its messages are not stored any more
        self.ages = Ages(self.stored, premises.agenda, config)
        self._configure(now_ns)

    def __iter__(self) -> Iterator[Consumer]:
        """Its consumers by name."""
        return iter(self.consumers[name] for name in sorted(self.consumers))

    def shown_consumers(self) -> list[Consumer]:
        """Those that are counted and listed: not the ones by which other streams copy this one."""
        return [consumer for consumer in self if not consumer.config.direct]

    @property
    def identity(self) -> str:
        """Tells it from another stream that had, or will have, its name."""
        return account_hash(format_time(self.created_ns))

    # --- life ---

    def open(self, turn: Turn) -> None:
        """Begin: known after a restart, listening, and told of."""
        self._remember(turn)
        self._remember(turn)  # until its first checkpoint, one flipped bit would cost all of it
        self.listen(turn)
        self.advise_created(turn)

    def advise_created(self, turn: Turn) -> None:
        """Tell that it is there: it was created, or restored."""
        self.premises.advise(
            advisories.StreamAction, turn, stream=self.name, action=advisories.Action.CREATE
        )

    def listen(self, turn: Turn) -> None:
        """Take in what is published from now on."""
        self.ingest.subscribe([subject.encode() for subject in self.config.subjects])
        self._answer_directly()
        self.ages.configure(self.config, turn)
        self.origins.configure(self.config, turn)
        self._link(turn)

    def caught_up(self) -> None:
        """A mirror that holds what its origin holds answers direct gets of that, if it may."""
        self._complete = True
        self._answer_directly()

    def _answer_directly(self) -> None:
        config = self.config
        names = [self.name] if config.allow_direct else []
        if self._complete and config.mirror is not None and config.mirror_direct:
            names.append(config.mirror.name)
        prefixes = self.premises.api_prefixes
        self.direct.inlet.subscribe(
            [f"{prefix}DIRECT.GET.{name}".encode() for name in names for prefix in prefixes]
        )

    def recall_ids(self) -> Sliced[None]:
        """After a restart: the duplicate window and the last id, from the messages at hand."""
        log = self.stored.log
        window_ns = self.config.duplicate_window_ns
        seq = log.seq_since(log.last_ns - window_ns) if window_ns > 0 else 0
        seq = seq or log.last_seq
        while seq:
            seq = self.ingest.recall(seq, RECALLED_AT_ONCE)
            if seq:
                yield

    def update(self, config: StreamConfig, turn: Turn) -> None:
        """Another configuration, which the rules allow; what is over new limits goes."""
        old, self.config = self.config, config
        self._configure(turn.now_ns)
        self._remember(turn)
        self.listen(turn)
        narrower = config.max_msgs_per_subject > 0 and not (
            0 < old.max_msgs_per_subject <= config.max_msgs_per_subject
        )
        removals.run(removals.Shrink(self, each_subject=narrower), turn)
        if config.retention is not old.retention:
            retention.look_again(self, turn)
        self.premises.advise(
            advisories.StreamAction, turn, stream=self.name, action=advisories.Action.MODIFY
        )

    def delete(self, turn: Turn) -> None:
        """It is gone, consumers first."""
        for consumer in list(self):
            self.delete_consumer(consumer, turn)
        self.origins.forget(turn)
        self._stop(turn, "stream deleted")
        if self.journal is not None:
            self.journal.write(turn, KINDS["delete"], self.number, 0, turn.now_ns)
        self.premises.advise(
            advisories.StreamAction, turn, stream=self.name, action=advisories.Action.DELETE
        )

    def shut_down(self, turn: Turn) -> None:
        """The server stops: nothing is taken in or delivered any more, nothing is forgotten."""
        for consumer in self:
            consumer.shut_down(turn)
        self._stop(turn, "server shutdown")

    def suspend(self, turn: Turn) -> None:
        """JetStream is off for the account: nothing is taken in or delivered, nothing forgotten."""
        for consumer in self:
            consumer.suspend(turn)
        self._abort_snapshots("JetStream not enabled for account", turn)
        positions = self.origins.positions()
        self._leave(turn)
        self.origins.recall(positions, [])

    def go_on(self, turn: Turn) -> None:
        """JetStream is on again: everything goes on where it was."""
        self.listen(turn)
        for consumer in self:
            consumer.go_on(turn)

    def _abort_snapshots(self, why: str, turn: Turn) -> None:
        for snapshot in list(self.snapshots):
            snapshot.abort(why, turn)

    def _leave(self, turn: Turn) -> None:
        self.origins.close(turn)
        self.ingest.subscribe([])
        self.direct.inlet.subscribe([])

    def _stop(self, turn: Turn, why: str) -> None:
        self._abort_snapshots(why, turn)
        self._leave(turn)
        self.ages.stop(turn)
        self.stored.close()

    def _remember(self, turn: Turn) -> None:
        if self.journal is not None:
            self.premises.journal_value(
                KINDS["stream"],
                self.number,
                turn,
                name=self.name,
                value=self._record(),
            )

    def _record(self) -> StreamRecord:
        return StreamRecord(
            config=self.config, created_ns=self.created_ns, positions=self.origins.positions()
        )

    def _configure(self, now_ns: int) -> None:
        config = self.config
        self.stored.limit(
            max_msgs=config.max_msgs if config.max_msgs > 0 else -1,
            max_bytes=config.max_bytes if config.max_bytes > 0 else -1,
            max_msgs_per_subject=(
                config.max_msgs_per_subject if config.max_msgs_per_subject > 0 else -1
            ),
            drops_oldest=config.discard is Discard.OLD,
        )
        self.ingest.configure(
            no_ack=config.no_ack,
            sealed=config.sealed,
            discard_new=config.discard is Discard.NEW,
            discard_new_per_subject=config.discard_new_per_subject,
            max_message_bytes=config.max_msg_size if config.max_msg_size > 0 else -1,
            duplicate_window_ns=max(config.duplicate_window_ns, 0),
            now_ns=now_ns,
        )
        self.stored.retain(retention.CODES[config.retention])
        self._configure_subjects()

    def _configure_subjects(self) -> None:
        transform, again = self.config.subject_transform, self.config.republish
        if transform is None or not transform.dest:
            self.ingest.transform_subjects(None, None)
        else:
            src = transform.src or ">"
            self.ingest.transform_subjects(src.encode(), make_rewriting(src, transform.dest))
        if again is None:
            self.ingest.republisher = None
        else:
            self.ingest.republisher = Republisher(
                self.name.encode(),
                again.src.encode(),
                make_rewriting(again.src, again.dest),
                again.headers_only,
            )

    def _link(self, turn: Turn) -> None:
        """Where a subject loses its oldest message to the next one, know which that is."""
        config = self.config
        kept = config.max_msgs_per_subject
        wanted = kept > 1 or (kept != 1 and config.allow_rollup_hdrs)
        if self.stored.track_succession(wanted):
            linking = Linking(self.stored, self.premises.seed())
            Job(lambda _turn: linking.step(removals.SLICE)).start_next(turn)

    # --- consumers ---

    def add_consumer(self, consumer: Consumer, turn: Turn, found: Beginning | None = None) -> None:
        """A new one begins, where that was `found` to be."""
        assert consumer.name not in self.consumers
        self.consumers[consumer.name] = consumer
        consumer.open(turn, found)

    def delete_consumer(self, consumer: Consumer, turn: Turn) -> None:
        """One ends."""
        del self.consumers[consumer.name]
        consumer.delete(turn)
        if not self.stored.closed:
            retention.look_again(self, turn)

    # --- asked by the store ---

    def checkpoint(self) -> StreamNow:
        """What must survive beside the messages; asked when all steps of a turn are written."""
        return StreamNow(
            account=self.premises.core.name,
            name=self.name.encode(),
            config=to_json(self._record()),
            consumers=[consumer.checkpoint() for consumer in self if consumer.durable],
        )

    def archived(self, *, with_consumers: bool) -> StreamNow:
        """What an archive holds beside the messages."""
        consumers = self.shown_consumers() if with_consumers else []
        return StreamNow(
            account=b"",
            name=self.name.encode(),
            config=to_json(self._record()),
            consumers=[consumer.checkpoint() for consumer in consumers],
        )

    def store_failed(self, reason: str) -> None:
        """Its files can not be written any more: messages are refused. Empty: all is well again."""
        self.problem = reason
        self.ingest.refusing = bool(reason)

    # --- asked by the compiled half ---

    def verdict(
        self, _subject: bytes, header: bytes, _payload: bytes, _now_ns: int
    ) -> Verdict | None:
        """What a rare header means here."""
        return judge(self.config, header)

    def verdict_on_copy(self, header: bytes, time_ns: int, now_ns: int) -> Verdict | None:
        """What a rare header means in a message of another stream, stored there at `time_ns`."""
        return judge_copy(self.config, header, now_ns - time_ns)

    def stored_judged(self, seq: int, verdict: Verdict, turn: Turn) -> None:
        """What was judged was stored as `seq`."""
        if verdict.ttl_ns:
            self.ages.stored(seq, verdict.ttl_ns, turn)

    # --- what it is ---

    def state(self) -> StreamState:
        """What it holds."""
        log = self.stored.log
        return StreamState(
            messages=log.messages,
            bytes=log.bytes_stored,
            first_seq=max(log.first_seq, self.config.first_seq),  # 1 is told of before it is used
            first_ts=format_time(log.first_ns),
            last_seq=log.last_seq,
            last_ts=format_time(log.last_ns),
            num_subjects=self.stored.tree.count,
            num_deleted=log.deleted_count,
            consumer_count=len(self.shown_consumers()),
        )

    def info(self, turn: Turn, state: StreamState | None = None) -> StreamInfo:
        """The stream as LIST prints it."""
        return StreamInfo(
            config=self.config,
            created=format_time(self.created_ns),
            state=self.state() if state is None else state,
            domain=self.premises.domain,
            mirror=self.origins.mirror_info(turn),
            sources=self.origins.sources_info(turn),
            ts=format_time(turn.now_ns),
        )

    def matches(self, pattern: str) -> bool:
        """True if some subject of the stream collides with `pattern`."""
        return any(subjects.collide(subject, pattern) for subject in self.config.subjects)

    # --- single messages ---

    def message(self, seq: int) -> Entry | None:
        """One message."""
        return self.stored.log.get(seq)

    def search(self, pattern: str, *, seq: int = 0, last: bool = False) -> lookup.Search:
        """For the last message under a pattern, or the first from `seq` on."""
        return lookup.Search(
            self.stored.log, self.stored.tree, pattern.encode(), seq=seq, last=last
        )

    def require_deletable(self) -> None:
        """Refuse to remove single messages where that is not allowed."""
        if self.config.sealed:
            raise errors.make(errors.STREAM_SEALED)
        if self.config.deny_delete:
            raise errors.make(errors.MESSAGE_DELETE_FAILED, err="message delete not permitted")

    def delete_message(
        self, seq: int, turn: Turn, *, erase: bool
    ) -> tuple[int, int, int, bytes] | None:
        """Remove one message; raises what MSG.DELETE answers where there is none.

        If it is to be erased, its content in memory is overwritten, and what comes back says what
        to write where in its block's file.
        """
        log = self.stored.log
        place = None
        if erase:
            for snapshot in self.snapshots if log.next_seq(seq) == seq else ():
                snapshot.leave_out(seq)  # before: a worker may be reading
            place = write_back.erase(log, seq)
        if upkeep.discard(self.stored, seq, turn):
            if erase and self.config.sources:
                self._remember(turn)  # its header may have told how far a source had come
            return place
        if not log.memory and seq > log.last_seq:
            raise errors.make(errors.MESSAGE_DELETE_FAILED, err="stream store EOF")
        if not log.memory and seq < log.first_seq:
            raise errors.make(errors.MESSAGE_DELETE_FAILED, err="no message found")
        raise errors.make(errors.SEQUENCE_NOT_FOUND, seq=seq)

    # --- what goes, in slices ---

    def purge(self, request: StreamPurgeRequest, turn: Turn, done: removals.Done) -> None:
        """Remove what `request` says; `done(how many went, turn)` at the end.

        If the stream goes meanwhile, it is None that went.
        """
        if self.config.sealed:
            raise errors.make(errors.STREAM_SEALED)
        if self.config.deny_purge:
            raise errors.make(errors.STREAM_PURGE_FAILED, err="stream purge not permitted")
        seq, keep = request.seq, request.keep
        if request.filter in {"", ">"}:
            removals.run(removals.Purge(self, seq, keep, done), turn)
        else:
            work = removals.purge_matching(self, request.filter, seq, keep, turn)
            run_in_slices(Steps(work, done), turn)
