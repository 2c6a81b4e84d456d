"""Priority groups of a pull consumer as lists; messages are numbers, whoever gets one is a name.

`sent` holds ("message", name, seq) and ("status", name, line), in order.
"""

from dataclasses import dataclass, field

MISMATCH = "423 Nats-Pin-Id mismatch"
WRONG = "423 Nats-Wrong-Pin-Id"


@dataclass
class Waiter:
    """One request; `pin` is the number of the pin it names, or None."""

    name: str
    batch: int
    priority: int = 0
    min_pending: int = 0
    min_ack_pending: int = 0
    pin: int | None = None


@dataclass
class PriorityModel:
    """`policy` is overflow, prioritized or pinned_client."""

    policy: str
    timeout_ns: int
    waiters: list[Waiter] = field(default_factory=list)
    unseen: list[int] = field(default_factory=list)
    unacked: set[int] = field(default_factory=set)
    pinned: int | None = None  # the number of the pin
    pins: int = 0  # given so far
    lost_ns: int = 0
    last_seq: int = 0
    sent: list[tuple[str, str, object]] = field(default_factory=list)

    def ask(self, waiter: Waiter, now_ns: int) -> None:
        if self.policy == "pinned_client" and self.pinned is not None and waiter.pin is not None:
            if waiter.pin != self.pinned:
                self.sent.append(("status", waiter.name, MISMATCH))
                return
            self.lost_ns = now_ns + self.timeout_ns
        self.queue(waiter)
        self.offer(now_ns)

    def queue(self, waiter: Waiter) -> None:
        """Behind all others, or behind those of its priority."""
        at = len(self.waiters)
        while (
            self.policy == "prioritized" and at and self.waiters[at - 1].priority > waiter.priority
        ):
            at -= 1
        self.waiters.insert(at, waiter)

    def publish(self, now_ns: int) -> None:
        self.last_seq += 1
        self.unseen.append(self.last_seq)
        self.offer(now_ns)

    def ack(self, seq: int, now_ns: int) -> None:
        self.unacked.discard(seq)
        self.offer(now_ns)

    def unpin(self, now_ns: int) -> None:
        self.pinned = None
        self.offer(now_ns)

    def takes(self, waiter: Waiter) -> bool | None:
        """None: its request is over."""
        if self.policy == "overflow":
            wishes = [
                (waiter.min_pending, len(self.unseen)),
                (waiter.min_ack_pending, len(self.unacked)),
            ]
            asked = [(least, there) for least, there in wishes if least > 0]
            return not asked or any(there >= least for least, there in asked)
        if self.policy == "pinned_client":
            if waiter.pin is None:
                return self.pinned is None
            return True if waiter.pin == self.pinned else None
        return True

    def offer(self, now_ns: int) -> None:
        while self.unseen:
            waiter = self.taker()
            if waiter is None:
                return
            if self.policy == "pinned_client" and self.pinned is None:
                self.pins += 1
                self.pinned = self.pins
                self.lost_ns = now_ns + self.timeout_ns
                waiter.pin = self.pinned
            seq = self.unseen.pop(0)
            self.unacked.add(seq)
            self.sent.append(("message", waiter.name, seq))
            self.waiters.remove(waiter)
            waiter.batch -= 1
            if waiter.batch:
                self.queue(waiter)

    def taker(self) -> Waiter | None:
        for waiter in list(self.waiters):
            verdict = self.takes(waiter)
            if verdict:
                return waiter
            if verdict is None:
                self.waiters.remove(waiter)
                self.sent.append(("status", waiter.name, WRONG))
        return None

    def time_passes(self, now_ns: int) -> None:
        if self.pinned is not None and self.lost_ns <= now_ns:
            self.unpin(self.lost_ns)
