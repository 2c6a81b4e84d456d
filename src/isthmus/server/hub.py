"""All connections of a server, the turn they share, and what an account change means for them.

Owns the table of connections, by number and by account, and the one timer for everything that time
changes. Knows accounts and connections; not who listens, what is stored or what is monitored.
Invariant: a connection is in `connections` until it is closed, and in its account's set while it
belongs to one.
"""

from __future__ import annotations

import asyncio
import base64
import heapq
import os
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from isthmus.accounts.account import Account
from isthmus.accounts.authenticate import (
    AccountCheck,
    Authenticator,
    Loading,
    PasswordCheck,
    User,
    Verdict,
)
from isthmus.accounts.registry import Registry
from isthmus.base import constants
from isthmus.base.errors import AuthError, ProtocolError
from isthmus.base.handshake import ConnectInfo, ServerInfo
from isthmus.base.ports import Clock
from isthmus.base.values import NS_PER_S
from isthmus.config.options import Options
from isthmus.core.agenda import Job, run_in_slices
from isthmus.core.parser import ReadBuffer
from isthmus.core.turn import Turn
from isthmus.server.busy_poll import BusyPoll
from isthmus.server.connection import Connection

if TYPE_CHECKING:
    from isthmus.server.logs import Log
    from isthmus.server.lookups import Lookups

# A timer is never armed for longer: wall time may step, and a machine may sleep. Who is silent is
# told of an end within this time; nothing is delivered after one (`begin_turn`).
TIMER_MAX_S = 1.0
ROUNDING_NS = 1000  # the loop's seconds are floats: a timer must not fire before its moment
NEVER_NS = 1 << 63
MEMBERS_SLICE = 16  # connections closed or changed in one slice: half a millisecond


class Hub:
    """The middle of the server. `identity` is (server id, server name)."""

    def __init__(
        self,
        options: Options,
        registry: Registry,
        authenticator: Authenticator,
        *,
        server_id: str,
        clock: Clock,
        log: Log,
        loop: asyncio.AbstractEventLoop,
        system_account: str = "",
        cores: int = 1,
    ) -> None:
        self.options = options
        self.registry = registry
        self.authenticator = authenticator
        self.server_id = server_id
        self.server_name = options.server_name or server_id
        self.system_account = system_account
        self.clock = clock
        self.log = log
        self.loop = loop
        self.turn = Turn(int.from_bytes(os.urandom(8)) | 1)
        # on a single core, polling would only keep the client from running
        self._busy_poll = BusyPoll(loop.call_soon, clock.monotonic_ns) if cores > 1 else None
        self.read_buffer = ReadBuffer()
        self.connections: dict[int, Connection] = {}
        self.members: dict[str, set[Connection]] = {}
        self.host, self.port = options.host, options.port
        self.jetstream_enabled = False
        self.lame_duck = False
        self.groups = 0  # of the journal, on their way to the disk
        self.total_connections = 0
        self.slow_consumers = 0
        self.left_messages = self.left_bytes = self.left_out_messages = self.left_out_bytes = 0
        self.on_tick: list[Callable[[int], None]] = []
        self.deadlines: list[Callable[[], int | None]] = [self._find_ends]
        self.on_joined: list[Callable[[Connection], None]] = []
        self.on_left: list[Callable[[Connection, str], None]] = []  # with the reason
        self.on_expired: Callable[[Account], None] | None = None
        self.on_reload: Callable[[], str] | None = None  # read the configuration again; what failed
        self.lookups: Lookups | None = None  # where accounts that are not here are looked for
        self.read_large: Callable[[str], Awaitable[bool]] | None = None  # accounts of long tokens
        self._next_cid = 0
        self._depth = 0
        self._going_on = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._leases: list[tuple[int, int]] = []  # heap of (when a user's token ends, cid)
        self._ends_ns = NEVER_NS  # when time next ends a user, an account or a grant
        registry.defer = self.in_slices
        registry.on_moment = self.rearm

    # --- turns and time ---

    def wall_ns(self) -> int:
        """Now, nanoseconds since 1970."""
        return self.clock.wall_ns()

    def begin_turn(self) -> Turn:
        """Start a turn, or take part in the one that is under way.

        What has ended by now ends before anything passes: after a step of the clock, or when the
        process was suspended, a socket may be read before the timer fires.
        """
        self._depth += 1
        if self._depth == 1:
            now_ns = self.clock.wall_ns()
            self.turn.begin(now_ns)
            if now_ns >= self._ends_ns:
                self._end_due(now_ns)
        return self.turn

    def finish_turn(self) -> None:
        """Settle and send, if this was the outermost."""
        if self._depth > 1:
            self._depth -= 1
            return
        try:
            self.turn.finish()
        except Exception as error:  # noqa: BLE001 — one broken request must not end the others
            self.log.error(f"internal error: {error!r}", error)
        finally:
            self._depth -= 1
        if self.turn.unfinished and not self._going_on:
            self._going_on = True
            self.loop.call_soon(self._go_on)
        if self._busy_poll is not None:
            self._busy_poll.turn_ended(syncing=self.groups > 0)
        wake_ns = self.turn.take_wake()
        if wake_ns and (self._timer is None or wake_ns < self._timer_ns):
            self._arm(wake_ns)

    def _go_on(self) -> None:
        """Slices of what is unfinished, whoever began it, once in a round of the loop."""
        self._going_on = False
        self.begin_turn().resume()
        self.finish_turn()

    def in_slices(self, work: Callable[[], bool]) -> None:
        """`work` does a slice and says if more is left: some at once, the rest in later turns."""
        turn = self.begin_turn()
        try:
            run_in_slices(lambda _turn: work(), turn)
        finally:
            self.finish_turn()

    def rearm(self) -> None:
        """Something changed that may have a deadline."""
        moments = [when for when in (find() for find in self.deadlines) if when]
        if moments:
            self._arm(min(moments))

    def _arm(self, when_ns: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        left_ns = max(when_ns - self.clock.wall_ns(), 0)
        delay_s = min((left_ns + ROUNDING_NS) / NS_PER_S, TIMER_MAX_S)
        self._timer_ns = when_ns
        self._timer = self.loop.call_later(delay_s, self._fire)

    def _fire(self) -> None:
        when_ns = self._timer_ns
        self._timer = None
        self.begin_turn()
        now_ns = self.turn.now_ns
        try:
            if now_ns >= when_ns:
                for tick in self.on_tick:
                    tick(now_ns)
        finally:
            self.finish_turn()
        if now_ns >= when_ns:
            self.rearm()
        elif self._timer is None or when_ns < self._timer_ns:
            self._arm(when_ns)  # it was cut to TIMER_MAX_S

    def _find_ends(self) -> int | None:
        """When time alone next ends something."""
        first_ns = self._leases[0][0] if self._leases else NEVER_NS
        self._ends_ns = min(self.registry.deadline_ns() or NEVER_NS, first_ns)
        return None if self._ends_ns == NEVER_NS else self._ends_ns

    def _end_due(self, now_ns: int) -> None:
        """Users, accounts and grants whose time has come; answers nobody waits for any more."""
        try:
            for account in self.registry.tick(now_ns):
                self._account_expired(account)
            while self._leases and self._leases[0][0] <= now_ns:
                _, cid = heapq.heappop(self._leases)
                connection = self.connections.get(cid)
                if connection is not None and connection.expired(now_ns):
                    connection.close("User Authentication Expired", "Authentication Expired")
        except Exception as error:  # noqa: BLE001 — whoever's turn it is has nothing to do with it
            self.log.error(f"internal error: {error!r}", error)
        self._find_ends()

    def _lease(self, connection: Connection, ends_ns: int) -> None:
        """Note when a connection ends; those that are gone leave the heap when they outnumber."""
        if len(self._leases) > 2 * len(self.connections) + 64:
            self._leases = [entry for entry in self._leases if entry[1] in self.connections]
            heapq.heapify(self._leases)
        heapq.heappush(self._leases, (ends_ns, connection.cid))

    # --- what a connection asks for (host.Host) ---

    def make_connection(self) -> Connection:
        """A protocol for a new transport."""
        self._next_cid += 1
        nonce = base64.urlsafe_b64encode(os.urandom(constants.NONCE_BYTES))
        return Connection(self, self._next_cid, nonce.rstrip(b"=").decode())

    def make_info(self, connection: Connection) -> ServerInfo:
        """INFO: before CONNECT about the server, afterwards about the connection too."""
        options = self.options
        account = connection.account
        return ServerInfo(
            server_id=self.server_id,
            server_name=self.server_name,
            version=constants.SERVER_VERSION,
            proto=constants.PROTOCOL_VERSION,
            go="python",
            host=options.advertised_host or self.host,
            port=options.advertised_port or self.port,
            headers=not options.no_header_support,
            auth_required=self.authenticator.required,
            max_payload=options.max_payload if account is None else connection.client.payload_max,
            jetstream=self.jetstream_enabled,
            client_id=connection.cid,
            client_ip=connection.address[0],
            nonce=connection.nonce if self.authenticator.uses_nonce else "",
            domain=options.jetstream.domain if options.jetstream is not None else "",
            ldm=self.lame_duck,
            connect_info=account is not None,
            remote_account="" if account is None else account.name,
            acc_is_sys=account is not None and account.name == self.system_account,
            api_lvl=constants.API_LEVEL,
        )

    def connected(self, connection: Connection) -> bool:
        """Count it; False if there are too many."""
        self.total_connections += 1
        if len(self.connections) >= self.options.max_connections:  # 0 and less: nobody
            return False
        self.connections[connection.cid] = connection
        self.log_debug(connection, "Client connection created")
        return True

    async def find_account(self, name: str) -> bool:
        """Look for an account elsewhere, if there is an elsewhere; True if it is here now."""
        found = self.read_large is not None and await self.read_large(name)
        if not found and self.lookups is not None:
            found = await self.lookups.obtain(name)
        while found and self.registry.undecided(name):
            decided = asyncio.Event()
            self.registry.when_decided(name, decided.set)
            await decided.wait()
        return found

    def when_decided(self, name: str, work: Callable[[], bool]) -> None:
        """Carry out `work` in slices, from the turn after that in which an account is decided."""
        self.registry.when_decided(name, lambda: self.in_next_slices(work))

    def in_next_slices(self, work: Callable[[], bool]) -> None:
        """`in_slices`, but nothing at once."""
        turn = self.begin_turn()
        try:
            Job(lambda _turn: work()).start_next(turn)
        finally:
            self.finish_turn()

    def authenticate(self, connection: Connection, connect: ConnectInfo) -> Verdict:
        """Who is it. Raises `AuthError`."""
        verdict = self.authenticator.authenticate(connect, connection.nonce, connection.address[0])
        if isinstance(verdict, (AccountCheck, Loading)):
            return verdict
        user = verdict.user if isinstance(verdict, PasswordCheck) else verdict
        if user.connection_types and "STANDARD" not in user.connection_types:
            raise AuthError(f"{user.label} may not use this kind of connection")
        return verdict

    def join(self, connection: Connection, user: User) -> Account:
        """The connection becomes one of the account's. Raises `ProtocolError` if it is full."""
        account = self.registry.load(user.account, self.clock.wall_ns())
        if account is None:
            raise ProtocolError("Authorization Violation", reason="Missing Account")
        if connection.account is not None:
            self.members[connection.account.name].discard(connection)
        members = self.members.setdefault(account.name, set())
        bound = account.spec.limits.connections
        if 0 <= bound <= len(members):
            raise ProtocolError(
                "maximum account active connections exceeded",
                reason="Maximum Account Connections Exceeded",
            )
        members.add(connection)
        if user.expires_ns:
            self._lease(connection, user.expires_ns)
        self.rearm()
        return account

    def joined(self, connection: Connection) -> None:
        """It is one of its account's now, and is who it says."""
        for tell in self.on_joined:
            tell(connection)

    def disconnected(self, connection: Connection, reason: str) -> None:
        """It is gone."""
        self.connections.pop(connection.cid, None)
        if reason.startswith("Slow Consumer"):
            self.slow_consumers += 1
        client = connection.client
        self.left_messages += client.in_messages
        self.left_bytes += client.in_bytes
        self.left_out_messages += connection.outbound.messages_sent
        self.left_out_bytes += client.out_bytes
        if connection.account is not None:
            members = self.members.get(connection.account.name)
            if members is not None:
                members.discard(connection)
                if not members:
                    del self.members[connection.account.name]
        self.log_debug(connection, f"Client connection closed: {reason}")
        for tell in self.on_left:
            tell(connection, reason)

    def log_debug(self, connection: Connection, text: str) -> None:
        """One line about a connection, at debug level."""
        self.log.debug(f"{who(connection)} - {text}")

    def log_error(self, connection: Connection, text: str) -> None:
        """One line about a connection, at error level."""
        self.log.error(f"{who(connection)} - {text}")

    # --- account changes ---

    def account_changed(self, account: Account) -> None:
        """Hold the account's connections to what it is now; the order is the real server's."""
        members = sorted(self.members.get(account.name, ()), key=lambda one: one.cid)
        if account.expired:
            self._account_expired(account)
            return
        bound = account.spec.limits.connections
        if bound < 0:
            bound = len(members)
        todo: list[tuple[Connection, Callable[[Connection], None]]] = []
        todo += [(one, self._close_surplus) for one in members[bound:]]
        todo += [(one, self._hold) for one in members[:bound]]
        self._to_each(account, todo)
        self.rearm()

    def _to_each(
        self, account: Account, todo: list[tuple[Connection, Callable[[Connection], None]]]
    ) -> None:
        """Do to each member what is to be done: an account may have ten thousand."""
        waiting = deque(todo)

        def some() -> bool:
            for _ in range(min(len(waiting), MEMBERS_SLICE)):
                connection, do = waiting.popleft()
                if connection.account is account and not connection.closed:
                    do(connection)
            return bool(waiting)

        self.in_slices(some)

    def _close_surplus(self, connection: Connection) -> None:
        connection.close(
            "maximum account active connections exceeded", "Maximum Account Connections Exceeded"
        )

    def _hold(self, connection: Connection) -> None:
        """Close a connection that its account does not allow any more; bound the others."""
        user, account = connection.user, connection.account
        assert user is not None
        assert account is not None
        spec = account.spec
        if _revoked(spec.revocations, user):
            connection.close("User Authentication Revoked", "Credentials Revoked")
        elif user.token and user.issuer_key not in spec.signing_keys | {spec.name}:
            connection.close("", "Authentication Failure")
        elif user.bearer and spec.limits.disallow_bearer:
            connection.close("Authorization Violation", "Authentication Failure")
        else:
            connection.refresh()
            if 0 <= connection.client.subscriptions_max < connection.client.subscription_count:
                connection.close("maximum subscriptions exceeded", "Maximum Subscriptions Exceeded")

    def _account_expired(self, account: Account) -> None:
        def end(connection: Connection) -> None:
            connection.close("Account Authentication Expired", "Authentication Expired")

        self._to_each(account, [(one, end) for one in self.members.get(account.name, ())])
        if self.on_expired is not None:
            self.on_expired(account)

    def close_all(self, reason: str) -> None:
        """The server ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self.connections.values()):
            connection.close("", reason)


def _revoked(revocations: dict[str, int], user: User) -> bool:
    return bool(user.token) and any(
        revocations.get(key, -1) >= user.issued_s for key in (user.name, "*")
    )


def who(connection: Connection) -> str:
    """A connection at the start of a log line."""
    host, port = connection.address
    out = f"{host}:{port} - cid:{connection.cid}"
    connect = connection.connect_info
    if connect.lang or connect.version or connect.name:
        out += f' - "v{connect.version}:{connect.lang}:{connect.name}"'
    if connection.account is not None and connection.user is not None:
        out += f' - "{connection.account.label}/{connection.user.label}"'
    return out
