"""A part that goes wrong does not keep a server from its end."""

import io

import pytest

from isthmus.base.errors import StoreError
from isthmus.config.options import JetStreamOptions, Options
from isthmus.server import engine
from isthmus.server.logs import Log
from isthmus.server.server import Server
from isthmus.store.jobs import Job
from isthmus.testing.disks import MemoryDisk
from isthmus.testing.links import Link
from isthmus.testing.loop import SimLane, SimLoop
from support.tokens import NOW_NS


@pytest.fixture
def loop():
    loop = SimLoop(NOW_NS)
    yield loop
    loop.close()


def started(loop, disk, make_lane, log):
    server = Server(
        Options(port=-1, jetstream=JetStreamOptions(store_dir="/nowhere", sync_always=True)),
        Log(log),
        make_disk=lambda _folder: disk,
        make_lane=make_lane,
        segment_bytes=1 << 20,
        clock=loop.clock,
        cores=1,
    )
    loop.run_until_complete(server.start())
    return server


@pytest.fixture
def server(loop):
    """It runs; the test stops it."""
    return started(loop, MemoryDisk(), SimLane, io.StringIO())


def test_a_stop_that_goes_wrong_is_a_stop(loop, server):
    stop = server.engine.stop

    async def stop_and_fail():
        await stop()
        raise ZeroDivisionError

    server.engine.stop = stop_and_fail
    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(server.stop())
    assert loop.run_until_complete(server.wait_stopped()) is None


def test_a_lame_duck_that_goes_wrong_is_a_stop(loop, server):
    link = Link(loop)
    loop.run_for(1_000_000)
    (connection,) = server.hub.connections.values()

    def fail(_info):
        raise ZeroDivisionError

    connection.send_info = fail
    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(server.enter_lame_duck())
    assert loop.run_until_complete(server.wait_stopped()) is None
    assert link.is_closing()


STREAM = b'{"name":"S","subjects":["s"]}'


class HangingLane(SimLane):
    """A disk that takes everything and does nothing from some moment on."""

    hangs = False

    def submit(self, job):
        if not HangingLane.hangs:
            super().submit(job)

    def close(self, _wait_s):
        return not HangingLane.hangs


@pytest.mark.parametrize("synced", [True, False])
def test_a_stop_ends_though_the_disk_hangs_and_says_what_is_not_there(loop, monkeypatch, synced):
    disk, log = MemoryDisk(), io.StringIO()
    server = started(loop, disk, HangingLane, log)
    link = Link(loop)
    link.send(b"CONNECT {}\r\nPUB $JS.API.STREAM.CREATE.S 29\r\n" + STREAM + b"\r\n")
    loop.run_for(1_000_000_000)
    monkeypatch.setattr(HangingLane, "hangs", True)
    if not synced:
        link.send(b"PUB s 5\r\nhello\r\n")
        loop.run_for(1_000_000_000)
    before_ns = loop.clock.monotonic_ns()
    what = "the journal has everything" if synced else "bytes of the journal are not on the disk"
    with pytest.raises(StoreError, match=f"the disk does not answer .journal, .*{what}"):
        loop.run_until_complete(server.stop())
    assert loop.clock.monotonic_ns() - before_ns <= (engine.STOP_S + 1) * 1e9
    assert loop.run_until_complete(server.wait_stopped()) is None
    assert "Server Exiting" not in log.getvalue()
    with pytest.raises(StoreError, match="is in use"):  # what hangs may still be written
        disk.lock("lock")


def test_who_waits_for_the_last_job_hears_of_it_when_its_end_goes_wrong(loop, server):
    running = server.engine
    loop.run_for(1_000_000_000)
    assert running.store.idle
    running._idle.clear()
    with pytest.raises(ZeroDivisionError):
        running._done(Job("segments", (), lambda _error, _turn: 1 // 0), None)
    assert running._idle.is_set()
    loop.run_until_complete(server.stop())


def test_a_restart_leaves_what_there_was_for_streams(loop, monkeypatch):
    free = [4_000_000]
    monkeypatch.setattr(engine, "free_bytes", lambda _folder: free[0])
    monkeypatch.setattr(engine, "memory_bytes", lambda: 1000)
    disk = MemoryDisk()
    server = started(loop, disk, SimLane, io.StringIO())
    bounds = server.engine.reservations
    assert (bounds.max_memory, bounds.max_storage) == (750, 3_000_000)
    link = Link(loop)
    link.send(b"CONNECT {}\r\nPUB $JS.API.STREAM.CREATE.S 29\r\n" + STREAM + b"\r\n")
    link.send(b"PUB s 900000\r\n" + bytes(900_000) + b"\r\n")
    loop.run_for(1_000_000_000)
    stored = server.engine.usage.file_bytes
    assert stored > 900_000
    loop.run_until_complete(server.stop())

    free[0] -= stored  # of the disk
    again = started(loop, disk, SimLane, io.StringIO())
    assert again.engine.usage.file_bytes == stored
    assert again.engine.reservations.max_storage == 3_000_000
    loop.run_until_complete(again.stop())
