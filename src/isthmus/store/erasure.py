"""Messages that were deleted for good: their content is overwritten wherever a file holds it.

Headers and payloads become zeros; what a record says of itself (owner, sequence, subject) stays, so
that the files can be read as before. A message stands in

        a block             where the log says                                  `Overwrite`
        the journal         looked for by owner and sequence, in segments that count and in what
                            recycled ones still hold of earlier lives           `Search`, `Patch`

All files of the journal are read for that, which may take a while: so `Search` runs in the lane of
the blocks, where no acknowledgement waits behind it, and only `Patch`, which looks again at the few
places that were found, in the lane of the journal. A file that gets another name meanwhile, or
while it is written over, is searched again under that one: both go on in turn until no file is left
that was not searched.

Knows no stream and no time. Invariant: a segment's record is written over only if its checksum says
that it is one, so nothing that merely looks like it is touched; no group is written meanwhile.
"""

import struct
from contextlib import suppress

from isthmus.base.ports import Disk
from isthmus.base.values import Value
from isthmus.core.segment import KINDS, decode, encode, epoch, find_messages
from isthmus.store.jobs import Operation
from isthmus.store.records import JOURNAL, segment_number

_MESSAGE = KINDS["message"]
_KEY = struct.Struct("<QQ")  # owner and sequence, behind …
_HEAD = struct.Struct("<IIBBHI")  # size, check, kind, flags, sizes of subject and header
_HEAD_SIZE = 40
_OVERLAP = _HEAD_SIZE - 8
_EARLIER_LIVES = 256  # of a segment's file: what older ones left was overwritten long ago
_PART = 1 << 20  # looked through at once, half a millisecond: others want to run too
ROUNDS_MAX = 64  # of searching and writing over; far more files than a journal has


class Overwrite(Operation):
    """Write over a part of a file, unless the file has gone meanwhile."""

    path: str
    offset: int
    data: bytes

    def run(self, disk: Disk) -> None:
        """Do it."""
        with suppress(FileNotFoundError):
            if disk.size(self.path) >= self.offset + len(self.data):
                disk.overwrite(self.path, self.offset, self.data)
                disk.sync(self.path)


class Erased(Value):
    """A message that was removed, by its stream's number and its sequence."""

    owner: int
    seq: int


class Hunt:
    """What is known of where `messages` stand in the journal; two lanes use it, one at a time."""

    def __init__(self, secret: int, messages: tuple[Erased, ...]) -> None:
        self.secret = secret
        self.keys = {_KEY.pack(message.owner, message.seq) for message in messages}
        self.searched: set[str] = set()  # names of files
        self.places: dict[str, list[int]] = {}  # of files: where a record may begin
        self.over = False  # the last search found no file that was not searched before


class Search(Operation):
    """Look through those files of the journal that were not searched yet."""

    hunt: Hunt

    def run(self, disk: Disk) -> None:
        """Do it."""
        hunt = self.hunt
        names = [name for name in disk.list(JOURNAL) if name not in hunt.searched]
        hunt.over = not names
        for name in names:
            places = self._search(disk, f"{JOURNAL}/{name}")
            if places:
                hunt.places[name] = places
            hunt.searched.add(name)

    def _search(self, disk: Disk, path: str) -> list[int]:
        found: list[int] = []
        offset = 0
        while True:
            try:
                part = disk.read(path, offset, _PART + _OVERLAP)
            except FileNotFoundError:
                return []  # it has another name now: the next search finds it
            found += [offset + at for at in find_messages(part, self.hunt.keys)]
            if len(part) < _PART + _OVERLAP:
                return found
            offset += _PART


class Patch(Operation):
    """Write over what the search found and what is still there."""

    hunt: Hunt

    def run(self, disk: Disk) -> None:
        """Do it."""
        hunt = self.hunt
        for name, places in hunt.places.items():
            path = f"{JOURNAL}/{name}"
            with suppress(FileNotFoundError):  # it has another name now: the next search finds it
                patches = [self._patch(disk, path, begin) for begin in places]
                for patch in patches:
                    if patch is not None:
                        disk.overwrite(path, *patch)
                if any(patches):
                    disk.sync(path)
        hunt.places = {}

    def _patch(self, disk: Disk, path: str, begin: int) -> tuple[int, bytes] | None:
        """What to write where, if a message's record begins there."""
        number = segment_number(path.rpartition("/")[2])  # None: a spare file
        head = disk.read(path, begin, _HEAD_SIZE)
        if (
            len(head) < _HEAD_SIZE
            or head[_HEAD.size : _HEAD.size + _KEY.size] not in self.hunt.keys
        ):
            return None
        size, _, kind, _, subject_size, header_size = _HEAD.unpack_from(head)
        content = _HEAD_SIZE + subject_size
        if kind != _MESSAGE or content + header_size > size:
            return None
        raw = disk.read(path, begin, size + -size % 8)
        if len(raw) < size:
            return None
        zeros = (begin + content, bytes(size - content))
        if number is None:
            return zeros
        mask = epoch(self.hunt.secret, number)
        entry, _ = decode(raw, epoch=mask)
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
            if decode(raw, epoch=epoch(self.hunt.secret, earlier))[0] is not None:
                return zeros
        return None
