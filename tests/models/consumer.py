"""A pull consumer with explicit acknowledgement as sets and lists; what it sends is a list too.

("message", inbox, seq, deliveries, consumer_seq, pending)
("status", inbox, header block)
"""

from dataclasses import dataclass, field

from models.stream import StreamModel


@dataclass
class Waiter:
    """One pull request."""

    inbox: str
    batch: int
    expires_ns: int  # wall clock; 0: never
    no_wait: bool
    served: int = 0


@dataclass
class Unacked:
    """One delivered message."""

    consumer_seq: int
    due_ns: int
    deliveries: int = 1


def status(line: str, left: int | None = None) -> bytes:
    rest = "" if left is None else f"\r\nNats-Pending-Messages: {left}\r\nNats-Pending-Bytes: 0"
    return f"NATS/1.0 {line}{rest}\r\n\r\n".encode()


@dataclass
class ConsumerModel:
    """`subjects` are what it takes, or None: everything. -1: no bound."""

    stream: StreamModel
    subjects: tuple[str, ...] | None = None
    ack_wait_ns: int = 30
    max_deliver: int = -1
    max_ack_pending: int = -1
    max_waiting: int = 512
    delivered: tuple[int, int] = (0, 0)  # consumer sequence, stream sequence
    floor: tuple[int, int] = (0, 0)
    next_seq: int = 1
    pending: dict[int, Unacked] = field(default_factory=dict)
    queue: list[int] = field(default_factory=list)
    spent: dict[int, Unacked] = field(default_factory=dict)
    waiters: list[Waiter] = field(default_factory=list)
    sent: list[tuple] = field(default_factory=list)
    visible_seq: int | None = None  # what came later counts and is not delivered yet

    def covered_by(self, subject: str) -> bool:
        """True if a purge of `subject` removes everything it could see."""
        return self.subjects is not None and set(self.subjects) <= {subject}

    # --- what it counts ---

    def unseen(self) -> list[int]:
        return [
            seq
            for seq, (name, _) in self.stream.messages.items()
            if seq >= self.next_seq and (self.subjects is None or name in self.subjects)
        ]

    def ready(self) -> list[int]:
        end = self.stream.last_seq if self.visible_seq is None else self.visible_seq
        return [seq for seq in self.unseen() if seq <= end]

    @property
    def redelivered(self) -> int:
        if self.max_deliver == 1:
            return 0
        again = [entry for entry in self.pending.values() if entry.deliveries > 1]
        return len(again) + sum(entry.deliveries > 1 for entry in self.spent.values())

    # --- what happens ---

    def ask(self, inbox: str, batch: int, expires_ns: int, *, no_wait: bool, now_ns: int) -> None:
        if no_wait:
            available = len(self.unseen()) + len(self.queue)
            if not available and not expires_ns:
                self.sent.append(("status", inbox, status("404 No Messages")))
                return
            if 0 < available < sum(waiter.batch for waiter in self.waiters):
                self.sent.append(("status", inbox, status("408 Requests Pending")))
                return
        if len(self.waiters) >= self.max_waiting:
            self.sent.append(("status", inbox, status("409 Exceeded MaxWaiting")))
            return
        ends_ns = now_ns + expires_ns if expires_ns else 0
        self.waiters.append(Waiter(inbox, batch, ends_ns, no_wait))
        self.offer(now_ns)

    def ack(self, seq: int) -> bool:
        """False if nothing is answered."""
        if not 0 < seq <= self.delivered[1]:
            return False
        self._acked(seq)
        return True

    def _acked(self, seq: int) -> None:
        """`seq` may be pending, spent, or done already."""
        entry = self.spent.pop(seq, None) or self.pending.pop(seq, None)
        if seq in self.queue:
            self.queue.remove(seq)
        if not self.pending:
            self.floor = self.delivered
        elif entry is not None and entry.consumer_seq == self.floor[0] + 1:
            first = min(self.pending)
            self.floor = (self.pending[first].consumer_seq - 1, first - 1)

    def nak(self, seq: int, consumer_seq: int, delay_ns: int | None, now_ns: int) -> None:
        if not self.floor[0] < consumer_seq <= self.delivered[0] or seq not in self.pending:
            return
        if delay_ns is None:
            if seq not in self.queue:
                self.queue.append(seq)
        else:
            if seq in self.queue:
                self.queue.remove(seq)
            self.pending[seq].due_ns = now_ns + delay_ns

    def extend(self, seq: int, now_ns: int) -> None:
        if seq in self.pending and seq not in self.queue:
            self.pending[seq].due_ns = now_ns + self.ack_wait_ns

    def gone(self, seqs: list[int]) -> None:
        """Messages were removed, one by one."""
        for seq in seqs:
            self.spent.pop(seq, None)
            if seq in self.pending:
                self._acked(seq)

    def purged(self, first_seq: int) -> None:
        """Everything it could see below `first_seq` was purged."""
        for seq in [seq for seq in self.pending if seq < first_seq]:
            self.floor = (max(self.floor[0], self.pending.pop(seq).consumer_seq), self.floor[1])
            if seq in self.queue:
                self.queue.remove(seq)
        self.spent = {seq: count for seq, count in self.spent.items() if seq >= first_seq}
        self.next_seq = max(self.next_seq, first_seq)
        self.delivered = (self.delivered[0], max(self.delivered[1], first_seq - 1))
        self.floor = (self.floor[0], max(self.floor[1], first_seq - 1))
        if not self.pending:
            self.spent.clear()
            self.floor = self.delivered

    def tick(self, now_ns: int) -> None:
        """It is `now_ns`: what is due?"""
        due = [
            seq
            for seq, entry in self.pending.items()
            if seq not in self.queue and entry.due_ns <= now_ns
        ]
        for seq in sorted(due):
            if 0 < self.max_deliver <= self.pending[seq].deliveries:
                self.spent[seq] = self.pending.pop(seq)
            else:
                self.queue.append(seq)
        for waiter in list(self.waiters):
            if waiter.expires_ns and waiter.expires_ns <= now_ns:
                self.waiters.remove(waiter)
                self._say(waiter, status("408 Request Timeout", waiter.batch))
        self.offer(now_ns)

    def next_due_ns(self) -> int | None:
        moments = [e.due_ns for seq, e in self.pending.items() if seq not in self.queue]
        moments += [waiter.expires_ns for waiter in self.waiters if waiter.expires_ns]
        return min(moments, default=None)

    def offer(self, now_ns: int) -> None:
        """Send what may be sent."""
        while self.waiters:
            if self.queue:
                seq = self.queue[0]
                if 0 < self.max_deliver <= self.pending[seq].deliveries:
                    self.queue.pop(0)
                    self.spent[seq] = self.pending.pop(seq)
                    continue
                self.queue.pop(0)
                entry = self.pending[seq]
                entry.deliveries += 1
                entry.due_ns = now_ns + self.ack_wait_ns
            elif 0 <= self.max_ack_pending <= len(self.pending):
                return
            else:
                ready = self.ready()
                if not ready:
                    self._dry()
                    return
                seq = ready[0]
                entry = Unacked(self.delivered[0] + 1, now_ns + self.ack_wait_ns)
                self.pending[seq] = entry
                self.next_seq = seq + 1
                self.delivered = (self.delivered[0], seq)
            self.delivered = (self.delivered[0] + 1, self.delivered[1])
            waiter = self.waiters.pop(0)
            self.sent.append(
                ("message", waiter.inbox, seq, entry.deliveries, self.delivered[0],
                 len(self.unseen()))
            )  # fmt: skip
            waiter.batch -= 1
            waiter.served += 1
            if waiter.batch:
                self.waiters.append(waiter)

    def _dry(self) -> None:
        empty = not self.unseen()
        for waiter in list(self.waiters):
            if waiter.no_wait and (waiter.served or (empty and not waiter.expires_ns)):
                self.waiters.remove(waiter)
                self._say(waiter, status("404 No Messages"))

    def _say(self, waiter: Waiter, header: bytes) -> None:
        self.sent.append(("status", waiter.inbox, header))
