"""A small file in its place: whole or not at all, whatever stands there."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from isthmus.core.whole_file import put_whole_files
from support.file_size import file_size_limit


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    number = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield number
    os.close(number)


def put_whole_file(folder: int, name: bytes, temporary: bytes, data: bytes) -> None:
    [error] = put_whole_files(folder, [(name, temporary, data)])
    if error is not None:
        raise error


@pytest.mark.parametrize("data", [b"", b"new", b"x" * 100_000])
@pytest.mark.parametrize("before", [None, b"old and longer"])
def test_it_is_there_and_nothing_else(folder: int, tmp_path: Path, data: bytes, before):
    if before is not None:
        (tmp_path / "name").write_bytes(before)
    (tmp_path / "name.tmp").write_bytes(b"what a crash left")
    put_whole_file(folder, b"name", b"name.tmp", data)
    assert (tmp_path / "name").read_bytes() == data
    assert (tmp_path / "name").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_what_fails_leaves_the_old_file_and_nothing_else(folder: int, tmp_path: Path):
    put_whole_file(folder, b"name", b"name.tmp", b"old")
    with file_size_limit(10), pytest.raises(OSError, match="File too large") as failed:
        put_whole_file(folder, b"name", b"name.tmp", b"new " * 10)
    assert failed.value.filename == "name"
    assert (tmp_path / "name").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_a_place_that_can_not_be_taken_stays_as_it_is(folder: int, tmp_path: Path):
    (tmp_path / "name").mkdir()
    with pytest.raises(OSError, match="name"):
        put_whole_file(folder, b"name", b"name.tmp", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_no_descriptor_is_left_open(folder: int, tmp_path: Path):
    (tmp_path / "taken").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    put_whole_file(folder, b"name", b"name.tmp", b"data")
    with pytest.raises(OSError, match="taken"):
        put_whole_file(folder, b"taken", b"name.tmp", b"data")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_number_that_is_no_folder_is_refused():
    with pytest.raises(OSError, match="Bad file descriptor"):
        put_whole_file(-1, b"name", b"name.tmp", b"data")


def test_what_fails_concerns_no_other_of_the_group(folder: int, tmp_path: Path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "long").write_bytes(b"old")
    group = [
        (b"first", b"first.tmp", b"1"),
        (b"taken", b"taken.tmp", b"2"),
        (b"long", b"long.tmp", b"x" * 100),
        (b"last", b"last.tmp", b"4"),
    ]
    with file_size_limit(10):
        errors = put_whole_files(folder, group)
    assert [type(error) for error in errors] == [type(None), IsADirectoryError, OSError, type(None)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "last", "long", "taken"]
    assert (tmp_path / "first").read_bytes() == b"1"
    assert (tmp_path / "long").read_bytes() == b"old"
    assert (tmp_path / "last").read_bytes() == b"4"


def test_a_group_that_is_larger_than_the_process_may_open_files_is_put(folder: int, tmp_path: Path):
    group = [(b"%d" % n, b"%d.tmp" % n, b"data %d" % n) for n in range(20)]
    with open_files_limit(5):
        errors = put_whole_files(folder, group)
    assert errors == [None] * 20
    assert [(tmp_path / f"{n}").read_bytes() for n in range(20)] == [one[2] for one in group]


def test_who_may_open_no_file_at_all_is_told(folder: int, tmp_path: Path):
    with open_files_limit(0):
        errors = put_whole_files(folder, [(b"a", b"a.tmp", b"1"), (b"b", b"b.tmp", b"2")])
    assert [str(error) for error in errors] == [
        f"[Errno 24] Too many open files: '{name}'" for name in "ab"
    ]
    assert list(tmp_path.iterdir()) == []


@contextmanager
def open_files_limit(more: int) -> Iterator[None]:
    """In here this process has at most so many `more` files open than now."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open("/", os.O_RDONLY) for _ in range(200)]  # no gaps below the bound
    for number in held[-more:] if more else []:
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(held) + 1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for number in held[:-more] if more else held:
            os.close(number)
