"""The running server as monitoring sees it: snapshots, behind a small HTTP shell."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from typing import TYPE_CHECKING

from isthmus.base.errors import UsageError
from isthmus.base.slices import Sliced
from isthmus.config.options import Options
from isthmus.core.agenda import Job, Line
from isthmus.core.turn import Turn
from isthmus.monitor.answer import TEXT, Answer, Pieces
from isthmus.monitor.http import CHUNK_BYTES, MonitorServer
from isthmus.monitor.snapshots import (
    AccountSnapshot,
    ConsumerSnapshot,
    JetStreamSnapshot,
    ServerSnapshot,
    StreamSnapshot,
)
from isthmus.server.census import RunningCensus
from isthmus.server.engine import Engine
from isthmus.server.hub import Hub
from isthmus.server.roster import RunningRoster

if TYPE_CHECKING:
    from isthmus.jetstream.stream import Stream
    from isthmus.monitor.routes import Routes

STREAMS_SLICE = 16  # streams or consumers described in one slice: half a millisecond
ACCOUNTS_SLICE = 64
LONG_MAX = 128  # long answers that may wait


class Monitoring:
    """`monitor.snapshots.Source` of one server, and its listener."""

    def __init__(self, options: Options, hub: Hub, engine: Engine | None) -> None:
        self._options = options
        self._hub = hub
        self._engine = engine
        self._start_ns = hub.wall_ns()
        self._listening = False
        self._routes: Routes | None = None
        self._http = MonitorServer(
            self._answer,
            work_off=self._work_off,
            take=self._take,
            on_error=lambda error: hub.log.error(f"monitoring: {error!r}", error),
        )
        self._cpu = _CpuMeter()
        self._line = Line(LONG_MAX)
        self.census = RunningCensus(hub, engine)
        self.roster = RunningRoster(hub)

    @property
    def port(self) -> int:
        """The port that was bound, 0 if nobody listens."""
        return self._http.port if self._listening else 0

    async def start(self) -> None:
        """Listen. Raises `UsageError`."""
        host = self._options.http_host or self._options.host
        try:
            await self._http.start(host, self._options.http_port)
        except OSError as error:
            raise UsageError(
                f"can not listen for monitoring on {host}:{self._options.http_port}: "
                f"{error.strerror or error}; choose another port with -m"
            ) from error
        self._listening = True
        self._hub.log.info(f"Starting http monitor on {host}:{self.port}")

    async def stop(self) -> None:
        """Close the listener, if there is one."""
        if self._listening:
            await self._http.stop()

    def server(self) -> ServerSnapshot:
        """The server now."""
        hub, options = self._hub, self._options
        connections = list(hub.connections.values())
        return ServerSnapshot(
            server_id=hub.server_id,
            server_name=hub.server_name,
            now_ns=hub.wall_ns(),
            start_ns=self._start_ns,
            runtime=f"python{sys.version_info[0]}.{sys.version_info[1]}",
            config_load_ns=self._start_ns,
            config_digest=options.config_digest,
            host=options.host,
            port=hub.port,
            http_host=options.http_host or options.host,
            http_port=self.port,
            http_base_path=options.http_base_path,
            auth_required=hub.authenticator.required or bool(options.no_auth_user),
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
            jetstream=hub.jetstream_enabled,
            operator_tokens=options.operators,
            memory_bytes=_resident_bytes(),
            cpu_percent=self._cpu.percent(),
            cores=os.cpu_count() or 1,
            connections=len(connections),
            total_connections=hub.total_connections,
            subscriptions=sum(len(account.core.sublist) for account in hub.registry),
            in_messages=hub.left_messages + sum(c.client.in_messages for c in connections),
            in_bytes=hub.left_bytes + sum(c.client.in_bytes for c in connections),
            out_messages=hub.left_out_messages + sum(c.outbound.messages_sent for c in connections),
            out_bytes=hub.left_out_bytes + sum(c.client.out_bytes for c in connections),
            active_accounts=sum(1 for members in hub.members.values() if members),
            slow_consumers=hub.slow_consumers,
        )

    def jetstream(self, *, streams: bool) -> JetStreamSnapshot | None:
        """JetStream now; None if it is off."""
        if not streams:
            return self._jetstream(())
        work = self.jetstream_in_slices()
        while True:
            try:
                next(work)
            except StopIteration as end:
                found: JetStreamSnapshot | None = end.value
                return found

    def jetstream_in_slices(self, *, streams: bool = True) -> Sliced[JetStreamSnapshot | None]:
        """JetStream now, with each account and, unless nobody asks, its streams."""
        engine = self._engine
        if engine is None:
            return None
        accounts: list[AccountSnapshot] = []
        for name in sorted(engine.accounts):
            if engine.accounts[name].limits is None:
                continue  # JetStream is off there
            accounts.append((yield from self._account(engine, name, streams=streams)))
            if len(accounts) % ACCOUNTS_SLICE == 0:
                yield
        return self._jetstream(tuple(accounts))

    def _jetstream(self, details: tuple[AccountSnapshot, ...]) -> JetStreamSnapshot | None:
        engine = self._engine
        if engine is None:
            return None
        accounts = list(engine.accounts.values())
        found = [stream for account in accounts for stream in account.streams.values()]
        logs = [stream.stored.log for stream in found]
        options = engine.options
        return JetStreamSnapshot(
            store_dir=engine.store_dir,
            domain=options.domain,
            max_memory=engine.reservations.max_memory,
            max_storage=engine.reservations.max_storage,
            reserved_memory=engine.reservations.memory,
            reserved_storage=engine.reservations.storage,
            enabled_accounts=sum(account.limits is not None for account in accounts),
            sync_interval_ns=options.sync_interval_ns,
            sync_always=options.sync_always,
            strict=options.strict,
            max_ack_pending=options.limits.max_ack_pending,
            max_ha_assets=options.limits.max_ha_assets,
            max_request_batch=options.limits.max_request_batch,
            duplicate_window_ns=options.limits.duplicate_window_ns,
            memory=engine.usage.memory_bytes,
            storage=engine.usage.file_bytes,
            api_total=sum(account.service.total for account in accounts),
            api_errors=sum(account.service.errors for account in accounts),
            streams=len(found),
            consumers=sum(len(stream.shown_consumers()) for stream in found),
            messages=sum(log.messages for log in logs),
            bytes=sum(log.bytes_stored for log in logs),
            accounts=details,
            problem=engine.problem,
        )

    def _account(self, engine: Engine, name: str, *, streams: bool) -> Sliced[AccountSnapshot]:
        account = engine.accounts[name]
        limits = account.limits
        found: list[StreamSnapshot] = []
        for stream in list(account) if streams else ():
            found.append((yield from self._stream(stream)))
            if len(found) % STREAMS_SLICE == 0:
                yield
        return AccountSnapshot(
            name=name,
            memory=account.usage.memory_bytes,
            storage=account.usage.file_bytes,
            max_memory=0 if limits is None else limits.max_memory,
            max_storage=0 if limits is None else limits.max_storage,
            api_total=account.service.total,
            api_errors=account.service.errors,
            streams=tuple(found),
        )

    def _stream(self, stream: Stream) -> Sliced[StreamSnapshot]:
        consumers: list[ConsumerSnapshot] = []
        for consumer in stream.shown_consumers():
            yield from consumer.count()
            info = consumer.info(self._hub.turn)
            consumers.append(ConsumerSnapshot(name=consumer.name, info=info))
            if len(consumers) % STREAMS_SLICE == 0:
                yield
        return StreamSnapshot(
            name=stream.name,
            created_ns=stream.created_ns,
            config=stream.config,
            state=stream.state(),
            consumers=tuple(consumers),
        )

    async def _take(self, body: Pieces) -> bytes:
        """The next part of a long body, made in slices beside everything else."""
        hub = self._hub
        found: asyncio.Future[bytes] = hub.loop.create_future()
        part: list[bytes] = []

        def step(_turn: Turn) -> bool:
            """A piece; what goes wrong is told to who waits for the part."""
            try:
                part.append(next(body))
                if sum(map(len, part)) < CHUNK_BYTES:
                    return True
            except StopIteration:
                pass
            except Exception as error:  # noqa: BLE001 — as above
                if not found.done():
                    found.set_exception(error)
            if not found.done():
                found.set_result(b"".join(part))
            return False

        turn = hub.begin_turn()
        Job(step).start_next(turn)  # in the one turn that goes on, however many take parts
        hub.finish_turn()
        return await found

    def _answer(self, target: str) -> Answer | Sliced[Answer]:
        """What `routes` says; it was loaded with the connection (`monitor.http`)."""
        if self._routes is None:
            from isthmus.monitor.routes import Routes  # noqa: PLC0415

            self._routes = Routes(self, self._options.http_base_path)
        return self._routes.answer(target)

    async def _work_off(self, work: Sliced[Answer]) -> Answer:
        """A long answer, one after the other, in slices beside everything else."""
        hub = self._hub
        found: asyncio.Future[Answer] = hub.loop.create_future()

        def done(answer: Answer, _turn: Turn) -> None:
            if not found.done():
                found.set_result(answer)

        turn = hub.begin_turn()
        try:
            taken = self._line.take(work, done, turn)
        finally:
            hub.finish_turn()
        return await found if taken else Answer(status=503, content_type=TEXT, body=b"503 Busy\n")


class _CpuMeter:
    """How much of a core the process used since it was asked last."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._used = time.process_time()

    def percent(self) -> float:
        at, used = time.monotonic(), time.process_time()
        passed = at - self._at
        out = 100 * (used - self._used) / passed if passed > 0 else 0.0
        self._at, self._used = at, used
        return round(out, 1)


def _resident_bytes() -> int:
    """Resident size; the peak where the present one is not told."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 — read on each request
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
