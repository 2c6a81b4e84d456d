"""Each scenario with a fault at its first disk operation, then at its second, and so on.

After each the machine crashes (what was not synced may be lost, in any part), and the process ends
without a crash; both times the store is opened again, and everything that was acknowledged must be
there with its bytes, nothing invented, and the counters right. Then it must go on.

`make test` walks through every scenario with its own stride, `make soak` takes every step.
"""

import itertools
import json

import pytest

from isthmus.base.errors import StoreError
from isthmus.testing.disks import FaultyDisk, FullDisk, MemoryDisk
from support.archive_promises import leftovers, restore, save
from support.promises import SECOND_NS, FaultWorld, Promises, contents
from support.soak import SOAK
from support.store_world import PowerCut

pytestmark = pytest.mark.soak

ROLL_UP = b"NATS/1.0\r\nNats-Rollup: %b\r\n\r\n"
TTL = b"NATS/1.0\r\nNats-TTL: 2\r\n\r\n"
PULL = {"durable_name": "C", "ack_policy": "explicit"}


# --- scenarios: what one process does; `first` has done so before, `setting` was there before ---


def append(it):
    it.create("S", subjects=["s.>"])
    for number in range(4):
        it.publish("S", *[f"s.{index}" for index in range(number + 1)], header=b"")
    it.publish("S", "s.h", header=b"NATS/1.0\r\nA: b\r\n\r\n")


def roll_over(it):
    it.create("S", subjects=["s.>"])
    for number in range(14):
        it.publish("S", f"s.{number}", "s.same", size=700)


def delete(it):
    it.create("S", subjects=["s.>"])
    seqs = it.publish("S", *["s.a", "s.b"] * 6, size=150)
    it.delete("S", *seqs[1:8:2])
    it.checkpoint()
    it.delete("S", *seqs[8:10], *seqs[-1:])
    it.publish("S", "s.a")


def erase(it):
    it.create("S", subjects=["s.>"])
    seqs = it.publish("S", *["s.a"] * 8, size=600, header=b"NATS/1.0\r\nA: b\r\n\r\n")
    it.delete("S", *seqs[2:3], erase=True)
    it.checkpoint()
    it.delete("S", *seqs[3:5], *seqs[-1:], erase=True)
    it.publish("S", "s.a")


def purge(it):
    it.create("S", subjects=["s.>"])
    it.publish("S", *["s.a", "s.b", "s.c"] * 4, size=150)
    it.purge("S", "s.a")
    it.purge("S", seq=5)
    it.checkpoint()
    it.purge("S", "s.c", keep=1)
    it.publish("S", "s.d")
    it.purge("S")
    it.publish("S", "s.e")


def roll_up(it):
    it.create("S", subjects=["s.>"], allow_rollup_hdrs=True)
    it.publish("S", *["s.a", "s.b", "s.c"] * 3, size=200)
    for subject, how in (("s.a", b"sub"), ("s.b", b"all")):
        ledger = it.streams.get("S")
        if ledger is not None:
            going = [
                seq for seq in it.there("S") if how == b"all" or ledger.acked[seq][0] == subject
            ]
            ledger.removing(going)
            if it.publish("S", subject, header=ROLL_UP % how):
                ledger.removed(going)
        it.publish("S", "s.c", size=300)


def expire(it):
    it.create("S", subjects=["s.>"], max_age=5 * SECOND_NS, allow_msg_ttl=True)
    it.publish("S", *["s.a"] * 6, size=200)
    brief = it.publish("S", "s.b", header=TTL)
    it.world.wait_ns(SECOND_NS)
    it.publish("S", *["s.c"] * 4, size=200)
    if "S" in it.streams:
        it.streams["S"].removing(brief)
        it.world.wait_ns(2 * SECOND_NS)
        it.streams["S"].removing(seq for seq in it.there("S") if seq <= 6)
        it.world.drain()
    it.world.wait_ns(5 * SECOND_NS // 2)
    it.world.drain()


def limits(it):
    it.create("S", subjects=["s.>"], max_msgs=7, max_msgs_per_subject=3)
    for number in range(12):
        if "S" in it.streams:
            it.streams["S"].removing(it.there("S")[: max(len(it.there("S")) - 2, 0)])
        it.publish("S", f"s.{number % 2}", size=250)


def compaction(it):
    it.create("S", subjects=["s.>"])
    seqs = it.publish("S", *["s.a"] * 16, size=200)
    it.checkpoint()
    it.delete("S", *[seq for seq in seqs if seq % 4])
    it.checkpoint()
    it.publish("S", "s.b")
    it.checkpoint()


def consumers(it):
    it.create("S", subjects=["s.>"], retention="workqueue")
    it.ask("CONSUMER.DURABLE.CREATE.S.C", {"stream_name": "S", "config": PULL})
    it.publish("S", *["s.a"] * 9, size=200)
    if "S" in it.streams:
        it.take("S", "C", 3, removes=True)
        it.checkpoint()
        it.take("S", "C", 2, b"+TERM", removes=True)


def streams_come_and_go(it):
    it.create("S", subjects=["s.>"])
    it.publish("S", *["s.a"] * 4, size=400)
    it.create("K", subjects=["k.>"])
    it.publish("K", *["k.a"] * 4, size=400)
    it.checkpoint()
    it.end("S")
    it.create("S2", subjects=["s.>"])
    it.publish("S2", "s.a", "s.b")
    it.ask("STREAM.UPDATE.K", {"name": "K", "subjects": ["k.>"], "description": "other"})
    it.publish("K", "k.b")


def copies(it):
    """A mirror and a stream with a source: what they took stays, and nothing is taken twice."""
    it.create("S", subjects=["s.>"])
    it.ask("STREAM.CREATE.M", {"name": "M", "storage": "file", "mirror": {"name": "S"}})
    it.ask("STREAM.CREATE.T", {"name": "T", "storage": "file", "sources": [{"name": "S"}]})
    it.publish("S", *["s.a", "s.b"] * 3, size=150)
    catch_up(it.world, 4)
    it.checkpoint()
    it.publish("S", *["s.c"] * 3, size=150)
    catch_up(it.world, 2)


def catch_up(world, rounds):
    for _ in range(rounds):
        world.wait_ns(SECOND_NS // 2)
        world.drain()


def copies_problems(world):
    """After some time on a sound disk the copies hold what the origin holds, each message once."""
    streams = world.jetstream().streams
    out = []
    catch_up(world, 12)
    if "S" not in streams:
        return []
    found, _ = contents(world, "S")
    if "M" in streams and contents(world, "M")[0] != found:
        out.append(f"M: {sorted(contents(world, 'M')[0])}, the origin has {sorted(found)}")
    if "T" in streams:
        copied = [message[2] for message in contents(world, "T")[0].values()]
        if sorted(copied) != sorted(message[2] for message in found.values()):
            out.append(f"T: {copied}")
    return out


def archived(it):
    """An archive is taken while its stream goes on, and comes back beside it."""
    it.create("S", subjects=["s.>"])
    it.ask("CONSUMER.DURABLE.CREATE.S.C", {"stream_name": "S", "config": PULL})
    seqs = it.publish("S", *["s.a", "s.b"] * 5, size=250)
    it.take("S", "C", 2)
    it.delete("S", *seqs[4:6])
    it.checkpoint()
    it.publish("S", "s.c", "s.d", size=250)

    def meanwhile():
        it.publish("S", "s.e", size=250)
        it.delete("S", *it.there("S")[:1])
        it.checkpoint()

    restore(it, "R", save(it, "S", meanwhile), subjects=["r.>"])
    it.take("R", "C", 2)


def restored(it):
    """A stream that ended comes back while another goes on, and goes on itself."""
    it.create("S", subjects=["s.>"])
    it.publish("S", *["s.a", "s.b"] * 5, size=250, header=b"NATS/1.0\r\nA: b\r\n\r\n")
    kept = save(it, "S")
    it.end("S")
    it.create("K", subjects=["k.>"])

    def meanwhile():
        it.publish("K", "k.a", size=250)

    restore(it, "R", kept, between=meanwhile, subjects=["r.>"])
    it.publish("R", "r.a", "r.b")
    it.delete("R", *it.there("R")[:2])
    it.checkpoint()


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        append, roll_over, delete, erase, purge, roll_up, expire, limits, compaction, consumers,
        streams_come_and_go, copies, archived, restored,
    )
}  # fmt: skip

FAULTS = {
    "an error": {"fault": lambda: OSError(5, "Input/output error")},
    "a full disk": {
        "fault": lambda: OSError(28, "No space left on device"),
        "torn": True,
        "for_good": True,
        "operations": frozenset({"preallocate", "write_at", "make_folder"}),
    },
    "a failing read": {
        "fault": lambda: OSError(5, "Input/output error"),
        "operations": FaultyDisk.READS,
    },
    "a power cut": {"fault": PowerCut, "torn": True, "for_good": True},
}


# --- a life with a fault, and what came after ---


def live(scenario, disk, promises=None):
    """One process on `disk`; what it promised, and what it said of its troubles."""
    world = None
    try:
        world = FaultWorld(disk)
        if promises is None:
            promises = Promises(world)
        else:
            promises.meet(world)
        world.drain()
        scenario(promises)
        world.stop()
    except PowerCut:
        pass
    except StoreError as error:
        assert "cannot be read or written" in str(error), error
        return promises, [str(error)]
    return promises, [] if world is None else world.findings + world.store.report.findings


def afterwards(disk, promises, step):
    """Both ends of a life: a crash, and a process that just ended. What is wrong."""
    disk._locked.clear()
    for how, left in (("crash", disk.crash(step)), ("end", MemoryDisk.of(disk.files()))):
        world = FaultWorld(left)
        found = [f"{how} {step}: {text}" for text in promises.problems(world)]
        found += [f"{how} {step}: {text}" for text in goes_on(promises, world)]
        if found:
            return found
    return []


def goes_on(promises, world):
    """The store takes one message more into each stream, and keeps it."""
    out = []
    world.drain()
    names = [name for name in promises.streams if name in world.jetstream().streams]
    out += [f"{path} belongs to no stream" for path in leftovers(world)]
    if "M" in world.jetstream().streams or "T" in world.jetstream().streams:
        out += copies_problems(world)
    last = {}
    for name in names:
        stream = world.jetstream().streams[name]
        client = world.client()
        subject = stream.config.subjects[0].replace(">", "more")
        heard = client.request(subject, b"one more")
        world.drain()
        [(_, _, _, answer)] = heard + client.messages()
        last[name] = json.loads(answer).get("seq")
        if last[name] != stream.stored.log.last_seq:
            out.append(f"{name} does not go on: {answer}")
    again = FaultWorld(MemoryDisk.of(world.disk.files()))
    for name, seq in last.items():
        entry = again.jetstream().streams[name].stored.log.get(seq)
        if entry is None or entry.payload != b"one more":
            out.append(f"{name} did not keep {seq}")
    return out


def steps_of(stride):
    step = 0
    while True:
        step += 1 if SOAK else stride
        yield step


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fault_at_any_step_costs_nothing_that_was_promised(name, fault):
    for step in steps_of(stride=23):
        faulty = FaultyDisk(MemoryDisk(), step, **FAULTS[fault])
        promises, said = live(SCENARIOS[name], faulty)
        if promises is not None:
            assert afterwards(faulty.disk, promises, step) == [], f"{fault} at operation {step}"
        if not faulty.failed:
            break
        if fault not in {"a power cut", "a failing read"}:
            assert said, f"{fault} at operation {step} was not named"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_fault_while_a_store_is_opened_costs_nothing(name, fault):
    """The first life ends in a crash, and what it left is opened on a disk that fails."""
    before = FaultyDisk(MemoryDisk(), 10**9)
    promises, _ = live(SCENARIOS[name], before)
    crashed = before.disk.crash(1).files()
    for step in steps_of(stride=11):
        faulty = FaultyDisk(MemoryDisk.of(crashed), step, **FAULTS[fault])
        try:
            world = FaultWorld(faulty)
            world.drain()
            world.stop()
        except PowerCut:
            pass
        except StoreError as error:
            assert "cannot be read or written" in str(error)
        assert afterwards(faulty.disk, promises, step) == [], f"{fault} at operation {step}"
        if not faulty.failed:
            break


@pytest.mark.parametrize("name", ["archived", "restored"])
def test_without_a_fault_the_archive_comes_back(name):
    promises, said = live(SCENARIOS[name], MemoryDisk())
    assert said == []
    assert "R" in promises.streams
    assert "R" not in promises.perhaps_ended
    assert len(promises.there("R")) == 10
    assert afterwards(promises.world.disk, promises, 1) == []


def half_restored():
    """A client whose archive had arrived but for its end when the power went; what is left."""
    it = Promises(FaultWorld(MemoryDisk()))
    it.create("S", subjects=["s.>"])
    it.publish("S", *["s.a", "s.b"] * 8, size=400)

    def meanwhile():
        if leftovers(it.world):  # blocks of it are written, and nobody lists them
            raise PowerCut

    with pytest.raises(PowerCut):
        restore(it, "R", save(it, "S"), between=meanwhile, subjects=["r.>"])
    del it.streams["R"]  # nobody said that this was all
    it.ended.add("R")
    return it, it.world.disk.crash(1).files()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_while_half_a_restore_is_cleared_away_costs_nothing(fault):
    promises, crashed = half_restored()
    for step in steps_of(stride=3):
        faulty = FaultyDisk(MemoryDisk.of(crashed), step, **FAULTS[fault])
        try:
            world = FaultWorld(faulty)
            world.drain()
        except PowerCut:
            pass
        except StoreError as error:
            assert "cannot be read or written" in str(error)
        assert afterwards(faulty.disk, promises, step) == [], f"{fault} at operation {step}"
        if not faulty.failed:
            break


def test_a_disk_that_is_full_sooner_or_later_costs_nothing_that_was_promised():
    for room in range(0, 200_000, 700 if SOAK else 9000):
        disk = MemoryDisk()
        full = FullDisk(disk, room)
        promises, said = live(roll_over, full)
        if promises is not None:
            assert afterwards(disk, promises, room) == [], f"{room} bytes"
        if not full.refused:
            break
        assert said, f"{room} bytes: nobody was told"
    assert room > 50_000


def unread_once(disk):
    """A stream of nine messages, in blocks, of which the first could not be read."""
    faulty = FaultyDisk(disk, 10**9, operations=frozenset({"read"}))
    it = Promises(FaultWorld(faulty))
    it.create("S", subjects=["s.>"])
    it.publish("S", *["s.a"] * 9, size=400)
    it.checkpoint()
    faulty.fail_at = faulty.count + 1
    assert it.ask("STREAM.MSG.GET.S", {"seq": 1}) is None
    assert faulty.failed
    assert it.world.findings == [
        "stream 1: streams/1/1-0.blk cannot be read: [Errno 5] Input/output error",
        "stream 1: message 1 is damaged on disk (block 1, offset 0)",
    ]
    return it


def test_what_is_acknowledged_while_its_block_cannot_be_read_is_not_back_in_the_work_queue():
    lives = 0
    for step in itertools.count(1):  # the first reads are those of a start, which then fails
        faulty = FaultyDisk(MemoryDisk(), step, **FAULTS["a failing read"])
        promises, _ = live(consumers, faulty)
        if not faulty.failed:
            break
        if promises is not None:
            assert afterwards(faulty.disk, promises, step) == [], f"read {step}"
            lives += 1
    assert lives > 3


def test_what_could_not_be_read_once_is_there_after_a_restart():
    """Even if everything else in its block went, and the block with it might have gone."""
    disk = MemoryDisk()
    it = unread_once(disk)
    it.delete("S", *range(2, 9))
    it.world.stop()
    after = FaultWorld(MemoryDisk.of(disk.files()))
    assert sorted(contents(after, "S")[0]) == [1, 9]
    assert it.problems(after) == []


def test_what_could_not_be_read_once_does_not_survive_a_purge():
    disk = MemoryDisk()
    it = unread_once(disk)
    it.purge("S", seq=3)
    it.world.stop()
    after = FaultWorld(MemoryDisk.of(disk.files()))
    assert sorted(contents(after, "S")[0]) == list(range(3, 10))
    assert it.problems(after) == []


def test_nobody_hears_of_damage_to_a_stream_that_was_deleted():
    """Its files were being removed when the process was killed: some were gone, in any order."""
    it = Promises(FaultWorld(MemoryDisk()))
    it.create("S", subjects=["s.>"])
    it.publish("S", *["s.a"] * 9, size=400)
    it.checkpoint()
    before = it.world.disk.files()
    it.end("S")
    after = it.world.disk.files()
    gone = sorted(set(before) - set(after))
    assert len(gone) > 4
    for left in ([path for path in gone if "meta" in path], gone[:1], gone[1:], gone[-2:]):
        world = FaultWorld(MemoryDisk.of(after | {path: before[path] for path in left}))
        assert world.store.report.findings == []
        assert world.store.report.lost == 0
        assert it.problems(world) == leftovers(world) == []
