"""Streams out of a store and into it: the moment holds; a restore leaves all or nothing."""

import pytest

from isthmus.core.segment import KINDS
from isthmus.store.archive import Reader
from isthmus.testing.disks import FaultyDisk, MemoryDisk
from support.archives import Life, Taker, content


def saved(count=60, gone=(3, 4, 20, 59)):
    """An archive of a stream, and what it must hold."""
    life = Life(MemoryDisk())
    number = life.create(count)
    life.discard(number, gone)
    data, problem = life.save(number)
    assert problem == ""
    return data, content(life.log(number)), life.log(number).last_seq


def test_a_stream_comes_back_as_it_was():
    data, messages, last_seq = saved()
    life = Life(MemoryDisk())
    assert life.load(data) == ""
    log = life.log(50)
    assert content(log) == messages
    assert (log.messages, log.last_seq) == (56, last_seq)


def test_it_is_there_after_a_power_cut():
    data, messages, last_seq = saved()
    disk = MemoryDisk()
    assert Life(disk).load(data) == ""
    after = Life(disk.crash(5))
    assert after.store.report.findings == []
    [found] = after.store.recovered
    assert (found.number, found.account, found.name, found.config) == (50, b"A", b"S", b"config")
    assert content(found.log) == messages
    assert found.log.last_seq == last_seq
    assert found.tree.totals(b">") == (3, 56)


@pytest.mark.parametrize("gone", [(), range(1, 6)])
def test_an_empty_stream_keeps_its_place(gone):
    data, messages, last_seq = saved(5 if gone else 0, gone)
    assert messages == {}
    disk = MemoryDisk()
    assert Life(disk).load(data) == ""
    log = Life(disk.crash(1)).store.recovered[0].log
    assert (log.last_seq, log.messages) == (last_seq, 0)
    assert log.first_seq == (last_seq + 1 if last_seq else 0)


def test_a_moment_holds_whatever_happens_meanwhile():
    life = Life(MemoryDisk())
    number = life.create(40)
    life.discard(number, [2])
    before = content(life.log(number))
    moment = life.moment(number)
    step = iter(range(1000))

    def between():
        at = next(step)
        life.publish(number, 12)
        log = life.log(number)
        life.discard(number, [seq for seq in range(at, at + 9) if log.next_seq(seq) == seq])
        life.checkpoint()

    data, problem = life.read(moment, between)
    assert problem == ""
    moment.release()
    assert next(step) > 3, "it went on meanwhile"
    other = Life(MemoryDisk())
    assert other.load(data) == ""
    assert content(other.log(50)) == before


def test_files_that_a_moment_needed_go_after_it():
    life = Life(MemoryDisk())
    number = life.create(40)
    life.checkpoint()
    moment = life.moment(number)
    names = life.disk.list(f"streams/{number}")
    life.discard(number, range(1, 31))
    life.checkpoint()
    assert set(names) <= set(life.disk.list(f"streams/{number}"))
    moment.release()
    life.checkpoint()
    assert len(life.disk.list(f"streams/{number}")) < len(names)


def test_an_erased_message_is_not_in_the_archive():
    life = Life(MemoryDisk())
    number = life.create(40)
    moment = life.moment(number)
    moment.leave_out(17)
    data, _ = life.read(moment)
    other = Life(MemoryDisk())
    assert other.load(data) == ""
    assert set(content(other.log(50))) == set(range(1, 41)) - {17}


def test_damage_is_named_and_the_rest_is_saved():
    life = Life(MemoryDisk())
    number = life.create(40)
    life.checkpoint()
    path = f"streams/{number}/1-0.blk"
    life.disk.flip(path, 60)
    data, problem = life.save(number)
    assert problem == ""
    assert "block 1 is damaged at offset 0" in life.told[-1]
    other = Life(MemoryDisk())
    assert other.load(data) == ""
    assert set(content(other.log(50))) == set(range(2, 41))


def test_a_strict_archive_ends_at_damage():
    life = Life(MemoryDisk())
    number = life.create(40)
    life.checkpoint()
    life.disk.flip(f"streams/{number}/1-0.blk", 60)
    assert "block 1 is damaged" in life.save(number, strict=True)[1]


def test_a_file_that_cannot_be_read_is_a_problem():
    life = Life(MemoryDisk())
    number = life.create(40)
    life.checkpoint()
    moment = life.moment(number)
    life.disk.remove_folder(f"streams/{number}")
    assert "No such file" in life.read(moment)[1]


@pytest.mark.parametrize("torn", [False, True])
def test_a_fault_at_any_step_of_a_restore_leaves_all_or_nothing(torn):
    """Fail the first operation, then the second, until it passes untouched; each with a crash."""
    data, messages, _ = saved()
    outcomes = set()
    fail_at = 0
    while True:
        fail_at += 1
        disk = MemoryDisk()
        life = Life(disk)
        other = life.create(3)
        kept = content(life.log(other))
        life.disk = faulty = FaultyDisk(disk, fail_at, torn=torn)
        problem = life.load(data)
        for after in (disk.crash(fail_at), disk.crash(-fail_at)):
            found = {one.number: one for one in Life(after).store.recovered}
            assert content(found[other].log) == kept, f"operation {fail_at}"
            assert (50 in found) == (problem == ""), f"operation {fail_at}: {problem}"
            if 50 in found:
                assert content(found[50].log) == messages
        outcomes.add(problem == "")
        if not faulty.failed:
            break
    assert outcomes == {True, False}
    assert fail_at > 15


def test_a_crash_in_any_moment_of_a_restore_leaves_all_or_nothing():
    data, messages, _ = saved()
    whole = nothing = 0
    for stop_at in range(1, 200):
        disk = MemoryDisk()
        life = Life(disk, later=True)
        life.drain()
        operations = len(disk.operations)
        try:
            life.disk = Stopping(disk, operations + stop_at)
            life.later = False
            life.load(data)
        except Stopped:
            pass
        else:
            break
        for seed in range(6):
            for found in (recovered := Life(disk.crash(seed)).store.recovered):
                assert content(found.log) == messages, f"stopped at {stop_at}"
            whole += len(recovered)
            nothing += not recovered
    assert nothing > 10
    assert whole > 0, "from the checkpoint's rename on it is there"


class Stopped(BaseException):
    """The process is killed."""


class Stopping(FaultyDisk):
    """Nothing happens any more from some operation on."""

    def __init__(self, disk, operations):
        super().__init__(disk, operations - len(disk.operations), fault=Stopped, for_good=True)


def test_a_discarded_restore_leaves_no_files():
    data, _, _ = saved()
    life = Life(MemoryDisk())
    broken = bytearray(data)
    broken[len(data) // 2] ^= 1
    assert "damaged" in life.load(bytes(broken))
    assert life.disk.list("streams") == []
    assert 50 not in life.store._streams


def test_a_checkpoint_meanwhile_does_not_make_it_be_there():
    data, _, _ = saved()
    disk = MemoryDisk()
    life = Life(disk)
    files = life.store.archives.stage(50)
    reader = Reader(Taker(files.log))
    for _ in reader.feed(data):
        life.settle()
    life.checkpoint()
    assert files.log.messages > 0
    assert Life(disk.crash(3)).store.recovered == []


def test_a_restored_stream_goes_on():
    data, messages, _ = saved()
    disk = MemoryDisk()
    life = Life(disk)
    assert life.load(data) == ""
    log = life.log(50)
    seq = log.last_seq + 1
    life.store.journal.write(
        life.turn, KINDS["message"], 50, seq, 77, subject=b"s.1", payload=b"new"
    )
    log.add(b"s.1", b"new", time_ns=77)
    life.settle()
    [found] = Life(disk.crash(2)).store.recovered
    assert content(found.log) == messages | {seq: (b"s.1", b"", b"new", 77)}
