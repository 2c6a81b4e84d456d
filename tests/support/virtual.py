"""A whole server in operator mode under virtual time, and clients that prove who they are.

One loop, one memory disk, nothing of the outside: what takes a year takes no time. `restart` begins
a new server on what the last one left on the disk.
"""

import base64
import io
import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from isthmus.config.load import load_text
from isthmus.identity.nkeys import KeyPair
from isthmus.server.logs import Log
from isthmus.server.server import Server
from isthmus.testing.disks import MemoryDisk
from isthmus.testing.links import Link
from isthmus.testing.loop import SimLane, SimLoop
from support.operator_mode import SYSTEM_USER, SYSTEM_USER_TOKEN, config

SEGMENT_BYTES = 1 << 20  # a new server in a few milliseconds
SETTINGS = """
port: -1
host: "127.0.0.1"
ping_interval: "100000h"
jetstream { store_dir: "/nowhere" }
"""


class Frame(NamedTuple):
    """A message, and when it came (wall time)."""

    at_ns: int
    subject: str
    sid: str
    reply: str
    header: bytes
    payload: bytes


class SimClient:
    """A client with a token. `frames` are the messages it got, `error` what it was closed with."""

    def __init__(self, loop: SimLoop, token: str, signer: KeyPair) -> None:
        self._link = Link(loop)
        self.frames: list[Frame] = []
        self.error = ""
        self._rest = b""
        self._inboxes = 0
        nonce = json.loads(self._link.take()[5:].split(b"\r\n", 1)[0])["nonce"]
        signature = base64.urlsafe_b64encode(signer.sign(nonce.encode())).rstrip(b"=")
        connect = {"jwt": token, "sig": signature.decode(), "headers": True, "verbose": False}
        self.send(b"CONNECT " + json.dumps(connect | {"no_responders": True}).encode() + b"\r\n")

    @property
    def closed(self) -> bool:
        self.read()
        return self._link.is_closing()

    def send(self, data: bytes) -> None:
        if not self._link.is_closing():
            self._link.send(data)
        self.read()

    def subscribe(self, subject: str, sid: str, queue: str = "") -> None:
        self.send(f"SUB {subject} {queue} {sid}\r\n".encode())

    def publish(self, subject: str, payload: bytes = b"", reply: str = "") -> None:
        self.send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def request(self, subject: str, payload: bytes = b"") -> str:
        """Send it; the inbox that the answers come to. The client hears `_INBOX.>`."""
        self._inboxes += 1
        inbox = f"_INBOX.{self._inboxes}"
        self.publish(subject, payload, inbox)
        return inbox

    def answers(self, inbox: str) -> list[Frame]:
        self.read()
        return [frame for frame in self.frames if frame.subject == inbox]

    def take(self) -> list[Frame]:
        """The messages since the last call."""
        self.read()
        out, self.frames = self.frames, []
        return out

    def read(self) -> None:
        pieces, self._link.pieces = self._link.pieces, []
        for at_ns, data in pieces:
            self._rest += data
            while self._rest and self._next(at_ns):
                pass

    def _next(self, at_ns: int) -> bool:
        line, end, rest = self._rest.partition(b"\r\n")
        words = line.decode().split(" ")
        if not end:
            return False
        if words[0] in {"MSG", "HMSG"}:
            headed = words[0] == "HMSG"
            size, header = int(words[-1]), int(words[-2]) if headed else 0
            if len(rest) < size + 2:
                return False
            names = [word for word in words[1 : -2 if headed else -1] if word]
            reply = names[2] if len(names) == 3 else ""
            self.frames.append(Frame(at_ns, *names[:2], reply, rest[:header], rest[header:size]))
            rest = rest[size + 2 :]
        elif words[0] == "-ERR":
            self.error = line.decode()
        self._rest = rest
        return True


class VirtualServer:
    """A server whose accounts are in memory, or in another `resolver` as configured.

    `accounts` maps keys to tokens.
    """

    def __init__(
        self, start_ns: int, accounts: Mapping[str, str], *, resolver: str = "MEMORY"
    ) -> None:
        self._resolver = resolver
        self.loop = SimLoop(start_ns)
        self.clock = self.loop.clock
        self.accounts = dict(accounts)
        self.disk = MemoryDisk()
        self.log = io.StringIO()
        self._start()

    def _start(self) -> None:
        options = load_text(SETTINGS + config(self.accounts, resolver=self._resolver))
        self.server = Server(
            options,
            Log(self.log),
            make_disk=lambda _folder: self.disk,
            make_lane=SimLane,
            segment_bytes=SEGMENT_BYTES,
            clock=self.clock,
            cores=1,  # nothing is gained by staying awake where time stands still
        )
        self.loop.run_until_complete(self.server.start())
        self.system = SimClient(self.loop, SYSTEM_USER_TOKEN, SYSTEM_USER)
        self.system.subscribe("_INBOX.>", "1")

    def stop(self) -> None:
        """Everybody is cut off."""
        self.loop.run_until_complete(self.server.stop())
        assert "internal error" not in self.log.getvalue(), self.log.getvalue()

    def restart(self) -> None:
        """Start after `stop`, with what was pushed meanwhile."""
        self._start()

    def close(self) -> None:
        self.stop()
        self.loop.close()

    def push(self, account: KeyPair, token: str) -> None:
        """A token to the running server, accepted."""
        self.accounts[account.public_key] = token
        inbox = self.system.request(
            f"$SYS.REQ.ACCOUNT.{account.public_key}.CLAIMS.UPDATE", token.encode()
        )
        self.loop.settle()
        (answer,) = self.system.answers(inbox)
        assert re.search(rb'"code":200', answer.payload), answer.payload

    def connect(self, token: str, signer: KeyPair) -> SimClient:
        client = SimClient(self.loop, token, signer)
        self.loop.settle()
        client.read()
        return client
