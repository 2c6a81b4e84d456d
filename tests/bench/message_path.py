"""Nanoseconds per message on the compiled path, from the read buffer to the transport, in memory.

`PYTHONPATH=tests python tests/bench/message_path.py [NAME…]`: each row is the best of several runs
of one second in all, in processor time. No socket, no loop, no second process: what it shows is the
core's own cost, and what a change of it did. The rows beside a real server are `make bench`.
"""

import sys
import time
from collections.abc import Callable

from isthmus.core.crossing import Crossing
from isthmus.core.permits import PublishPermits, SubjectSet
from support.core import MemoryConnection, World

BATCH = 400
RUNS = 15
PAYLOAD = b"x" * 128


class Dropped:
    """A transport that takes everything at once."""

    def write(self, data: bytes) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


def quiet(connection: MemoryConnection) -> MemoryConnection:
    connection.outbound.attach(Dropped(), -1)
    return connection


def feeder(world: World, connection: MemoryConnection, data: bytes) -> Callable[[], None]:
    """A function that lets `connection` send `data` again, as one read or a few."""
    parser, turn = connection.parser, world.turn
    pieces = [data[at : at + 131_072] for at in range(0, len(data), 131_072)]

    def run() -> None:
        for piece in pieces:
            turn.begin(world.now_ns)
            parser.buffer()[: len(piece)] = piece
            parser.read(len(piece), turn)
            turn.finish()

    return run


def pub(subject: bytes, payload: bytes = PAYLOAD, reply: bytes = b"") -> bytes:
    return b"PUB %s%s %d\r\n%s\r\n" % (
        subject,
        b" " + reply if reply else b"",
        len(payload),
        payload,
    )


def nobody(payload: bytes) -> Callable[[], None]:
    world = World()
    return feeder(world, quiet(world.connect()), pub(b"bench.subject", payload) * BATCH)


def subscribers(
    count: int, subject: bytes, queue: bytes = b"", *, data: bytes = b"", times: int = BATCH
) -> Callable[[], None]:
    world = World()
    for _ in range(count):
        hearer = quiet(world.connect())
        hearer.client.subscribe(subject, queue, b"1")
    return feeder(world, quiet(world.connect()), (data or pub(b"bench.subject")) * times)


def many_subjects() -> Callable[[], None]:
    """100 000 literals and a thousand patterns; each message on another subject."""
    world = World()
    hearer = world.connect()
    for number in range(100_000):
        hearer.client.subscribe(b"bench.subject.%d" % number, b"", b"%d" % number)
    for number in range(1000):
        hearer.client.subscribe(b"other.%d.*" % number, b"", b"p%d" % number)
    quiet(hearer)
    data = b"".join(pub(b"bench.subject.%d" % (number * 250)) for number in range(BATCH))
    return feeder(world, quiet(world.connect()), data)


def permitted() -> Callable[[], None]:
    world = World()
    permits = PublishPermits(allow=SubjectSet([b"bench.>"]), deny=SubjectSet([b"bench.no"]))
    connection = MemoryConnection(world, permits=permits)
    connection.send(b'CONNECT {"verbose":false,"pedantic":false}\r\n')
    quiet(world.connect()).client.subscribe(b"bench.subject", b"", b"1")
    return feeder(world, quiet(connection), pub(b"bench.subject") * BATCH)


def exchange(*, accounts: bool) -> Callable[[], None]:
    """BATCH requests, each with its own reply subject, and their answers."""
    world = World()
    asker = world.connect("B" if accounts else "A")
    service = world.connect("A")
    service.client.subscribe(b"svc", b"", b"1")
    asker.client.subscribe(b"_INBOX.me.*", b"", b"2")
    if accounts:
        crossing = Crossing(world.account("B"), world.account("A"), local=b"svc", remote=b"svc")
        crossing.open(0)
        crossing.subscribe()
    requests = b"".join(pub(b"svc", reply=b"_INBOX.me.%d" % number) for number in range(BATCH))
    ask = feeder(world, quiet(asker), requests)
    body = b"%d\r\n%s\r\n" % (len(PAYLOAD), PAYLOAD)

    def timed() -> float:
        started = time.process_time()
        ask()
        spent = time.process_time() - started
        heard = service.heard()
        replies = [line.split(b" ")[3] for line in heard.split(b"\r\n") if b"MSG svc" in line[:8]]
        assert len(replies) == BATCH
        answer = feeder(world, service, b"".join(b"PUB %s %s" % (reply, body) for reply in replies))
        started = time.process_time()
        answer()
        return spent + time.process_time() - started

    return timed


def connections() -> Callable[[], None]:
    """CONNECT, a subscription, the end; per connection."""
    world = World()

    def run() -> None:
        for _ in range(BATCH):
            connection = world.connect()
            connection.client.subscribe(b"a.b", b"", b"1")
            connection.end()

    return run


def churn() -> Callable[[], None]:
    """SUB and UNSUB beside 10 000 others."""
    world = World()
    connection = world.connect()
    for number in range(10_000):
        connection.client.subscribe(b"there.%d" % number, b"", b"t%d" % number)
    lines = b"".join(b"SUB a.%d %d\r\nUNSUB %d\r\n" % (n, n, n) for n in range(BATCH))
    return feeder(world, connection, lines)


FULL = 131_072 // len(pub(b"bench.subject"))  # as many as a read buffer holds
HEADER = b"NATS/1.0\r\nKey: value\r\n\r\n"
HPUB = b"HPUB bench.subject %d %d\r\n%s%s\r\n" % (
    len(HEADER), len(HEADER) + len(PAYLOAD), HEADER, PAYLOAD,
)  # fmt: skip
ROWS: dict[str, Callable[[], Callable[[], object]]] = {
    "publish, nobody, 16 B": lambda: nobody(b"x" * 16),
    "publish, nobody, 128 B": lambda: nobody(PAYLOAD),
    "1 subscriber": lambda: subscribers(1, b"bench.subject"),
    "1 subscriber, full reads": lambda: subscribers(1, b"bench.subject", times=FULL),
    "1 subscriber, HPUB": lambda: subscribers(1, b"bench.subject", data=HPUB),
    "1 subscriber, permissions": permitted,
    "wildcard subscriber": lambda: subscribers(1, b"bench.*"),
    "queue group of 3": lambda: subscribers(3, b"bench.subject", b"work"),
    "fan-out 10": lambda: subscribers(10, b"bench.subject"),
    "1 of 100 000 subjects": many_subjects,
    "request and answer": lambda: exchange(accounts=False),
    "request and answer across accounts": lambda: exchange(accounts=True),
    "connection with a subscription": connections,
    "SUB and UNSUB": churn,
}


def measure(run: Callable[[], object], messages: int) -> float:
    """Nanoseconds of processor time per message, the best of RUNS rounds."""
    best = float("inf")
    run()
    for _ in range(RUNS):
        started = time.process_time()
        repeats, spent = 0, 0.0
        while spent < 0.06:
            own = run()
            repeats += 1
            spent = spent + own if isinstance(own, float) else time.process_time() - started
        best = min(best, spent / repeats / messages)
    return best * 1e9


def main(names: list[str]) -> None:
    for name, make in ROWS.items():
        if not names or any(wanted in name for wanted in names):
            messages = FULL if "full reads" in name else BATCH
            print(f"{name:40}{measure(make(), messages):10.1f} ns", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
