"""From runs to verdicts."""

import pytest
from bench.lab import Figures
from bench.rows.row import Curve, Row
from bench.summary import KINDS, combine, medians, summarise, summarise_curve

OURS, THEIRS = KINDS


def row(**more):
    return Row("r", "a row", "1/s", lambda *_: Figures(0), **more)


def summary(ours, theirs, failures=None, **more):
    runs = {
        OURS: [Figures(value, client=more.get("client")) for value in ours],
        THEIRS: [Figures(value) for value in theirs],
    }
    bounds = {key: value for key, value in more.items() if key != "client"}
    return summarise(row(**bounds), runs, failures or {})


@pytest.mark.parametrize(
    ("ours", "theirs", "bound", "holds"),
    [
        ([4.0, 6.0, 5.0], [2.0], {"ratio": 2.5}, True),
        ([4.9], [2.0], {"ratio": 2.5}, False),
        ([60.0], [100.0], {"ratio": 0.65, "most": True}, True),
        ([66.0], [100.0], {"ratio": 0.65, "most": True}, False),
        ([9.0], [1.0], {"own": 10, "most": True}, True),
        ([11.0], [99.0], {"own": 10, "most": True}, False),
        ([9.0], [], {"own": 10, "most": True}, True),
        ([9.0], [], {"ratio": 2.0}, None),
        ([], [9.0], {"ratio": 2.0}, False),
        ([], [], {"ratio": 2.0, "lacking": "TLS"}, None),
    ],
)
def test_a_row_holds_within_its_bound(ours, theirs, bound, holds):
    assert summary(ours, theirs, **bound)["holds"] is holds


def test_a_median_is_taken_of_each_figure_and_the_note_of_the_run_in_the_middle():
    runs = [
        Figures(3.0, cpu_us=1.0, note="third"),
        Figures(1.0, cpu_us=9.0, note="first"),
        Figures(2.0, cpu_us=2.0, note="second"),
    ]
    assert medians(runs) == {"value": 2.0, "cpu_us": 2.0, "note": "second"}


def test_a_generator_over_four_fifths_of_a_core_is_what_was_measured():
    assert summary([5.0], [1.0], ratio=2.0, client=0.81)["client_bound"]
    assert not summary([5.0], [1.0], ratio=2.0, client=0.8)["client_bound"]
    assert not summary([5.0], [1.0], ratio=2.0)["client_bound"]


def test_a_failure_is_kept_and_the_row_does_not_hold():
    found = summary([], [1.0], {OURS: "it did not start"}, ratio=2.0)
    assert (found["holds"], found["failures"]) == (False, {OURS: "it did not start"})


def curve(costs):
    made = Curve("c", "a curve", "things", (1, 10), lambda *_: Figures(0), own=1.5, rounds=2)
    runs = {
        at: {OURS: [Figures(0, cpu_us=cost)], THEIRS: []}
        for at, cost in zip(made.points, costs, strict=True)
    }
    return summarise_curve(made, runs, {})


@pytest.mark.parametrize(("costs", "holds"), [((2.0, 3.0), True), ((2.0, 3.1), False)])
def test_a_curve_holds_if_it_is_flat(costs, holds):
    found = curve(costs)
    assert found["holds"] is holds
    assert found["flat"] == {OURS: costs[1] / costs[0]}


def test_a_curve_without_figures_does_not_hold():
    assert curve((None, None))["holds"] is False


def result(value, cost, failures=None):
    return {
        "machine": {},
        "rounds": 2,
        "seconds": 5,
        "rows": [summary([value], [10.0], failures, ratio=2.0)],
        "curves": [curve((1.0, cost))],
    }


def test_several_results_are_one():
    found = combine([result(15.0, 1.2), result(35.0, 1.6), result(19.0, 1.4, {THEIRS: "once"})])
    [one], [flat] = found["rows"], found["curves"]
    assert (one[OURS]["value"], one["ratio"], one["holds"]) == (19.0, 1.9, False)
    assert one["failures"] == {THEIRS: "once"}
    assert (flat["flat"][OURS], flat["holds"]) == (1.4, True)
    assert (found["runs"], found["seconds"]) == (3, 15)


def test_a_row_that_only_one_result_has_is_kept():
    both = [result(30.0, 1.0), result(50.0, 1.0)]
    both[1]["rows"].append(both[1]["rows"][0] | {"name": "other"})
    assert [one["name"] for one in combine(both)["rows"]] == ["r", "other"]
