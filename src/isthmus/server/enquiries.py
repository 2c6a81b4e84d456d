"""What the system account may ask: $SYS.REQ.SERVER.PING…, $SYS.REQ.SERVER.<id>…, …ACCOUNT.<id>….

    SERVER.PING, PING.STATSZ        {"server": …, "statsz": …}
    SERVER.PING.IDZ                 {"name": …, "host": …, "id": …}
    SERVER.PING.<Z>, <id>.<Z>       {"server": …, "data": the document of monitoring}
    ACCOUNT.<account>.<Z>           the same about one account

A request may name the servers that shall answer; the others are silent. What is asked for and not
there has no subscriber, so whoever asks is told that nobody answers. A document that can not be
made (an unknown account) is an error with code 500, a request that can not be read one with 400.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from isthmus.base.errors import UsageError
from isthmus.base.values import Value, to_json
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from isthmus.monitor.accountz import make_accountz, make_detail
from isthmus.monitor.healthz import HealthzQuery, make_healthz
from isthmus.monitor.jsz import ACCOUNTS_MAX, JszQuery, make_jsz
from isthmus.monitor.snapshots import Source
from isthmus.monitor.statsz import make_statsz
from isthmus.monitor.varz import make_varz
from isthmus.server.hub import Hub

_SERVER = "$SYS.REQ.SERVER."
_ACCOUNT = "$SYS.REQ.ACCOUNT."


class Meant(Value):
    """Which servers shall answer; other fields are for the document."""

    server_name: str = ""
    host: str = ""
    cluster: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()
    exact_match: bool = False


class JszAsked(Value):
    """What of JetStream."""

    account: str = ""
    accounts: bool = False
    streams: bool = False
    consumer: bool = False
    config: bool = False
    offset: int = 0
    limit: int = ACCOUNTS_MAX


class AccountzAsked(Value):
    """Which account; empty: the names of all."""

    account: str = ""


Data = Callable[[bytes], object]


class Enquiries:
    """Answers for one server; `envelope()` makes the `server` part of an answer."""

    def __init__(self, hub: Hub, source: Source, envelope: Callable[[], dict[str, object]]) -> None:
        self._hub = hub
        self._source = source
        self._envelope = envelope
        self._of_servers: dict[str, Data] = {
            "VARZ": self._varz,
            "JSZ": self._jsz,
            "HEALTHZ": self._healthz,
            "ACCOUNTZ": self._accountz,
        }
        self._of_accounts: dict[str, Callable[[str, bytes], object]] = {"INFO": self._info}
        system = hub.registry.get(hub.system_account)
        if system is None:
            return
        self._core = system.core
        listen = system.core.sublist.add
        inlet = Inlet(self._answer_as_server)
        listen(f"{_SERVER}PING".encode(), inlet)
        for name in ("IDZ", "STATSZ", *self._of_servers):
            listen(f"{_SERVER}PING.{name}".encode(), inlet)
            listen(f"{_SERVER}{hub.server_id}.{name}".encode(), inlet)
        inlet = Inlet(self._answer_about_account)
        for name in self._of_accounts:
            listen(f"{_ACCOUNT}*.{name}".encode(), inlet)

    # --- requests ---

    def _answer_as_server(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            name = _text(request.subject).removeprefix(_SERVER).partition(".")[2] or "STATSZ"
            if name == "IDZ":
                hub = self._hub
                who = {"name": hub.server_name, "host": hub.host, "id": hub.server_id}
                self._send(request, who, turn)
            elif name == "STATSZ":
                self._reply(request, self._statsz, turn, key="statsz")
            else:
                self._reply(request, self._of_servers[name], turn)

    def _answer_about_account(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            account, _, name = _text(request.subject).removeprefix(_ACCOUNT).rpartition(".")
            self._reply(request, partial(self._of_accounts[name], account), turn)

    def _reply(self, request: Request, make: Data, turn: Turn, key: str = "data") -> None:
        if not request.reply:
            return
        body = request.payload if request.payload.strip() else b"{}"
        try:
            if not self._is_meant(msgspec.json.decode(body, type=Meant)):
                return
            answer = {"server": self._envelope(), key: make(body)}
        except msgspec.DecodeError as error:
            answer = {"server": self._envelope(), "error": _error(400, error)}
        except UsageError as error:
            answer = {"server": self._envelope(), "data": None, "error": _error(500, error)}
        self._send(request, answer, turn)

    def _send(self, request: Request, answer: object, turn: Turn) -> None:
        if request.reply:
            publish(self._core, request.reply, to_json(answer), turn)

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

    # --- documents ---

    def _statsz(self, _: bytes) -> object:
        source = self._source
        return make_statsz(source.server(), source.jetstream(streams=False))

    def _varz(self, _: bytes) -> object:
        source = self._source
        return make_varz(source.server(), source.jetstream(streams=False), {})

    def _jsz(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=JszAsked)
        query = JszQuery(
            account=asked.account,
            accounts=asked.accounts,
            streams=asked.streams,
            consumers=asked.consumer,
            config=asked.config,
            offset=asked.offset,
            limit=asked.limit or ACCOUNTS_MAX,
        )
        source = self._source
        jetstream = source.jetstream(streams=asked.streams or asked.consumer)
        return make_jsz(source.server(), jetstream, query)

    def _healthz(self, _: bytes) -> object:
        jetstream = self._source.jetstream(streams=False)
        code, health = make_healthz(jetstream, HealthzQuery(shallow=True))
        return msgspec.to_builtins(health) | {"status_code": code}

    def _accountz(self, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=AccountzAsked)
        return make_accountz(self._source.server(), self._source.census, asked.account)

    def _info(self, account: str, _: bytes) -> object:
        return make_detail(self._source.server(), self._source.census, account)


def _error(code: int, error: Exception) -> dict[str, object]:
    return {"code": code, "description": str(error)}


def _text(subject: bytes) -> str:
    return subject.decode("utf-8", "replace")
