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

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from isthmus.base.errors import UsageError
from isthmus.base.values import Value, to_json
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from isthmus.monitor.accountz import make_accountz, make_detail
from isthmus.monitor.accstatz import StatzQuery, make_accstatz
from isthmus.monitor.connz import ConnzQuery, make_connz
from isthmus.monitor.healthz import HealthzQuery, make_healthz
from isthmus.monitor.jsz import ACCOUNTS_MAX, JszQuery, make_jsz
from isthmus.monitor.slices import Sliced
from isthmus.monitor.snapshots import Source
from isthmus.monitor.statsz import make_statsz
from isthmus.monitor.subsz import SubszQuery, make_subsz
from isthmus.monitor.varz import make_varz
from isthmus.server.answers import Answers
from isthmus.server.hub import Hub

if TYPE_CHECKING:
    from isthmus.server.connection import Connection

_SERVER = "$SYS.REQ.SERVER."
_ACCOUNT = "$SYS.REQ.ACCOUNT."
_EVERYBODY = "PING"  # in place of an account


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


Data = Callable[[bytes], "object | Sliced[object]"]
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
        self._of_servers: dict[str, Data] = {
            "VARZ": self._varz,
            "JSZ": self._jsz,
            "HEALTHZ": self._healthz,
            "ACCOUNTZ": self._accountz,
            "CONNZ": partial(self._connz, ""),
            "SUBSZ": self._subsz,
        }
        self._of_accounts: dict[str, Callable[[str, bytes], object | Sliced[object]]] = {
            "INFO": self._info,
            "CONNZ": self._connz,
            "SUBSZ": self._account_subsz,
            "JSZ": self._account_jsz,
            "STATZ": self._statz,
        }
        self._answers = Answers(hub)
        self._own = Inlet(self._answer_about_own)
        self._welcomed: set[str] = set()  # accounts, which are never unloaded
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
            elif name == "STATSZ":
                self._take(request, self._statsz, turn, key="statsz")
            else:
                self._take(request, self._of_servers[name], turn)

    def _answer_about_account(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            account, _, name = _text(request.subject).removeprefix(_ACCOUNT).rpartition(".")
            self._take(request, partial(self._of_accounts[name], account), turn)

    def _answer_about_own(self, requests: list[Request], turn: Turn) -> None:
        """Whatever account the request names, it is about that of who asks."""
        for request in requests:
            client = request.client
            connection = None if client is None else self._hub.connections.get(client.cid)
            if connection is None or connection.account is None:
                continue
            account = connection.account
            make = partial(self._of_accounts[_OWN[_text(request.subject)]], account.name)
            self._answers.take(account.core, request.reply, self._making(request, make), turn)

    def _take(self, request: Request, make: Data, turn: Turn, key: str = "data") -> None:
        self._answers.take(self._core, request.reply, self._making(request, make, key), turn)

    def _making(self, request: Request, make: Data, key: str = "data") -> Sliced[object]:
        """An answer in slices; None: somebody else is asked, or there is nothing to tell."""
        body = request.payload if request.payload.strip() else b"{}"
        try:
            if not self._is_meant(msgspec.json.decode(body, type=Meant)):
                return None
            data = make(body)
            if isinstance(data, Generator):
                data = yield from data
            if data is None:
                return None
        except msgspec.DecodeError as error:
            return {"server": self._envelope(), "error": _error(400, error)}
        except UsageError as error:
            return {"server": self._envelope(), "data": None, "error": _error(500, error)}
        return {"server": self._envelope(), key: data}

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

    def _connz(self, account: str, body: bytes) -> Sliced[object]:
        asked = msgspec.json.decode(body, type=ConnzQuery)
        if account:
            asked = replace(asked, acc=account)
        return make_connz(self._source.server(), self._source.roster, asked)

    def _subsz(self, body: bytes) -> Sliced[object]:
        asked = msgspec.json.decode(body, type=SubszQuery)
        source = self._source
        return make_subsz(source.server(), source.census, source.roster, asked)

    def _account_subsz(self, account: str, body: bytes) -> Sliced[object]:
        asked = msgspec.json.decode(body, type=SubszQuery)
        asked = replace(asked, account=account, subscriptions=True)
        source = self._source
        return make_subsz(source.server(), source.census, source.roster, asked)

    def _account_jsz(self, account: str, body: bytes) -> object:
        asked = msgspec.json.decode(body, type=JszAsked)
        source = self._source
        if self._hub.registry.get(account) is None:
            raise UsageError(f'account "{account}" not found')
        tenant = source.census.tenant(account)
        if tenant is None or not tenant.jetstream:
            raise UsageError(f'account "{account}" not jetstream enabled')
        query = JszQuery(
            account=account, streams=asked.streams, consumers=asked.consumer, config=asked.config
        )
        return make_jsz(source.server(), source.jetstream(streams=True), query).account_details[0]

    def _statz(self, account: str, body: bytes) -> Sliced[object]:
        asked = msgspec.json.decode(body, type=StatzQuery)
        if account != _EVERYBODY:
            asked = replace(asked, accounts=(account,), include_unused=True)
        found = yield from make_accstatz(self._source.server(), self._source.roster, asked)
        return found if found.account_statz else None


def _error(code: int, error: Exception) -> dict[str, object]:
    return {"code": code, "description": str(error)}


def _text(subject: bytes) -> str:
    return subject.decode("utf-8", "replace")
