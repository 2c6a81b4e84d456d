"""A part that goes wrong does not keep a server from its end."""

import io

import pytest

from isthmus.config.options import JetStreamOptions, Options
from isthmus.server.logs import Log
from isthmus.server.server import Server
from isthmus.store.jobs import Job
from isthmus.testing.disks import MemoryDisk
from isthmus.testing.loop import SimLane, SimLoop
from support.tokens import NOW_NS


@pytest.fixture
def loop():
    loop = SimLoop(NOW_NS)
    yield loop
    loop.close()


@pytest.fixture
def server(loop):
    """It runs; the test stops it."""
    server = Server(
        Options(port=-1, jetstream=JetStreamOptions(store_dir="/nowhere")),
        Log(io.StringIO()),
        make_disk=lambda _folder: MemoryDisk(),
        make_lane=SimLane,
        segment_bytes=1 << 20,
        clock=loop.clock,
        cores=1,
    )
    loop.run_until_complete(server.start())
    return server


def test_a_stop_that_goes_wrong_is_a_stop(loop, server):
    stop = server.engine.stop

    async def stop_and_fail():
        await stop()
        raise ZeroDivisionError

    server.engine.stop = stop_and_fail
    with pytest.raises(ZeroDivisionError):
        loop.run_until_complete(server.stop())
    assert loop.run_until_complete(server.wait_stopped()) is None


def test_who_waits_for_the_last_job_hears_of_it_when_its_end_goes_wrong(loop, server):
    engine = server.engine
    loop.run_for(1_000_000_000)
    assert engine.store.idle
    engine._idle.clear()
    with pytest.raises(ZeroDivisionError):
        engine._done(Job("segments", (), lambda _error, _turn: 1 // 0), None)
    assert engine._idle.is_set()
    loop.run_until_complete(server.stop())
