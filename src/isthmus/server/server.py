"""A server: its parts put together, started and stopped.

Owns the order of things and nothing else: the hub holds connections, the registry accounts, the
engine JetStream, the monitor documents. What needs the state of a part belongs to the part.

    options ─► registry ─► hub ─► listener
                 ▲           ├─► system ($SYS)
       operator mode         ├─► engine (JetStream, the disk)
       (tokens, resolver)    └─► monitor (HTTP)
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from isthmus.accounts.authenticate import Authenticator
from isthmus.accounts.registry import Registry
from isthmus.base.errors import UsageError
from isthmus.config.options import Options
from isthmus.identity.nkeys import KeyPair, Kind
from isthmus.server.hub import Hub, who
from isthmus.server.logs import Log
from isthmus.server.operator_mode import OperatorMode, make_resolver
from isthmus.server.outside import SystemClock, SystemEntropy, usable_cores
from isthmus.server.system import System
from isthmus.server.tenants import SYSTEM_ACCOUNT, make_authenticator, make_specs
from isthmus.server.trace import TracedProtocol
from isthmus.server.url_resolver import UrlResolver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from isthmus.base.ports import Clock
    from isthmus.server.engine import Engine, StoreDisk
    from isthmus.server.lanes import MakeLane
    from isthmus.server.monitoring import Monitoring

BACKLOG = 1024


class Server:
    """One server in the running event loop. `await start()`, later `await stop()`.

    `make_disk(folder)`: where JetStream keeps its files, if not in that folder of the real disk;
    `make_lane`: who works on it, if not threads; `segment_bytes`: how large the segments of a new
    journal are; `clock` and `cores`: what time it is and how many cores there are, if not the
    machine's.
    """

    def __init__(
        self,
        options: Options,
        log: Log,
        *,
        make_disk: Callable[[Path], StoreDisk] | None = None,
        make_lane: MakeLane | None = None,
        segment_bytes: int = 0,
        clock: Clock | None = None,
        cores: int = 0,
    ) -> None:
        self.options = options
        self.log = log
        self.clock = clock or SystemClock()
        self.entropy = SystemEntropy()
        self.server_id = KeyPair.make(Kind.SERVER, self.entropy).public_key
        self.registry = Registry(
            self.entropy,
            server_name=options.server_name or self.server_id,
            domain=options.jetstream.domain if options.jetstream is not None else "",
        )
        self.hub: Hub | None = None
        self.on_reload: Callable[[], str] | None = None  # see `Hub`
        self.engine: Engine | None = None
        self.monitoring: Monitoring | None = None
        self.operator_mode: OperatorMode | None = None
        self._listener: asyncio.Server | None = None
        self._system: System | None = None
        self._stopped = asyncio.Event()
        self._make_disk = make_disk
        self._make_lane = make_lane
        self._segment_bytes = segment_bytes
        self._cores = cores or usable_cores()

    @property
    def url(self) -> str:
        """Where clients connect."""
        assert self.hub is not None
        host = self.hub.host if self.hub.host not in {"0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104
        return f"nats://{host}:{self.hub.port}"

    @property
    def port(self) -> int:
        """The port that was bound."""
        assert self.hub is not None
        return self.hub.port

    @property
    def http_port(self) -> int:
        """The monitoring port that was bound, 0 without monitoring."""
        return 0 if self.monitoring is None else self.monitoring.port

    async def start(self) -> None:
        """Load accounts, recover JetStream, listen. Raises `UsageError` or `StoreError`."""
        self._log_start()
        if self.options.operators:
            self.operator_mode = await self._enter_operator_mode()
        hub = self.hub = self._make_hub()
        hub.on_reload = self.on_reload
        try:
            if self.options.jetstream is not None:
                from isthmus.server.engine import Engine  # noqa: PLC0415

                self.engine = Engine(
                    self.options.jetstream,
                    hub,
                    self.entropy,
                    self.log,
                    self._make_disk,
                    make_lane=self._make_lane,
                    segment_bytes=self._segment_bytes,
                )
                await self.engine.start()
            from isthmus.server.monitoring import Monitoring  # noqa: PLC0415

            self.monitoring = Monitoring(self.options, hub, self.engine)
            self._system = System(hub, self.operator_mode, self.monitoring)
            if self.options.http_port:
                await self.monitoring.start()
            await self._listen()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close connections, write what waits, let go of the disk.

        Raises `StoreError` if that can not be done; the server has stopped all the same.
        """
        self.log.info("Initiating Shutdown...")
        try:
            if self._listener is not None:
                self._listener.close()
            if self.engine is not None:
                self.engine.shut_down()  # who waits for messages is told while still connected
            if self.hub is not None:
                self.hub.close_all("Server Shutdown")
            if self.monitoring is not None:
                await self.monitoring.stop()
            try:
                if self.engine is not None:
                    await self.engine.stop()
            finally:
                if self._system is not None:
                    self._system.stop()
                self.registry.close()
        finally:
            self._stopped.set()  # a process must not wait for ever for what went wrong
        self.log.info("Server Exiting..")

    async def wait_stopped(self) -> None:
        """Return when `stop` is done."""
        await self._stopped.wait()

    def take(self, options: Options) -> None:
        """Run with these options from now on (a reload: `reload.RELOADABLE` says which differ)."""
        self.options = options
        if self.hub is not None:
            self.hub.options = options

    async def enter_lame_duck(self) -> None:
        """Take no new connections, tell clients to go, close them one by one, stop."""
        hub = self.hub
        assert hub is not None
        if hub.lame_duck:
            return
        self.log.info("Entering lame duck mode, stop accepting new clients")
        hub.lame_duck = True
        try:
            await self._send_away(hub)
        finally:
            await self.stop()

    async def _send_away(self, hub: Hub) -> None:
        if self._listener is not None:
            self._listener.close()
        for connection in list(hub.connections.values()):
            connection.send_info(hub.make_info(connection))
        if hub.connections:
            await asyncio.sleep(self.options.lame_duck_grace_ns / 1e9)
            left_s = (self.options.lame_duck_duration_ns - self.options.lame_duck_grace_ns) / 1e9
            connections = list(hub.connections.values())
            for connection in connections:
                connection.close("", "Server Shutdown")
                await asyncio.sleep(min(left_s / len(connections), 1.0))

    async def _enter_operator_mode(self) -> OperatorMode:
        """Trust in the operators; the system account is there before anything else."""
        options = self.options
        resolver = make_resolver(options, self.clock)
        mode = OperatorMode(
            options.operators,
            resolver,
            self.registry,
            self.clock,
            system_account=options.system_account,
            pinned=options.resolver_pinned_accounts,
            warn=self.log.warn,
        )
        if isinstance(resolver, UrlResolver):
            await resolver.start(mode.system_account)
        mode.load_system_account()
        return mode

    def _make_hub(self) -> Hub:
        options = self.options
        system_account = options.system_account or SYSTEM_ACCOUNT
        now_ns = self.clock.wall_ns()
        mode = self.operator_mode
        if mode is not None:
            system_account = mode.system_account
            authenticator = Authenticator(verify=mode.verify)
        else:
            for spec in make_specs(options):
                self.registry.update(spec, now_ns)
            authenticator = make_authenticator(options)
        return Hub(
            options,
            self.registry,
            authenticator,
            server_id=self.server_id,
            clock=self.clock,
            log=self.log,
            loop=asyncio.get_running_loop(),
            system_account=system_account,
            cores=self._cores,
        )

    async def _listen(self) -> None:
        hub = self.hub
        assert hub is not None
        options = self.options
        try:
            self._listener = await hub.loop.create_server(
                self.make_protocol,
                options.host,
                max(options.port, 0),
                backlog=BACKLOG,
                family=socket.AF_UNSPEC if ":" in options.host else socket.AF_INET,
            )
        except OSError as error:
            raise UsageError(
                f"can not listen on {options.host}:{options.port}: {error.strerror or error}; "
                "choose another port with -p, or -1 for a free one"
            ) from error
        hub.port = self._listener.sockets[0].getsockname()[1]
        hub.rearm()
        self.log.info(f"Listening for client connections on {options.host}:{hub.port}")
        self.log.info("Server is ready")

    def make_protocol(self) -> asyncio.BufferedProtocol:
        """A connection for any transport; with a trace, what it says and hears is logged."""
        hub, log = self.hub, self.log
        assert hub is not None
        connection = hub.make_connection()
        if not log.tracing:
            return connection

        def wanted() -> bool:
            account = connection.account
            system = account is not None and account.name == hub.system_account
            return not system or hub.options.trace_verbose

        return TracedProtocol(
            connection,
            log,
            who=lambda: who(connection),
            wanted=wanted,
            shown_max=hub.options.max_traced_message,
        )

    def _log_start(self) -> None:
        from isthmus.base.constants import SERVER_VERSION  # noqa: PLC0415 — only for this line

        self.log.info("Starting isthmus")
        self.log.info(f"  Version:  {SERVER_VERSION}")
        self.log.info(f"  Name:     {self.options.server_name or self.server_id}")
        self.log.info(f"  ID:       {self.server_id}")
        if self.options.config_file:
            name, digest = self.options.config_file, self.options.config_digest
            self.log.info(f"Using configuration file: {name} ({digest})")
