"""All files or none, whatever fails and whenever."""

import os
import stat
import threading
from pathlib import Path

import pytest

from isthmus.base.errors import StoreError
from isthmus.cli.nsc import transaction as module
from isthmus.cli.nsc.transaction import Transaction, locked


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_nothing_is_touched_before_the_commit(tmp_path):
    transaction = Transaction()
    transaction.put(tmp_path / "a" / "x", b"new")
    assert tree(tmp_path) == {}


def test_what_was_decided_is_read_back(tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    transaction = Transaction()
    transaction.put(tmp_path / "a" / "x", b"new")
    transaction.remove(tmp_path / "old")
    assert transaction.read(tmp_path / "a" / "x") == b"new"
    assert transaction.exists(tmp_path / "a" / "x")
    assert transaction.read(tmp_path / "old") is None
    assert not transaction.exists(tmp_path / "old")
    assert transaction.names(tmp_path) == ["a"]
    assert transaction.names(tmp_path / "nowhere") == []
    assert transaction.names(tmp_path / "old") == []


def test_a_folder_goes_with_everything_below_it(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x").write_bytes(b"x")
    (tmp_path / "a" / "y").write_bytes(b"y")
    (tmp_path / "kept").write_bytes(b"kept")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "kept")
    transaction = Transaction()
    transaction.put(tmp_path / "a" / "new", b"new")
    transaction.remove_folder(tmp_path / "a")
    assert not transaction.exists(tmp_path / "a" / "new")
    assert transaction.names(tmp_path / "a") == ["b"]
    assert (tmp_path / "a" / "y").exists(), "not before the commit"
    transaction.commit()
    assert tree(tmp_path) == {"kept": b"kept"}


def test_a_folder_that_cannot_go_is_as_it_was(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x")
    (tmp_path / "a" / "y").write_bytes(b"y")
    before = tree(tmp_path)
    unlink = Path.unlink

    def refuse(path, *args, **options):
        if path.name == "y":
            raise PermissionError(1, "not permitted")
        unlink(path, *args, **options)

    monkeypatch.setattr(Path, "unlink", refuse)
    transaction = Transaction()
    transaction.remove_folder(tmp_path / "a")
    with pytest.raises(StoreError, match="nothing was changed"):
        transaction.commit()
    assert tree(tmp_path) == before


def test_commit_writes_private_files_in_private_folders(tmp_path):
    transaction = Transaction()
    transaction.put(tmp_path / "a" / "b" / "x", b"secret")
    transaction.commit()
    assert (tmp_path / "a" / "b" / "x").read_bytes() == b"secret"
    assert stat.S_IMODE((tmp_path / "a" / "b" / "x").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


def test_the_umask_does_not_open_what_is_private(tmp_path):
    before = os.umask(0)
    try:
        transaction = Transaction()
        transaction.put(tmp_path / "a" / "x", b"secret")
        transaction.commit()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a" / "x").stat().st_mode) == 0o600


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    transaction = Transaction()
    transaction.put(tmp_path / "link", b"new")
    transaction.commit()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_content_that_is_there_already_is_no_change(tmp_path):
    (tmp_path / "x").write_bytes(b"same")
    (tmp_path / "x").chmod(0o644)
    transaction = Transaction()
    transaction.put(tmp_path / "x", b"same")
    transaction.commit()
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644


NO_SPACE = OSError(28, "No space left on device")


class Failing:
    """Counts calls of system functions and fails from one of them on, or only that one."""

    def __init__(self, allowed: int, *, once: bool) -> None:
        self.allowed = allowed
        self.once = once
        self.calls = 0

    def wrap(self, function):
        def call(*args, **kwargs):
            self.calls += 1
            failing = self.calls > self.allowed
            if failing and not (self.once and self.calls > self.allowed + 1):
                raise NO_SPACE
            return function(*args, **kwargs)

        return call


def changed(folder: Path) -> Transaction:
    (folder / "old").write_bytes(b"old")
    (folder / "gone").write_bytes(b"gone")
    transaction = Transaction()
    transaction.put(folder / "new" / "deep" / "x", b"1")
    transaction.put(folder / "old", b"2")
    transaction.remove(folder / "gone")
    return transaction


AFTER = {"new": None, "new/deep": None, "new/deep/x": b"1", "old": b"2"}
BEFORE = {"old": b"old", "gone": b"gone"}


def fail_each_step(tmp_path, monkeypatch, names, *, once):
    """Fail the first step, then the second, and so on, until the commit goes through."""
    places = {"fsync": os, "open": os, "mkdir": Path, "replace": Path}
    for allowed in range(100):
        folder = tmp_path / str(allowed)
        folder.mkdir()
        transaction = changed(folder)
        failing = Failing(allowed, once=once)
        with monkeypatch.context() as patch:
            for name in names:
                patch.setattr(places[name], name, failing.wrap(getattr(places[name], name)))
            try:
                transaction.commit()
            except StoreError as error:
                assert "No space left on device; nothing was changed" in str(error)
            else:
                assert tree(folder) == AFTER
                return allowed
        assert tree(folder) == BEFORE, f"after {allowed} steps"
    raise AssertionError("the commit never went through")


def test_whatever_step_fails_everything_is_as_before(tmp_path, monkeypatch):
    names = ["fsync", "open", "mkdir", "replace"]
    assert fail_each_step(tmp_path, monkeypatch, names, once=True) >= 10


def test_a_disk_that_stays_full_leaves_everything_as_before(tmp_path, monkeypatch):
    names = ["fsync", "open", "mkdir"]
    assert fail_each_step(tmp_path, monkeypatch, names, once=False) >= 8


def test_a_file_system_without_hard_links_is_fine(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(module.os, "link", no_links)
    monkeypatch.setattr(module, "_sync_folder", Failing(0, once=True).wrap(lambda _: None))
    transaction = changed(tmp_path)
    with pytest.raises(StoreError):
        transaction.commit()
    assert tree(tmp_path) == BEFORE
    transaction.commit()
    assert tree(tmp_path) == AFTER


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    transaction = Transaction()
    transaction.put(tmp_path / "file" / "x", b"1")
    with pytest.raises(StoreError, match=r"cannot write .*file/x: .*nothing was changed"):
        transaction.commit()


def test_two_writers_wait_for_each_other(tmp_path):
    order = []
    entered = threading.Event()

    def second():
        with locked(tmp_path):
            order.append("second")

    with locked(tmp_path):
        thread = threading.Thread(target=lambda: (entered.set(), second()))
        thread.start()
        entered.wait()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_waiting_ends_with_a_clear_line(tmp_path):
    def second():
        with locked(tmp_path, wait_s=0):
            pass

    with locked(tmp_path), pytest.raises(StoreError, match="another process"):
        second()


def test_the_lock_leaves_nothing_behind(tmp_path):
    with locked(tmp_path / "new" / "folder"):
        pass
    assert tree(tmp_path) == {}
