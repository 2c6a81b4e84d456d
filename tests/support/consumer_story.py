"""One story about consumers, told to both servers: what its people heard must be the same.

    def story(scene: Scene) -> object:
        scene.stream(4)
        scene.consumer(priority_policy="overflow", priority_groups=["A"])
        anna = scene.puller("anna")
        anna.pull(group="A", min_pending=9, expires=SECOND)
        return anna.take(1)

    stage.tell(story)

What a server chooses (pins, ids, times, its name) is named by the order in which it came up, so two
servers can be compared. `tell` returns what ours said.
"""

import json
import re
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from support.both import KINDS, Both, masked
from support.raw import Message, RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

MS = 1_000_000
SECOND = 1_000_000_000

OURS, REAL = range(len(KINDS))

_PIN = re.compile(r"Nats-Pin-Id: ([0-9A-Za-z]{22})\r")
_NUMBERS = ("delivered", "ack_floor")


class Names:
    """Stand-ins for what a server chose, in the order of their first appearance."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, value: str) -> str:
        return self._known.setdefault(value, f"<pin {len(self._known) + 1}>")

    def mask(self, text: str) -> str:
        """`text` with every known pin named."""
        for value, name in self._known.items():
            text = text.replace(value, name)
        return text


class Puller(RawClient):
    """Somebody with an inbox of his own."""

    def __init__(self, scene: "Scene", name: str, **connect: object) -> None:
        super().__init__(scene.server.port, **connect)
        self.scene = scene
        self.inbox = f"here.{name}"
        self.pin = ""
        self.acks: list[str] = []
        self.send(f"UNSUB 1\r\nSUB {self.inbox} 2\r\n".encode())
        self.settle()

    def pull(self, body: bytes = b"", /, **fields: object) -> None:
        """Ask for messages; the server has read it when this returns."""
        payload = json.dumps(fields).encode() if fields else body
        self.publish(f"$JS.API.CONSUMER.MSG.NEXT.{self.scene.place}", payload, reply=self.inbox)
        self.settle()

    def take(self, count: int = 1) -> list[str]:
        """The next `count` messages: a delivery by its numbers, header and payload; a status."""
        out = []
        for _ in range(count):
            message = self.message(5)
            assert message is not None, (self.inbox, out)
            out.append(self._told(message))
        return out

    def rest(self, wait_s: float = 0.15) -> list[str]:
        """What has come that nobody asked for by now."""
        out = []
        while (message := self.message(wait_s)) is not None:
            out.append(self._told(message))
        return out

    def leave(self) -> None:
        self.send(b"UNSUB 2\r\n")
        self.settle()

    def _told(self, message: Message) -> str:
        header = message.header.decode()
        if found := _PIN.search(header):
            self.pin = found[1]
            self.scene.names.of(self.pin)
        header = self.scene.names.mask(header)
        if not message.reply.startswith("$JS.ACK."):
            return f"{header}{message.payload.decode()}".strip()
        self.acks.append(message.reply)
        tokens = message.reply.split(".")
        numbers = ".".join([*tokens[4:7], tokens[8]])
        return f"{numbers} {header!r} {message.payload.decode()}"


class Scene:
    """One server's side of a story: a stream and a consumer that no other story has."""

    def __init__(self, server: ServerProcess, admin: RawClient, name: str) -> None:
        self.server = server
        self.admin = admin
        self.name = name
        self.place = f"{self.name}.C"
        self.names = Names()
        self._people = ExitStack()

    def close(self) -> None:
        self._people.close()

    def stream(self, count: int = 0, **config: object) -> None:
        """A stream with so many messages m0, m1, …"""
        body = {"name": self.name, "subjects": [f"{self.name}.>"], **config}
        assert b'"error"' not in self.admin.api(f"STREAM.CREATE.{self.name}", body)
        self.publish(*(b"m%d" % number for number in range(count)))

    def publish(self, *payloads: bytes, header: bytes = b"") -> None:
        """Stored when this returns."""
        for payload in payloads:
            assert self.admin.request(f"{self.name}.a", payload, header=header) is not None

    def consumer(self, **config: object) -> dict[str, Any]:
        """A new consumer C, or another configuration of it."""
        config = {"durable_name": "C", "ack_policy": "explicit", **config}
        body = {"stream_name": self.name, "config": config}
        return self.read(self.admin.api(f"CONSUMER.CREATE.{self.place}", body))

    def ask(self, verb: str, body: object = b"") -> dict[str, Any]:
        """`$JS.API.CONSUMER.<verb>` of the consumer."""
        return self.read(self.admin.api(f"CONSUMER.{verb}.{self.place}", body))

    def info(self) -> dict[str, Any]:
        """What CONSUMER.INFO says, without the configuration."""
        found = self.ask("INFO")
        for key in ("config", "type", "created", "ts"):
            del found[key]
        for key in _NUMBERS:
            found[key].pop("last_active", None)
        return found

    def becomes(self, **numbers: object) -> dict[str, Any]:
        """Wait until CONSUMER.INFO says so: the real server does much beside its answers."""
        wait_for(lambda: all(self.info().get(key) == value for key, value in numbers.items()))
        return self.info()

    def puller(self, name: str, **connect: object) -> Puller:
        return self._people.enter_context(Puller(self, name, **connect))

    def listener(self, subject: str) -> "Listener":
        """Somebody who hears what is published there; `<stream>` is the one of this story.

        A server is there for many stories: consumers of earlier ones end when their time comes.
        """
        subject = subject.replace("<stream>", self.name)
        return self._people.enter_context(Listener(self, subject))

    def read(self, answer: bytes) -> dict[str, Any]:
        text = self.names.mask(masked(answer).decode())
        found: dict[str, Any] = json.loads(text.replace(self.name, "<stream>"))
        return found


class Listener(RawClient):
    """Somebody who hears events."""

    def __init__(self, scene: Scene, subject: str) -> None:
        super().__init__(scene.server.port)
        self.scene = scene
        self.send(f"UNSUB 1\r\nSUB {subject} 2\r\n".encode())
        self.settle()

    def take(self, count: int = 1) -> list[tuple[str, str]]:
        """The next events: subject and document, keys in their order."""
        out = []
        for _ in range(count):
            message = self.message(5)
            assert message is not None, out
            out.append(self._told(message))
        return out

    def rest(self, wait_s: float = 0.15) -> list[tuple[str, str]]:
        out = []
        while (message := self.message(wait_s)) is not None:
            out.append(self._told(message))
        return out

    def _told(self, message: Message) -> tuple[str, str]:
        text = self.scene.names.mask(masked(message.payload).decode())
        text = re.sub(r'"id":"[0-9A-Za-z]{22}"', '"id":"<id>"', text)
        text = re.sub(r'"ack_time":\d+', '"ack_time":<ns>', text)
        subject = message.subject.replace(self.scene.name, "<stream>")
        return subject, text.replace(self.scene.name, "<stream>")


class Stage:
    """Both servers, and a number for each story."""

    def __init__(self, both: Both) -> None:
        self.both = both
        self._count = 0

    def tell(self, story: Callable[[Scene], Any]) -> Any:
        """What `story` returned, the same from both.

        Our server has one try. The real one is asked again where it says something else: it does
        much beside its answers, and is late with it on a busy machine.
        """
        self._count += 1
        ours, real = (self._told(index, story, "S") for index in (OURS, REAL))
        if ours != real:
            warnings.warn(f"nats-server is asked again, it had said {real!r}", stacklevel=2)
            real = self._told(REAL, story, "T")
        assert ours == real, f"\nours: {ours!r}\nreal: {real!r}"
        return ours

    def _told(self, index: int, story: Callable[[Scene], Any], letter: str) -> Any:
        name = f"{letter}{self._count}"  # as long on both: sizes are compared
        scene = Scene(self.both.servers[index], self.both.clients[index], name)
        try:
            return story(scene)
        finally:
            scene.close()
