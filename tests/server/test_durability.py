"""A whole server on a recording disk: no acknowledgement leaves before the sync that covers it.

Connections are driven through recording transports, so that every byte that would reach a socket
stands in one order with every write and every sync:

    written(journal, …record…)  ≺  sync began  ≺  sync returned  ≺  sent(…PubAck…)
"""

import asyncio
import io
import json
import random
import re

import pytest

from isthmus.config.options import JetStreamOptions, Options
from isthmus.server.logs import Log
from isthmus.server.server import Server
from isthmus.testing.disks import MemoryDisk, RecordingDisk

BURSTS = 40
TICK_S = 0.0005  # the disk's threads get their turn
PUBACK = re.compile(rb'MSG (_R\.p\.\d+) \d+ \d+\r\n(\{"stream":"S", ?"seq":\d+[^\r]*\})\r\n')
CONFIRMED = re.compile(rb"MSG (_R\.a\.\d+) \d+ 0\r\n")
DELIVERED = re.compile(rb"MSG s\.x \d+ (\$JS\.ACK\.S\.C\.\S+) ")


class RecordingTransport:
    """What the server writes is noted on the disk's record, and kept."""

    def __init__(self, disk):
        self.disk = disk
        self.received = b""

    def write(self, data):
        self.disk.note("sent", "socket", bytes(data))
        self.received += bytes(data)

    def get_extra_info(self, name):
        return None

    def set_write_buffer_limits(self, high):
        assert high == 0

    def is_closing(self):
        return False

    def pause_reading(self):
        raise AssertionError("nobody here is slow")

    def close(self):
        pass

    def abort(self):
        pass


class Wire:
    """A client in the same loop: bytes in, bytes out, no socket."""

    def __init__(self, server, disk):
        self.disk = disk
        self.transport = RecordingTransport(disk)
        self.protocol = server.make_protocol()
        self.protocol.connection_made(self.transport)

    def send(self, data):
        self.disk.note("fed", "socket", data)
        while data:
            room = self.protocol.get_buffer(-1)
            size = min(len(room), len(data))
            room[:size] = data[:size]
            self.protocol.buffer_updated(size)
            data = data[size:]

    def publish(self, subject, reply, body):
        self.send(b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, len(body), body))

    async def wait_for(self, pattern, count=1):
        async with asyncio.timeout(30):
            while len(found := re.findall(pattern, self.transport.received)) < count:
                self.disk.let_sync_return()
                await asyncio.sleep(TICK_S)
        return found


async def run(disk, seed, *, sync_always):
    """Publish, deliver and acknowledge in bursts of any size, syncs returning late."""
    chance = random.Random(seed)
    options = Options(
        port=-1,
        host="127.0.0.1",
        jetstream=JetStreamOptions(sync_always=sync_always, sync_interval_ns=3600 * 10**9),
    )
    server = Server(options, Log(io.StringIO()), make_disk=lambda _folder: disk)
    starting = asyncio.ensure_future(server.start())
    while not starting.done():
        disk.let_sync_return()
        await asyncio.sleep(TICK_S)
    await starting
    wire = Wire(server, disk)
    wire.send(b'CONNECT {"verbose":false,"headers":true}\r\nSUB _R.> 1\r\nPING\r\n')
    config = json.dumps({"name": "S", "subjects": ["s.>"]}).encode()
    wire.publish(b"$JS.API.STREAM.CREATE.S", b"_R.create", config)
    await wire.wait_for(rb'stream_create_response.*"created"')
    config = b'{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit"}}'
    wire.publish(b"$JS.API.CONSUMER.DURABLE.CREATE.S.C", b"_R.create", config)
    await wire.wait_for(rb'consumer_create_response.*"created"')
    published = confirmed = 0
    for _ in range(BURSTS):
        for _ in range(chance.randint(1, 30)):
            body = b"<body %d %d>" % (published, chance.getrandbits(60))
            wire.publish(b"s.x", b"_R.p.%d" % published, body)
            published += 1
        for _ in range(chance.randint(0, 3)):  # meanwhile others' work goes on
            await asyncio.sleep(TICK_S)
        if chance.random() < 0.6:
            disk.let_sync_return()
        if chance.random() < 0.5:
            wire.publish(b"$JS.API.CONSUMER.MSG.NEXT.S.C", b"_R.m", b'{"batch":5}')
        if chance.random() < 0.5:
            delivered = re.findall(DELIVERED, wire.transport.received)
            for reply in delivered[confirmed : confirmed + 3]:
                wire.publish(reply, b"_R.a.%d" % confirmed, b"+ACK")
                confirmed += 1
    await wire.wait_for(PUBACK, published)
    await wire.wait_for(CONFIRMED, confirmed)
    assert confirmed > 0
    stopping = asyncio.ensure_future(server.stop())
    while not stopping.done():
        disk.let_sync_return()
        await asyncio.sleep(TICK_S)
    await stopping


def too_early(events):
    """Replies that left before a sync that covers them returned; all replies that left."""
    out, left = [], set()
    fed = b"".join(event.data for event in events if event.kind == "fed")
    bodies = dict(re.findall(rb"PUB s\.x (\S+) \d+\r\n(<[^>]*>)", fed))
    for index, event in enumerate(events):
        if event.kind == "sent":
            for reply, _answer in PUBACK.findall(event.data):
                left.add(reply)
                if not covered(events[:index], bodies[reply]):
                    out.append(reply)
            for reply in CONFIRMED.findall(event.data):
                left.add(reply)
                if not confirmed_durably(events[:index], reply):
                    out.append(reply)
    return out, left


def covered(before, body):
    """Whether `body` was written and a sync of that file that began later has returned."""
    return any(
        event.kind == "written" and body in event.data and synced(before[index:], event.what)
        for index, event in enumerate(before)
    )


def confirmed_durably(before, reply):
    """Whether after the acknowledgement came something was written, and synced."""
    came = next(
        index
        for index, event in enumerate(before)
        if event.kind == "fed" and b" %b " % reply in event.data
    )
    return any(
        event.kind == "written" and synced(before[came + index :], event.what)
        for index, event in enumerate(before[came:])
    )


def synced(after, path):
    """Whether a sync of `path` began in here and returned in here."""
    began = False
    for event in after:
        if event.what == path:
            began = began or event.kind == "sync began"
            if began and event.kind == "sync returned":
                return True
    return False


@pytest.mark.parametrize("seed", range(5))
def test_no_acknowledgement_leaves_before_its_sync_returned(seed):
    disk = RecordingDisk(MemoryDisk(), hold_syncs=True)
    asyncio.run(run(disk, seed, sync_always=True))
    early, left = too_early(disk.events)
    assert early == []
    assert len(left) > BURSTS


def test_without_the_sync_the_same_check_fails():
    disk = RecordingDisk(MemoryDisk(), hold_syncs=True)
    asyncio.run(run(disk, 1, sync_always=False))
    early, left = too_early(disk.events)
    assert len(early) > len(left) // 2
