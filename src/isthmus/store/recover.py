"""From files, after a stop or a crash, to a consistent store, and a report of what was found.

A stream's state is its last checkpoint and everything the journal says from there on.

        identity       what the store is                      here; both copies repaired
        checkpoints    streams, consumers, blocks             checkpoints.py ─► found.py
        journal        what came since, and where it ends     extent.py, journal_files.py, found.py

Owns the order of these steps. Invariant: nothing that was acknowledged is missing without a finding
in the `Report`. Blocks: call it before the loop runs.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from isthmus.base.errors import StoreError
from isthmus.base.ports import Disk, Entropy
from isthmus.base.values import Value
from isthmus.store.blocks import BlockCache, StreamFiles
from isthmus.store.checkpoints import read_stream
from isthmus.store.found import FoundStreams
from isthmus.store.journal import PENDING_MAX
from isthmus.store.journal_files import HowToWrite, JournalFiles
from isthmus.store.records import (
    FORMAT_VERSION,
    IDENTITY,
    JOURNAL,
    LOCK,
    SEGMENT_BYTES,
    STREAMS,
    Identity,
    segment_number,
    stream_number,
)
from isthmus.store.small_files import read_both, replace_both
from isthmus.store.store import BLOCK_BYTES, CHECKPOINT_BYTES, Report, Store


class Options(Value):
    """How a store is run; sizes other than the defaults are for tests."""

    sync_interval_ns: int = 0  # 0: acknowledge after the sync; else after the write
    pending_max: int = PENDING_MAX
    segment_bytes: int = SEGMENT_BYTES  # of a new store; an old one keeps its own
    block_bytes: int = BLOCK_BYTES
    checkpoint_bytes: int = CHECKPOINT_BYTES
    cache_bytes: int = 8 << 20


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
        return _recover(disk, entropy, options, tell)
    except OSError as error:  # perhaps it is there again at the next start: nothing is given up
        raise StoreError(
            f"the store cannot be read or written: {error}; nothing in it was given up, "
            "mend that and start again"
        ) from error


def _recover(disk: Disk, entropy: Entropy, options: Options, tell: Callable[[str], None]) -> Store:
    """One start."""
    disk.lock(LOCK)
    disk.make_folder(JOURNAL)
    disk.make_folder(STREAMS)
    disk.sync_folder("")
    findings: list[str] = []
    identity = _read_identity(disk, entropy, options, findings)
    cache = BlockCache(options.cache_bytes)

    def files_of(number: int) -> StreamFiles:
        return StreamFiles(
            number,
            1,
            disk=disk,
            submit=None,
            cache=cache,
            secret=identity.secret,
            block_bytes=options.block_bytes,
            report=tell,
        )

    known = FoundStreams(disk, files_of, secret=identity.secret)
    for name in disk.list(STREAMS):
        number = stream_number(name)
        if number is not None:
            read_stream(disk, identity.secret, known, number)
    journal = JournalFiles(disk, identity)
    of_journal: list[str] = []
    journal.replay(known, of_journal)
    known.settle()
    findings += chain(*known.troubles.values(), of_journal, _unknown(known))
    how = HowToWrite(sync_interval_ns=options.sync_interval_ns, pending_max=options.pending_max)
    store = Store(
        disk,
        lambda submit: journal.make_owner(submit, known, how, tell),
        secret=identity.secret,
        streams={number: found.files for number, found in known.streams.items()},
        recovered=[known.streams[number] for number in sorted(known.streams)],
        report=_report(known, findings),
        cache=cache,
        tell=tell,
        block_bytes=options.block_bytes,
        checkpoint_bytes=options.checkpoint_bytes,
    )
    for found in known.streams.values():
        store.adopt(found.files, found)
    return store


def _report(known: FoundStreams, findings: list[str]) -> Report:
    return Report(
        findings=findings,
        streams=len(known.streams),
        messages=sum(found.log.messages for found in known.streams.values()),
        lost=sum(known.lost.values()),
        records=known.replay.records,
    )


def _unknown(known: FoundStreams) -> list[str]:
    return [
        f"{records} records in the journal belong to {number}, "
        "of which neither stream nor consumer is known"
        for number, records in sorted(known.replay.unknown.items())
    ]


# --- what the store is ---


def _read_identity(disk: Disk, entropy: Entropy, options: Options, findings: list[str]) -> Identity:
    """The store's secret and sizes; made at the first start."""
    copies = read_both(disk, IDENTITY, Identity)
    identity = copies.value
    if identity is None:
        if copies.damaged or disk.list(STREAMS) or _has_segments(disk):
            raise StoreError(
                f"the file `{IDENTITY}` is {'damaged' if copies.damaged else 'missing'}, as is "
                "its copy, and without it nothing in the store can be read; put it back, or "
                "choose another store_dir"
            )
        identity = Identity(
            format=FORMAT_VERSION,
            secret=int.from_bytes(entropy.bytes(8), "little"),
            segment_bytes=options.segment_bytes,
        )
    findings += [f"the file `{path}` was damaged; repaired" for path in copies.damaged]
    if not copies.agree:  # durable before anything else is written
        for operation in replace_both(IDENTITY, "", identity):
            operation.run(disk)
    return identity


def _has_segments(disk: Disk) -> bool:
    return any(segment_number(name) is not None for name in disk.list(JOURNAL))
