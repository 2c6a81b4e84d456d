"""What the system account may ask: $SYS.REQ.SERVER.PING…, $SYS.REQ.SERVER.<id>…, …ACCOUNT.<id>….

    SERVER.PING, PING.STATSZ        {"server": …, "statsz": …}
    SERVER.PING.IDZ                 {"name": …, "host": …, "id": …}
    SERVER.PING.<Z>, <id>.<Z>       {"server": …, "data": the document of monitoring}
    ACCOUNT.<account>.<Z>           the same about one account

A request may name the servers that shall answer; the others are silent. What is asked for and not
there has no subscriber, so whoever asks is told that nobody answers. A document that can not be
made (an unknown account, one that has more than ANSWER_BYTES_MAX) is an error with code 500, a
request that can not be read one with 400.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from isthmus.base.errors import UsageError
from isthmus.base.slices import Sliced
from isthmus.base.values import Value, from_json, to_json
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from isthmus.monitor.answer import Pieces
from isthmus.monitor.snapshots import Source
from isthmus.server.answers import Answers
from isthmus.server.hub import Hub

if TYPE_CHECKING:
    from isthmus.server.connection import Connection
    from isthmus.server.enquired import Documents, Made

ANSWER_BYTES_MAX = 4 << 20  # put together and sent in one go: a millisecond or two
_SERVER = "$SYS.REQ.SERVER."
_ACCOUNT = "$SYS.REQ.ACCOUNT."
BODY_MAX = 65_536  # bytes: what is read in one step


class Meant(Value):
    """Which servers shall answer; other fields are for the document."""

    server_name: str = ""
    host: str = ""
    cluster: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()
    exact_match: bool = False


# names of documents (`enquired.Documents`)
_OF_SERVERS = ("STATSZ", "VARZ", "JSZ", "HEALTHZ", "ACCOUNTZ", "CONNZ", "SUBSZ")
_OF_ACCOUNTS = ("INFO", "CONNZ", "SUBSZ", "JSZ", "STATZ")
Find = Callable[["Documents"], Callable[[bytes], "Made"]]
# what users of any account may ask about it
_OWN = {
    f"{_ACCOUNT}PING.CONNZ": "CONNZ",
    f"{_SERVER}PING.CONNZ": "CONNZ",
    f"{_ACCOUNT}PING.STATZ": "STATZ",
}


class Enquiries:
    """Answers for one server; `envelope()` makes the `server` part of an answer."""

    def __init__(self, hub: Hub, source: Source, envelope: Callable[[], dict[str, object]]) -> None:
        self._hub = hub
        self._source = source
        self._envelope = envelope
        self._documents: asyncio.Future[Documents] | None = None
        self._answers = Answers(hub.log)
        self._own = Inlet(self._answer_about_own)
        self._welcomed: set[str] = set()  # accounts, which are never unloaded
        system = hub.registry.get(hub.system_account)
        if system is None:
            return
        self._core = system.core
        listen = system.core.sublist.add
        inlet = Inlet(self._answer_as_server)
        listen(f"{_SERVER}PING".encode(), inlet)
        for name in ("IDZ", *_OF_SERVERS):
            listen(f"{_SERVER}PING.{name}".encode(), inlet)
            listen(f"{_SERVER}{hub.server_id}.{name}".encode(), inlet)
        inlet = Inlet(self._answer_about_account)
        for name in _OF_ACCOUNTS:
            listen(f"{_ACCOUNT}*.{name}".encode(), inlet)
        hub.on_joined.append(self._welcome)

    def _welcome(self, connection: Connection) -> None:
        """The first connection of an account: its users may ask about it from now on."""
        account = connection.account
        assert account is not None
        if account.core is self._core or account.name in self._welcomed:
            return
        self._welcomed.add(account.name)
        for subject in _OWN:
            account.core.sublist.add(subject.encode(), self._own)

    # --- requests ---

    def _answer_as_server(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            name = _text(request.subject).removeprefix(_SERVER).partition(".")[2] or "STATSZ"
            if name == "IDZ":
                hub = self._hub
                who = {"name": hub.server_name, "host": hub.host, "id": hub.server_id}
                publish(self._core, request.reply, to_json(who), turn)
            else:
                key = "statsz" if name == "STATSZ" else "data"
                self._take(request, partial(_of_server, name), turn, key)

    def _answer_about_account(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            account, _, name = _text(request.subject).removeprefix(_ACCOUNT).rpartition(".")
            self._take(request, partial(_of_account, name, account), turn)

    def _answer_about_own(self, requests: list[Request], turn: Turn) -> None:
        """Whatever account the request names, it is about that of who asks."""
        for request in requests:
            client = request.client
            connection = None if client is None else self._hub.connections.get(client.cid)
            if connection is None or connection.account is None:
                continue
            account = connection.account
            find = partial(_of_account, _OWN[_text(request.subject)], account.name)
            self._answers.take(account.core, request.reply, self._making(request, find), turn)

    def _take(self, request: Request, find: Find, turn: Turn, key: str = "data") -> None:
        self._answers.take(self._core, request.reply, self._making(request, find, key), turn)

    def _load(self) -> Sliced[Documents]:
        """The documents; the first enquiry waits for their code, which a thread loads."""
        if self._documents is None:
            self._documents = self._hub.loop.run_in_executor(None, _make_documents, self._source)
        while not self._documents.done():
            yield
        return self._documents.result()

    def _making(self, request: Request, find: Find, key: str = "data") -> Sliced[object]:
        """An answer in slices; None: somebody else is asked, or there is nothing to tell."""
        body = request.payload if request.payload.strip() else b"{}"
        if len(body) > BODY_MAX:
            problem = UsageError(f"request of {len(body)} bytes: at most {BODY_MAX}")
            return {"server": self._envelope(), "error": _error(400, problem)}
        try:
            if not self._is_meant(from_json(body, Meant)):
                return None
            data = find((yield from self._load()))(body)
            if isinstance(data, Generator):
                data = yield from data
            if isinstance(data, Generator):  # as text, piece by piece
                return (yield from self._whole(key, data))
            if data is None:
                return None
        except msgspec.DecodeError as error:
            return {"server": self._envelope(), "error": _error(400, error)}
        except UsageError as error:
            return {"server": self._envelope(), "data": None, "error": _error(500, error)}
        return {"server": self._envelope(), key: data}

    def _whole(self, key: str, pieces: Pieces) -> Sliced[bytes]:
        """The answer as text. Raises `UsageError` if it is longer than a message should be."""
        parts: list[bytes] = []
        size = 0
        for piece in pieces:
            parts.append(piece)
            size += len(piece)
            if size > ANSWER_BYTES_MAX:
                raise UsageError(
                    f"the answer has more than {ANSWER_BYTES_MAX} bytes: "
                    "ask for less, with limit and offset, or over HTTP"
                )
            yield
        head = b'{"server":%b,"%b":' % (to_json(self._envelope()), key.encode())
        return b"".join((head, *parts, b"}"))

    def _is_meant(self, asked: Meant) -> bool:
        """Names are found as parts unless an exact match is asked for; tags all of them."""
        hub = self._hub
        jetstream = hub.options.jetstream
        domain = jetstream.domain if jetstream is not None else ""
        for wanted, has in (
            (asked.server_name, hub.server_name),
            (asked.host, hub.host),
            (asked.cluster, ""),
            (asked.domain, domain),
        ):
            if wanted and (wanted != has if asked.exact_match else wanted not in has):
                return False
        return set(asked.tags) <= set(hub.options.server_tags)


def _error(code: int, error: Exception) -> dict[str, object]:
    return {"code": code, "description": str(error)}


def _make_documents(source: Source) -> Documents:
    from isthmus.server.enquired import Documents  # noqa: PLC0415 — few servers are ever asked

    return Documents(source)


def _of_server(name: str, documents: Documents) -> Callable[[bytes], Made]:
    return documents.of_servers[name]


def _of_account(name: str, account: str, documents: Documents) -> Callable[[bytes], Made]:
    return partial(documents.of_accounts[name], account)


def _text(subject: bytes) -> str:
    return subject.decode("utf-8", "replace")
