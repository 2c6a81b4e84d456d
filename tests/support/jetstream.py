"""JetStream without a server: connections in memory, a virtual clock, streams in memory.

`StreamWorld` is a `World` whose accounts have a JetStream each; `api` and `request` speak as a
client does and return what came back. Time passes only by `wait_ns`, which rings every deadline on
the way.
"""

import json
import random

from isthmus.core.agenda import Agenda
from isthmus.core.stored import Usage
from isthmus.jetstream.account import AccountJetStream
from isthmus.jetstream.limits import AccountLimits
from isthmus.store.recover import Options, open_store
from support.core import START_NS, MemoryConnection, World
from support.entropy import SeededEntropy
from support.store_world import Shell

SMALL = Options(
    segment_bytes=65_536, block_bytes=8192, checkpoint_bytes=131_072, cache_bytes=16_384
)


class StreamWorld(World):
    """Accounts with JetStream; file streams too live in memory unless a journal is given."""

    def __init__(self, *, domain: str = "", journal=None, logs=None) -> None:
        super().__init__()
        self.domain = domain
        self.journal = journal
        self.logs = logs
        self.agenda = Agenda()
        self.usage = Usage()
        self.entropy = SeededEntropy()
        self.jetstreams: dict[str, AccountJetStream] = {}
        self.clients: list[StreamClient] = []

    def jetstream(self, name: str = "$G", limits: AccountLimits | None = None) -> AccountJetStream:
        if name not in self.jetstreams:
            self.jetstreams[name] = AccountJetStream(
                self.account(name),
                self.journal,
                limits=limits or AccountLimits(),
                entropy=self.entropy,
                agenda=self.agenda,
                server_usage=self.usage,
                server_name="S1",
                domain=self.domain,
                logs=self.logs,
            )
        return self.jetstreams[name]

    def client(self, name: str = "$G", **connect: object) -> "StreamClient":
        self.jetstream(name)
        self.clients.append(StreamClient(self, self.connect(name, **connect)))
        return self.clients[-1]

    def wait_ns(self, step_ns: int) -> None:
        """Time passes, deadline by deadline."""
        until_ns = self.now_ns + step_ns
        while True:
            due_ns = self.agenda.deadline_ns()
            if not due_ns or due_ns > until_ns:
                break
            self.begin(max(due_ns - self.now_ns, 0))
            self.agenda.ring(self.turn)
            self.finish()
        self.begin(until_ns - self.now_ns)
        self.finish()

    def finish(self) -> None:
        self.turn.finish()
        while self.turn.unfinished:
            self.begin()
            self.turn.finish()

    def forget(self) -> None:
        """Let go of everything now, before the garbage collector finds it."""
        self.end()
        for client in self.clients:
            vars(client.connection).clear()
        vars(self).clear()


class StreamClient:
    """A client that subscribes one inbox and reads whole messages."""

    def __init__(self, world: StreamWorld, connection: MemoryConnection) -> None:
        self.world = world
        self.connection = connection
        self._requests = 0
        self._left = b""
        self.connection.say(b"SUB _INBOX.> 1")

    def say(self, line):
        """A protocol line; what came in its turn."""
        self._left += self.connection.send(line + b"\r\n")
        self.world.finish()
        return self.messages()

    def publish(self, subject, payload=b"", *, reply="", header=b""):
        """What came back in the same turn."""
        words = [subject, *([reply] if reply else [])]
        if header:
            words += [str(len(header)), str(len(header) + len(payload))]
        else:
            words.append(str(len(payload)))
        verb = "HPUB " if header else "PUB "
        line = (verb + " ".join(words)).encode()
        self._left += self.connection.send(line + b"\r\n" + header + payload + b"\r\n")
        self.world.finish()
        return self.messages()

    def keep(self, heard):
        """Bytes that the connection was sent, to be read with the next messages."""
        self._left += heard

    def messages(self):
        """`(subject, reply, header, payload)` of everything that has come since the last call."""
        data, out = self._left + self.connection.heard(), []
        while data:
            line, _, data = data.partition(b"\r\n")
            words = line.split(b" ")
            assert words[0] in {b"MSG", b"HMSG"}, line
            sizes = 2 if words[0] == b"HMSG" else 1
            header_size = int(words[-2]) if sizes == 2 else 0
            total = int(words[-1])
            names = [word.decode() for word in words[1:-sizes]]
            reply = names[2] if len(names) == 3 else ""
            out.append((names[0], reply, data[:header_size], data[header_size:total]))
            assert data[total : total + 2] == b"\r\n"
            data = data[total + 2 :]
        self._left = b""
        return out

    def request(self, subject, payload=b"", *, header=b""):
        """The answers to one request that came in its turn."""
        self._requests += 1
        inbox = f"_INBOX.{self._requests}"
        return self.publish(subject, payload, reply=inbox, header=header)

    def api(self, verb, body=b""):
        """The JSON of an API answer."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        answers = self.request(f"$JS.API.{verb}", payload)
        found = [payload for _, _, _, payload in answers if payload.startswith(b'{"type"')]
        assert len(found) == 1, (verb, answers)
        return json.loads(found[0])


class StoreWorld(StreamWorld):
    """JetStream over a store on a disk in memory. Nothing is written until `drain` or `step`."""

    options = SMALL

    def __init__(self, disk, *, seed: int = 1, domain: str = "", start_ns: int = START_NS) -> None:
        self.disk = disk
        self.chance = random.Random(seed)
        self.findings: list[str] = []
        self.store = open_store(
            disk, SeededEntropy("store"), options=self.options, tell=self.findings.append
        )
        super().__init__(domain=domain, journal=self.store.journal, logs=self.store)
        self.now_ns = start_ns
        self.turn.begin(self.now_ns)
        self.shell = Shell(disk, self.turn)
        owner = self.jetstream()
        for found in self.store.recovered:
            self.store.adopt(found.files, owner.recover(found, self.turn))
        self.store.start(self.shell.submit, self.turn)
        self.finish()

    def drain(self) -> None:
        """The disk does everything that waits for it, and what rests is written in its time."""
        while True:
            while self.shell.busy:
                self.step()
            due_ns = self.store.deadline_ns()
            if due_ns is None:
                return
            self.store.tick(due_ns)

    def step(self) -> None:
        """One job more is done, or told of."""
        if self.shell.busy:
            self.shell.step(self.chance, self.now_ns)
            self.finish()

    def stop(self) -> None:
        """An orderly end: who waits is told, everything is checkpointed."""
        self.jetstream().shut_down(self.begin())
        self.finish()
        self.drain()
        self.store.finish(self.begin())
        self.finish()
        self.drain()
        assert self.store.idle

    def restarted(self, disk=None) -> "StoreWorld":
        """The next process, on `disk` or on the same one."""
        after = self.disk.crash(1) if disk is None else disk
        return type(self)(after, domain=self.domain, start_ns=self.now_ns)

    def forget(self) -> None:
        """The same, and what is on the disk."""
        vars(self.disk).clear()
        super().forget()
