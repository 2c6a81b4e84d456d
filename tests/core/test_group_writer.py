"""Groups are written and synced in order, without the interpreter, and nothing behind a failure.

Everything is put first and carried out then, by the thread that put it.
"""

import errno
import os

import pytest

from isthmus.core.group_writer import GroupWriter
from support.file_size import file_size_limit

WRITES_MAX = 16
EBADF = 9


class Bench:
    """A writer, its bell, and a file of zeros."""

    def __init__(self, folder):
        self.path = folder / "file"
        self.path.write_bytes(bytes(100))
        self.fd = os.open(self.path, os.O_RDWR)
        self.read_only = os.open(self.path, os.O_RDONLY)
        self.bell = os.eventfd(0, os.EFD_NONBLOCK)
        self.writer = GroupWriter(self.bell)

    def put(self, offset, data, *, fd=None, sync=None, rest=None):
        fd = self.fd if fd is None else fd
        return self.writer.put([(fd, offset, data)], [fd if sync is None else sync], rest)

    def carry_out(self):
        """Everything that was put, up to a call."""
        self.writer.put_end()
        while self.writer.run():
            self.writer.called()

    @property
    def content(self):
        return self.path.read_bytes().strip(b"\0")

    def rings(self):
        return os.eventfd_read(self.bell)

    def close(self):
        for fd in (self.fd, self.read_only, self.bell):
            os.close(fd)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_groups_are_carried_out_and_each_is_told_of(bench):
    one = bench.writer.put([(bench.fd, 0, b"ab"), (bench.fd, 2, memoryview(b"cd"))], [bench.fd])
    two = bench.put(1, b"X")
    assert (one, two) == (1, 2)
    assert bench.writer.finished == 0
    bench.carry_out()
    assert bench.writer.finished == 2
    assert bench.rings() == 2
    assert bench.writer.outcome(one) == (0, -1)
    assert bench.writer.outcome(two) == (0, -1)
    assert bench.content == b"aXcd"


def test_a_group_without_a_sync_and_an_empty_write_are_groups_too(bench):
    number = bench.writer.put([(bench.fd, 0, b""), (bench.fd, 0, b"a")], [])
    bench.carry_out()
    assert bench.writer.outcome(number) == (0, -1)
    assert bench.content == b"a"


def test_what_python_has_to_do_stands_in_the_same_order(bench):
    seen = []
    bench.put(0, b"a")
    assert bench.writer.put_call() == 2
    bench.put(0, b"b")
    bench.writer.put_end()
    while bench.writer.run():
        seen.append((bench.content, bench.writer.finished))
        bench.writer.called()
    assert seen == [(b"a", 1)]
    assert bench.content == b"b"
    assert bench.writer.finished == 3


def test_the_rest_comes_behind_what_was_told(bench):
    number = bench.put(0, b"ab", rest=(bench.fd, 2, b"mark"))
    bench.writer.put_call()
    assert bench.writer.run()
    assert bench.writer.over(number)
    assert bench.content == b"abmark"
    assert bench.writer.late == (0, 0)


def test_the_rest_of_a_group_is_left_out_when_the_next_one_is_there(bench):
    bench.put(0, b"ab", rest=(bench.fd, 50, b"mark"))
    bench.put(2, b"cd", rest=(bench.fd, 4, b"mark"))
    bench.carry_out()
    assert bench.content == b"abcdmark"


def test_a_group_is_not_over_before_it_was_carried_out(bench):
    number = bench.put(0, b"ab")
    assert not bench.writer.over(number)
    bench.carry_out()
    assert bench.writer.over(number)
    assert bench.writer.over(0)


def test_what_finds_no_room_is_refused_and_nothing_of_it_is_done(bench):
    assert bench.writer.put([], [bench.fd]) == 0
    assert bench.writer.put([(bench.fd, 0, b"x")] * (WRITES_MAX + 1), []) == 0
    assert bench.writer.put([(bench.fd, 0, b"x")], [bench.fd] * 5) == 0
    assert bench.put(0, b"x", rest=(bench.fd, 1, bytes(65))) == 0
    assert bench.put(0, b"a") == 1
    assert bench.put(1, b"b") == 2
    assert bench.put(2, b"x") == 0, "both slots are taken"
    bench.writer.put_call()
    assert bench.writer.run()
    assert bench.content == b"ab"
    assert bench.put(2, b"x") == 0, "until somebody asked what came of them"
    assert bench.writer.outcome(1) == (0, -1)
    assert bench.put(2, b"c") == 4
    bench.writer.called()
    bench.carry_out()
    assert bench.content == b"abc"


@pytest.mark.parametrize("where", ["write", "sync"])
def test_behind_a_failure_nothing_is_written(bench, where):
    bad = bench.read_only if where == "write" else 1 << 20
    if where == "write":
        failing = bench.put(0, b"ab", fd=bad)
    else:
        failing = bench.put(0, b"ab", sync=bad, rest=(bench.fd, 2, b"mark"))
    later = bench.put(10, b"later")
    bench.carry_out()
    assert bench.writer.outcome(failing) == (EBADF, bad)
    assert bench.writer.outcome(later) == (EBADF, -1)
    assert bench.content == (b"" if where == "write" else b"ab")


def test_a_rest_that_fails_is_told_of_late_and_ends_all_writing(bench):
    number = bench.put(0, b"ab", rest=(bench.read_only, 2, b"mark"))
    bench.writer.put_call()
    assert bench.writer.run()
    assert bench.writer.outcome(number) == (0, -1)
    assert bench.writer.late == (number, EBADF)
    assert bench.rings() == 2
    bench.writer.called()
    later = bench.put(10, b"later")
    bench.carry_out()
    assert bench.writer.outcome(later) == (EBADF, -1)
    assert bench.content == b"ab"


def test_what_was_called_and_failed_ends_all_writing(bench):
    bench.writer.put_call()
    later = bench.put(10, b"later")
    assert bench.writer.run()
    assert bench.writer.failure == 0
    bench.writer.called()
    bench.writer.fail(EBADF)
    bench.writer.fail(1)
    bench.carry_out()
    assert bench.writer.failure == EBADF, "the first one counts"
    assert bench.writer.outcome(later) == (EBADF, -1)
    assert bench.writer.late == (0, 0)
    assert bench.content == b""


def test_what_failed_is_said_to_who_is_called_next(bench):
    bench.put(0, b"ab", rest=(bench.read_only, 2, b"mark"))
    bench.writer.put_call()
    assert bench.writer.run()
    assert bench.writer.failure == EBADF


def test_a_write_that_is_cut_short_goes_on_until_the_system_says_why(bench):
    bench.put(98, b"abcdef")
    with file_size_limit(102):
        bench.carry_out()
    assert bench.writer.outcome(1) == (errno.EFBIG, bench.fd)
    assert bench.content == b"abcd"


def test_an_outcome_is_asked_for_once(bench):
    number = bench.put(0, b"a")
    bench.carry_out()
    bench.writer.outcome(number)
    with pytest.raises(KeyError):
        bench.writer.outcome(number)
