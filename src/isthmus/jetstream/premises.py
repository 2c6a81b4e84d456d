"""What all streams and consumers of one account share, passed to each of them.

Owns nothing but the numbers it gives out. Knows no stream: `account.py` holds those.
"""

from collections.abc import Callable
from typing import Protocol

from isthmus.base.nuid import make_nuid
from isthmus.base.ports import Entropy
from isthmus.base.values import Value, format_time, to_json
from isthmus.core.agenda import Agenda, Line
from isthmus.core.interest import Interest
from isthmus.core.journal import Journal
from isthmus.core.router import AccountCore, publish
from isthmus.core.stored import Usage
from isthmus.core.turn import Turn
from isthmus.jetstream import errors

_RECORD_FRAME = 128  # what a record needs beside its texts; more than it really is


class Told(Protocol):
    """An advisory: a document, and where it is published."""

    @property
    def subject(self) -> str:
        """Where it is published."""


class Premises:
    """An account's core, its journal (None: everything is in memory), deadlines and randomness."""

    def __init__(
        self,
        core: AccountCore,
        *,
        journal: Journal | None,
        agenda: Agenda,
        usage: Usage,
        entropy: Entropy,
        domain: str = "",
        server_name: str = "",
        ack_place: str = "",
        long_acks: bool = False,
    ) -> None:
        self.core = core
        self.interest = Interest(core.sublist)
        self.journal = journal
        self.agenda = agenda
        self.usage = usage
        self.entropy = entropy
        self.domain = domain
        self.server_name = server_name
        self.ack_place = ack_place  # `<domain or _>.<account hash>.` of the long form
        self.long_acks = long_acks  # deliveries carry the long form
        self.endings = Line()  # of consumers that nobody uses: many may be due at one moment
        self._next_number = 1

    @property
    def api_prefixes(self) -> tuple[str, ...]:
        """What an API subject may begin with: plain, and with the domain if there is one."""
        return ("$JS.API.", f"$JS.{self.domain}.API.") if self.domain else ("$JS.API.",)

    def take_number(self) -> int:
        """A number that no stream or consumer of the store ever had."""
        if self.journal is not None:
            number: int = self.journal.next_number
            self.journal.next_number = number + 1
            return number
        self._next_number += 1
        return self._next_number - 1

    def seed(self) -> int:
        """A secret key for a hash."""
        return int.from_bytes(self.entropy.bytes(8), "little") or 1

    def journal_value(
        self, kind: int, number: int, turn: Turn, *, name: str, value: Value, seq: int = 0
    ) -> None:
        """Append what must be known after a restart: a configuration."""
        if self.journal is not None:
            self.journal.write(
                turn,
                kind,
                number,
                seq,
                turn.now_ns,
                subject=name.encode(),
                header=self.core.name,
                payload=to_json(value),
            )

    def require_rememberable(self, name: str, value: Value) -> None:
        """Refuse a configuration that no record holds, before anything is made of it."""
        if self.journal is None:
            return
        size = len(to_json(value)) + len(name.encode()) + len(self.core.name)
        most = self.journal.record_max - _RECORD_FRAME
        if size > most:
            text = f"configuration of {size} bytes: at most {most}"
            raise errors.make(errors.STREAM_STORE_FAILED, err=text)

    def listens(self, subject: str) -> bool:
        """True if somebody would get an advisory on `subject`."""
        return bool(self.core.sublist.interested(subject.encode()))

    def advise(self, kind: Callable[..., Told], turn: Turn, **fields: object) -> None:
        """Publish an advisory, if anybody listens."""
        advisory = kind(
            id=make_nuid(self.entropy),
            timestamp=format_time(turn.now_ns),
            domain=self.domain,
            **fields,
        )
        if self.listens(advisory.subject):
            publish(self.core, advisory.subject.encode(), to_json(advisory), turn)

    def answer(self, reply: bytes, body: bytes, turn: Turn, *, header: bytes = b"") -> None:
        """Send `body`, as soon as everything it may speak of is durable."""
        if not reply:
            return
        journal = self.journal
        if journal is None or journal.failed or journal.durable_lsn >= journal.end_lsn:
            publish(self.core, reply, body, turn, header=header)
            return

        def send(_seq: int, _reply: bytes, _note: int, later: Turn) -> None:
            publish(self.core, reply, body, later, header=header)

        journal.when_durable(journal.end_lsn, send)
