"""The streams that a stream copies: as its mirror, or as its sources.

An `Origin` asks for a consumer at the origin's API, in the account or across its border (or has the
one that its configuration names begin anew: CONSUMER.RESET), and hands what that delivers to a
compiled `Intake`. It asks again where something is missing, where the origin is silent, and, later
and later, where it is refused. Knows no other stream: all it has of
the origin are answers and deliveries.

        wait ──due──► ask ──created──► open ──silent, something missing──► wait
          ▲            └── refused, no answer: a failure more ──────────────┘

`Origins` holds those of one stream. Invariant: an origin is asked again only at its alarm, which is
always set; where a copy goes on is read from what is stored, so a crash costs no message and
stores none twice. What limits took meanwhile counts too: the last checkpoint says how far each
source had come, and the journal's messages since then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from isthmus.base.headers import make_headers, parse_headers
from isthmus.base.nuid import make_token
from isthmus.base.values import NS_PER_S, format_time, from_json, parse_time_ns, to_json
from isthmus.core.agenda import Alarm, Job
from isthmus.core.inlet import Inlet, Request
from isthmus.core.intake import Intake
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from isthmus.jetstream import errors, origin_requests
from isthmus.jetstream.api import IDENTITY_HEADER, REQUIRED_LEVEL_HEADER
from isthmus.jetstream.consumer_config import AckPolicy, ConsumerConfig
from isthmus.jetstream.errors import ApiError, Row
from isthmus.jetstream.origin_requests import SILENCE_NS, Created, CreateRequest, Start
from isthmus.jetstream.responses import SourceInfo
from isthmus.jetstream.stream_config import StreamConfig, StreamSource

if TYPE_CHECKING:
    from isthmus.jetstream.stream import Stream

ANSWER_WAIT_NS = 30 * NS_PER_S
BETWEEN_NS = 2 * NS_PER_S  # two requests of one origin
BACK_OFF_NS = 10 * NS_PER_S  # times the failures in a row …
BACK_OFF_MAX_NS = 120 * NS_PER_S  # … but no more
JITTER_NS = 100_000_000  # at least, and less than twice that
KNOWN_MAX = 1024  # sources that were taken away, and where they stood
LOOKED_AT_ONCE = 2048  # messages in one turn, in search of where a source goes on

_SEQ_MAX = (1 << 64) - 3
Position = tuple[int, str]  # sequence in the origin, and which stream that is

API_LEVELS = (5, 4, 0)  # of the answering server; 0: it knows of none
_LABEL_HEADER = "Nats-Stream-Source"
_OLDER = {errors.REQUIRED_API_LEVEL.err_code, errors.INVALID_JSON.err_code}


class Origins:
    """All origins of `stream`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._mirror: Origin | None = None
        self._sources: dict[str, Origin] = {}
        self._unplaced: list[Origin] = []  # it is not known yet where they go on
        self._known: dict[str, Position] = {}  # of sources, by index name, from before
        self._next_seq = 0  # where the search for that goes on, downwards

    def configure(self, config: StreamConfig, turn: Turn) -> None:
        """Copy what `config` names, and nothing else."""
        if self._mirror is not None and config.mirror != self._mirror.source:
            self._mirror.forget(turn)
            self._mirror = None
        if config.mirror is not None and self._mirror is None:
            self._mirror = Origin(self._stream, config.mirror, mirror=True)
            self._mirror.ask_soon(turn)
        old, self._sources = self._sources, {}
        for source in config.sources:
            name = origin_requests.index_name(source)
            origin = old.pop(name, None)
            if origin is not None and origin.source != source:
                self._known[name] = origin.position
                origin.close(turn)
                origin = None
            if origin is None:
                origin = Origin(self._stream, source, mirror=False)
                self._begin(origin, turn)
            self._sources[name] = origin
        for name, origin in old.items():
            self._known[name] = origin.position
            origin.forget(turn)
        while len(self._known) > KNOWN_MAX:
            del self._known[next(iter(self._known))]
        if self._unplaced and not self._next_seq:
            self._next_seq = self._stream.stored.log.last_seq
            Job(self._place).start(turn)

    def _begin(self, origin: Origin, turn: Turn) -> None:
        """Go on where the source stood, if that is known; else it is looked for."""
        seq, identity = self._known.pop(origin.name, (0, ""))
        if seq:
            origin.intake.resume(seq, identity.encode())
            origin.ask_soon(turn)
        else:
            self._unplaced.append(origin)

    def recall(self, positions: dict[str, Position], labels: list[bytes]) -> None:
        """After a restart, before `configure`: where the sources stood at the last checkpoint, and
        what copies since then say.
        """
        self._known = dict(positions)
        for text in labels:
            name, seq, identity = origin_requests.read_label(text.decode("utf-8", "replace"))
            self._known[name] = (seq, identity)

    def positions(self) -> dict[str, Position]:
        """Where the sources stand, by index name: what must not be forgotten."""
        known = {name: one for name, one in self._known.items() if name not in self._sources}
        taken = {name: one.position for name, one in self._sources.items() if one.position[0]}
        return {**known, **taken}

    def forget(self, turn: Turn) -> None:
        """The stream is gone: nobody needs the consumers that stay without it."""
        for origin in self._all():
            origin.forget(turn)

    def close(self, turn: Turn) -> None:
        """Copy nothing any more."""
        for origin in self._all():
            origin.close(turn)
        self._mirror = None
        self._sources = {}
        self._unplaced = []

    def mirror_info(self, turn: Turn) -> SourceInfo | None:
        """How far the mirror has come."""
        return None if self._mirror is None else self._mirror.info(turn)

    def sources_info(self, turn: Turn) -> tuple[SourceInfo, ...]:
        """How far each source has come."""
        return tuple(origin.info(turn) for origin in self._sources.values())

    def _all(self) -> list[Origin]:
        return [*([self._mirror] if self._mirror is not None else []), *self._sources.values()]

    def _place(self, turn: Turn) -> bool:
        """Look through the newest messages for the last one of each source; more in the next turn.

        The sources that are found, or looked for everywhere, begin.
        """
        log = self._stream.stored.log
        waiting = {one.name: one for one in self._unplaced if self._sources.get(one.name) is one}
        for _ in range(LOOKED_AT_ONCE):
            self._next_seq = log.previous_seq(self._next_seq) if self._next_seq else 0
            if not self._next_seq or not waiting:
                break
            entry = log.get(self._next_seq)
            if entry is not None and _LABEL_HEADER.encode() in entry.header:
                text = parse_headers(entry.header).get(_LABEL_HEADER, "")
                name, seq, identity = origin_requests.read_label(text)
                found = waiting.pop(name, None)
                if found is not None:
                    found.intake.resume(seq, identity.encode())
                    found.ask_soon(turn)
            self._next_seq -= 1
        self._unplaced = list(waiting.values())
        if self._next_seq and waiting:
            return True
        for origin in self._unplaced:
            origin.ask_soon(turn)
        self._unplaced = []
        self._next_seq = 0
        return False


class Origin:
    """One stream that `stream` copies."""

    def __init__(self, stream: Stream, source: StreamSource, *, mirror: bool) -> None:
        self.source = source
        self.name = origin_requests.index_name(source)
        self.error: ApiError | None = None
        self._stream = stream
        self._mirror = mirror
        self.intake = Intake(
            stream.ingest,
            self,
            label=None if mirror else origin_requests.label(source),
            transforms=origin_requests.rewritings(source),
        )
        self._alarm = Alarm(Job(self._ring))
        self._inlet = Inlet(self._answered)
        self._reply = b""  # where an answer is waited for; empty: none is
        self._asked_ns = 0  # when last; 0: never
        self._fails = 0  # in a row
        self._level = API_LEVELS[1 if mirror else 0]  # only a source names who it expects
        self._recreated = False  # the origin is another one than the one that was copied
        self._closed = False

    def close(self, turn: Turn) -> None:
        """Copy nothing any more."""
        self._closed = True
        self.intake.close()
        self._stop_waiting()
        self._stream.premises.agenda.put(self._alarm, 0, turn)

    def forget(self, turn: Turn) -> None:
        """The same for good: a consumer that would stay is deleted."""
        name = self.intake.consumer.decode()
        if name and name == self._place()[0]:
            subject = origin_requests.delete_subject(self.source, name)
            publish(self._stream.premises.core, subject.encode(), b"", turn)
        self.close(turn)

    @property
    def _not_flow_control(self) -> Row:
        if self._mirror:
            return errors.MIRROR_CONSUMER_NOT_FLOW_CONTROL
        return errors.SOURCE_CONSUMER_NOT_FLOW_CONTROL

    @property
    def position(self) -> Position:
        """The last sequence taken of the origin, and which stream that is."""
        return self.intake.origin_seq, self.intake.identity.decode()

    def ask_soon(self, turn: Turn) -> None:
        """Ask when that may be, the later the more often it failed."""
        self.intake.close()
        wait_ns = JITTER_NS + self._stream.premises.seed() % JITTER_NS
        wait_ns += min(self._fails * BACK_OFF_NS, BACK_OFF_MAX_NS)
        if self._asked_ns:
            wait_ns += max(BETWEEN_NS - (turn.now_ns - self._asked_ns), 0)
        self._stream.premises.agenda.put(self._alarm, turn.now_ns + wait_ns, turn)

    def interrupted(self, turn: Turn) -> None:
        """A delivery is missing, or there was no room for one."""
        self.ask_soon(turn)

    def caught_up(self, _turn: Turn) -> None:
        """Hardly anything is missing: a mirror may answer in the name of its origin."""
        if self._mirror:
            self._stream.caught_up()

    def info(self, turn: Turn) -> SourceInfo:
        """How far it has come."""
        active_ns = self.intake.active_ns
        return SourceInfo(
            name=self.source.name,
            external=self.source.external,
            lag=self.intake.lag,
            seq=0 if self._mirror else self.intake.origin_seq,
            active_ns=max(turn.now_ns - active_ns, 0) if active_ns else -1,
            error=self.error,
            filter_subject=self.source.filter_subject,
            subject_transforms=self.source.subject_transforms,
        )

    # --- its alarm ---

    def _ring(self, turn: Turn) -> bool:
        if self._closed or self._stream.stored.closed:
            return False
        if self._reply:
            self._failed(turn)
        elif self.intake.subject:
            self._watch(turn)
        else:
            self._ask(turn)
        return False

    def _watch(self, turn: Turn) -> None:
        """Look whether the origin is still heard of."""
        due_ns = self.intake.active_ns + SILENCE_NS
        if due_ns <= turn.now_ns:
            self.ask_soon(turn)
        else:
            self._stream.premises.agenda.put(self._alarm, due_ns, turn)

    def _failed(self, turn: Turn) -> None:
        self._stop_waiting()
        self._fails += 1
        self.ask_soon(turn)

    # --- asking ---

    def _ask(self, turn: Turn) -> None:
        premises = self._stream.premises
        self._asked_ns = turn.now_ns
        self.error = None
        subject, body = self._request()
        lines = []
        if self._level and not (self._mirror and self.source.consumer is not None):
            lines.append((REQUIRED_LEVEL_HEADER, str(self._level)))
            if not self._mirror and self._level == API_LEVELS[0]:
                # even if none is known: who names one is told which stream this is
                lines.append((IDENTITY_HEADER, self.intake.identity.decode()))
        self._stop_waiting()
        self._reply = f"$JSC.R.{make_token(premises.entropy, 8)}".encode()
        premises.core.sublist.add(self._reply, self._inlet)
        premises.agenda.put(self._alarm, turn.now_ns + ANSWER_WAIT_NS, turn)
        taken = publish(
            premises.core,
            subject.encode(),
            body,
            turn,
            reply=self._reply,
            header=make_headers(lines) if lines else b"",
        )
        if not taken:  # nobody is there to answer
            self._failed(turn)

    def _request(self) -> tuple[str, bytes]:
        """To make a consumer, or to have the one that was chosen begin anew."""
        chosen = self.source.consumer
        if chosen is None:
            config = self._consumer()
            body = to_json(CreateRequest(stream_name=self.source.name, config=config))
            return origin_requests.create_subject(self.source, config), body
        start = self._mirror_start() if self._mirror else self._source_start()
        body = b'{"seq":%d}' % start.seq if start.seq else b""
        return origin_requests.reset_subject(self.source, chosen.name), body

    def _consumer(self) -> ConsumerConfig:
        premises = self._stream.premises
        name, metadata = self._place()
        start = self._mirror_start() if self._mirror else self._source_start()
        token = make_token(premises.entropy, 8)
        subject = origin_requests.deliver_subject(self.source, "M" if self._mirror else "S", token)
        config = origin_requests.consumer_config(self.source, name, subject, start, metadata)
        if not self._level:
            token = make_token(premises.entropy, 8)
            config = msgspec.structs.replace(config, name=f"{name}_{token}", sourcing=False)
        return config

    def _place(self) -> tuple[str, dict[str, str]]:
        """The name of its consumer, and what that is told of who reads it."""
        stream, premises = self._stream, self._stream.premises
        account = premises.core.name.decode()
        place = " ".join(one for one in (stream.name, account, premises.domain) if one)
        kind = "mirror" if self._mirror else "src"
        metadata = {f"_nats.{kind}.stream": stream.name, f"_nats.{kind}.acc": account}
        if premises.domain:
            metadata[f"_nats.{kind}.domain"] = premises.domain
        if self._mirror:
            return origin_requests.mirror_consumer(place), metadata
        sources = stream.config.sources
        return origin_requests.source_consumer(place, self.source, sources), metadata

    def _mirror_start(self) -> Start:
        """Behind what is here; in an empty mirror where its configuration says."""
        log = self._stream.stored.log
        if log.messages or log.first_seq:
            return Start(seq=log.last_seq + 1)
        if self.source.opt_start_seq:
            return Start(seq=self.source.opt_start_seq)
        return Start(time=self.source.opt_start_time)

    def _source_start(self) -> Start:
        """Behind what was taken; before anything was, where the configuration says."""
        if self.intake.origin_seq:
            return Start(seq=self.intake.origin_seq + 1)
        if self.source.opt_start_seq:
            return Start(seq=self.source.opt_start_seq)
        log = self._stream.stored.log
        asked = self.source.opt_start_time
        if asked is not None:
            if log.last_ns > 0 and parse_time_ns(asked) < log.last_ns:
                asked = format_time(log.last_ns)
            return Start(time=asked)
        if log.first_seq > 1 and log.last_ns and not self._recreated:
            return Start(time=format_time(log.last_ns))
        return Start()

    def _stop_waiting(self) -> None:
        if self._reply:
            self._stream.premises.core.sublist.discard(self._reply, self._inlet)
            self._reply = b""

    # --- the answer ---

    def _answered(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            if request.subject == self._reply and not self._closed:
                self._stop_waiting()
                self._read(request, turn)

    def _read(self, request: Request, turn: Turn) -> None:
        try:
            created = from_json(request.payload, Created)
        except msgspec.MsgspecError:
            self.error = errors.to_api_error(errors.make(errors.INVALID_JSON, err="no consumer"))
            self._failed(turn)
            return
        if created.error is not None:
            self._refused(created.error, turn)
            return
        subject, passed_seq = created.config.deliver_subject, created.delivered.stream_seq
        if self.source.consumer is not None:
            if created.config.ack_policy != AckPolicy.FLOW_CONTROL:
                self._refused(errors.to_api_error(errors.make(self._not_flow_control)), turn)
                return
            subject = self.source.consumer.deliver_subject
            passed_seq = max(created.reset_seq - 1, 0)
        if not subject or not created.name or passed_seq > _SEQ_MAX:
            row = errors.MIRROR_CONSUMER_FAILED if self._mirror else errors.SOURCE_CONSUMER_FAILED
            error = errors.make(row, err="invalid consumer create response")
            self.error = errors.to_api_error(error)
            self._failed(turn)
            return
        identity = _identity(request.header)
        other = identity and self.intake.identity and identity != self.intake.identity
        if other and self.source.consumer is not None and not self._recreated:
            self._begin_anew(turn)  # it was reset to where the one before had come
            return
        if self._recreated or other:
            self.intake.restart()
        self._recreated = False
        self._fails = 0
        self.intake.open(subject.encode(), created.name.encode(), passed_seq, identity, turn)
        self._watch(turn)

    def _begin_anew(self, turn: Turn) -> None:
        """The origin is another stream than before: nothing of it was taken."""
        self.intake.restart()
        self._recreated = True
        self.ask_soon(turn)

    def _refused(self, error: ApiError, turn: Turn) -> None:
        if error.err_code == errors.STREAM_IDENTITY_MISMATCH.err_code:
            self._begin_anew(turn)
            return
        if error.err_code in _OLDER and self._level:
            self._level = API_LEVELS[API_LEVELS.index(self._level) + 1]
            self._ask(turn)
            return
        self.error = error
        self._failed(turn)


def _identity(header: bytes) -> bytes:
    return parse_headers(header).get(IDENTITY_HEADER, "").encode() if header else b""
