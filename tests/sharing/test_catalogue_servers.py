"""The catalogue on servers: what is said of each case is so, and `nsc explain --live` finds it.

On our server and on the real one. Each case is pushed with accounts of its own; then the question
is asked, and last the share is used, step by step. That the steps work, or do not, is what makes
the catalogue true: it is known before anything explains it.
"""

import time

import pytest

from sharing.catalogue.fault import EVERYTHING
from sharing.catalogue.faults import FAULTS
from sharing.catalogue.healthy import SETUPS
from sharing.catalogue.stage import Stage
from sharing.catalogue.verdict import explain, require_named

pytestmark = [pytest.mark.oracle, pytest.mark.slow]


@pytest.fixture(scope="module", params=["isthmus", "real"])
def stage(request, tmp_path_factory):
    made = Stage(request.param, tmp_path_factory.mktemp("stage"))
    yield made
    made.stop()


def explain_live(world, question):
    """Ask with the clock of the server."""
    world.now_s = int(time.time())
    return explain(world, f"{question} --live")


@pytest.mark.parametrize("name", SETUPS)
def test_a_healthy_share_works_and_raises_no_alarm(stage, name):
    setup = SETUPS[name]
    world = stage.healthy(name)
    assert stage.push(world) == []
    setup.prepare(stage.lab, world)
    for ask in setup.asks:
        verdict = explain_live(world, ask)
        assert verdict.ok, (ask, verdict.findings)
        assert ("pushed", "ok") in verdict.hops
    assert stage.works(setup, world) == setup.steps


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_what_it_is_said_to_break_and_is_named_first(stage, name):
    fault = FAULTS[name]
    setup = SETUPS[fault.setup]
    world = stage.play(name)
    if stage.lab.kind in fault.kinds:
        require_named(explain_live(world, fault.question), fault)
    broken = setup.steps if fault.broken == EVERYTHING else fault.broken
    assert broken <= setup.steps
    broken = fault.only.get(stage.lab.kind, broken if stage.lab.kind in fault.kinds else ())
    assert stage.works(setup, world, broken) == setup.steps - set(broken)
