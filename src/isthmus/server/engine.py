"""Runs JetStream: one `AccountJetStream` per account that may store, one journal, one agenda.

The shell around pure machines: gives them turns, rings their deadlines, carries out what the
journal wants done on the disk in worker threads. Has no opinion about streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from isthmus.accounts.account import Account
from isthmus.accounts.spec import AccountSpec, JetStreamLimits
from isthmus.base.errors import StoreError
from isthmus.base.ports import Disk, Entropy
from isthmus.config.options import JetStreamOptions
from isthmus.core.agenda import Agenda
from isthmus.core.stored import Usage
from isthmus.jetstream.account import AccountJetStream
from isthmus.jetstream.limits import AccountLimits, ServerLimits
from isthmus.jetstream.reservations import Reservations
from isthmus.server.capacity import free_bytes, memory_bytes, three_quarters
from isthmus.server.disks import FileDisk
from isthmus.server.hub import Hub
from isthmus.server.lanes import LaneThread, MakeLane
from isthmus.server.logs import Log
from isthmus.store.jobs import LANES, Job
from isthmus.store.records import SEGMENT_BYTES
from isthmus.store.recover import Options as StoreOptions
from isthmus.store.recover import open_store
from isthmus.store.store import Store

STOP_S = 10.0  # for the last checkpoint; what is in the journal is safe without it
LANE_S = 2.0  # more for each lane: a disk that has not answered by then is left alone


class StoreDisk(Disk, Protocol):
    """Where the store lives; the engine closes it."""

    def close(self) -> None:
        """Let go of files and of the lock."""


class Engine:
    """JetStream of one server."""

    def __init__(
        self,
        options: JetStreamOptions,
        hub: Hub,
        entropy: Entropy,
        log: Log,
        make_disk: Callable[[Path], StoreDisk] | None = None,
        *,
        make_lane: MakeLane | None = None,
        segment_bytes: int = 0,
    ) -> None:
        self.options = options
        self.accounts: dict[str, AccountJetStream] = {}
        self.agenda = Agenda()
        self.usage = Usage()
        self.reservations = Reservations()
        folder = Path(options.store_dir) if options.store_dir else _folder_of_the_machine()
        self.store_dir = str(folder / "jetstream")
        self.store: Store | None = None
        self._segment_bytes = segment_bytes or SEGMENT_BYTES
        self._disk = (make_disk or FileDisk)(folder / "jetstream" / "isthmus")
        self._hub = hub
        self._entropy = entropy
        self._log = log
        make = make_lane or LaneThread
        self._lanes = {lane: make(lane, self._disk, hub.loop, self._done) for lane in LANES}
        self._idle = asyncio.Event()

    @property
    def problem(self) -> str:
        """Why nothing is stored any more; empty if all is well."""
        return "" if self.store is None else self.store.health()

    async def start(self) -> None:
        """Open the store, recover what is in it, serve every account that may store."""
        hub = self._hub
        sync_ns = 0 if self.options.sync_always else self.options.sync_interval_ns
        loop = asyncio.get_running_loop()

        def tell(line: str) -> None:
            loop.call_soon_threadsafe(self._log.error, line)

        def open_it() -> tuple[Store, int]:
            options = StoreOptions(sync_interval_ns=sync_ns, segment_bytes=self._segment_bytes)
            opened = open_store(self._disk, self._entropy, options=options, tell=tell)
            return opened, free_bytes(Path(self.store_dir))

        store, free = await loop.run_in_executor(None, open_it)
        self.store = store
        for line in store.report.findings:
            self._log.warn(line)
        turn = hub.begin_turn()
        try:
            self._serve_recovered(store)
            self._bound(free)
            for account in hub.registry:
                self.follow(account)
            store.start(self._submit, turn)
        finally:
            hub.finish_turn()
        hub.registry.on_update.append(self.follow)
        hub.on_tick.append(self._ring)
        hub.deadlines += [self.agenda.deadline_ns, store.deadline_ns]
        hub.jetstream_enabled = True
        hub.rearm()
        report = store.report
        self._log.info(f"Recovered {report.streams} streams with {report.messages} messages")

    def _bound(self, free: int) -> None:
        """What all streams may take, where the configuration does not say.

        What is stored already counts as free: a restart leaves as much as there was before.
        """
        memory, storage = self.options.max_memory, self.options.max_file
        if memory < 0:
            memory = three_quarters(memory_bytes())
        if storage < 0:
            storage = three_quarters(free + self.usage.file_bytes)
        self.usage.limit(memory, storage)
        self.reservations.max_memory, self.reservations.max_storage = memory, storage

    def shut_down(self) -> None:
        """Tell who waits; take nothing in and deliver nothing any more."""
        turn = self._hub.begin_turn()
        for account in self.accounts.values():
            account.shut_down(turn)
        self._hub.finish_turn()

    async def stop(self) -> None:
        """After `shut_down`: write what is left, let go of the disk.

        Raises `StoreError` if the disk does not answer. Its files and its lock are kept then: what
        hangs may still be carried out, and nobody else may write before that.
        """
        turn = self._hub.begin_turn()
        if self.store is not None and self.store.started:
            self.store.finish(turn)
        self._hub.finish_turn()
        ends = self._hub.loop.time() + STOP_S
        while self.store is not None and not self.store.idle and self._hub.loop.time() < ends:
            self._idle.clear()
            try:
                await asyncio.wait_for(self._idle.wait(), ends - self._hub.loop.time())
            except TimeoutError:
                self._log.error(f"the last checkpoint takes too long: {self._unsynced()}")
        hanging = [name for name, lane in self._lanes.items() if not lane.close(LANE_S)]
        if hanging:
            raise StoreError(f"the disk does not answer ({', '.join(hanging)}): {self._unsynced()}")
        self._disk.close()

    def _unsynced(self) -> str:
        """What is not on the disk yet, for the log."""
        store = self.store
        if store is None:
            return "nothing was stored"
        left = store.journal.end_lsn - store.journal.durable_lsn
        if left:
            return f"{left} bytes of the journal are not on the disk, and were not acknowledged"
        if self.options.sync_interval_ns and not self.options.sync_always:
            return "the journal is written, but not synced since the last interval"
        return "the journal has everything that was acknowledged"

    def _serve_recovered(self, store: Store) -> None:
        """Streams that were found, in accounts that exist or will when they are pushed again."""
        hub = self._hub
        for found in store.recovered:
            name = found.account.decode()
            account = hub.registry.load(name, hub.turn.now_ns)
            if account is None:
                account = hub.registry.update(AccountSpec(name=name), hub.turn.now_ns)
                self._log.warn(f"account {name} has streams and is not known: nobody can use them")
            owner = self.accounts.get(name) or self._make(account, None)
            store.adopt(found.files, owner.recover(found, hub.turn))

    # --- the disk ---

    def _submit(self, job: Job) -> None:
        """Carry a job out in its lane."""
        self._hub.groups += job.lane == "journal"
        self._lanes[job.lane].submit(job)

    def _done(self, job: Job, error: BaseException | None) -> None:
        """It was carried out: tell the store, in a turn of its own."""
        self._hub.groups -= job.lane == "journal"
        turn = self._hub.begin_turn()
        try:
            job.done(error, turn)
        finally:
            self._hub.finish_turn()
            if self.store is not None and self.store.idle:
                self._idle.set()

    # --- accounts ---

    def follow(self, account: Account) -> None:
        """An account is new or changed: its JetStream follows."""
        spec = account.spec
        limits = None if spec.jetstream is None else _limits(spec.jetstream)
        if account.expired and not spec.token:
            limits = None  # it was deleted
        if account.name == self._hub.system_account:
            limits = None  # it stores nothing
        known = self.accounts.get(account.name)
        if known is None:
            known = self._make(account, limits)  # without limits its API says that JetStream is off
        wanted = spec.jetstream or JetStreamLimits()
        known.tiers = {name: _limits(tier) for name, tier in wanted.tiers.items()}
        known.limit(limits, self._hub.turn, applicable=wanted.applicable)

    def _make(self, account: Account, limits: AccountLimits | None) -> AccountJetStream:
        store = self.store
        assert store is not None
        made = self.accounts[account.name] = AccountJetStream(
            account.core,
            store.journal,
            limits=limits,
            entropy=self._entropy,
            agenda=self.agenda,
            server_usage=self.usage,
            server_limits=_server_limits(self.options),
            server_reservations=self.reservations,
            server_name=self._hub.server_name,
            domain=self.options.domain,
            strict=self.options.strict,
            logs=store,
        )
        return made

    def _ring(self, now_ns: int) -> None:
        self.agenda.ring(self._hub.turn)
        if self.store is not None:
            self.store.tick(now_ns)


def _folder_of_the_machine() -> Path:
    """Where nats-server stores if nobody says where."""
    import tempfile  # noqa: PLC0415 — not needed by those who say it

    return Path(tempfile.gettempdir()) / "nats"


def _limits(limits: JetStreamLimits) -> AccountLimits:
    return AccountLimits(
        max_memory=limits.memory,
        max_storage=limits.storage,
        max_streams=limits.streams,
        max_consumers=limits.consumers,
        max_ack_pending=limits.ack_pending,
        memory_max_stream_bytes=limits.memory_stream_bytes,
        storage_max_stream_bytes=limits.storage_stream_bytes,
        max_bytes_required=limits.bytes_required,
    )


def _server_limits(options: JetStreamOptions) -> ServerLimits:
    limits = options.limits
    return ServerLimits(
        duplicate_window_ns=limits.duplicate_window_ns,
        max_ack_pending=limits.max_ack_pending,
        max_request_batch=limits.max_request_batch,
    )
