"""A short run of each fuzzer; `tests/fuzz` says how to run them for longer."""

import subprocess
import sys
from pathlib import Path

from fuzz import parser, path


def test_any_bytes_parse_or_are_refused():
    parser.run(seed=1, rounds=150)


def test_nothing_is_left_when_all_have_gone():
    path.run(seed=1, rounds=40)


LEFT = """
import gc, random
from fuzz import path

def count_objects():
    gc.collect()
    return len(gc.get_objects())

path.play(random.Random(0))
before = count_objects()
for number in range(20):
    path.play(random.Random(number))
print(count_objects() - before)
"""


def test_worlds_that_end_leave_no_object():
    """In a process of its own: threads that other tests left behind make objects too."""
    line = [sys.executable, "-c", LEFT]
    tests = Path(__file__).parents[1]
    done = subprocess.run(line, cwd=tests, capture_output=True, text=True, timeout=120, check=True)
    assert int(done.stdout) < 20
