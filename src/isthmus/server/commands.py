"""What the system account may order a server to do.

    $SYS.REQ.SERVER.<id>.KICK      {"cid": n}   cut that connection
    $SYS.REQ.SERVER.<id>.LDM       {"cid": n}   tell that client to go elsewhere
    $SYS.REQ.SERVER.<id>.RELOAD                 take the configuration file as it is now

Done is `{"server": …}`, refused has an error with code 500. Who does not say which connection, or
not in words that can be read, gets no answer, as from nats-server 2.15.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from isthmus.base.values import Value, from_json, to_json
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from isthmus.server.hub import Hub

_FAILED = 500


class _Which(Value):
    """Which connection."""

    cid: Annotated[int, msgspec.Meta(ge=0)] = 0


class Commands:
    """Obeys the system account of `hub`; `envelope()` makes the `server` part of an answer."""

    def __init__(self, hub: Hub, envelope: Callable[[], dict[str, object]]) -> None:
        self._hub = hub
        self._envelope = envelope
        system = hub.registry.get(hub.system_account)
        if system is None:
            return
        self._core = system.core
        self._orders: dict[str, Callable[[Request], str]] = {
            "KICK": self._kick,
            "LDM": self._send_away,
            "RELOAD": self._reload,
        }
        inlet = Inlet(self._obey)
        for name in self._orders:
            system.core.sublist.add(f"$SYS.REQ.SERVER.{hub.server_id}.{name}".encode(), inlet)

    def _obey(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            name = request.subject.rpartition(b".")[2].decode()
            try:
                problem = self._orders[name](request)
            except msgspec.DecodeError as error:
                self._hub.log.debug(f"{name} request cannot be read: {error}")
                continue
            answer: dict[str, object] = {"server": self._envelope()}
            if problem:
                answer["error"] = {"code": _FAILED, "description": problem}
            if request.reply:
                publish(self._core, request.reply, to_json(answer), turn)

    def _kick(self, request: Request) -> str:
        which = from_json(request.payload, _Which)
        connection = self._hub.connections.get(which.cid)
        if connection is None:
            return "no such client or leafnode id"
        connection.close("", "Kicked")
        return ""

    def _send_away(self, request: Request) -> str:
        which = from_json(request.payload, _Which)
        connection = self._hub.connections.get(which.cid)
        if connection is None:
            return "no such client id"
        if connection.account is None or connection.connect_info.protocol < 1:
            return (
                "client does not support Lame Duck Mode or is not ready to receive the notification"
            )
        info = self._hub.make_info(connection)
        connection.send_info(msgspec.structs.replace(info, ldm=True))
        return ""

    def _reload(self, _request: Request) -> str:
        reload = self._hub.on_reload
        return "reload is not possible here: no configuration file" if reload is None else reload()
