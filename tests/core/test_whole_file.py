"""A small file in its place: whole or not at all, whatever stands there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.core.whole_file import put_whole_file
from support.file_size import file_size_limit


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    number = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield number
    os.close(number)


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
