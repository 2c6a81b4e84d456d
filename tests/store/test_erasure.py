"""Deleted messages leave the disk: files are read, byte for byte."""

import json

import pytest

from isthmus.store.erasure import Erased, Hunt, Patch, Search
from isthmus.testing.disks import MemoryDisk
from support.jetstream import StoreWorld

SECRET = b"nobody-shall-read-this"
HEADER = b"NATS/1.0\r\nToken: hidden-in-a-header\r\n\r\n"


def begin():
    world = StoreWorld(MemoryDisk())
    ask(world, "STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
    return world


def ask(world, verb, body):
    client = world.client()
    heard = client.request(f"$JS.API.{verb}", json.dumps(body).encode())
    world.drain()
    heard += client.messages()
    [answer] = [json.loads(payload) for *_, payload in heard]
    assert "error" not in answer, answer
    return answer


def publish(world, *payloads):
    client = world.client()
    for payload in payloads:
        client.publish("s.a", payload, header=HEADER if payload == SECRET else b"")
    world.drain()


def files(world):
    disk = world.disk
    for folder in ("journal", "streams/1"):
        for name in disk.list(folder):
            path = f"{folder}/{name}"
            yield path, disk.read(path, 0, disk.size(path))


def holding(world, text):
    return [path for path, raw in files(world) if text in raw]


def checkpointed(world):
    world.stop()
    after = world.restarted(world.disk.crash(1))
    after.drain()
    return after


def payloads(world):
    log = world.jetstream().streams["S"].stored.log
    found = [log.get(seq) for seq in range(1, log.last_seq + 1)]
    return [entry.payload if entry is not None else None for entry in found]


@pytest.mark.parametrize("where", ["journal", "block", "both"])
@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_deleted_message_is_overwritten_before_the_answer(where, seq):
    world = begin()
    texts = [b"first", b"second", b"third"]
    texts[seq - 1] = SECRET
    publish(world, *texts)
    if where != "journal":
        world = checkpointed(world)
    if where == "both":
        publish(world, SECRET, b"fifth")
        texts += [SECRET, b"fifth"]
    assert holding(world, SECRET)
    assert holding(world, b"hidden-in-a-header")
    ask(world, "STREAM.MSG.DELETE.S", {"seq": seq})
    texts[seq - 1] = None
    if where == "both":
        assert holding(world, SECRET)  # the other one
        ask(world, "STREAM.MSG.DELETE.S", {"seq": 4})
        texts[3] = None
    assert holding(world, SECRET) == []
    assert holding(world, b"hidden-in-a-header") == []
    assert payloads(world) == texts
    after = world.restarted()
    assert after.store.report.findings == []
    assert payloads(after) == texts
    assert holding(after, SECRET) == []


def test_a_message_deleted_without_erasing_may_stay_on_the_disk():
    world = begin()
    publish(world, SECRET, b"second")
    ask(world, "STREAM.MSG.DELETE.S", {"seq": 1, "no_erase": True})
    assert holding(world, SECRET)
    assert payloads(world) == [None, b"second"]


def test_what_an_earlier_life_of_a_segment_holds_is_overwritten_too():
    world = begin()
    publish(world, SECRET)
    for number in range(60):  # until the segment of the first message is recycled
        publish(world, *[b"%d" % number + bytes(3000)] * 3)
    assert any(path.startswith("journal/spare") for path, _ in files(world))
    assert holding(world, SECRET)
    ask(world, "STREAM.MSG.DELETE.S", {"seq": 1})
    assert holding(world, SECRET) == []
    after = world.restarted()
    assert after.store.report.findings == []
    assert payloads(after)[0] is None
    assert len(payloads(after)) == 181


def test_what_only_looks_like_the_message_stays():
    world = begin()
    publish(world, SECRET)
    [(_, raw)] = [one for one in files(world) if SECRET in one[1]]
    at = raw.index(SECRET)
    record = raw[at - 40 - len("s.a") - len(HEADER) : at + len(SECRET)]
    forged = record[:4] + b"oops" + record[8:]  # all but the checksum, which needs the secret
    publish(world, *[b"x" * filler + forged for filler in range(16)])
    before = payloads(world)
    ask(world, "STREAM.MSG.DELETE.S", {"seq": 1})
    assert payloads(world) == [None, *before[1:]]
    after = world.restarted()
    assert after.store.report.findings == []
    assert payloads(after) == [None, *before[1:]]


def test_many_deletes_share_one_search():
    world = begin()
    publish(world, *[SECRET] * 8)
    client = world.client()
    for seq in range(1, 9):
        client.request("$JS.API.STREAM.MSG.DELETE.S", b'{"seq":%d}' % seq)
    assert client.messages() == []
    world.drain()
    answers = [json.loads(payload) for *_, payload in client.messages()]
    assert [one["success"] for one in answers] == [True] * 8
    assert holding(world, SECRET) == []


def test_the_place_of_a_source_survives_its_message():
    world = begin()
    ask(world, "STREAM.CREATE.T", {"name": "T", "sources": [{"name": "S"}]})
    publish(world, b"one", SECRET)
    for _ in range(8):
        world.wait_ns(250_000_000)
        world.drain()
    ask(world, "STREAM.MSG.DELETE.T", {"seq": 2})
    after = world.restarted()
    for _ in range(8):
        after.wait_ns(250_000_000)
        after.drain()
    log = after.jetstream().streams["T"].stored.log
    assert (log.messages, log.last_seq) == (1, 2)


class RenamingDisk(MemoryDisk):
    """The lane of the segments gives a file another name just before the `moment`-th call."""

    moment = 0
    renamed = ""

    def _pass(self, path):
        if path.startswith("journal/0") and not self.renamed:
            self.moment -= 1
            if self.moment == 0:
                self.renamed = path
                self.rename(path, "journal/spare-99")

    def read(self, path, offset, size):
        self._pass(path)
        return super().read(path, offset, size)

    def overwrite(self, path, offset, data):
        self._pass(path)
        super().overwrite(path, offset, data)

    def sync(self, path):
        self._pass(path)
        super().sync(path)


@pytest.mark.parametrize("moment", range(1, 7))  # four reads, a write, a sync
def test_a_file_that_gets_another_name_at_any_moment_is_overwritten_under_that_one(moment):
    world = begin()
    publish(world, SECRET)
    secret = world.store._secret
    world.stop()
    disk = RenamingDisk.of(dict(world.disk.files()))
    names = set(disk.list("journal"))
    disk.moment = moment
    hunt = Hunt(secret, (Erased(owner=1, seq=1),))
    Search(hunt=hunt).run(disk)
    for _ in range(10):
        if hunt.over:
            break
        Patch(hunt=hunt).run(disk)
        Search(hunt=hunt).run(disk)
    assert hunt.over
    left = disk.files()
    assert [path for path, raw in left.items() if "journal" in path and SECRET in raw] == []
    assert disk.renamed
    wanted = names - {disk.renamed.rpartition("/")[2]} | {"spare-99"}
    assert set(disk.list("journal")) == wanted, "no file was made anew"
