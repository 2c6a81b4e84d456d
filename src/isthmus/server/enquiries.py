"""What the system account may ask servers: $SYS.REQ.SERVER.PING… and $SYS.REQ.SERVER.<id>….

    PING, PING.STATSZ    {"server": …, "statsz": …}
    PING.IDZ             {"name": …, "host": …, "id": …}
    VARZ JSZ HEALTHZ     {"server": …, "data": the document of monitoring}

A request may name the servers that shall answer; the others are silent. What is asked for and not
there is not answered either, as by a server of an older release.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from isthmus.base.values import Value, to_json
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from isthmus.monitor.healthz import HealthzQuery, make_healthz
from isthmus.monitor.jsz import ACCOUNTS_MAX, JszQuery, make_jsz
from isthmus.monitor.snapshots import Source
from isthmus.monitor.statsz import make_statsz
from isthmus.monitor.varz import make_varz
from isthmus.server.hub import Hub

_ASK = "$SYS.REQ.SERVER."


class Asked(Value):
    """Which servers shall answer, and what of JetStream; other fields mean nothing here."""

    server_name: str = ""
    host: str = ""
    cluster: str = ""
    domain: str = ""
    tags: tuple[str, ...] = ()
    exact_match: bool = False
    account: str = ""
    accounts: bool = False
    streams: bool = False
    consumer: bool = False
    config: bool = False
    offset: int = 0
    limit: int = ACCOUNTS_MAX


class Enquiries:
    """Answers for one server; `envelope()` makes the `server` part of an answer."""

    def __init__(self, hub: Hub, source: Source, envelope: Callable[[], dict[str, object]]) -> None:
        self._hub = hub
        self._source = source
        self._envelope = envelope
        system = hub.registry.get(hub.system_account)
        if system is None:
            return
        self._core = system.core
        inlet = Inlet(self._answer)
        for subject in ("PING", "PING.*", f"{hub.server_id}.*"):
            self._core.sublist.add((_ASK + subject).encode(), inlet)

    def _answer(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            if not request.reply:
                continue
            name = request.subject.decode("utf-8", "replace").removeprefix(_ASK)
            answer = self._document(name.partition(".")[2] or "STATSZ", request.payload)
            if answer is not None:
                publish(self._core, request.reply, to_json(answer), turn)

    def _document(self, name: str, body: bytes) -> dict[str, object] | None:
        hub = self._hub
        if name == "IDZ":
            return {"name": hub.server_name, "host": hub.host, "id": hub.server_id}
        if name not in {"STATSZ", "VARZ", "JSZ", "HEALTHZ"}:
            return None
        try:
            asked = msgspec.json.decode(body, type=Asked) if body.strip() else Asked()
        except msgspec.DecodeError as error:
            wrong = {"code": 400, "description": str(error)}
            return {"server": self._envelope(), "error": wrong}
        if not self._is_meant(asked):
            return None
        source = self._source
        jetstream = source.jetstream(streams=asked.streams or asked.consumer)
        if name == "STATSZ":
            return {
                "server": self._envelope(),
                "statsz": make_statsz(source.server(), jetstream),
            }
        data: object
        if name == "VARZ":
            data = make_varz(source.server(), jetstream, {})
        elif name == "JSZ":
            query = JszQuery(
                account=asked.account,
                accounts=asked.accounts,
                streams=asked.streams,
                consumers=asked.consumer,
                config=asked.config,
                offset=asked.offset,
                limit=asked.limit or ACCOUNTS_MAX,
            )
            data = make_jsz(source.server(), jetstream, query)
        else:
            code, health = make_healthz(jetstream, HealthzQuery(shallow=True))
            data = msgspec.to_builtins(health) | {"status_code": code}
        return {"server": self._envelope(), "data": data}

    def _is_meant(self, asked: Asked) -> bool:
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
