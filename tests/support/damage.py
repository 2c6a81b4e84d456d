"""A store's files, what they hold when they are sound, and what may go when a place in them is not.

`Whole(files)` reads a sound store. Its `verdict` opens damaged files and says what is wrong:
everything must be there, with its content, but what stands at the damaged place; and what is not
there, or is back, must have been named.
"""

from isthmus.core.segment import KINDS, decode, epoch
from isthmus.store.records import segment_number, stream_epoch
from isthmus.store.recover import open_store
from isthmus.testing.disks import MemoryDisk
from support.entropy import SeededEntropy
from support.promises import TINY

_REMOVALS = {KINDS["remove"], KINDS["purge"], KINDS["delete"], KINDS["stream"]}


def opened(files):
    """A store over these files."""
    return open_store(MemoryDisk.of(files), SeededEntropy("store"), options=TINY)


def messages_of(found):
    """What a recovered stream holds, by sequence."""
    log, out = found.log, {}
    seq = log.next_seq(0)
    while seq:
        entry = log.get(seq)
        out[seq] = None if entry is None else (entry.subject, entry.header, entry.payload)
        seq = log.next_seq(seq + 1)
    return out


class Whole:
    """A sound store."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        store = opened(files)
        assert store.report.findings == []
        self.streams = {found.number: messages_of(found) for found in store.recovered}
        self.last = {found.number: found.log.last_seq for found in store.recovered}
        self.records = {path: list(self._records(path, store._secret)) for path in files}

    def _records(self, path, secret):
        """`(begin, end, kind, owner, seq)` of every record of a segment or block."""
        raw = self.files[path]
        if path.startswith("journal/"):
            number = segment_number(path.rpartition("/")[2])
            mask = None if number is None else epoch(secret, number)
        elif path.endswith(".blk"):
            mask = stream_epoch(secret, int(path.split("/")[1]))
        else:
            mask = None
        at = 0
        while mask is not None and at < len(raw):
            entry, occupied = decode(raw, at, epoch=mask)
            if entry is None:
                return
            yield at, at + occupied, entry.kind, entry.owner, entry.seq
            at += occupied

    @property
    def live_bytes(self) -> int:
        """Bytes of all records and small files, the copies of those not counted."""
        return sum(
            sum(end - begin for begin, end, *_ in self.records[path])
            or (0 if path.startswith("journal/") else len(raw))
            for path, raw in self.files.items()
            if not path.endswith(".copy")
        )

    def verdict(self, damaged: dict[str, bytes], path: str, begin: int, end: int) -> list[str]:
        """What is wrong with a start on files of which `path` is damaged from `begin` to `end`."""
        touched = [row for row in self.records[path] if row[0] < end and row[1] > begin]
        victims = {(owner, seq) for _, _, kind, owner, seq in touched if kind == KINDS["message"]}
        may_come_back = any(kind in _REMOVALS for _, _, kind, *_ in touched)
        store = opened(damaged)
        named = bool(store.report.findings)
        out = []
        found_streams = {found.number: found for found in store.recovered}
        for number, whole in self.streams.items():
            if number not in found_streams:
                out.append(f"stream {number} is missing")
                continue
            found = found_streams.pop(number)
            there = messages_of(found)
            for seq, message in whole.items():
                if seq not in there:
                    if (number, seq) not in victims:
                        out.append(f"{number}: {seq} is missing and was not damaged")
                    if not named:
                        out.append(f"{number}: {seq} is missing without a word")
                elif there[seq] != message:
                    out.append(f"{number}: {seq} is {there[seq]}, not {message}")
            if not (may_come_back and named):
                out += [f"{number}: {seq} was made up" for seq in set(there) - set(whole)]
            if found.log.messages != len(there) or found.tree.totals(b">")[1] != len(there):
                out.append(f"{number}: counters differ from what is there")
        out += [f"stream {number} was made up" for number in found_streams if not may_come_back]
        return out

    def flipped(self, path: str, offset: int, bit: int) -> list[str]:
        """The verdict on one flipped bit."""
        raw = bytearray(self.files[path])
        raw[offset] ^= 1 << bit
        return self.verdict(self.files | {path: bytes(raw)}, path, offset, offset + 1)

    def cut(self, path: str, size: int) -> list[str]:
        """The verdict on a file that ends too early."""
        raw = self.files[path]
        return self.verdict(self.files | {path: raw[:size]}, path, size, len(raw))
