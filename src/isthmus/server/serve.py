"""A server as a process: from options to an exit code.

Owns the order around a server's life: the log, the pid file, the event loop, signals, the ports
file. Knows of the server only start, stop, lame duck and where it listens.

    options agree? ─ log ─ pid file ─ start ─ ports file ─ signals … stop ─ ports file away

A start or a stop that goes wrong ends with code 1, and one line in the log says why.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any, Protocol

from isthmus.base.errors import NatsError, StoreError, UsageError
from isthmus.config import ConfigError, Options
from isthmus.config.consistency import require_consistent
from isthmus.server.garbage import Collector
from isthmus.server.logs import Log
from isthmus.server.reload import Reload
from isthmus.server.signals import Ports, PortsFile, SignalHandlers, urls, write_pid_file

DONE, FAILED = 0, 1
SWITCH_S = 0.0005  # the loop waits no longer for a thread that checks a token, say


class Served(Protocol):
    """What this module needs of a server."""

    options: Options
    on_reload: Callable[[], str] | None  # who reads the configuration again; what failed

    @property
    def port(self) -> int:
        """The client port that was bound."""

    @property
    def http_port(self) -> int:
        """The monitoring port that was bound, 0 without monitoring."""

    async def start(self) -> None:
        """Return when clients can connect. Raises `UsageError` or `StoreError`."""

    async def stop(self) -> None:
        """Close connections and files. Raises what went wrong, stopped all the same."""

    async def wait_stopped(self) -> None:
        """Return when `stop` is done, well or not, whoever called it."""

    async def enter_lame_duck(self) -> None:
        """Send clients away, then stop, whatever goes wrong before."""

    def take(self, options: Options) -> None:
        """Run with these options from now on; only those of `reload.RELOADABLE` differ."""


MakeServer = Callable[[Options, Log], Served]


def serve(
    options: Options,
    *,
    make: MakeServer | None = None,
    read_again: Callable[[], Options] | None = None,
) -> int:
    """Run a server until it is told to stop; the exit code of the process.

    `read_again` reads the configuration for a reload. Raises `UsageError` if nothing was started.
    """
    require_consistent(options)
    log = Log.from_options(options)
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        if options.pid_file:
            write_pid_file(options.pid_file)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            process = _Process(options, log, make or _make_server, read_again or _no_file)
            return runner.run(process.run())
    finally:
        sys.setswitchinterval(switch_s)
        log.close()


class _Process:
    """The actions that signals ask for, carried out on one server."""

    def __init__(
        self,
        options: Options,
        log: Log,
        make: MakeServer,
        read_again: Callable[[], Options],
    ) -> None:
        self._log = log
        self._read_again = read_again
        self._server = make(options, log)
        self._server.on_reload = self._reload
        self._starting: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None  # held, or it could be collected
        self._ending = False
        self._code = DONE
        self._collector = Collector(time.monotonic_ns)

    async def run(self) -> int:
        """Start, wait for the stop; the exit code."""
        server, log = self._server, self._log
        loop = asyncio.get_running_loop()
        ports_file: PortsFile | None = None
        with SignalHandlers(loop, self):
            self._starting = loop.create_task(server.start())
            try:
                await self._starting
                self._starting = None
                self._collector.settle()
                ports_file = self._write_ports()
                await server.wait_stopped()
            except asyncio.CancelledError:
                if not self._ending:
                    raise
            except (UsageError, StoreError, OSError) as error:
                log.fatal(str(error))
                if server.options.log_file:  # that line is where nobody is looking
                    raise UsageError(str(error)) from error
                return FAILED
            finally:
                self._collector.stop()
                if ports_file is not None:
                    ports_file.remove()
        return self._code

    # --- Actions ---

    def stop(self, name: str) -> None:
        """Stop, once; what is still starting is given up."""
        self._log.info(f'Trapped "{name}" signal')
        self._end(self._server.stop)

    def reload(self) -> None:
        """Take a new configuration whole, or keep the old one and log why."""
        self._log.info('Trapped "hangup" signal')
        self._reload()

    def _reload(self) -> str:
        """Likewise; why, or nothing."""
        try:
            change = Reload.of(self._server.options, self._read_again())
            self._log.reconfigure(change.options)
        except (ConfigError, UsageError) as error:
            self._log.error(f"Failed to reload server configuration: {error}")
            return str(error)
        self._server.take(change.options)
        for line in change.lines:
            self._log.info(line)
        self._log.info(f"Reloaded server configuration ({change.options.config_digest})")
        return ""

    def reopen_log(self) -> None:
        """For log rotation."""
        self._log.info('Trapped "user defined signal 1" signal')
        self._log.reopen()

    def lame_duck(self) -> None:
        """Once; the stop that follows ends the process."""
        self._log.info('Trapped "user defined signal 2" signal')
        self._end(self._server.enter_lame_duck)

    # --- inside ---

    def _write_ports(self) -> PortsFile | None:
        options, server = self._server.options, self._server
        if not options.ports_file_dir:
            return None
        http_host = options.http_host or options.host
        ports_file = PortsFile(options.ports_file_dir)
        try:
            ports_file.write(
                Ports(
                    nats=urls("nats", options.host, server.port),
                    monitoring=urls("http", http_host, server.http_port)
                    if server.http_port
                    else (),
                )
            )
        except OSError as error:
            self._log.error(f"Error writing ports file to {ports_file.path}: {error.strerror}")
            return None
        return ports_file

    def _end(self, way: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._ending:
            return
        self._ending = True
        if self._starting is not None:
            self._starting.cancel()
        else:
            self._finishing = asyncio.get_running_loop().create_task(self._finish(way()))

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except NatsError as error:
            self._failed(f"at the stop: {error}", error)
        except Exception as error:  # noqa: BLE001 — the log is where somebody looks
            self._failed(f"internal error at the stop: {error!r}", error)

    def _failed(self, text: str, error: Exception) -> None:
        """The stop went wrong: whoever waits for the process shall know."""
        self._code = FAILED
        self._log.error(text, error)


def _make_server(options: Options, log: Log) -> Served:
    from isthmus.server.server import Server  # noqa: PLC0415 — a failed start loads no core

    return Server(options, log)


def _no_file() -> Options:
    raise UsageError("the server was started without a configuration file")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where there is one; asyncio's own elsewhere."""
    with contextlib.suppress(ImportError):
        factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
        return factory
    return None
