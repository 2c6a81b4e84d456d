"""The catalogue is true: healthy shares work and planted faults break what they are said to break.

On our server and on the real one, and without `nsc explain`, which the catalogue is to judge.
"""

import pytest

from sharing.catalogue.fault import EVERYTHING
from sharing.catalogue.faults import FAULTS
from sharing.catalogue.healthy import SETUPS
from sharing.catalogue.stage import Stage

pytestmark = [pytest.mark.oracle, pytest.mark.slow]


@pytest.fixture(scope="module", params=["isthmus", "real"])
def stage(request, tmp_path_factory):
    made = Stage(request.param, tmp_path_factory.mktemp("stage"))
    yield made
    made.stop()


@pytest.mark.parametrize("name", SETUPS)
def test_a_healthy_share_works(stage, name):
    setup = SETUPS[name]
    world = stage.healthy(name)
    assert stage.push(world) == []
    setup.prepare(stage.lab, world)
    assert stage.works(setup, world) == setup.steps


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_breaks_what_it_is_said_to_break(stage, name):
    fault = FAULTS[name]
    setup = SETUPS[fault.setup]
    world = stage.play(name)
    broken = setup.steps if fault.broken == EVERYTHING else fault.broken
    assert broken <= setup.steps
    broken = fault.only.get(stage.lab.kind, broken if stage.lab.kind in fault.kinds else ())
    assert stage.works(setup, world, broken) == setup.steps - set(broken)
