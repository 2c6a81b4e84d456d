"""`nsc explain` judged by the catalogue, from the store alone: true causes, no false alarm."""

import pytest

from isthmus.sharing import CODES
from sharing.catalogue.combined import ASK, COMBINABLE, PAIRS
from sharing.catalogue.faults import FAULTS
from sharing.catalogue.healthy import SETUPS
from sharing.catalogue.stage import Stage
from sharing.catalogue.verdict import explain, require_named

IN_THE_STORE = [name for name, fault in FAULTS.items() if not fault.live]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage("", tmp_path_factory.mktemp("stage"))


def test_the_catalogue_speaks_of_codes_that_exist():
    assert {code for fault in FAULTS.values() for code in fault.codes} <= set(CODES)


@pytest.mark.parametrize("name", SETUPS)
def test_no_false_alarm(stage, name):
    world = stage.healthy(name)
    for ask in SETUPS[name].asks:
        verdict = explain(world, ask)
        assert verdict.ok, (ask, verdict.findings)


@pytest.mark.parametrize("name", IN_THE_STORE)
def test_the_true_cause_is_named_first(stage, name):
    fault = FAULTS[name]
    world = stage.healthy(fault.setup, case=name)
    fault.plant(world)
    require_named(explain(world, fault.question), fault)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_faults_are_both_named(stage, one, other):
    world = stage.healthy("guide", case=f"{one} {other}")
    for name in (one, other):
        COMBINABLE[name].plant(world)
    verdict = explain(world, ASK)
    named = {finding.code for finding in verdict.findings}
    assert {COMBINABLE[one].codes[0], COMBINABLE[other].codes[0]} <= named, verdict.findings
