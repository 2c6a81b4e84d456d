"""One consumer: owner of a compiled cursor and its inlets.

Owns configuration, the requests that need parsing, advisories, and the timer for the end of a
pause; when it ends unused is its `Inactivity`'s to say. What happens per message is the cursor's.
Invariant: the inlets are subscribed exactly while the consumer exists; a push consumer has an
outlet, which is open as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from isthmus.base.headers import parse_headers
from isthmus.base.slices import Sliced, at_once
from isthmus.base.values import (
    TIME_MAX_NS,
    Value,
    format_time,
    parse_time_ns,
    to_json,
)
from isthmus.core import retrace
from isthmus.core.ack_inlet import AckInlet
from isthmus.core.agenda import Alarm, Job
from isthmus.core.cursor import Cursor
from isthmus.core.outlet import Outlet
from isthmus.core.pull_inlet import PullInlet
from isthmus.core.segment import KINDS
from isthmus.core.turn import Turn
from isthmus.jetstream import (
    acks,
    advisories,
    beginnings,
    consumer_rules,
    errors,
    notices,
    priority_groups,
    pulls,
)
from isthmus.jetstream.api import REQUIRED_LEVEL_HEADER
from isthmus.jetstream.consumer_config import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    ReplayPolicy,
)
from isthmus.jetstream.inactivity import Inactivity
from isthmus.jetstream.json_time import ZERO_TIME
from isthmus.jetstream.responses import ConsumerInfo, SequencePair
from isthmus.store.records import ConsumerMeta

if TYPE_CHECKING:
    from array import array

    from isthmus.core.ledger import Notice
    from isthmus.core.pull_inlet import Wish
    from isthmus.jetstream.beginnings import Beginning
    from isthmus.jetstream.stream import Stream

_ACK_POLICIES = {
    AckPolicy.NONE: 0,
    AckPolicy.ALL: 1,
    AckPolicy.EXPLICIT: 2,
    AckPolicy.FLOW_CONTROL: 1,  # the outlet gets the acknowledgements
}
_RATE_MAX_BPS = 1 << 62
_BURST_DEFAULT = 1 << 20  # bytes that may leave at once in spite of a rate limit
_BURST_MAX = 1 << 30
_ALARM_MAX_NS = 1 << 62  # in the year 2116
_WAIT_MAX_NS = 1 << 60  # 36 years: a sum with the time of day stays a number
_WAITING_MAX = 10_000  # pulls, whatever `max_waiting` says: each of their ends looks at all
_BEAT_SHORTEST_NS = 1_000_000  # of a pull: more often is no sign of life but a load


class ConsumerRecord(Value):
    """What is journalled of a consumer."""

    config: ConsumerConfig
    created_ns: int
    resume_seq: int = 0  # of last_per_subject: where it goes on behind the chosen messages


class Consumer:
    """A consumer of `stream`."""

    def __init__(
        self, stream: Stream, config: ConsumerConfig, *, name: str, number: int, created_ns: int
    ) -> None:
        premises = stream.premises
        self.stream = stream
        self.config = config
        self.name = name
        self.number = number
        self.created_ns = created_ns
        self.resume_seq = 0
        self._premises = premises
        self._durable = stream.journal is not None and not config.mem_storage and not config.direct
        place = f"{stream.name}.{name}"
        ack_place = premises.ack_place if premises.long_acks else ""
        self.cursor = Cursor(
            stream.stored,
            self,
            name=name.encode(),
            number=number,
            journal=stream.journal if self._durable else None,
            agenda=premises.agenda,
            ack_prefix=f"$JS.ACK.{ack_place}{place}.".encode(),
            notice_subjects=notices.subjects(stream.name, name),
        )
        self._outlet: Outlet | None = None
        if config.deliver_subject:
            answers = f"$JS.FC.{place}.".encode()
            self._outlet = Outlet(premises.core, premises.interest, self.cursor, self, answers)
            self.cursor.push_to(self._outlet)
        self.listening = False  # not before it begins, and not while JetStream is off
        self._configure()
        self.pulls = PullInlet(self.cursor, self)
        self.acks = AckInlet(self.cursor, self, self.pulls)
        self._inactivity = Inactivity(self)
        self._pause_end = Alarm(Job(self._end_pause))

    # --- life ---

    def open(self, turn: Turn, found: Beginning | None = None) -> None:
        """Begin where the configuration says, or where that was `found` to be."""
        self.cursor.open(*self._beginning(found))
        self._remember(turn)
        self._remember(turn)  # until the first checkpoint, one flipped bit would cost all of it
        self.cursor.remember(turn)
        self._listen(turn)
        premises = self._premises
        premises.advise(
            advisories.ConsumerAction,
            turn,
            stream=self.stream.name,
            consumer=self.name,
            action=advisories.Action.CREATE,
        )
        self.mention_pause(turn)

    def resume(self, records: list[tuple[bytes, int]], turn: Turn) -> None:
        """After a restart: go on where the journalled `(steps, time)` have left it."""
        if not records:  # it was created, and the power went before it began
            self.cursor.open(*self._beginning())
        else:
            for steps, time_ns in records:
                retrace.apply(self.cursor, steps, time_ns)
            self.cursor.resume(self._filters(), self._chosen_again())
            self.cursor.drop_missing(turn)
        self._listen(turn)

    @property
    def bound(self) -> bool:
        """True if messages are pushed, and somebody listens."""
        return self._outlet is not None and self._outlet.active

    @property
    def pushed(self) -> bool:
        """True if messages are pushed, whether somebody listens or not."""
        return self._outlet is not None

    @property
    def durable(self) -> bool:
        """True if it is there after a restart."""
        return self._durable

    def checkpoint(self) -> ConsumerMeta:
        """Its record, and its whole state as one record of steps."""
        return ConsumerMeta(
            number=self.number,
            name=self.name.encode(),
            config=to_json(self._record()),
            records=[(retrace.snapshot(self.cursor), self.cursor.active_ns)],
        )

    def update(self, config: ConsumerConfig, turn: Turn) -> None:
        """Another configuration, which the rules allow."""
        refilter = config.filters != self.config.filters
        moved = (config.deliver_subject, config.deliver_group) != (
            self.config.deliver_subject,
            self.config.deliver_group,
        )
        self.config = config
        self._configure()
        self.pulls.forget()
        if refilter:
            self.cursor.refilter(self._filters())
        if moved:
            self._open_outlet(turn)
        self._remember(turn)
        self._inactivity.watch(turn)
        self.cursor.nudge(turn)

    def pause(self, until: str, turn: Turn) -> None:
        """Deliver nothing until then, in UTC; a moment that has passed ends a pause."""
        config = consumer_rules.paused(self.config, until)
        if config != self.config:
            self.config = config
            self._remember(turn)
            self._watch_pause(turn)
            self._advise_pause(turn)

    def reset(self, seq: int, turn: Turn) -> int:
        """Begin anew at `seq`, or behind the acknowledgement floor (0); where that is."""
        if seq:
            self._require_reset(seq)
        seq = seq or self.cursor.floor_seq + 1
        self.resume_seq = 0
        self.cursor.reset(seq, turn)
        return seq

    def unpin(self, group: str, turn: Turn) -> None:
        """Whoever is pinned in `group` is not any more."""
        if self.cursor.priority is None or group not in self.config.priority_groups:
            raise errors.make(errors.PRIORITY_GROUP_UNKNOWN)
        self.cursor.unpin(turn)
        self._premises.advise(
            advisories.Unpinned,
            turn,
            account=self._premises.core.name.decode(),
            stream=self.stream.name,
            consumer=self.name,
            group=group,
            reason="admin",
        )

    def _require_reset(self, seq: int) -> None:
        policy = self.config.deliver_policy
        if policy is DeliverPolicy.BY_START_SEQUENCE:
            if seq < self.config.opt_start_seq:
                raise errors.make(errors.RESET_INVALID, err="below start seq")
        elif policy is DeliverPolicy.BY_START_TIME:
            start, _ = at_once(beginnings.search(self.stream.stored, self.config))
            if seq < start:
                raise errors.make(errors.RESET_INVALID, err="below start time")
        elif policy is not DeliverPolicy.ALL:
            raise errors.make(errors.RESET_INVALID, err="not allowed")

    def delete(self, turn: Turn) -> None:
        """It is gone: who waits is told."""
        self._stop(turn, b"409 Consumer Deleted", with_left=False)
        if self._durable and self.stream.journal is not None:
            self.stream.journal.write(turn, KINDS["delete"], self.number, 0, turn.now_ns)
        self._premises.advise(
            advisories.ConsumerAction,
            turn,
            stream=self.stream.name,
            consumer=self.name,
            action=advisories.Action.DELETE,
        )

    def shut_down(self, turn: Turn) -> None:
        """The server stops: who waits is told what is left; nothing is forgotten."""
        self._stop(turn, b"409 Server Shutdown", with_left=True)

    def suspend(self, turn: Turn) -> None:
        """JetStream is off for the account: who waits is told, and nothing is delivered."""
        self._leave(turn)
        self.cursor.dismiss(b"409 Server Shutdown", with_left=True, turn=turn)
        self.cursor.pause(True, turn)
        if self._outlet is not None:
            self._outlet.rest()

    def go_on(self, turn: Turn) -> None:
        """JetStream is on again."""
        self._listen(turn)

    def _stop(self, turn: Turn, status: bytes, *, with_left: bool) -> None:
        self._leave(turn)
        self.cursor.close(status, with_left, turn)

    def _leave(self, turn: Turn) -> None:
        self.listening = False
        self.pulls.subscribe([])
        self.acks.subscribe([])
        self._inactivity.rest(turn)
        self._premises.agenda.put(self._pause_end, 0, turn)

    def _remember(self, turn: Turn) -> None:
        if self._durable:
            self._premises.journal_value(
                KINDS["consumer"],
                self.number,
                turn,
                name=self.name,
                seq=self.stream.number,
                value=self._record(),
            )

    def _record(self) -> ConsumerRecord:
        return ConsumerRecord(
            config=self.config, created_ns=self.created_ns, resume_seq=self.resume_seq
        )

    def _listen(self, turn: Turn) -> None:
        self.listening = True
        place = f"{self.stream.name}.{self.name}"
        prefixes = ["$JS.API."]
        if self._premises.domain:
            prefixes.append(f"$JS.{self._premises.domain}.API.")
        self.pulls.subscribe([f"{p}CONSUMER.MSG.NEXT.{place}".encode() for p in prefixes])
        if self.config.ack_policy not in {AckPolicy.NONE, AckPolicy.FLOW_CONTROL}:
            long_place = f"{self._premises.ack_place}{place}"
            self.acks.subscribe(
                [f"$JS.ACK.{place}.*.*.*.*.*".encode(), f"$JS.ACK.{long_place}.*.*.*.*.>".encode()]
            )
        if self.config.replay_policy is ReplayPolicy.ORIGINAL:
            self.cursor.replay(self.stream.stored.log.last_seq)
        self._inactivity.hear(turn, listened_to=False)
        self._open_outlet(turn)
        self._inactivity.watch(turn)
        self._watch_pause(turn)

    def _open_outlet(self, turn: Turn) -> None:
        if self._outlet is not None:
            config = self.config
            self._outlet.open(config.deliver_subject.encode(), config.deliver_group.encode(), turn)

    def _configure(self) -> None:
        config = self.config
        by_flow = config.ack_policy is AckPolicy.FLOW_CONTROL
        self.cursor.configure(
            ack_policy=_ACK_POLICIES[config.ack_policy],
            ack_wait_ns=_WAIT_MAX_NS if by_flow else _wait_ns(config.ack_wait_ns),
            backoff_ns=[_wait_ns(wait_ns) for wait_ns in config.backoff_ns],
            max_deliver=config.max_deliver,
            max_ack_pending=config.max_ack_pending if config.max_ack_pending > 0 else -1,
            max_waiting=min(max(config.max_waiting, 1), _WAITING_MAX),
            headers_only=config.headers_only,
            sample_percent=consumer_rules.sample_percent(config.sample_freq),
        )
        self.cursor.prioritise(priority_groups.policy_of(config, self.cursor.priority))
        if self._outlet is not None:
            burst = self.stream.config.max_msg_size
            self._outlet.configure(
                heartbeat_ns=min(config.idle_heartbeat_ns, _WAIT_MAX_NS),
                flow_control=config.flow_control,
                rate_bps=min(config.rate_limit_bps, _RATE_MAX_BPS),
                burst_bytes=min(burst, _BURST_MAX) if burst > 0 else _BURST_DEFAULT,
                acknowledges=by_flow,
            )

    def _filters(self) -> list[bytes]:
        return [subject.encode() for subject in self.config.filters]

    # --- where it begins ---

    def _beginning(
        self, found: Beginning | None = None
    ) -> tuple[int, list[bytes], array[int] | None]:
        """Where to begin, with which filters, and the messages to deliver before."""
        if found is None:
            found = at_once(beginnings.search(self.stream.stored, self.config))
        start, chosen = found
        self.resume_seq = start - 1 if chosen else 0
        return start, self._filters(), chosen

    def _chosen_again(self) -> array[int] | None:
        """After a restart: what of the chosen messages is still to be delivered."""
        done, end = self.cursor.delivered_seq, self.resume_seq
        if done >= end:
            return None
        work = beginnings.last_seqs(self.stream.stored, self.config, above=done, below=end + 1)
        return at_once(work)

    # --- what it is ---

    def count(self) -> Sliced[None]:
        """Count in slices what it has not seen, where that must be counted before `info`."""
        while not self.cursor.counted:
            more = self.cursor.count_on()
            yield
            if not more:
                return

    def info(self, turn: Turn) -> ConsumerInfo:
        """Its state now."""
        cursor = self.cursor
        cursor.refresh(turn)
        rest_ns = self.pause_rest_ns(turn)
        return ConsumerInfo(
            stream_name=self.stream.name,
            name=self.name,
            created=format_time(self.created_ns),
            config=self.config,
            delivered=_pair(
                cursor.delivered_consumer_seq, cursor.delivered_seq, cursor.delivered_ns
            ),
            ack_floor=_pair(cursor.floor_consumer_seq, cursor.floor_seq, cursor.acked_ns),
            num_ack_pending=cursor.num_ack_pending,
            num_redelivered=cursor.num_redelivered,
            num_waiting=cursor.num_waiting,
            num_pending=cursor.num_pending,
            push_bound=self.bound,
            paused=rest_ns > 0,
            pause_remaining_ns=rest_ns,
            ts=format_time(turn.now_ns),
            priority_groups=priority_groups.states(self.config, cursor.priority),
        )

    def shown(self, turn: Turn) -> ConsumerInfo:
        """The same as CREATE and INFO print it, with the server's own metadata."""
        info = self.info(turn)
        return replace(info, config=consumer_rules.shown(self.config))

    # --- asked by the compiled half ---

    def pull_form(
        self, payload: bytes, header: bytes
    ) -> tuple[bytes, int, int, int, int, int, bool, Wish | None]:
        """What a pull request asks for, or the header block that refuses it."""
        level = parse_headers(header).get(REQUIRED_LEVEL_HEADER, "") if header else ""
        read = pulls.read(payload, self.config, level)
        if isinstance(read, bytes):
            return read, 0, 0, 0, 0, 0, False, None
        return (
            b"",
            read.wanted,
            read.batch,
            read.max_bytes,
            min(max(read.expires_ns, -1), _WAIT_MAX_NS),
            _beat_ns(read.idle_heartbeat_ns),
            read.no_wait,
            priority_groups.wish_of(read, self.config),
        )

    def nak_delay_ns(self, text: bytes) -> int | None:
        """The delay behind -NAK; None if it is none."""
        said = acks.parse_ack(b"-NAK " + text)
        return None if said is None else said.delay_ns

    def advise(self, told: list[Notice], turn: Turn) -> None:
        """Publish what happened to deliveries in this turn."""
        notices.publish(
            told,
            self._premises,
            turn,
            stream=self.stream.name,
            consumer=self.name,
            groups=self.config.priority_groups,
        )

    def interest(self, active: bool, turn: Turn) -> None:
        """Somebody listens where messages are pushed to, or nobody does any more."""
        self._inactivity.hear(turn, listened_to=active)
        self._inactivity.watch(turn)

    # --- pause ---

    def pause_rest_ns(self, turn: Turn) -> int:
        """How long it delivers nothing; 0: it is not paused."""
        until_ns = _until_ns(self.config)
        return TIME_MAX_NS if until_ns == TIME_MAX_NS else max(until_ns - turn.now_ns, 0)

    def mention_pause(self, turn: Turn) -> None:
        """It was made or asked for again: if it is paused, that is told once more."""
        if self.config.pause_until is not None:
            self._advise_pause(turn)

    def _watch_pause(self, turn: Turn) -> None:
        paused = self.pause_rest_ns(turn) > 0
        self.cursor.pause(paused, turn)
        due_ns = min(_until_ns(self.config), _ALARM_MAX_NS) if paused else 0
        self._premises.agenda.put(self._pause_end, due_ns, turn)

    def _end_pause(self, turn: Turn) -> bool:
        if not self.cursor.closed:
            self._watch_pause(turn)
            self._advise_pause(turn)
        return False

    def _advise_pause(self, turn: Turn) -> None:
        self._premises.advise(
            advisories.Paused,
            turn,
            stream=self.stream.name,
            consumer=self.name,
            paused=self.pause_rest_ns(turn) > 0,
            pause_until=self.config.pause_until or ZERO_TIME,
        )


def _until_ns(config: ConsumerConfig) -> int:
    """Until when it is or was paused; 0: never."""
    return 0 if config.pause_until is None else parse_time_ns(config.pause_until)


def _wait_ns(asked_ns: int) -> int:
    """A wait for an acknowledgement; none at all, which a backoff may say, is the shortest."""
    return min(max(asked_ns, 1), _WAIT_MAX_NS)


def _beat_ns(asked_ns: int) -> int:
    """How often a pull gets a heartbeat; 0: never."""
    return min(max(asked_ns, _BEAT_SHORTEST_NS), _WAIT_MAX_NS) if asked_ns > 0 else 0


def _pair(consumer_seq: int, stream_seq: int, active_ns: int) -> SequencePair:
    return SequencePair(
        consumer_seq=consumer_seq,
        stream_seq=stream_seq,
        last_active=format_time(active_ns) if active_ns else "",
    )
