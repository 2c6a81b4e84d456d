"""A stream of bytes in checked frames: the framing of Snappy, which S2 readers take too.

        FF 06 00 00 "sNaPpY"          what a stream begins with; may come again
        01 size:3 check:4 bytes       up to 64 KiB as they are
        80…FD size:3 …                to be passed over (FE: padding)

`check` is CRC-32C of the bytes, rotated and shifted as the format has it. Owns the frames. Knows
nothing of what they carry. Invariant: only bytes whose check is right come out, and what is kept
between two calls is less than one frame.
"""

from collections.abc import Iterator

from isthmus.base.errors import StoreError
from isthmus.core.segment import checksum

BEGIN = b"\xff\x06\x00\x00sNaPpY"
FRAME_BYTES = 65_536

_THEIRS = b"S2sTwO"  # what nats-server begins its archives with
_HEAD = 4
_CHECK = 4
_COMPRESSED, _PLAIN, _SKIPPABLE, _BEGIN = 0x00, 0x01, 0x80, 0xFF
_PASSED_OVER_MAX = 1 << 24


class Framer:
    """Bytes to frames."""

    def __init__(self) -> None:
        self._left = bytearray()
        self._begun = False

    def add(self, data: bytes) -> bytes:
        """The frames that are full now."""
        self._left += data
        out = b""
        if not self._begun:
            self._begun = True
            out = BEGIN
        whole = len(self._left) // FRAME_BYTES * FRAME_BYTES
        pieces = [self._left[at : at + FRAME_BYTES] for at in range(0, whole, FRAME_BYTES)]
        del self._left[:whole]
        return out + b"".join(_frame(bytes(piece)) for piece in pieces)

    def end(self) -> bytes:
        """The last frame."""
        last, self._left = bytes(self._left), bytearray()
        return _frame(last) if last else b""


class Unframer:
    """Frames to bytes."""

    def __init__(self) -> None:
        self._left = bytearray()
        self._begun = False

    @property
    def whole(self) -> bool:
        """True between two frames."""
        return not self._left

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the frames that are whole now carry; raises `StoreError` for what is none."""
        self._left += data
        at = 0
        while len(self._left) - at >= _HEAD:
            kind = self._left[at]
            size = int.from_bytes(self._left[at + 1 : at + _HEAD], "little")
            self._require_fit(kind, size)
            end = at + _HEAD + size
            if end > len(self._left):
                break
            content = bytes(self._left[at + _HEAD : end])
            at = end
            if kind == _BEGIN:
                self._require_ours(content)
            elif kind == _PLAIN:
                yield _checked(content[_CHECK:], content)
        del self._left[:at]

    def _require_fit(self, kind: int, size: int) -> None:
        if not self._begun and kind != _BEGIN:
            raise StoreError("not an archive of a stream: it does not begin like one")
        if kind == _BEGIN and size != len(BEGIN) - _HEAD:
            raise StoreError("archive: its beginning is damaged")
        if kind == _COMPRESSED:
            raise StoreError("archive: compressed frames cannot be read by this server")
        if kind == _PLAIN and not _CHECK < size <= _CHECK + FRAME_BYTES:
            raise StoreError(f"archive: a frame of {size} bytes; at most {_CHECK + FRAME_BYTES}")
        if _PLAIN < kind < _SKIPPABLE:
            raise StoreError(f"archive: a frame of the unknown kind {kind}")
        if size > _PASSED_OVER_MAX:
            raise StoreError(f"archive: a frame of {size} bytes")

    def _require_ours(self, name: bytes) -> None:
        if name == _THEIRS:
            raise StoreError(
                "an archive of nats-server cannot be read by this server; "
                "copy the stream by a mirror or source"
            )
        if name != BEGIN[_HEAD:]:
            raise StoreError("not an archive of a stream: it does not begin like one")
        self._begun = True


def _frame(data: bytes) -> bytes:
    size = len(data) + _CHECK
    return bytes((_PLAIN,)) + size.to_bytes(3, "little") + _mask(data) + data


def _mask(data: bytes) -> bytes:
    crc = checksum(data)
    rotated = (crc >> 15 | crc << 17) & 0xFFFFFFFF
    return ((rotated + 0xA282EAD8) & 0xFFFFFFFF).to_bytes(4, "little")


def _checked(data: bytes, content: bytes) -> bytes:
    if _mask(data) != content[:_CHECK]:
        raise StoreError("archive: a frame is damaged")
    return data
