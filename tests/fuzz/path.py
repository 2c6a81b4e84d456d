"""Whatever clients, owners and operators do to each other, nothing is left when all have gone.

`PYTHONPATH=tests python -m fuzz.path [SEED [ROUNDS]]`: connections come and go, subscribe, ask and
answer across accounts, overflow, and change everything from inside the calls that their overflow
makes; grants and streams open and close, time passes. At the end every sublist is empty and no
object stays.
"""

import gc
import random
import re
import sys

from isthmus.accounts.transform import fit
from isthmus.core.crossing import Crossing
from isthmus.core.inlet import Inlet
from isthmus.core.router import publish
from isthmus.core.stream_import import StreamImport
from support.core import MemoryConnection, World

SUBJECTS = [b"a", b"b", b"a.b", b"svc.a", b"svc.b", b"a.b.c", b"_INBOX.1", b"_INBOX.2", b"x"]
PATTERNS = [*SUBJECTS, b">", b"*", b"a.>", b"svc.*", b"_INBOX.*", b"*.b", b"_R_.>"]
ACCOUNTS = ["A", "B", "C"]
STREAMS = [("a.>", "a.>"), ("a.*", "x.$1"), (">", ">"), ("*.b", "b.$1"), ("b", "a.b.c")]


class Play:
    """One world and what happens in it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.world = World()
        self.connections: list[MemoryConnection] = []
        self.crossings: list[Crossing] = []
        self.inlets: list[tuple[str, bytes, Inlet]] = []
        self.streams: list[StreamImport] = []
        self.over: list[StreamImport] = []
        self.replies: list[bytes] = [b"_R_.000000.AAAAAA"]
        self.depth = 0
        for importer, exporter, subject in (("B", "A", b"svc.a"), ("C", "B", b"svc.a")):
            self.make_crossing(importer, exporter, subject)

    def make_crossing(self, importer: str, exporter: str, subject: bytes) -> None:
        crossing = Crossing(
            self.world.account(importer),
            self.world.account(exporter),
            local=subject,
            remote=subject,
            response_type=self.chance.randrange(3),
            threshold_ns=1000,
            share=self.chance.random() < 0.5,
        )
        crossing.open(0)
        crossing.subscribe()
        self.crossings.append(crossing)

    def take_stream(self) -> None:
        remote, local = self.chance.choice(STREAMS)
        found = fit(local, remote)
        importer, exporter = self.chance.sample(ACCOUNTS, 2)
        stream = StreamImport(
            self.world.account(importer),
            self.world.account(exporter),
            local=found.pattern.encode(),
            remote=remote.encode(),
            inward=found.inward,
            outward=found.outward,
        )
        stream.open(0)
        stream.subscribe()
        self.streams.append(stream)

    def step(self) -> None:
        name = self.chance.choice((
            self.connect, self.say, self.say, self.say, self.say, self.leave, self.block,
            self.grant, self.stream, self.inlet, self.time_passes, self.publish,
        ))  # fmt: skip
        name()

    def connect(self) -> None:
        if len(self.connections) >= 12:
            return
        connection = MemoryConnection(
            self.world,
            self.chance.choice(ACCOUNTS),
            pending_max=self.chance.choice((200, 2000, 1 << 20)),
        )
        connection.slow_consumer = self.overflowed(connection)  # type: ignore[method-assign]
        echo = b"true" if self.chance.random() < 0.8 else b"false"
        connection.send(
            b'CONNECT {"verbose":false,"headers":true,"no_responders":true,"echo":%s}\r\n' % echo
        )
        self.connections.append(connection)

    def overflowed(self, connection: MemoryConnection):
        """Called from inside `receive`: anything may happen there."""

        def act(_pending: int) -> None:
            if self.depth < 2:
                self.depth += 1
                if self.chance.random() < 0.5:
                    self.end(connection)
                for _ in range(3):
                    name = (self.leave, self.grant, self.stream, self.inlet, self.publish)
                    self.chance.choice(name)()
                if self.chance.random() < 0.1:
                    gc.collect()
                self.depth -= 1

        return act

    def say(self) -> None:
        if not self.connections or self.depth:
            return
        connection = self.chance.choice(self.connections)
        lines = b"".join(self.line() for _ in range(self.chance.randint(1, 5)))
        heard = connection.send(lines)
        self.replies += re.findall(rb"_R_\.[^ ]+", heard)
        del self.replies[:-50]
        if connection.closed and connection in self.connections:
            self.connections.remove(connection)

    def line(self) -> bytes:
        chance = self.chance
        kind = chance.randrange(8)
        body = b"x" * chance.choice((0, 0, 3, 100, 1000))
        if kind == 0:
            return b"SUB %s %d\r\n" % (chance.choice(PATTERNS), chance.randrange(8))
        if kind == 1:
            return b"SUB %s q %d\r\n" % (chance.choice(PATTERNS), chance.randrange(8))
        if kind == 2:
            return b"UNSUB %d %d\r\n" % (chance.randrange(8), chance.randrange(4))
        if kind == 3:
            reply = chance.choice((b"", b"_INBOX.1"))
            return b"PUB %s %s %d\r\n%s\r\n" % (
                chance.choice(self.replies), reply, len(body), body
            )  # fmt: skip
        if kind == 4:
            return b"HPUB %s _INBOX.2 12 %d\r\nNATS/1.0\r\n\r\n%s\r\n" % (
                chance.choice(SUBJECTS), len(body) + 12, body
            )  # fmt: skip
        reply = chance.choice((b"", b"_INBOX.1", b"_INBOX.2"))
        return b"PUB %s %s %d\r\n%s\r\n" % (chance.choice(SUBJECTS), reply, len(body), body)

    def leave(self) -> None:
        if self.connections:
            self.end(self.chance.choice(self.connections))

    def end(self, connection: MemoryConnection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        if not connection.closed:
            connection.end()

    def block(self) -> None:
        """A transport that is full, or has room again."""
        if self.connections and not self.depth:
            connection = self.chance.choice(self.connections)
            if self.chance.random() < 0.6:
                connection.outbound.pause()
            else:
                connection.outbound.resume(self.world.begin())
                self.world.turn.finish()

    def grant(self) -> None:
        crossing = self.chance.choice(self.crossings)
        kind = self.chance.randrange(5)
        if kind == 4:
            for slow in (*self.streams, *self.over):
                slow.step(self.chance.randrange(1, 5))
        elif kind == 0:
            crossing.close()
        elif kind == 1:
            crossing.open(self.world.now_ns + self.chance.choice((0, 1, 500)))
        elif kind == 2:
            crossing.open(0)
        else:
            crossing.expire(self.world.now_ns, self.chance.choice((1, 100)))

    def stream(self) -> None:
        kind = self.chance.randrange(5)
        if kind == 4:
            for slow in (*self.streams, *self.over):
                slow.step(self.chance.randrange(1, 5))
        elif kind == 0 and len(self.streams) < 8:
            self.take_stream()
        elif self.streams:
            chosen = self.chance.choice(self.streams)
            if kind == 1:
                self.streams.remove(chosen)
                chosen.unsubscribe()
                self.over.append(chosen)
            elif kind == 2:
                chosen.close()
            else:
                chosen.open(self.world.now_ns + self.chance.choice((0, 1, 500)))

    def inlet(self) -> None:
        if self.inlets and self.chance.random() < 0.5:
            account, subject, inlet = self.inlets.pop(self.chance.randrange(len(self.inlets)))
            assert self.world.account(account).sublist.discard(subject, inlet)
        elif len(self.inlets) < 60:
            account, subject = self.chance.choice(ACCOUNTS), self.chance.choice(PATTERNS)
            inlet = Inlet(lambda _batch, _turn: None)
            self.world.account(account).sublist.add(subject, inlet)
            self.inlets.append((account, subject, inlet))

    def publish(self) -> None:
        turn = self.world.turn if self.depth else self.world.begin()
        publish(
            self.world.account(self.chance.choice(ACCOUNTS)),
            self.chance.choice(SUBJECTS),
            b"y" * self.chance.choice((0, 50, 500)),
            turn,
            reply=self.chance.choice((b"", b"_INBOX.1")),
        )
        turn.finish()

    def time_passes(self) -> None:
        if not self.depth:
            self.world.begin(self.chance.choice((1, 300, 2000)))

    def check(self) -> None:
        for name in ACCOUNTS:
            assert self.world.account(name).sublist.depth == 0

    def finish(self) -> None:
        for connection in list(self.connections):
            self.end(connection)
        for crossing in self.crossings:
            crossing.unsubscribe()
        for stream in self.streams:
            assert stream.shadow_count == 0
            stream.unsubscribe()
        for stream in self.over:
            while stream.step():
                pass
        for account, subject, inlet in self.inlets:
            assert self.world.account(account).sublist.discard(subject, inlet)
        for name in ACCOUNTS:
            assert len(self.world.account(name).sublist) == 0, name


def play(chance: random.Random, steps: int = 150) -> None:
    world = Play(chance)
    for _ in range(steps):
        world.step()
        world.check()
    world.finish()


def run(seed: int, rounds: int) -> None:
    for number in range(rounds):
        try:
            play(random.Random(f"{seed}:{number}"))
        except BaseException:
            print(f"seed {seed}, round {number}", file=sys.stderr)
            raise


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    run(*(arguments + [1, 2000][len(arguments) :]))
