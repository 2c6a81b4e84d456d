"""What the server answers on $SYS: account tokens for the system account, own facts for all.

Joins inlets to pushes of tokens, to enquiries and to the hub. Every answer is wrapped in the
server's envelope.
Facts: measured on nats-server 2.15.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.accounts.account import Account
from isthmus.accounts.permissions import Permissions
from isthmus.base import constants
from isthmus.base.values import NS_PER_S, format_time, to_json
from isthmus.core.client import Client
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from isthmus.monitor.snapshots import Source
from isthmus.server.commands import Commands
from isthmus.server.connection import Connection
from isthmus.server.enquiries import Enquiries
from isthmus.server.events import Events
from isthmus.server.hub import Hub
from isthmus.server.outside import SystemEntropy
from isthmus.server.pulse import Pulse

if TYPE_CHECKING:
    from isthmus.server.operator_mode import OperatorMode
    from isthmus.server.pushes import Pushes

USER_INFO = "$SYS.REQ.USER.INFO"
JETSTREAM_FLAGS = 7  # JetStream, binary snapshots, account NRG: what a 2.15 server reports


class System:
    """The $SYS services of one server."""

    def __init__(self, hub: Hub, mode: OperatorMode | None, source: Source) -> None:
        self._hub = hub
        self._seq = 0
        self._pushes: Pushes | None = None
        self._user_info = Inlet(self._answer_user_info)
        for account in hub.registry:
            self._welcome(account)
        hub.registry.on_update.append(self._welcome)
        self._enquiries = Enquiries(hub, source, self.server_info)
        self._commands = Commands(hub, self.server_info)
        self._events = Events(hub, source.roster, SystemEntropy(), self.server_info)
        self._pulse = Pulse(hub, source, self.server_info)
        if mode is not None:
            from isthmus.server.pushes import Pushes  # noqa: PLC0415 — findings are a megabyte

            self._pushes = Pushes(hub, mode, self.server_info)

    def stop(self) -> None:
        """Nothing more is reported, nothing more is taken."""
        self._events.stop()
        self._pulse.stop()
        if self._pushes is not None:
            self._pushes.stop()

    def server_info(self) -> dict[str, object]:
        """The envelope's `server` part; `seq` counts every use."""
        hub = self._hub
        self._seq += 1
        info: dict[str, object] = {
            "name": hub.server_name,
            "host": hub.host,
            "id": hub.server_id,
        }
        if hub.options.jetstream is not None and hub.options.jetstream.domain:
            info["domain"] = hub.options.jetstream.domain
        info["ver"] = constants.SERVER_VERSION
        info["jetstream"] = hub.jetstream_enabled
        info["flags"] = JETSTREAM_FLAGS if hub.jetstream_enabled else 0
        info["seq"] = self._seq
        info["time"] = format_time(hub.wall_ns())
        return info

    def _welcome(self, account: Account) -> None:
        """A new account can ask who its users are."""
        core = account.core
        if not core.sublist.interested(USER_INFO.encode()):
            core.sublist.add(USER_INFO.encode(), self._user_info)

    def _answer_user_info(self, requests: list[Request], turn: Turn) -> None:
        for request in requests:
            client = request.client
            if not request.reply or not isinstance(client, Client):
                continue
            connection = self._hub.connections.get(client.cid)
            if connection is None or connection.account is None:
                continue
            answer = {"server": self.server_info(), "data": self._facts(connection)}
            publish(connection.account.core, request.reply, to_json(answer), turn)

    def _facts(self, connection: Connection) -> dict[str, object]:
        user, account = connection.user, connection.account
        assert user is not None
        assert account is not None
        facts: dict[str, object] = {
            "user": user.name,
            "account": account.name,
            "account_name": account.label,
        }
        if user.name_tag:
            facts["user_name"] = user.name_tag
        permissions = _describe(user.permissions)
        if permissions:
            facts["permissions"] = permissions
        if user.expires_ns:
            left_s = max(0, (user.expires_ns - self._hub.wall_ns()) // NS_PER_S)
            facts["expires"] = left_s * NS_PER_S
        return facts


def _describe(permissions: Permissions) -> dict[str, object]:
    """Rules in the form of the wire; empty parts are left out."""
    out: dict[str, object] = {}
    for name, rule in (("publish", permissions.publish), ("subscribe", permissions.subscribe)):
        part: dict[str, object] = {}
        if rule.allow is not None:
            part["allow"] = list(rule.allow)
        if rule.deny:
            part["deny"] = list(rule.deny)
        if part:
            out[name] = part
    if permissions.responses_max:
        out["responses"] = {
            "max": permissions.responses_max,
            "ttl": permissions.responses_ttl_ns,
        }
    return out
