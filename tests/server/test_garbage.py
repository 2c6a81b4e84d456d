"""The collector of cycles does not stop the loop, and need not run for what comes and goes."""

import gc
import io
import weakref

import pytest

from isthmus.config.options import Options
from isthmus.server.garbage import LONG_NS, Collector
from isthmus.server.logs import Log
from isthmus.server.server import Server
from isthmus.testing.links import Link
from isthmus.testing.loop import SimLoop
from support.tokens import NOW_NS


class Clock:
    """Each look takes `step_ns`."""

    def __init__(self, step_ns: int) -> None:
        self.now_ns, self.step_ns = 0, step_ns

    def __call__(self) -> int:
        self.now_ns += self.step_ns
        return self.now_ns


@pytest.fixture
def collector(request):
    before = gc.get_threshold()
    made = Collector(Clock(request.param))
    yield made
    made.stop()
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


@pytest.mark.parametrize("collector", [1], indirect=True)
def test_what_is_there_when_it_settles_is_put_aside(collector: Collector):
    collector.settle()
    assert gc.get_freeze_count() > 1000


@pytest.mark.parametrize("collector", [LONG_NS + 1], indirect=True)
def test_what_made_a_collection_long_is_put_aside(collector: Collector):
    gc.collect(1)
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gc.get_freeze_count() > 1000


@pytest.mark.parametrize("collector", [LONG_NS], indirect=True)
def test_after_a_short_one_nothing_is(collector: Collector):
    gc.collect()
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("collector", [LONG_NS + 1], indirect=True)
def test_no_collection_looks_at_many_while_much_is_loaded(collector: Collector):
    seen: list[int] = []

    def look(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            seen.append(len(gc.get_objects()))

    collector.settle()
    gc.callbacks.append(look)
    try:
        loaded = [[number] for number in range(100_000)]
    finally:
        gc.callbacks.remove(look)
    assert len(loaded) == 100_000
    assert 0 < max(seen) < 5000


def test_a_connection_that_ended_is_gone_without_a_collection():
    loop = SimLoop(NOW_NS)
    server = Server(Options(port=-1), Log(io.StringIO()), clock=loop.clock, cores=1)
    loop.run_until_complete(server.start())
    link = Link(loop, -1)
    gc.collect()
    gc.disable()
    try:
        link.send(b'CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n')
        loop.run_for(1_000_000)
        assert b"MSG a 1 2" in link.take()
        (connection,) = server.hub.connections.values()
        ended = weakref.ref(connection)
        del connection
        link.hang_up()
        del link
        loop.run_for(1_000_000_000)
        assert not server.hub.connections
        assert ended() is None
    finally:
        gc.enable()
        loop.run_until_complete(server.stop())
        loop.close()
