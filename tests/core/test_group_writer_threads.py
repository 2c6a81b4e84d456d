"""A loop and a worker at one writer: the order of things, and a disk that takes little at a time.

The mark says how many groups there are. Whenever it says so, they are: whatever the two threads do,
and however short each write is.
"""

import errno
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import group_talk
from support.group_talk import MARK_AT, SIZE, Talk, content
from support.soak import examples

SUPPORT = Path(group_talk.__file__).parent
COMPILER = shutil.which("cc")
STEPS = 60


def marked(data: bytes) -> int:
    """How many groups the mark of a file speaks of."""
    return int.from_bytes(data[MARK_AT : MARK_AT + 8], "little")


def check(data: bytes, groups: int) -> None:
    """The first `groups` are in the file."""
    for number in range(1, groups + 1):
        assert data[(number - 1) * SIZE : number * SIZE] == content(number)


@given(st.lists(st.sampled_from(["group", "group", "call", "wait"]), max_size=30), st.integers(0))
@settings(max_examples=examples(40), deadline=None)
def test_a_mark_never_tells_of_more_than_there_is(tmp_path_factory, steps, seed):
    path = tmp_path_factory.mktemp("talk") / "file"
    talk = Talk(str(path), random.Random(seed))
    told = 0
    for step in steps:
        getattr(talk, step)()
        seen = marked(path.read_bytes())  # before the rest is looked at
        check(path.read_bytes(), max(seen, *talk.outcomes, 0))
        assert seen >= told, "it never goes back"
        told = seen
    talk.end()
    check(path.read_bytes(), talk.writer.finished)
    assert set(talk.outcomes.values()) <= {0}


@pytest.fixture(scope="module")
def short_writes(tmp_path_factory) -> Path:
    if COMPILER is None:
        pytest.skip("no C compiler: the disk that takes little is written in C")
    made = tmp_path_factory.mktemp("short") / "short_writes.so"
    source = SUPPORT / "short_writes.c"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", made, source], check=True)
    return made


def talk_over(disk: Path, folder: Path, *, short: int, full: int, seed: int):
    """What came of each group, and the lines of the disk's log."""
    log = folder / "log"
    environment = os.environ | {
        "LD_PRELOAD": str(disk),
        "SHORT_LOG": str(log),
        "SHORT_BYTES": str(short),
        "FULL_BYTES": str(full),
    }
    done = subprocess.run(
        [sys.executable, SUPPORT / "group_talk.py", folder / "file", str(STEPS), str(seed)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    outcomes = dict(tuple(map(int, line.split())) for line in done.stdout.splitlines())
    return outcomes, [line.split() for line in log.read_text().splitlines()]


def replay(lines) -> int:
    """Follow what the disk was told; how many writes took less than they were given."""
    there, synced, short = bytearray(MARK_AT + 8), b"", 0
    for kind, *rest in lines:
        if kind == "sync":
            synced = bytes(there)
            continue
        at, taken, data = int(rest[0]), int(rest[1]), bytes.fromhex(rest[2])
        if at == MARK_AT:
            check(synced, int.from_bytes(data, "little"))
        short += taken < len(data)
        there[at : at + taken] = data[:taken]
    return short


@pytest.mark.parametrize("short", [1, 7])
def test_short_writes_are_continued_before_anything_is_synced_or_marked(
    short_writes, tmp_path, short
):
    outcomes, lines = talk_over(short_writes, tmp_path, short=short, full=1 << 30, seed=short)
    assert len(outcomes) > 10
    assert set(outcomes.values()) == {0}
    assert replay(lines) > len(outcomes)
    check((tmp_path / "file").read_bytes(), max(outcomes))


@pytest.mark.parametrize("full", [1, SIZE, 5 * SIZE + 3, 9 * SIZE + 17])
def test_of_a_disk_that_is_full_no_mark_tells_more_and_nothing_comes_later(
    short_writes, tmp_path, full
):
    outcomes, lines = talk_over(short_writes, tmp_path, short=7, full=full, seed=full)
    replay(lines)
    good = [number for number, error in outcomes.items() if error == 0]
    failed = [number for number, error in outcomes.items() if error]
    assert failed
    assert {outcomes[number] for number in failed} == {errno.ENOSPC}
    assert not good or max(good) < min(failed)
    written = (tmp_path / "file").read_bytes()
    check(written, max(good, default=0))
    assert marked(written) <= max(good, default=0)
    assert sum(int(line[2]) for line in lines if line[0] == "write") == full
