"""JetStream without a server: connections in memory, a virtual clock, streams in memory.

`StreamWorld` is a `World` whose accounts have a JetStream each; `api` and `request` speak as a
client does and return what came back. Time passes only by `wait_ns`, which rings every deadline on
the way.
"""

import json

from isthmus.core.agenda import Agenda
from isthmus.core.stored import Usage
from isthmus.jetstream.account import AccountJetStream
from isthmus.jetstream.limits import AccountLimits
from support.core import MemoryConnection, World
from support.entropy import SeededEntropy


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
        return StreamClient(self, self.connect(name, **connect))

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


class StreamClient:
    """A client that subscribes one inbox and reads whole messages."""

    def __init__(self, world: StreamWorld, connection: MemoryConnection) -> None:
        self.world = world
        self.connection = connection
        self._requests = 0
        self._left = b""
        self.connection.say(b"SUB _INBOX.> 1")

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
