"""What a start finds: streams and consumers, as their last checkpoints and the journal leave them.

        checkpoint ─► add_stream, add_consumer ─► Found ◄─ messages, removals, steps ─ Replay
                                                  ▲ │                                    │
        journal ─► Replay ─► a stream, a consumer ┘ └► gone ◄──────── an end ────────────┘

Owns the table of what is known, by number, and what is wrong with each. Knows no file but those it
removes: of a stream that is gone nothing stays. Invariant: no number below `next_number` is free.
"""

from __future__ import annotations

from collections.abc import Callable

from isthmus.base.ports import Disk
from isthmus.core.replay import Replay
from isthmus.core.segment import KINDS, Entry
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_tree import SubjectTree
from isthmus.store.blocks import StreamFiles, StreamNow
from isthmus.store.records import STREAMS, ConsumerMeta, stream_folder

_STREAM, _CONSUMER = KINDS["stream"], KINDS["consumer"]
_NEVER = (1 << 64) - 1  # an lsn that no record has


class FoundConsumer:
    """A consumer as it was left: `records` are (payload, time), in order, condensed or not."""

    def __init__(self, number: int, name: bytes, config: bytes) -> None:
        self.number = number
        self.name = name
        self.config = config
        self.records: list[tuple[bytes, int]] = []


class Left:
    """A stream as it was left, in a store or in an archive. Until somebody else is, its keeper."""

    def __init__(
        self, log: StreamLog, tree: SubjectTree, account: bytes, name: bytes, config: bytes
    ) -> None:
        self.log = log
        self.tree = tree
        self.account = account
        self.name = name
        self.config = config
        self.consumers: dict[int, FoundConsumer] = {}
        self.labels: list[bytes] = []  # of the last copies since the checkpoint, even if they went

    @property
    def number(self) -> int:
        """Its number in the store."""
        number: int = self.log.number
        return number

    def checkpoint(self) -> StreamNow:
        """What was found, unchanged."""
        return StreamNow(
            account=self.account,
            name=self.name,
            config=self.config,
            consumers=[
                ConsumerMeta(number=c.number, name=c.name, config=c.config, records=c.records)
                for c in self.consumers.values()
            ],
        )

    def store_failed(self, reason: str) -> None:
        """Nobody writes to it yet."""


class Found(Left):
    """A stream that a start found, with its files."""

    def __init__(
        self, files: StreamFiles, tree: SubjectTree, account: bytes, name: bytes, config: bytes
    ) -> None:
        super().__init__(files.log, tree, account, name, config)
        self.files = files


class FoundStreams:
    """All that is known so far. `files_of` makes the files of a stream, `secret` is the store's."""

    def __init__(self, disk: Disk, files_of: Callable[[int], StreamFiles], *, secret: int) -> None:
        self.streams: dict[int, Found] = {}
        self.replay = Replay(self._rare)
        self.next_number = 1
        self.troubles: dict[int, list[str]] = {}  # of streams; nobody misses one that was deleted
        self.lost: dict[int, int] = {}
        self._disk = disk
        self._files_of = files_of
        self._secret = secret

    @property
    def checkpoint_lsn(self) -> int:
        """The end of the journal that the latest checkpoint knew of."""
        return max((found.files.checkpoint_lsn for found in self.streams.values()), default=0)

    def taken(self, number: int) -> None:
        """Nobody else gets this number."""
        self.next_number = max(self.next_number, number + 1)

    def add_stream(self, number: int, account: bytes, name: bytes, config: bytes) -> Found:
        """A stream that is there."""
        self.taken(number)
        tree = SubjectTree(self._secret ^ number)
        self.streams[number] = Found(self._files_of(number), tree, account, name, config)
        return self.streams[number]

    def add_consumer(self, found: Found, number: int, name: bytes, config: bytes, lsn: int) -> None:
        """A consumer that is there; its records count from `lsn` on."""
        self.taken(number)
        consumer = FoundConsumer(number, name, config)
        found.consumers[number] = consumer
        self.replay.add_consumer(number, consumer.records, lsn)

    def settle(self) -> None:
        """The journal was replayed: each stream gets what its last copies say of their origins."""
        for number, labels in self.replay.labels.items():
            if number in self.streams:
                self.streams[number].labels = list(labels.values())

    def _rare(self, entry: Entry, lsn: int) -> None:
        """A stream or consumer is created, changed or gone."""
        number = entry.owner
        self.taken(number)
        if entry.kind == _STREAM:
            found = self.streams.get(number)
            if found is None:
                found = self.add_stream(number, entry.header, entry.subject, entry.payload)
                found.files.checkpoint_lsn = lsn
                self.replay.add_stream(number, found.log, found.tree, lsn)
            elif lsn >= found.files.checkpoint_lsn:
                found.config = entry.payload
                self.replay.labels.pop(number, None)  # it says where the sources stood by then
        elif entry.kind == _CONSUMER:
            found = self.streams.get(entry.seq)
            if found is None or lsn < found.files.checkpoint_lsn:
                if found is None or number not in found.consumers:
                    self.replay.add_consumer(number, [], _NEVER)  # gone before the checkpoint
            elif number in found.consumers:
                found.consumers[number].config = entry.payload
            else:
                self.add_consumer(found, number, entry.subject, entry.payload, lsn)
        else:
            self._end(number)

    def _end(self, number: int) -> None:
        """The stream or consumer is gone."""
        self.replay.forget(number)
        self.troubles.pop(number, None)
        self.lost.pop(number, None)
        found = self.streams.pop(number, None)
        if found is not None:
            for consumer in found.consumers:
                self.replay.add_consumer(consumer, [], _NEVER)
        else:
            for other in self.streams.values():
                if other.consumers.pop(number, None) is not None:
                    break
        # even if nothing of it was found: the folder may be all that is left of it
        if self._disk.list(stream_folder(number)):
            self._disk.remove_folder(stream_folder(number))
            self._disk.sync_folder(STREAMS)
