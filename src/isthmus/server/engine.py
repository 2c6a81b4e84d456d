"""Runs JetStream: one `AccountJetStream` per account that may store, one journal, one agenda.

The shell around pure machines: gives them turns, rings their deadlines, carries out what the
journal wants done on the disk in one worker thread. Has no opinion about streams.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from isthmus.accounts.account import Account
from isthmus.accounts.spec import JetStreamLimits
from isthmus.base.ports import Entropy
from isthmus.config.options import JetStreamOptions
from isthmus.core.agenda import Agenda
from isthmus.core.journal import Journal
from isthmus.core.stored import Usage
from isthmus.jetstream.account import AccountJetStream, LogStore
from isthmus.jetstream.limits import AccountLimits, ServerLimits
from isthmus.server.hub import Hub
from isthmus.server.logs import Log


class Engine:
    """JetStream of one server."""

    def __init__(self, options: JetStreamOptions, hub: Hub, entropy: Entropy, log: Log) -> None:
        self.options = options
        self.accounts: dict[str, AccountJetStream] = {}
        self.agenda = Agenda()
        self.usage = Usage()
        self.usage.limit(options.max_memory, options.max_file)
        self.journal: Journal | None = None
        self.store_dir = str(Path(options.store_dir or tempfile.gettempdir()) / "jetstream")
        self._logs: LogStore | None = None
        self._hub = hub
        self._entropy = entropy
        self._log = log

    @property
    def problem(self) -> str:
        """Why nothing is stored any more; empty if all is well."""
        journal = self.journal
        return journal.reason if journal is not None and journal.failed else ""

    async def start(self) -> None:
        """Open the store, recover what is in it, serve every account that may store."""
        hub = self._hub
        hub.on_tick.append(self._ring)
        hub.deadlines.append(self.agenda.deadline_ns)
        for account in hub.registry:
            self.follow(account)
        hub.registry.on_update.append(self.follow)
        hub.jetstream_enabled = True
        hub.rearm()

    async def stop(self) -> None:
        """Tell who waits, write what is left."""
        turn = self._hub.begin_turn()
        for account in self.accounts.values():
            account.shut_down(turn)
        self._hub.finish_turn()

    def follow(self, account: Account) -> None:
        """An account is new or changed: its JetStream follows."""
        spec = account.spec
        limits = None if spec.jetstream is None else _limits(spec.jetstream)
        known = self.accounts.get(account.name)
        if known is not None:
            known.limit(limits)
        elif limits is not None:
            self.accounts[account.name] = AccountJetStream(
                account.core,
                self.journal,
                limits=limits,
                entropy=self._entropy,
                agenda=self.agenda,
                server_usage=self.usage,
                server_limits=_server_limits(self.options),
                server_name=self._hub.server_name,
                domain=self.options.domain,
                strict=self.options.strict,
                logs=self._logs,
            )

    def _ring(self, _now_ns: int) -> None:
        self.agenda.ring(self._hub.turn)


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
