"""Archives that nobody wrote, and such as never end: refused by name, or a stream that works.

Whoever sends an archive may have made it: frames and checksums are right here, what they carry is
not. That flipped bits and cuts are found is in `tests/store/test_archive.py`.
"""

import json
import random
from itertools import pairwise

import pytest

from isthmus.core.segment import KINDS, encode
from isthmus.jetstream import details, restores
from isthmus.jetstream.limits import AccountLimits
from isthmus.testing.disks import MemoryDisk
from support.archive_promises import leftovers
from support.archive_talk import (
    RESET,
    ask,
    begin,
    begin_restore,
    crafted,
    filled,
    meta,
    reset,
    save,
    send,
    settle,
    step,
)  # fmt: skip
from support.jetstream import StoreWorld, StreamWorld
from support.soak import examples

S = 1_000_000_000
LAST = (1 << 63) - 1
PENDING, RUN = 10, 11


def restored(data, **config):
    """The answer to an archive on a fresh server, and that."""
    world = StreamWorld()
    return send(world, world.client(), data, storage="memory", **config), world


def refused(data, **config):
    """Why; and nothing stays."""
    made, world = restored(data, **config)
    assert made["error"]["err_code"] == 10062
    jetstream = world.jetstream()
    assert (jetstream.streams, jetstream.restores) == ({}, [])
    assert jetstream.usage.memory_bytes == 0
    return made["error"]["description"]


def record(seq, time_ns=1, subject=b"s.a", **more):
    return encode(KINDS["message"], 0, seq, time_ns, subject=subject, payload=b"x", **more)


def test_a_crafted_archive_that_is_right():
    assert "error" not in restored(crafted(meta()))[0]


@pytest.mark.parametrize(
    ("consumer", "why"),
    [
        (meta({"deliver_subject": "a b"}), "invalid"),
        (meta({"name": "D", "max_ack_pending": 5, "ack_policy": "none"}), ""),
        (meta(name=b"a.b"), "can not contain"),
        (meta(name=b"a/b"), "can not contain"),
        (meta(name=b""), "without a name"),
        (meta(steps=b""), "missing"),
        (meta(steps=b"\x01\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "is none"),
        (meta(steps=RESET[:-1]), "damaged"),
        (meta(steps=RESET + step(PENDING, 5, 1, 1, 1, 1, 0) * 2), "stands behind"),
        (meta(steps=reset(1 << 63)), "damaged"),
        (meta(time_ns=-1), "a time is -1"),
        (meta(time_ns=1 << 63), "a time is 9223372036854775808"),
        (meta(resume_seq=-1), "the position of a consumer is -1"),
        (meta(resume_seq=(1 << 64) - 1), "the position of a consumer"),
    ],
)
def test_a_consumer_that_no_request_could_have_made_is_refused(consumer, why):
    made, world = restored(crafted(consumer))
    if why:
        assert why in made["error"]["description"]
        assert world.jetstream().streams == {}


def test_messages_in_runs_are_bounded_for_all_consumers_together(monkeypatch):
    monkeypatch.setattr(restores, "RUNS_MAX", 100)

    def with_runs(*counts):
        config = {"ack_policy": "explicit", "max_ack_pending": -1}
        return crafted(*(
            meta(config, RESET + step(RUN, 1, 1, 1, 1, count), name=b"C%d" % number)
            for number, count in enumerate(counts)
        ))  # fmt: skip

    assert "error" not in restored(with_runs(60, 40))[0]
    assert "a run of 41 messages" in refused(with_runs(60, 41))
    assert "a run of 101 messages" in refused(with_runs(101))
    assert "a run of 0 messages" in refused(with_runs(0))


def test_runs_of_one_consumer_count_together_even_if_they_replace_each_other(monkeypatch):
    monkeypatch.setattr(restores, "RUNS_MAX", 100)
    state = RESET + step(RUN, 1, 1, 1, 1, 60)
    twice = meta(steps=state)
    twice.records.append((state, 2))
    assert "a run of 60 messages" in refused(crafted(twice))


def test_what_consumers_take_is_bounded(monkeypatch):
    monkeypatch.setattr(restores, "CONSUMERS_BYTES_MAX", 5000)
    few, many = ([meta(name=b"C%d" % number) for number in range(count)] for count in (4, 5))
    assert "error" not in restored(crafted(*few))[0]
    assert "more than 5000 bytes" in refused(crafted(*many))
    large = meta({"name": "C", "ack_policy": "none", "description": "d" * 4000})
    assert "more than 5000 bytes" in refused(crafted(large))


def test_there_may_be_no_more_consumers_than_the_stream_may_have():
    two = crafted(meta(name=b"A"), meta(name=b"B"))
    assert "error" not in restored(two, max_consumers=2)[0]
    made, world = restored(two, max_consumers=1)
    assert "maximum consumers limit reached" in made["error"]["description"]
    assert world.jetstream().streams == {}
    assert "two consumers of one name" in refused(crafted(meta(), meta()))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (crafted(records=record(1, subject=b"a b"), messages=1), "damaged"),
        (crafted(records=record(1, subject=b"a\r\nPUB"), messages=1), "damaged"),
        (crafted(records=record(1, subject=b""), messages=1), "damaged"),
        (crafted(records=record(1, -1), messages=1), "damaged"),
        (crafted(records=record(2) + record(2), messages=2), "does not follow"),
        (crafted(records=record(2) + record(1), messages=2), "does not follow"),
        (crafted(records=record((1 << 64) - 2), messages=1), "does not follow"),
        (crafted(records=record(2), messages=1), "stands behind its end"),
        (crafted(records=record(1), messages=2), "its end says 2"),
        (crafted(records=b"\0" * 64, messages=1), "no record"),
        (crafted(first_seq=2), "begins at 2, behind its end"),
        (crafted(first_seq=LAST, last_seq=5), "behind its end"),
        (crafted(kept={"positions": {"O": (-1, "x")}}), "the position of a source is -1"),
        (crafted(kept={"positions": {"O": (1 << 63, "x")}}), "the position of a source"),
        (crafted(kept={"positions": {"O": ("1", "x")}}), "the configuration of its stream"),
    ],
)  # fmt: skip
def test_what_no_stream_can_hold_is_refused(data, why):
    assert why in refused(data)


def test_what_is_over_the_accounts_limit_is_refused():
    source = StreamWorld()
    data = save(source, filled(source))
    world = StreamWorld()
    world.jetstream(limits=AccountLimits(max_memory=5000))
    made = send(world, world.client(), data, storage="memory")
    assert "resource limits exceeded" in made["error"]["description"]
    assert world.jetstream().restores == []
    assert world.jetstream().usage.memory_bytes == 0


def test_a_gap_as_wide_as_there_are_numbers_is_told_in_part(monkeypatch):
    monkeypatch.setattr(details, "DELETED_LIMIT", 3000)
    data = crafted(records=record(1) + record(LAST - 1), messages=2, last_seq=LAST)
    made, world = restored(data)
    assert made["state"]["num_deleted"] == LAST - 2
    answer = ask(world, world.client(), "STREAM.INFO.S", {"deleted_details": True})
    assert answer["state"]["deleted"] == list(range(2, 3002))
    assert answer["state"]["num_deleted"] == LAST - 2


# --- whatever it says ---

NUMBERS = (0, 1, 2, 3, 4, 7, 40, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 53, 1 << 62, LAST)
TIMES = (0, 1, 5 * S, 1_800_000_000 * S, LAST)
CONSUMERS = (
    {"ack_policy": "explicit", "max_ack_pending": 3, "max_deliver": 2, "ack_wait": S // 4},
    {"ack_policy": "explicit", "backoff": [S // 10, S // 5], "max_deliver": 3},
    {"ack_policy": "explicit", "filter_subject": "s.a", "deliver_policy": "last_per_subject"},
    {"ack_policy": "all"},
    {"ack_policy": "none"},
    {"ack_policy": "explicit", "deliver_subject": "pushed", "max_deliver": 1},
    {"ack_policy": "none", "deliver_subject": "pushed", "flow_control": True, "idle_heartbeat": S},
)  # fmt: skip


def made_up(chance):
    """An archive in which everything is of the right kind, and nothing has to fit."""

    def rising(most):
        return sorted(set(chance.choices(NUMBERS[1:], k=chance.randint(0, most))))

    seqs = rising(5)
    messages = b"".join(
        record(seq, chance.choice(TIMES), chance.choice([b"s.a", b"s.b", b"elsewhere"]))
        for seq in seqs
    )
    steps = step(9, *chance.choices(NUMBERS, k=7))
    for spent in (True, False):
        for seq, after in pairwise([*rising(4), 1 << 63]):
            count = min(chance.choice(NUMBERS[1:5]), after - seq)
            if not spent and chance.random() < 0.4:
                steps += step(RUN, seq, *chance.choices(NUMBERS, k=3), count)
            else:
                place = 2 if spent else chance.choice([0, 1])
                steps += step(PENDING, seq, *chance.choices(NUMBERS, k=4), place)
    consumer = meta(
        {"name": "C"} | chance.choice(CONSUMERS),
        steps,
        time_ns=chance.choice(TIMES),
        resume_seq=chance.choice(NUMBERS),
    )
    last = max([*seqs, chance.choice(NUMBERS)])
    return crafted(
        consumer, records=messages, messages=len(seqs), last_seq=last, consumers=1,
        first_seq=chance.choice(NUMBERS), last_ns=chance.choice(TIMES),
    )  # fmt: skip


def use(world, client):
    """Look at the stream, publish, pull, answer in every way, let time pass, remove."""
    details_wanted = {"deleted_details": True, "subjects_filter": ">"}
    assert "error" not in ask(world, client, "STREAM.INFO.S", details_wanted)
    assert "error" not in ask(world, client, "CONSUMER.INFO.S.C")
    client.say(b"SUB pushed 9")
    for number, answer in enumerate((b"+ACK", b"-NAK", b"+TERM", b"+WPI", b"-NAK")):
        client.publish("s.a", b"x", reply="_INBOX.stored")
        pull = b'{"batch":3,"no_wait":true}'
        heard = client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", pull, reply="_INBOX.pull")
        for _, reply, *_ in heard + settle(world, client):
            if reply.startswith("$JS.ACK"):
                client.publish(reply, answer)
        if number % 2:
            world.wait_ns(S // 3)
    ask(world, client, "STREAM.MSG.GET.S", {"next_by_subj": "s.a"})
    ask(world, client, "STREAM.PURGE.S", {"filter": "s.a", "keep": 2})
    settle(world, client)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_whatever_it_says_the_server_lives_on_and_starts_again(monkeypatch, request):
    monkeypatch.setattr(details, "DELETED_LIMIT", 5000)
    monkeypatch.setattr(restores, "RUNS_MAX", 5000)
    first = int(request.config.getoption("--hypothesis-seed"))
    there = 0
    for seed in range(first, first + examples(60, 5000)):
        chance = random.Random(seed)
        world = StoreWorld(MemoryDisk())
        client = world.client()
        retention = chance.choice(["limits", "limits", "interest", "workqueue"])
        more = {"retention": retention, "max_msgs_per_subject": chance.choice([-1, 1, 3])}
        made = send(world, client, made_up(chance), storage="file", **more)
        if "error" in made:
            assert made["error"]["err_code"] == 10062, seed
            assert world.jetstream().streams == {}, seed
            continue
        there += 1
        use(world, client)
        after = world.restarted()
        assert after.store.report.findings == [], seed
        use(after, after.client())
        ask(after, after.client(), "STREAM.DELETE.S")
        assert leftovers(after) == [], seed
        for one in (world, after):
            one.forget()
    assert there > 5


# --- archives that never end ---


def test_whoever_stops_after_any_chunk_leaves_nothing():
    source = StoreWorld(MemoryDisk())
    data = save(source, filled(source, messages=60))
    chunks = [data[at : at + 9000] for at in range(0, len(data), 9000)]
    assert len(chunks) > 4
    for sent in range(len(chunks) + 1):
        world = StoreWorld(MemoryDisk())
        client = world.client()
        subject = begin_restore(world, client)
        for chunk in chunks[:sent]:
            client.request(subject, chunk)
            settle(world, client)
        crashed = world.restarted()
        assert leftovers(crashed) == [], f"{sent} chunks, then a crash"
        world.wait_ns(6 * S)
        settle(world, client)
        assert world.jetstream().restores == []
        assert leftovers(world) == [], f"{sent} chunks, then silence"
        [(_, _, header, _)] = client.request(subject, b"more")
        assert header.startswith(b"NATS/1.0 503")
        assert "error" not in send(world, client, data), "the name is free"


def test_chunks_in_any_order_are_refused():
    source = StreamWorld()
    data = save(source, filled(source))
    half = len(data) // 2
    assert "error" not in restored(data)[0]
    for wrong in (data[half:] + data[:half], data[:half] * 2, data * 2, data[:half]):
        assert refused(wrong).startswith("restore failed: ")


# --- JetStream of the account is switched off ---


def test_archives_on_their_way_out_end_when_jetstream_is_switched_off():
    world = StoreWorld(MemoryDisk())
    client = filled(world)
    assert begin(world, client, chunk_size=1024, window_size=1024)
    world.jetstream().limit(None, world.begin())
    world.finish()
    ends = [header for name, _, header, _ in settle(world, client) if name == "to"]
    assert ends == [b"NATS/1.0 500 JetStream not enabled for account\r\n\r\n"]
    assert world.jetstream().streams["S"].snapshots == []


def test_archives_on_their_way_in_end_when_jetstream_is_switched_off():
    source = StoreWorld(MemoryDisk())
    data = save(source, filled(source))
    world = StoreWorld(MemoryDisk())
    client = world.client()
    subject = begin_restore(world, client)
    client.request(subject, data[:9000])
    settle(world, client)
    world.jetstream().limit(None, world.begin())
    world.finish()
    settle(world, client)
    assert world.jetstream().restores == []
    [(_, _, header, _)] = client.request(subject, data[9000:])
    assert header.startswith(b"NATS/1.0 503")
    world.drain()
    assert leftovers(world) == []
    world.jetstream().limit(AccountLimits(), world.begin())
    world.finish()
    assert "error" not in send(world, client, data)


def test_a_stream_that_comes_while_jetstream_is_switched_off_rests():
    """All of it had arrived and only the disk was waited for."""
    source = StoreWorld(MemoryDisk())
    data = save(source, filled(source))
    world = StoreWorld(MemoryDisk())
    client = world.client()
    subject = begin_restore(world, client)
    client.request(subject, data)
    settle(world, client)
    client.request(subject)
    [restore] = world.jetstream().restores
    assert restore.committing
    world.jetstream().limit(None, world.begin())
    world.finish()
    [(_, _, _, answer)] = settle(world, client)
    assert json.loads(answer)["state"]["messages"] == 40
    assert world.jetstream().restores == []
    [(_, _, header, _)] = client.request("s.a", b"x")
    assert header.startswith(b"NATS/1.0 503"), "nobody listens"
    world.jetstream().limit(AccountLimits(), world.begin())
    world.finish()
    assert b'"seq":41' in (client.request("s.a", b"x") + settle(world, client))[0][3]
    after = world.restarted()
    assert ask(after, after.client(), "STREAM.INFO.S")["state"]["messages"] == 41
