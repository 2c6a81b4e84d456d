"""How a shell with an event loop carries out the store's jobs, on a real disk."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from isthmus.core.segment import KINDS
from isthmus.core.turn import Turn
from isthmus.server.disks import FileDisk
from isthmus.store.jobs import LANES
from isthmus.store.recover import Options, open_store
from support.entropy import SeededEntropy


async def publish_one(disk):
    """Open, append a record, wait until it is durable, finish; what was told in which order."""
    loop, turn, told = asyncio.get_running_loop(), Turn(1), []
    lanes = {lane: ThreadPoolExecutor(1) for lane in LANES}
    store = open_store(disk, SeededEntropy("s"), options=Options(segment_bytes=65536))

    def submit(job):
        future = loop.run_in_executor(lanes[job.lane], job.run, disk)
        future.add_done_callback(lambda future: finish(job, future.exception()))

    def finish(job, error):
        turn.begin(time.time_ns())
        job.done(error, turn)
        turn.finish()
        if store.idle:
            idle.set()

    store.start(submit, turn)
    lsn = store.journal.write(turn, KINDS["stream"], 1, subject=b"S", header=b"A", payload=b"{}")
    durable, idle = asyncio.Event(), asyncio.Event()
    store.journal.when_durable(lsn, lambda *_: durable.set())
    turn.finish()
    told.append(durable.is_set())
    await asyncio.wait_for(durable.wait(), 20)
    told.append(store.journal.durable_lsn >= lsn)
    await asyncio.wait_for(idle.wait(), 20)
    for pool in lanes.values():
        pool.shutdown()
    return told


@pytest.mark.real
def test_an_event_loop_drives_the_store(tmp_path):
    disk = FileDisk(tmp_path)
    assert asyncio.run(publish_one(disk)) == [False, True]
    disk.close()
    again = FileDisk(tmp_path)
    store = open_store(again, SeededEntropy("s"))
    assert [(found.name, found.account, found.config) for found in store.recovered] == [
        (b"S", b"A", b"{}")
    ]
    assert store.report.findings == []
    again.close()
