"""From files, after a stop or a crash, to a consistent store, and a report of what was found.

Owns the decisions of a start: what counts, what is void, what is damaged. A stream's state is its
last checkpoint and everything the journal says from there on. In the journal a damaged place is

        below what a commit record calls released   damage: named, and what follows counts
        above it                                    the group that was being written when the power
                                                    went: nobody was answered, the rest of it is
                                                    dropped, and that is named too

Invariant: nothing that was acknowledged is missing without a `Finding`. Blocks: call it before the
loop runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from isthmus.base.errors import StoreError
from isthmus.base.ports import Disk, Entropy
from isthmus.base.values import Value
from isthmus.core.replay import Replay, Survey, survey
from isthmus.core.segment import KINDS, Entry
from isthmus.core.stream_log import StreamLog, block_rows
from isthmus.core.subject_tree import SubjectTree
from isthmus.store.blocks import BlockCache, StreamFiles, StreamNow
from isthmus.store.jobs import Operation, Submit
from isthmus.store.journal import PENDING_MAX, JournalOwner
from isthmus.store.records import (
    FORMAT_VERSION,
    IDENTITY,
    JOURNAL,
    LOCK,
    META,
    SEGMENT_BYTES,
    STREAMS,
    ConsumerMeta,
    Identity,
    StreamMeta,
    block_path,
    packed_path,
    segment_number,
    segment_path,
    stream_folder,
)
from isthmus.store.small_files import COPY, read_both, replace_both
from isthmus.store.store import BLOCK_BYTES, CHECKPOINT_BYTES, Report, Store

_STREAM, _CONSUMER = KINDS["stream"], KINDS["consumer"]
_NEVER = (1 << 64) - 1  # an lsn that no record has


class Options(Value):
    """How a store is run; sizes other than the defaults are for tests."""

    sync_interval_ns: int = 0  # 0: acknowledge after the sync; else after the write
    pending_max: int = PENDING_MAX
    segment_bytes: int = SEGMENT_BYTES  # of a new store; an old one keeps its own
    block_bytes: int = BLOCK_BYTES
    checkpoint_bytes: int = CHECKPOINT_BYTES
    cache_bytes: int = 8 << 20


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


def open_store(
    disk: Disk,
    entropy: Entropy,
    *,
    options: Options = Options(),
    tell: Callable[[str], None] = lambda _text: None,
) -> Store:
    """Lock, read and check everything below the disk's folder; raise `StoreError` if that fails.

    `tell` gets one line for each trouble that comes up later.
    """
    try:
        return _Recovery(disk, entropy, options, tell).run()
    except OSError as error:  # perhaps it is there again at the next start: nothing is given up
        raise StoreError(
            f"the store cannot be read or written: {error}; nothing in it was given up, "
            "mend that and start again"
        ) from error


class _Recovery:
    """One start: steps in the order of `run`."""

    def __init__(
        self, disk: Disk, entropy: Entropy, options: Options, tell: Callable[[str], None]
    ) -> None:
        self.disk = disk
        self.entropy = entropy
        self.options = options
        self.tell = tell
        self.findings: list[str] = []
        self.found: dict[int, Found] = {}
        self.cache = BlockCache(options.cache_bytes)
        self.replay = Replay(self.rare)
        self.next_number = 1
        self.troubles: dict[int, list[str]] = {}  # of streams; nobody misses one that was deleted
        self.lost: dict[int, int] = {}

    def run(self) -> Store:
        """All of it."""
        disk = self.disk
        disk.lock(LOCK)
        disk.make_folder(JOURNAL)
        disk.make_folder(STREAMS)
        disk.sync_folder("")
        self.identity = self.read_identity()
        for name in disk.list(STREAMS):
            if name.isdecimal():
                self.read_stream(int(name))
        before = len(self.findings)
        ended = self.read_journal()
        self.findings[before:before] = chain.from_iterable(self.troubles.values())
        for number, labels in self.replay.labels.items():
            if number in self.found:
                self.found[number].labels = list(labels.values())
        for number, records in sorted(self.replay.unknown.items()):
            self.findings.append(
                f"{records} records in the journal belong to {number}, "
                "of which neither stream nor consumer is known"
            )
        report = Report(
            findings=self.findings,
            streams=len(self.found),
            messages=sum(found.log.messages for found in self.found.values()),
            lost=sum(self.lost.values()),
            records=self.replay.records,
        )
        store = Store(
            disk,
            lambda submit: self.make_owner(submit, ended),
            secret=self.identity.secret,
            streams={number: found.files for number, found in self.found.items()},
            recovered=[self.found[number] for number in sorted(self.found)],
            report=report,
            cache=self.cache,
            tell=self.tell,
            block_bytes=self.options.block_bytes,
            checkpoint_bytes=self.options.checkpoint_bytes,
        )
        for found in self.found.values():
            store.adopt(found.files, found)
        return store

    # --- what the store is ---

    def read_identity(self) -> Identity:
        """The store's secret and sizes; made at the first start."""
        disk = self.disk
        copies = read_both(disk, IDENTITY, Identity)
        identity = copies.value
        if identity is None:
            if copies.damaged or disk.list(STREAMS) or self.has_segments():
                raise StoreError(
                    f"the file `{IDENTITY}` is {'damaged' if copies.damaged else 'missing'}, as is "
                    "its copy, and without it nothing in the store can be read; put it back, or "
                    "choose another store_dir"
                )
            identity = Identity(
                format=FORMAT_VERSION,
                secret=int.from_bytes(self.entropy.bytes(8), "little"),
                segment_bytes=self.options.segment_bytes,
            )
        self.findings += [f"the file `{path}` was damaged; repaired" for path in copies.damaged]
        if not copies.agree:  # durable before anything else is written
            self.carry_out(replace_both(IDENTITY, "", identity))
        return identity

    def has_segments(self) -> bool:
        """True if there is a journal."""
        return any(segment_number(name) is not None for name in self.disk.list(JOURNAL))

    def carry_out(self, operations: Iterable[Operation]) -> None:
        """At once."""
        for operation in operations:
            operation.run(self.disk)

    # --- checkpoints ---

    def read_stream(self, number: int) -> None:
        """A stream's last checkpoint, and the blocks it lists."""
        folder = stream_folder(number)
        path = f"{folder}/{META}"
        troubles = self.troubles.setdefault(number, [])
        self.next_number = max(self.next_number, number + 1)
        names = self.disk.list(folder)
        copies = read_both(self.disk, path, StreamMeta, number=number, secret=self.identity.secret)
        meta = copies.value
        if meta is None and copies.damaged:
            troubles.append(
                f"stream {number}: {path}: damaged, both copies; "
                "of this stream only what the journal still has is used"
            )
            return
        if meta is None:  # a restore that did not end; or the journal says all of it again
            self.disk.remove_folder(folder)
            return
        troubles += [f"stream {number}: {damaged}: damaged; repaired" for damaged in copies.damaged]
        if not copies.agree:
            self.carry_out(replace_both(path, folder, meta, self.identity.secret))
        listed = self.restore(meta)
        for name in names:
            block = f"{folder}/{name}"
            if name not in {META, META + COPY} and block not in listed:
                self.disk.remove(block)  # newer than the checkpoint: the journal says it again

    def restore(self, meta: StreamMeta) -> set[str]:
        """The stream of a checkpoint; the paths of its blocks."""
        number = meta.number
        found = self.add_stream(number, meta.account, meta.name, meta.config)
        found.files.exists = True
        found.files.checkpoint_lsn = meta.lsn
        listed = set()
        troubles = self.troubles[number]
        blocks = found.files.blocks
        blocks.packed = set(meta.packed)
        for row in block_rows(meta.blocks):
            first_seq, _, generation, _, size, live, _ = row
            key = (first_seq, generation)
            path = packed_path(number, *key) if key in blocks.packed else block_path(number, *key)
            listed.add(path)
            if self.disk.size(path) < 0:
                troubles.append(f"stream {number}: {path} is missing")
                data = b""
            else:
                data = blocks.read_listed(key, size)
            before = found.log.messages
            damage = found.log.restore(row, data, found.tree)
            lost = live - (found.log.messages - before)
            self.lost[number] = self.lost.get(number, 0) + max(lost, 0)
            for offset, seq in damage:
                troubles.append(
                    f"stream {number} ({meta.name.decode()}): {path} is damaged at offset "
                    f"{offset}, behind message {seq or first_seq - 1}; "
                    f"{lost} messages of this block are lost"
                )
        found.log.restored(meta.first_seq, meta.last_seq, meta.last_ns)
        for consumer in meta.consumers:
            self.add_consumer(found, consumer.number, consumer.name, consumer.config, meta.lsn)
            found.consumers[consumer.number].records.extend(consumer.records)
        self.replay.add_stream(number, found.log, found.tree, meta.lsn)
        return listed

    def add_stream(self, number: int, account: bytes, name: bytes, config: bytes) -> Found:
        """A stream that is there."""
        self.next_number = max(self.next_number, number + 1)
        files = StreamFiles(
            number,
            1,
            disk=self.disk,
            submit=None,
            cache=self.cache,
            secret=self.identity.secret,
            block_bytes=self.options.block_bytes,
            report=self.tell,
        )
        tree = SubjectTree(self.identity.secret ^ number)
        self.found[number] = Found(files, tree, account, name, config)
        return self.found[number]

    def add_consumer(self, found: Found, number: int, name: bytes, config: bytes, lsn: int) -> None:
        """A consumer that is there; its records count from `lsn` on."""
        self.next_number = max(self.next_number, number + 1)
        consumer = FoundConsumer(number, name, config)
        found.consumers[number] = consumer
        self.replay.add_consumer(number, consumer.records, lsn)

    # --- the journal ---

    def read_journal(self) -> int:
        """Survey, decide, replay; the lsn at which what counts ends (0: there is nothing)."""
        self.segments: set[int] = set()
        self.spares: list[str] = []
        self.last_number = 0
        surveys: dict[int, Survey] = {}
        short: dict[int, int] = {}
        for name in self.disk.list(JOURNAL):
            number = segment_number(name)
            if number is None:
                self.spares.append(f"{JOURNAL}/{name}")
                continue
            self.last_number = max(self.last_number, number)
            data = self.segment(number)
            found = survey(
                data,
                secret=self.identity.secret,
                number=number,
                segment_bytes=self.identity.segment_bytes,
            )
            if found.begun:
                surveys[number] = found
                self.segments.add(number)
                self.next_number = max(self.next_number, found.next_number)
            else:
                self.spares.append(segment_path(number))
            if len(data) < self.identity.segment_bytes:
                short[number] = len(data)
        oldest = max((found.oldest_lsn for found in surveys.values()), default=0)
        for number in [n for n in surveys if (n + 1) * self.identity.segment_bytes <= oldest]:
            del surveys[number]  # free for use again, when the last process ended
            self.segments.discard(number)
            self.spares.append(segment_path(number))
        self.findings += [
            f"journal: segment {number} is cut off at {size} of {self.identity.segment_bytes} "
            "bytes; what was recorded behind that is lost"
            for number, size in short.items()
            if (number + 1) * self.identity.segment_bytes > oldest
        ]
        if surveys and oldest // self.identity.segment_bytes < min(surveys):
            self.findings.append(
                f"journal: the segments from {oldest // self.identity.segment_bytes} to "
                f"{min(surveys) - 1} are missing; what was recorded there is lost"
            )
        ranges, ended = plan(surveys, self.identity.segment_bytes, self.findings)
        self.check_reach(surveys, ended)
        data, loaded = b"", 0
        for number, begin, end in ranges:
            if number != loaded:
                data, loaded = self.segment(number), number
            self.replay.run(
                data,
                begin,
                end,
                secret=self.identity.secret,
                number=number,
                segment_bytes=self.identity.segment_bytes,
            )
        return ended

    def segment(self, number: int) -> bytes:
        """All of a segment's file."""
        return self.disk.read(segment_path(number), 0, self.identity.segment_bytes)

    def check_reach(self, surveys: dict[int, Survey], ended: int) -> None:
        """Checkpoints must not know of a journal that goes on where the files do not."""
        lsn = max((found.files.checkpoint_lsn for found in self.found.values()), default=0)
        if lsn > ended and (surveys or lsn % self.identity.segment_bytes):
            self.findings.append(
                f"the journal ends at {ended}, but a checkpoint was made at {lsn}: "
                "segments are missing; what was acknowledged behind the last checkpoints is lost"
            )

    def rare(self, entry: Entry, lsn: int) -> None:
        """A stream or consumer is created, changed or gone."""
        number = entry.owner
        self.next_number = max(self.next_number, number + 1)
        if entry.kind == _STREAM:
            found = self.found.get(number)
            if found is None:
                found = self.add_stream(number, entry.header, entry.subject, entry.payload)
                found.files.checkpoint_lsn = lsn
                self.replay.add_stream(number, found.log, found.tree, lsn)
            elif lsn >= found.files.checkpoint_lsn:
                found.config = entry.payload
                self.replay.labels.pop(number, None)  # it says where the sources stood by then
        elif entry.kind == _CONSUMER:
            found = self.found.get(entry.seq)
            if found is None or lsn < found.files.checkpoint_lsn:
                if found is None or number not in found.consumers:
                    self.replay.add_consumer(number, [], _NEVER)  # gone before the checkpoint
            elif number in found.consumers:
                found.consumers[number].config = entry.payload
            else:
                self.add_consumer(found, number, entry.subject, entry.payload, lsn)
        else:
            self.end(number)

    def end(self, number: int) -> None:
        """The stream or consumer is gone."""
        self.replay.forget(number)
        self.troubles.pop(number, None)
        self.lost.pop(number, None)
        found = self.found.pop(number, None)
        if found is not None:
            for consumer in found.consumers:
                self.replay.add_consumer(consumer, [], _NEVER)
        else:
            for other in self.found.values():
                if other.consumers.pop(number, None) is not None:
                    break
        # even if nothing of it was found: the folder may be all that is left of it
        if self.disk.list(stream_folder(number)):
            self.disk.remove_folder(stream_folder(number))
            self.disk.sync_folder(STREAMS)

    # --- going on ---

    def make_owner(self, submit: Submit, ended: int) -> JournalOwner:
        """The journal goes on in a fresh segment, behind all that ever were."""
        size = self.identity.segment_bytes
        reached = max((found.files.checkpoint_lsn for found in self.found.values()), default=0)
        first = max(self.last_number, -(-reached // size)) + 1
        path = segment_path(first)
        spares = []
        spare_number = max((_tail_number(name) for name in self.spares), default=0)
        for old in self.spares:
            name = old
            if segment_number(old.rpartition("/")[2]) is not None:
                spare_number += 1  # it was made ready and never begun
                name = f"{JOURNAL}/spare-{spare_number}"
                self.disk.rename(old, name)
            if self.disk.size(name) == size:
                spares.append(name)
            else:
                self.disk.remove(name)
        if spares:
            spare = spares.pop()
        else:
            spare_number += 1
            spare = f"{JOURNAL}/spare-{spare_number}"
            self.disk.preallocate(spare, size)
        self.disk.rename(spare, path)
        self.disk.sync_folder(JOURNAL)
        owner = JournalOwner(
            submit,
            secret=self.identity.secret,
            segment_bytes=size,
            first=first,
            previous_end=ended,
            present=self.segments | {first},
            spares=spares,
            spare_number=spare_number,
            sync_interval_ns=self.options.sync_interval_ns,
            pending_max=self.options.pending_max,
            tell=self.tell,
        )
        owner.journal.next_number = self.next_number
        return owner


def _tail_number(name: str) -> int:
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isdecimal() else 0


def plan(
    surveys: dict[int, Survey], segment_bytes: int, findings: list[str]
) -> tuple[list[tuple[int, int, int]], int]:
    """`(segment, begin, end)` of what counts, in order, and the lsn at which it ends."""
    released = max((found.released for found in surveys.values()), default=0)
    ranges: list[tuple[int, int, int]] = []
    ended = 0
    for number, limit in _limits(surveys, segment_bytes):
        base = number * segment_bytes
        stop = None if limit is None else limit - base
        if stop is not None and stop > segment_bytes:
            stop = None
            if number + 1 not in surveys:
                findings.append(f"journal: segments behind {number} are missing")
        at = 0
        for begin, end in _clipped(surveys[number].runs, stop):
            if begin > at:
                if base + at >= released:
                    dropped = _bytes_behind(surveys, number, at)
                    findings.append(
                        f"journal: an unfinished group at segment {number}, offset {at}, was "
                        f"dropped ({dropped} sound bytes in it); nobody had been answered"
                    )
                    return ranges, base + at
                findings.append(
                    f"journal: segment {number} is damaged from offset {at} to {begin}; "
                    "what was recorded there is lost"
                )
            if end > begin:
                ranges.append((number, begin, end))
            at = end
        ended = base + at
    return ranges, ended


def _limits(surveys: dict[int, Survey], segment_bytes: int) -> Iterable[tuple[int, int | None]]:
    """Segments that count, in order, each with the lsn where its records end (None: not known).

    Every segment names where the records before it end. Where a start dropped something, that lies
    further back than the segment before: what is between is void.
    """
    out: list[tuple[int, int | None]] = []
    limit: int | None = None
    for number in sorted(surveys, reverse=True):
        if limit is not None and limit <= number * segment_bytes:
            continue
        out.append((number, limit))
        if surveys[number].headed:
            limit = surveys[number].previous_end
    return reversed(out)


def _clipped(runs: list[tuple[int, int]], stop: int | None) -> list[tuple[int, int]]:
    """Runs up to `stop`, and an empty one there: what lies behind was dropped by another start."""
    if stop is None:
        return runs
    return [(begin, min(end, stop)) for begin, end in runs if begin < stop] + [(stop, stop)]


def _bytes_behind(surveys: dict[int, Survey], number: int, at: int) -> int:
    """Sound bytes behind a place."""
    later: Iterable[tuple[int, int, int]] = (
        (n, begin, end) for n, found in surveys.items() for begin, end in found.runs
    )
    return sum(end - begin for n, begin, end in later if n > number or (n == number and end > at))
