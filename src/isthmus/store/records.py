"""What stands in the store's small files, and where all its files lie.

    <store_dir>/isthmus/
      lock                               held by the process that has the store open
      store, store.copy                  Identity
      journal/00000000000000000007.seg   segment 7: records, see core/segment.pxd
      journal/spare-3                    a segment to be used again
      streams/12/meta, meta.copy         StreamMeta: the last checkpoint of stream 12
      streams/12/8192-0.blk              its block that begins at sequence 8192, generation 0
      streams/12/9216-0.blz              another one, compressed

Knows no Disk; the format is in docs/internals/store-format.md, small files are read and replaced by
`small_files.py`.
"""

from isthmus.base.values import Value
from isthmus.core.segment import epoch

FORMAT_VERSION = 1
SEGMENT_BYTES = 16 << 20
STREAM_TAG = 1 << 63  # tells the epoch of a stream's files from that of a segment

_SEGMENTS_MAX = 1 << 39  # 8 EiB of journal: an lsn has 64 bits
_STREAMS_MAX = 1 << 62

LOCK = "lock"
IDENTITY = "store"
JOURNAL = "journal"
STREAMS = "streams"
META = "meta"


class Identity(Value):
    """What holds for the whole store. `secret` goes into every checksum but this one's."""

    format: int
    secret: int
    segment_bytes: int


class ConsumerMeta(Value):
    """A consumer in its stream's checkpoint, its records (payload, time) until then condensed."""

    number: int
    name: bytes
    config: bytes
    records: list[tuple[bytes, int]]


class StreamMeta(Value):
    """A stream's checkpoint: records from `lsn` on are neither in it nor in the blocks it lists."""

    number: int
    account: bytes
    name: bytes
    config: bytes
    lsn: int
    first_seq: int
    last_seq: int
    last_ns: int
    messages: int
    blocks: bytes  # core/block_table.pyx
    consumers: list[ConsumerMeta]
    packed: list[tuple[int, int]] = []  # first sequence and generation of blocks in packed files


def segment_path(number: int) -> str:
    """The file of a journal segment."""
    return f"{JOURNAL}/{number:020d}.seg"


def segment_number(name: str) -> int | None:
    """The number in a segment's file name; None for any other file."""
    stem, dot, ending = name.rpartition(".")
    if not (dot and ending == "seg" and stem.isascii() and stem.isdecimal()):
        return None
    number = int(stem)
    return number if number < _SEGMENTS_MAX and segment_path(number).endswith(f"/{name}") else None


def stream_number(name: str) -> int | None:
    """The number in the name of a stream's folder; None for any other."""
    if not (name.isascii() and name.isdecimal()):
        return None
    number = int(name)
    return number if number < _STREAMS_MAX and str(number) == name else None


def stream_folder(number: int) -> str:
    """The folder of a stream."""
    return f"{STREAMS}/{number}"


def block_path(stream: int, first_seq: int, generation: int) -> str:
    """The file of a block."""
    return f"{STREAMS}/{stream}/{first_seq}-{generation}.blk"


def packed_path(stream: int, first_seq: int, generation: int) -> str:
    """The file of a block that is compressed."""
    return f"{STREAMS}/{stream}/{first_seq}-{generation}.blz"


def stream_epoch(secret: int, number: int) -> int:
    """What the checksums in a stream's blocks are masked with."""
    return epoch(secret, STREAM_TAG | number)
