"""Checkpoints at a start: what one says of a stream, and the blocks it lists.

Of a stream's folder everything counts that its checkpoint names; blocks that are newer are removed,
since the journal says the same again. Owns the repair of a copy. Knows no journal. Invariant: what
a checkpoint lists and no file holds is named.
"""

from __future__ import annotations

from isthmus.base.ports import Disk
from isthmus.core.block_table import block_rows, restore_block
from isthmus.store.found import FoundStreams
from isthmus.store.packing import load_compression
from isthmus.store.records import META, StreamMeta, block_path, packed_path, stream_folder
from isthmus.store.small_files import COPY, read_both, replace_both

PLACES_MAX = 8  # of one block that are named: each message of a block in a wrong place is one


def read_stream(disk: Disk, secret: int, known: FoundStreams, number: int) -> None:
    """A stream's last checkpoint, and the blocks it lists."""
    folder = stream_folder(number)
    path = f"{folder}/{META}"
    troubles = known.troubles.setdefault(number, [])
    known.taken(number)
    names = disk.list(folder)
    copies = read_both(disk, path, StreamMeta, number=number, secret=secret)
    meta = copies.value
    if meta is None and copies.damaged:
        troubles.append(
            f"stream {number}: {path}: damaged, both copies; "
            "of this stream only what the journal still has is used"
        )
        return
    if meta is None:  # a restore that did not end; or the journal says all of it again
        disk.remove_folder(folder)
        return
    troubles += [f"stream {number}: {damaged}: damaged; repaired" for damaged in copies.damaged]
    if not copies.agree:
        for operation in replace_both(path, folder, meta, secret):
            operation.run(disk)
    listed = _restore(disk, known, meta)
    for name in names:
        block = f"{folder}/{name}"
        if name not in {META, META + COPY} and block not in listed:
            disk.remove(block)  # newer than the checkpoint: the journal says it again


def _restore(disk: Disk, known: FoundStreams, meta: StreamMeta) -> set[str]:
    """The stream of a checkpoint; the paths of its blocks."""
    number = meta.number
    found = known.add_stream(number, meta.account, meta.name, meta.config)
    found.files.exists = True
    found.files.checkpoint_lsn = meta.lsn
    listed = set()
    troubles = known.troubles[number]
    blocks = found.files.blocks
    blocks.packed = set(meta.packed)
    if blocks.packed:
        load_compression()  # here, in the thread of the start, not at the first read on the loop
    for row in block_rows(meta.blocks):
        first_seq, _, generation, _, size, live, _ = row
        key = (first_seq, generation)
        path = packed_path(number, *key) if key in blocks.packed else block_path(number, *key)
        listed.add(path)
        if disk.size(path) < 0:
            troubles.append(f"stream {number}: {path} is missing")
            data = b""
        else:
            data = blocks.read_listed(key, size)
        before = found.log.messages
        damage = restore_block(found.log, row, data, found.tree)
        lost = live - (found.log.messages - before)
        known.lost[number] = known.lost.get(number, 0) + max(lost, 0)
        for offset, seq in damage[:PLACES_MAX]:
            troubles.append(
                f"stream {number} ({meta.name.decode()}): {path} is damaged at offset "
                f"{offset}, behind message {seq or first_seq - 1}; "
                f"{lost} messages of this block are lost"
            )
        if len(damage) > PLACES_MAX:
            more = len(damage) - PLACES_MAX
            troubles.append(f"stream {number}: {path} is damaged in {more} more places")
    found.log.restored(meta.first_seq, meta.last_seq, meta.last_ns)
    for consumer in meta.consumers:
        known.add_consumer(found, consumer.number, consumer.name, consumer.config, meta.lsn)
        found.consumers[consumer.number].records.extend(consumer.records)
    known.replay.add_stream(number, found.log, found.tree, meta.lsn)
    return listed
