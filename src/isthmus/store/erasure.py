"""Messages that were deleted for good: their content is overwritten wherever a file holds it.

Headers and payloads become zeros; what a record says of itself (owner, sequence, subject) stays, so
that the files can be read as before. A message stands in

        a block             where the log says            `Overwrite`
        the journal         searched for by owner and sequence, in segments that count and in what
                            recycled ones still hold of earlier lives    `EraseRecords`

Knows no stream and no time. Invariant: a segment's record is written over only if its checksum says
that it is one, so nothing that merely looks like it is touched; a job of this runs in the journal's
lane, so no group is being written meanwhile.
"""

import struct

from isthmus.base.ports import Disk
from isthmus.base.values import Value
from isthmus.core.segment import KINDS, decode, encode, epoch
from isthmus.store.jobs import Operation
from isthmus.store.records import JOURNAL, segment_number

_MESSAGE = KINDS["message"]
_KEY = struct.Struct("<QQ")  # owner and sequence, behind …
_HEAD = struct.Struct("<IIBBHI")  # size, check, kind, flags, sizes of subject and header
_HEAD_SIZE = 40
_EARLIER_LIVES = 256  # of a segment's file: what older ones left was overwritten long ago
_LISTINGS_MAX = 4


class Overwrite(Operation):
    """Write over a part of a file, unless the file has gone meanwhile."""

    path: str
    offset: int
    data: bytes

    def run(self, disk: Disk) -> None:
        """Do it."""
        if disk.size(self.path) >= self.offset + len(self.data):
            disk.write_at(self.path, self.offset, self.data)
            disk.sync(self.path)


class Erased(Value):
    """A message that was removed, by its stream's number and its sequence."""

    owner: int
    seq: int


class EraseRecords(Operation):
    """Overwrite the content of `messages` in all files of the journal."""

    secret: int
    messages: tuple[Erased, ...]

    def run(self, disk: Disk) -> None:
        """Do it, again if a file got another name meanwhile."""
        seen: list[str] = []
        for _ in range(_LISTINGS_MAX):
            names = disk.list(JOURNAL)
            if names == seen:
                return
            for name in names:
                self._erase(disk, name)
            seen = names

    def _erase(self, disk: Disk, name: str) -> None:
        path = f"{JOURNAL}/{name}"
        try:
            raw = disk.read(path, 0, disk.size(path))
        except OSError:
            if disk.size(path) >= 0:
                raise
            return  # it has another name now: the next listing tells
        changed = False
        for message in self.messages:
            key = _KEY.pack(message.owner, message.seq)
            at = raw.find(key)
            while at >= 0:
                begin = at - _HEAD.size
                patch = self._patch(raw, begin, segment_number(name))
                if patch is not None:
                    disk.write_at(path, *patch)
                    changed = True
                at = raw.find(key, at + 1)
        if changed:
            disk.sync(path)

    def _patch(self, raw: bytes, begin: int, number: int | None) -> tuple[int, bytes] | None:
        """What to write where, if a message's record begins there. `number` None: a spare file."""
        if begin < 0 or begin % 8:
            return None
        size, _, kind, _, subject_size, header_size = _HEAD.unpack_from(raw, begin)
        content = begin + _HEAD_SIZE + subject_size
        if kind != _MESSAGE or content + header_size > begin + size or begin + size > len(raw):
            return None
        zeros = (content, bytes(begin + size - content))
        if number is None:
            return zeros
        mask = epoch(self.secret, number)
        entry, _ = decode(raw, begin, epoch=mask)
        if entry is not None:
            record = encode(
                entry.kind,
                entry.owner,
                entry.seq,
                entry.time_ns,
                subject=entry.subject,
                header=bytes(len(entry.header)),
                payload=bytes(len(entry.payload)),
                flags=entry.flags,
                epoch=mask,
            )
            return begin, record
        for earlier in range(max(number - _EARLIER_LIVES, 0), number):
            if decode(raw, begin, epoch=epoch(self.secret, earlier))[0] is not None:
                return zeros
        return None
