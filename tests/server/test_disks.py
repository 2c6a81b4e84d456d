"""The real disk does what the port says, and a store lives on it."""

import subprocess
import sys
import threading

import pytest

from isthmus.base.errors import StoreError
from isthmus.server.disks import OPEN_MAX, FileDisk


@pytest.fixture
def disk(tmp_path):
    disk = FileDisk(tmp_path / "store")
    yield disk
    disk.close()


def test_what_is_written_is_read_in_parts(disk):
    disk.write_at("a", 10, b"0123456789")
    assert disk.size("a") == 20
    assert disk.read("a", 12, 3) == b"234"
    assert disk.read("a", 18, 100) == b"89"
    assert disk.read("a", 0, 10) == bytes(10)
    disk.truncate("a", 15)
    disk.sync("a")
    assert disk.read("a", 10, 100) == b"01234"


def test_a_missing_file_has_no_size_and_can_not_be_read(disk):
    assert disk.size("a") == -1
    with pytest.raises(FileNotFoundError):
        disk.read("a", 0, 1)
    disk.remove("a")
    disk.remove_folder("nowhere")
    assert disk.list("nowhere") == []


def test_preallocated_bytes_are_there_and_zero(disk):
    disk.write_at("seg", 0, b"old")
    disk.preallocate("seg", 3 << 20)
    assert disk.size("seg") == 3 << 20
    assert (disk.root / "seg").stat().st_blocks * 512 >= 3 << 20
    assert disk.read("seg", 0, 3 << 20) == bytes(3 << 20)


def test_a_renamed_file_is_followed(disk):
    disk.make_folder("d/e")
    disk.write_at("d/old", 0, b"old")
    disk.write_at("d/new", 0, b"new")
    disk.rename("d/new", "d/old")
    assert disk.list("d") == ["e", "old"]
    assert disk.read("d/old", 0, 9) == b"new"
    disk.sync_folder("d")
    disk.remove_folder("d")
    assert disk.list("d") == []


def test_files_and_folders_are_private(disk):
    disk.make_folder("d")
    disk.write_at("d/a", 0, b"x")
    assert disk.root.stat().st_mode & 0o777 == 0o700
    assert (disk.root / "d").stat().st_mode & 0o777 == 0o700
    assert (disk.root / "d/a").stat().st_mode & 0o777 == 0o600


def test_open_files_are_bounded_and_never_mixed_up(disk):
    """Threads that together use more files than stay open: each finds its own bytes."""
    wrong = []

    def work(thread):
        for round_ in range(30):
            for number in range(OPEN_MAX // 2):
                path = f"{thread}-{number}"
                disk.write_at(path, 0, b"%d %d" % (thread, number + round_))
                if disk.read(path, 0, 99) != b"%d %d" % (thread, number + round_):
                    wrong.append(path)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(disk._open) <= OPEN_MAX


def test_one_process_has_the_store(disk):
    disk.lock("lock")
    code = (
        "import sys, pathlib\n"
        "from isthmus.server.disks import FileDisk\n"
        "FileDisk(pathlib.Path(sys.argv[1])).lock('lock')\n"
    )
    line = [sys.executable, "-c", code, str(disk.root)]
    other = subprocess.run(line, capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert "is in use by another process" in other.stderr
    disk.close()
    assert subprocess.run(line, capture_output=True, check=False).returncode == 0


def test_a_folder_that_can_not_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can not create the store folder"):
        FileDisk(tmp_path / "file" / "store")


def test_only_what_is_there_is_overwritten(tmp_path):
    disk = FileDisk(tmp_path)
    with pytest.raises(FileNotFoundError):
        disk.overwrite("a", 0, b"x")
    assert disk.list("") == []
    disk.write_at("a", 0, b"abcdef")
    disk.overwrite("a", 2, b"XY")
    assert disk.read("a", 0, 9) == b"abXYef"
    disk.rename("a", "b")
    with pytest.raises(FileNotFoundError):
        disk.overwrite("a", 0, b"x")
    assert disk.list("") == ["b"]
    disk.close()
