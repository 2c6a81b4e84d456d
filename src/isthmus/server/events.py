"""What servers report about connections: events of the system account.

    $SYS.ACCOUNT.<account>.CONNECT            a client is who it says
    $SYS.ACCOUNT.<account>.DISCONNECT         and is gone; one that never was is `$G`'s
    $SYS.SERVER.<id>.CLIENT.AUTH.ERR          it was not who it said
    $SYS.ACCOUNT.<account>.SERVER.CONNS       how many an account has, at each change and twice a
    $SYS.SERVER.ACCOUNT.<account>.CONNS       minute while it has any

Nothing is made that nobody listens to: an event costs one look-up then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from isthmus.base.nuid import make_nuid
from isthmus.base.ports import Entropy
from isthmus.base.values import format_time, to_json
from isthmus.core.router import publish
from isthmus.monitor.accstatz import make_stat
from isthmus.monitor.roster import Roster
from isthmus.server.hub import Hub
from isthmus.server.tenants import GLOBAL_ACCOUNT

if TYPE_CHECKING:
    from isthmus.server.connection import Connection

CONNS_S = 30.0  # between two reports of an account's connections
_SLICE = 64  # accounts reported on in one turn
_TYPE = "io.nats.server.advisory.v1."


class Events:
    """Reports to `hub`'s system account; `envelope()` makes the `server` part."""

    def __init__(
        self,
        hub: Hub,
        roster: Roster,
        entropy: Entropy,
        envelope: Callable[[], dict[str, object]],
    ) -> None:
        self._hub = hub
        self._roster = roster
        self._entropy = entropy
        self._envelope = envelope
        self._timer: asyncio.TimerHandle | None = None
        system = hub.registry.get(hub.system_account)
        if system is None:
            return
        self._core = system.core
        hub.on_joined.append(self._joined)
        hub.on_left.append(self._left)
        self._arm()

    def stop(self) -> None:
        """No more reports by the clock."""
        if self._timer is not None:
            self._timer.cancel()

    # --- what happened ---

    def _joined(self, connection: Connection) -> None:
        assert connection.account is not None
        name = connection.account.name
        self._report_account(name)
        subject = f"$SYS.ACCOUNT.{name}.CONNECT"
        if self._heard(subject):
            self._say([subject], "client_connect", {"client": _client(connection)})

    def _left(self, connection: Connection, reason: str) -> None:
        account = connection.account
        name = GLOBAL_ACCOUNT if account is None else account.name
        if account is not None:
            self._report_account(name)
        subjects = [f"$SYS.ACCOUNT.{name}.DISCONNECT"]
        if reason.startswith("Authentication") and account is None:
            subjects.insert(0, f"$SYS.SERVER.{self._hub.server_id}.CLIENT.AUTH.ERR")
        heard = list(filter(self._heard, subjects))
        if not heard:
            return
        client = connection.client
        event = {
            "client": _client(connection, self._hub.wall_ns()),
            "sent": {"msgs": client.in_messages, "bytes": client.in_bytes},
            "received": {"msgs": connection.outbound.messages_sent, "bytes": client.out_bytes},
            "reason": reason,
        }
        self._say(heard, "client_disconnect", event)

    def _report_account(self, name: str) -> None:
        if name == GLOBAL_ACCOUNT:
            return
        subjects = (f"$SYS.SERVER.ACCOUNT.{name}.CONNS", f"$SYS.ACCOUNT.{name}.SERVER.CONNS")
        heard = list(filter(self._heard, subjects))
        for traffic in self._roster.traffic(name) if heard else ():
            stat = make_stat(traffic)
            event = {field: getattr(stat, field) for field in stat.__struct_fields__}
            self._say(heard, "account_connections", event)

    # --- by the clock ---

    def _arm(self) -> None:
        self._timer = self._hub.loop.call_later(CONNS_S, self._tick, None)

    def _tick(self, names: list[str] | None) -> None:
        """A slice of the accounts that have connections; the rest when the loop comes round."""
        hub = self._hub
        names = [name for name in hub.members if hub.members[name]] if names is None else names
        hub.begin_turn()
        try:
            for name in names[:_SLICE]:
                self._report_account(name)
        finally:
            hub.finish_turn()
        if len(names) > _SLICE:
            self._timer = hub.loop.call_later(0, self._tick, names[_SLICE:])
        else:
            self._arm()

    # --- saying it ---

    def _heard(self, subject: str) -> bool:
        return self._core.sublist.interested(subject.encode())

    def _say(self, subjects: list[str], kind: str, event: dict[str, object]) -> None:
        """In the turn that is under way."""
        document = {
            "type": _TYPE + kind,
            "id": make_nuid(self._entropy),
            "timestamp": format_time(self._hub.wall_ns()),
            "server": self._envelope(),
            **event,
        }
        for subject in subjects:
            publish(self._core, subject.encode(), to_json(document), self._hub.turn)


def _client(connection: Connection, stopped_ns: int = 0) -> dict[str, object]:
    """A client as events show it; empty fields are left out."""
    user, account, connect = connection.user, connection.account, connection.connect_info
    found: dict[str, object] = {
        "start": format_time(connection.started_ns),
        "host": connection.address[0],
        "id": connection.cid,
        "acc": GLOBAL_ACCOUNT if account is None else account.name,
        "user": connect.user if user is None else user.name,
        "name": connect.name,
        "lang": connect.lang,
        "ver": connect.version,
        "rtt": connection.rtt_ns,
        "stop": format_time(stopped_ns) if stopped_ns else "",
        "jwt": "" if user is None else user.token,
        "issuer_key": "" if user is None else user.issuer_key,
        "name_tag": GLOBAL_ACCOUNT if account is None else account.label,
        "kind": "Client",
        "client_type": "nats",
    }
    return {name: value for name, value in found.items() if value}
