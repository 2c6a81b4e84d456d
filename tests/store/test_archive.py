"""The format of archives: what went in comes out, and nothing else ever does."""

import tarfile
from io import BytesIO

import pytest

from isthmus.base.errors import StoreError
from isthmus.core.segment import KINDS, encode
from isthmus.store.archive import FORMAT, Manifest, Reader, Writer
from isthmus.store.framing import BEGIN, FRAME_BYTES, Framer, Unframer
from isthmus.store.records import ConsumerMeta

MESSAGE = KINDS["message"]


def manifest(**changed):
    fields = {
        "format": FORMAT,
        "name": b"S",
        "config": b"{}",
        "taken_ns": 5_000_000_000,
        "first_seq": 1,
        "last_seq": 9,
        "last_ns": 4,
        "messages": 9,
        "consumers": 1,
    }
    return Manifest(**(fields | changed))


CONSUMER = ConsumerMeta(number=7, name=b"C", config=b'{"a":1}', records=[(b"\x00\xffsteps", 12)])


class Taken:
    """Whoever takes what is in an archive, one record at a time."""

    def __init__(self):
        self.manifest = None
        self.consumers = []
        self.data = b""
        self.count = 0

    def begin(self, found):
        self.manifest = found

    def consumer(self, meta):
        self.consumers.append(meta)

    def records(self, data):
        size = int.from_bytes(data[:4], "little") + 7 & ~7
        if len(data) < 40 or len(data) < size:
            return 0
        self.data += data[:size]
        self.count += 1
        return size

    def counted(self):
        return self.count


def records(first, count, size=30):
    return b"".join(
        encode(MESSAGE, 0, seq, seq, subject=b"s", payload=b"%d" % seq * size)
        for seq in range(first, first + count)
    )


def archive(parts=((1, 4), (5, 5)), size=30):
    writer = Writer(5_000_000_000)
    out = writer.begin(manifest()) + writer.consumer(CONSUMER)
    for first, count in parts:
        out += writer.records(first, records(first, count, size))
    return out + writer.end(sum(count for _, count in parts))


def read(data, chunk=1 << 20):
    taken = Taken()
    reader = Reader(taken)
    for at in range(0, len(data), chunk):
        for _ in reader.feed(data[at : at + chunk]):
            pass
    reader.finish()
    return taken


@pytest.mark.parametrize("chunk", [1, 7, 511, 1 << 20])
@pytest.mark.parametrize("size", [30, 40_000])
def test_what_went_in_comes_out_in_chunks_of_any_size(chunk, size):
    if chunk == 1 and size > 30:
        chunk = 1021
    taken = read(archive(size=size), chunk)
    assert taken.manifest == manifest()
    assert taken.consumers == [CONSUMER]
    assert taken.data == records(1, 9, size)


def test_it_is_a_tar_inside_frames():
    inside = b"".join(Unframer().feed(archive()))
    with tarfile.open(fileobj=BytesIO(inside)) as tar:
        assert tar.getnames() == [
            "manifest.json",
            "consumers/000001.json",
            "messages/00000000000000000001",
            "messages/00000000000000000005",
            "end.json",
        ]


def test_every_flipped_bit_is_found():
    whole = archive(parts=((1, 2),))
    for at in range(len(whole)):
        for bit in (0, 5, 7):
            broken = bytearray(whole)
            broken[at] ^= 1 << bit
            with pytest.raises(StoreError):
                read(bytes(broken))


def test_a_cut_at_every_byte_is_found():
    whole = archive(parts=((1, 2),))
    for end in range(len(whole)):
        with pytest.raises(StoreError):
            read(whole[:end])


def test_an_archive_of_the_original_is_refused_by_name():
    with pytest.raises(StoreError, match="an archive of nats-server cannot be read"):
        read(b"\xff\x06\x00\x00S2sTwO\x00\xf7\x00\x00\xb0w\x0bw\x97\x02\xc4NAT")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"garbage" * 100, "does not begin like one"),
        (b"", "its end is missing"),
        (BEGIN, "its end is missing"),
        (BEGIN + b"\x01\xff\xff\xff", "a frame of 16777215 bytes"),
        (BEGIN + b"\x00\x08\x00\x00", "compressed frames"),
        (BEGIN + b"\x20\x08\x00\x00", "unknown kind 32"),
    ],
)
def test_what_is_no_archive_is_refused(data, why):
    with pytest.raises(StoreError, match=why):
        read(data)


def framed(tar):
    framer = Framer()
    return framer.add(tar) + framer.end()


def member(name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)


def sized(size):
    """The head of a member that says it has so many bytes."""
    info = tarfile.TarInfo("manifest.json")
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("tar", "why"),
    [
        (member("end.json", b"{}"), "not where it belongs"),
        (member("manifest.json", b'{"format":9}'), "archive of format 9; this server reads 1"),
        (member("manifest.json", b"no"), "manifest.json"),
        (bytes(512), "not a part of it"),
        (sized(1 << 40), "has 1099511627776 bytes"),
        (sized(-5), "has -5 bytes"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tar, why):
    with pytest.raises(StoreError, match=why):
        read(framed(tar))


@pytest.mark.parametrize(("messages", "why"), [(8, "its end says 8"), (10, "its end says 10")])
def test_a_missing_message_is_found(messages, why):
    writer = Writer(0)
    data = writer.begin(manifest()) + writer.records(1, records(1, 9)) + writer.end(messages)
    with pytest.raises(StoreError, match=why):
        read(data)


def test_a_part_that_ends_in_a_record_is_refused():
    writer = Writer(0)
    data = writer.begin(manifest()) + writer.records(1, records(1, 2)[:-8]) + writer.end(2)
    with pytest.raises(StoreError, match="in the middle of a record"):
        read(data)


def test_nothing_may_stand_behind_the_end():
    writer = Writer(0)
    data = writer.begin(manifest()) + writer.end(0)
    with pytest.raises(StoreError, match="behind its end"):
        read(data + framed(b"x" * 600))


def test_bytes_that_wait_are_less_than_a_frame():
    framer = Framer()
    out = framer.add(bytes(FRAME_BYTES * 3 + 5))
    assert len(out) > FRAME_BYTES * 3
    assert sum(map(len, Unframer().feed(out + framer.end()))) == FRAME_BYTES * 3 + 5
