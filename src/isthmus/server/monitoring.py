"""The monitoring of one server: what documents ask for, taken from the running parts.

Owns the listener and the reading of this process's memory and processor time. Knows how to look at
the hub and the engine; changes nothing in them.
"""

import os
import resource
import sys
import time
from pathlib import Path
from typing import Protocol

from isthmus.base.errors import UsageError
from isthmus.config import Options
from isthmus.monitor.http import MonitorServer
from isthmus.monitor.routes import Routes
from isthmus.monitor.snapshots import JetStreamSnapshot, ServerSnapshot
from isthmus.server.hub import Hub

CPU_SAMPLE_S = 0.5  # a shorter span says little about the load


class JetStreamSource(Protocol):
    """What this module needs of the engine."""

    def snapshot(self, *, streams: bool) -> JetStreamSnapshot:
        """JetStream now, with or without the streams of each account. Must not block."""


class Monitoring:
    """The HTTP side of a server. `await start()`, later `await stop()`."""

    def __init__(self, options: Options, hub: Hub, engine: JetStreamSource | None) -> None:
        self._options = options
        self._hub = hub
        self._engine = engine
        self._start_ns = hub.clock.wall_ns()
        self._cpu = _CpuMeter()
        self._routes = Routes(self, options.http_base_path)
        self._server = MonitorServer(
            self._routes.answer,
            on_error=lambda error: hub.log.error(f"monitoring: {error!r}", error),
        )

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self._server.port

    async def start(self) -> None:
        """Listen. Raises `UsageError` if the port can not be had."""
        host, port = self._host, self._options.http_port
        try:
            await self._server.start(host, port)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(
                f"can not listen for monitoring on {host}:{port}: {reason}; choose another port "
                "with -m, or -1 for a free one"
            ) from None
        self._hub.log.info(f"Starting http monitor on {host}:{self.port}")

    async def stop(self) -> None:
        """Close the listener and its connections."""
        await self._server.stop()

    # --- Source ---

    def server(self) -> ServerSnapshot:
        """The server now."""
        hub = self._hub
        options = hub.options  # a reload may have changed them
        now_ns = hub.clock.wall_ns()
        clients = [connection.client for connection in hub.connections.values()]
        outbounds = [connection.outbound for connection in hub.connections.values()]
        return ServerSnapshot(
            server_id=hub.server_id,
            server_name=hub.server_name,
            runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            now_ns=now_ns,
            start_ns=self._start_ns,
            config_digest=options.config_digest,
            host=options.host,
            port=hub.port,
            http_host=self._host,
            http_port=self.port,
            http_base_path=options.http_base_path,
            auth_required=hub.authenticator.required,
            auth_timeout_ns=options.authorization.timeout_ns,
            max_connections=options.max_connections,
            max_subscriptions=options.max_subscriptions,
            max_control_line=options.max_control_line,
            max_payload=options.max_payload,
            max_pending=options.max_pending,
            ping_interval_ns=options.ping_interval_ns,
            ping_max=options.ping_max,
            write_deadline_ns=options.write_deadline_ns,
            tags=options.server_tags,
            metadata=dict(options.server_metadata),
            system_account=hub.system_account,
            operator_tokens=options.operators,
            memory_bytes=_memory_bytes(),
            cpu_percent=self._cpu.percent(),
            cores=os.cpu_count() or 1,
            connections=len(clients),
            total_connections=hub.total_connections,
            subscriptions=sum(client.subscription_count for client in clients),
            in_messages=hub.left_messages + sum(client.in_messages for client in clients),
            in_bytes=hub.left_bytes + sum(client.in_bytes for client in clients),
            out_messages=hub.left_out_messages + sum(one.messages_sent for one in outbounds),
            out_bytes=hub.left_out_bytes + sum(one.bytes_sent for one in outbounds),
            slow_consumers=hub.slow_consumers,
        )

    def jetstream(self, *, streams: bool) -> JetStreamSnapshot | None:
        """JetStream now; None if it is off."""
        return None if self._engine is None else self._engine.snapshot(streams=streams)

    @property
    def _host(self) -> str:
        return self._options.http_host or self._options.host


class _CpuMeter:
    """Percent of one core that this process used lately."""

    def __init__(self) -> None:
        self._wall_s = time.monotonic()
        self._used_s = time.process_time()
        self._percent = 0.0

    def percent(self) -> float:
        """Since the sample before; the same figure again if that is very recent."""
        wall_s, used_s = time.monotonic(), time.process_time()
        if wall_s - self._wall_s >= CPU_SAMPLE_S:
            self._percent = round(100 * (used_s - self._used_s) / (wall_s - self._wall_s), 1)
            self._wall_s, self._used_s = wall_s, used_s
        return self._percent


def _memory_bytes() -> int:
    """Resident memory; the most there ever was where the system does not tell the present."""
    try:
        pages = Path("/proc/self/statm").read_bytes().split()[1]
        return int(pages) * resource.getpagesize()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
