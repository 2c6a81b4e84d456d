"""A short run of each fuzzer; `tests/fuzz` says how to run them for longer."""

import gc
import random

from fuzz import parser, path


def test_any_bytes_parse_or_are_refused():
    parser.run(seed=1, rounds=150)


def test_nothing_is_left_when_all_have_gone():
    path.run(seed=1, rounds=40)


def objects_left_by_twenty_worlds():
    gc.collect()
    before = len(gc.get_objects())
    for number in range(20):
        path.play(random.Random(number))
    gc.collect()
    return len(gc.get_objects()) - before


def test_worlds_that_end_leave_no_object():
    path.play(random.Random(0))
    # threads that other tests left behind make objects too, but not each time
    assert min(objects_left_by_twenty_worlds() for _ in range(3)) < 20
