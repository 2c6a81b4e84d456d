"""What the server answers on $SYS: account tokens for the system account, own facts for all.

Joins inlets to the claims service, to enquiries and to the hub. Every answer is wrapped in the
server's envelope.
Facts: measured on nats-server 2.15.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from functools import partial

import msgspec

from isthmus.accounts.account import Account
from isthmus.accounts.imports import Refusal
from isthmus.accounts.permissions import Permissions
from isthmus.base import constants
from isthmus.base.values import NS_PER_S, format_time, to_json
from isthmus.core.agenda import Line
from isthmus.core.client import Client
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import AccountCore, publish
from isthmus.core.turn import Turn
from isthmus.monitor.snapshots import Source
from isthmus.server.claims_service import Answer, Change, ClaimsService, with_findings
from isthmus.server.connection import Connection
from isthmus.server.desk import Desk
from isthmus.server.enquiries import Enquiries
from isthmus.server.events import Events
from isthmus.server.hub import Hub
from isthmus.server.operator_mode import OperatorMode
from isthmus.server.outside import SystemEntropy
from isthmus.server.resolvers import DirectoryResolver
from isthmus.sharing import Finding, refused

USER_INFO = "$SYS.REQ.USER.INFO"
REPLIES_SLICE = 8  # tokens read and sent in one slice: half a millisecond
SWEEP_S = 60  # between looks for expired tokens in the directory
JETSTREAM_FLAGS = 7  # JetStream, binary snapshots, account NRG: what a 2.15 server reports


class System:
    """The $SYS services of one server."""

    def __init__(self, hub: Hub, mode: OperatorMode | None, source: Source) -> None:
        self._hub = hub
        self._mode = mode
        self._seq = 0
        self._claims: ClaimsService | None = None
        self._desk = Desk(hub, "tokens")  # tokens are files: a push of thousands must stop nobody
        self._line = Line()
        self._user_info = Inlet(self._answer_user_info)
        for account in hub.registry:
            self._welcome(account)
        hub.registry.on_update.append(self._welcome)
        self._enquiries = Enquiries(hub, source, self.server_info)
        self._events = Events(hub, source.roster, SystemEntropy(), self.server_info)
        self._sweeper: asyncio.TimerHandle | None = None
        if mode is not None and mode.system_account:
            self._serve_claims(mode)
        if mode is not None and isinstance(mode.resolver, DirectoryResolver):
            self._arm_sweep(mode.resolver)

    def stop(self) -> None:
        """Let go of the directory of tokens."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._events.stop()
        self._desk.close()
        if self._mode is not None and isinstance(self._mode.resolver, DirectoryResolver):
            self._mode.resolver.close()

    def _arm_sweep(self, resolver: DirectoryResolver) -> None:
        self._sweeper = self._hub.loop.call_later(SWEEP_S, self._sweep, resolver)

    def _sweep(self, resolver: DirectoryResolver) -> None:
        """Expired tokens leave the directory; their accounts have ended by themselves."""
        now_ns = self._hub.wall_ns()

        def swept(keys: list[str], _: Turn) -> None:
            for key in keys:
                self._apply(Change(key, ""))

        self._desk.take(lambda: resolver.sweep(now_ns), swept)
        self._arm_sweep(resolver)

    def _serve_claims(self, mode: OperatorMode) -> None:
        """Listen for account tokens in the system account."""
        rules = self._hub.options.resolver
        self._claims = ClaimsService(
            mode.resolver,
            mode.trust,
            system_account=mode.system_account,
            operator_keys=[operator.subject for operator in mode.operators],
            allow_delete=rules is not None and rules.allow_delete,
            loaded=lambda name: self._hub.registry.get(name) is not None,
        )
        system = self._hub.registry.get(mode.system_account)
        assert system is not None
        inlet = Inlet(self._answer_claims)
        for subscription in self._claims.subscriptions:
            system.core.sublist.add(
                subscription.subject.encode(), inlet, subscription.queue.encode()
            )

    def _answer_claims(self, requests: list[Request], _: Turn) -> None:
        assert self._claims is not None
        find = self._claims.answer
        for request in requests:
            subject = request.subject.decode("utf-8", "replace")
            server = to_json(self.server_info())
            work = partial(find, subject, request.payload, request.now_ns, server)
            self._desk.take(work, partial(self._answered, request.reply))

    def _answered(self, reply: bytes, answer: Answer, turn: Turn) -> None:
        """An account's change is in force before its answer leaves."""
        assert self._mode is not None
        system = self._hub.registry.get(self._mode.system_account)
        assert system is not None
        for change in answer.changes:
            self._apply(change)
        if not reply:
            return
        if not isinstance(answer.replies, tuple):
            self._line.take(_send_all(system.core, reply, answer.replies, turn), _done, turn)
            return
        findings = self._inactive(answer)
        for body in answer.replies:
            told = with_findings(body, findings) if findings else body
            publish(system.core, reply, told, turn)

    def _inactive(self, answer: Answer) -> list[Finding]:
        """What of a pushed account's imports is not active; of one that runs, as it runs now."""
        if len(answer.changes) != 1 or not answer.changes[0].token:
            return []
        account = self._hub.registry.get(answer.changes[0].account)
        if account is None:
            return [refused(refusal, wanted) for wanted, refusal in answer.refusals]
        return [
            refused(running.verdict, running.wanted)
            for running in account.imports
            if isinstance(running.verdict, Refusal)
        ]

    def _apply(self, change: Change) -> None:
        """A token was accepted, or its account deleted: running accounts follow at once."""
        hub = self._hub
        assert self._mode is not None
        account = hub.registry.get(change.account)
        now_ns = hub.wall_ns()
        if not change.token:
            self._mode.forget(change.account)
            if account is not None:
                gone = msgspec.structs.replace(
                    account.spec, token="", expires_ns=1, exports=(), imports=()
                )
                hub.account_changed(hub.registry.update(gone, now_ns))
            return
        spec = self._mode.accept(change.token)
        # an account nobody uses or imports from is loaded when somebody does
        needed = account is not None or hub.registry.wanted(change.account)
        if needed and (account is None or account.spec.token != spec.token):
            hub.account_changed(hub.registry.update(spec, now_ns))

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


def _send_all(
    core: AccountCore, reply: bytes, bodies: Iterable[bytes], turn: Turn
) -> Generator[None, None, None]:
    """Send them all, each as it is found: a directory of ten thousand tokens takes its time."""
    for number, body in enumerate(bodies, 1):
        publish(core, reply, body, turn)
        if number % REPLIES_SLICE == 0:
            yield


def _done(_nothing: None, _turn: Turn) -> None:
    """Nobody waits for the end."""


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
