import gc
import itertools
import sys
import weakref
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from isthmus.base.errors import ProtocolError
from isthmus.core.inlet import Inlet
from isthmus.core.receiver import Receiver
from isthmus.core.router import publish
from isthmus.core.sublist import Sublist
from models.sublist import SublistModel, matches
from support.core import MemoryConnection, World
from support.soak import examples

tokens = st.sampled_from([b"a", b"b", b"*", b"long-token-of-19-chars"])
patterns = st.builds(
    lambda parts, rest: b".".join([*parts, b">"] if rest else parts),
    st.lists(tokens, min_size=1, max_size=4),
    st.booleans(),
)
literals = st.lists(
    st.sampled_from([b"a", b"b", b"c", b"*", b">", b"", b"long-token-of-19-chars"]), min_size=1,
    max_size=5,
).map(b".".join)  # fmt: skip
queues = st.sampled_from([b"", b"", b"work", b"audit"])


def inlets(count: int) -> list[Inlet]:
    return [Inlet(lambda _batch, _turn: None) for _ in range(count)]


def found(sublist: Sublist, subject: bytes) -> tuple[Counter[int], list[Counter[int]]]:
    plain, groups = sublist.receivers(subject)
    return Counter(map(id, plain)), [Counter(map(id, group)) for group in groups]


def unordered(groups: list[Counter[int]]) -> list[list[tuple[int, int]]]:
    return sorted(sorted(group.items()) for group in groups)


def agree(sublist: Sublist, model: SublistModel, subject: bytes) -> None:
    """Asked three times: not in the cache, entering it, from the cache."""
    plain, groups = model.receivers(subject)
    for _ in range(3):
        got_plain, got_groups = found(sublist, subject)
        assert got_plain == plain
        assert unordered(got_groups) == unordered(groups)
    assert sublist.interested(subject) == bool(plain or groups)


class SublistMachine(RuleBasedStateMachine):
    """The sublist against a list that is looked through."""

    def __init__(self) -> None:
        super().__init__()
        self.sublist = Sublist(seed=4711)
        self.model = SublistModel()
        self.pool = inlets(60)
        self.asked: set[bytes] = {b"a", b"a.b"}

    @rule(subject=patterns, queue=queues, number=st.integers(0, 4))
    def add(self, subject: bytes, queue: bytes, number: int) -> None:
        self.sublist.add(subject, self.pool[number], queue)
        self.model.add(subject, self.pool[number], queue)

    @rule(subject=patterns, queue=queues, number=st.integers(0, 4))
    def discard_maybe(self, subject: bytes, queue: bytes, number: int) -> None:
        receiver = self.pool[number]
        before = self.sublist.generation
        done = self.model.discard(subject, receiver, queue)
        assert self.sublist.discard(subject, receiver, queue) == done
        assert (self.sublist.generation != before) == done

    @rule(data=st.data())
    def discard_one_that_is_there(self, data: st.DataObject) -> None:
        if self.model.entries:
            subject, queue, receiver = data.draw(st.sampled_from(self.model.entries))
            assert self.model.discard(subject, receiver, queue)
            assert self.sublist.discard(subject, receiver, queue)

    @rule(subject=patterns, queue=queues)
    def add_many_receivers(self, subject: bytes, queue: bytes) -> None:
        for receiver in self.pool:
            self.sublist.add(subject, receiver, queue)
            self.model.add(subject, receiver, queue)

    @rule(subject=patterns)
    def add_many_groups(self, subject: bytes) -> None:
        for number, receiver in enumerate(self.pool):
            self.sublist.add(subject, receiver, b"queue%d" % number)
            self.model.add(subject, receiver, b"queue%d" % number)

    @rule(first=st.integers(0, 3))
    def add_many_literals(self, first: int) -> None:
        for number in range(first * 20, first * 20 + 40):
            self.sublist.add(b"number.%d" % number, self.pool[0])
            self.model.add(b"number.%d" % number, self.pool[0])
        self.asked.add(b"number.%d" % (first * 20))

    @rule(start=st.sampled_from([b"number.", b"a", b"*", b""]))
    def discard_all_that_begin_with(self, start: bytes) -> None:
        for subject, queue, receiver in list(self.model.entries):
            if subject.startswith(start):
                assert self.model.discard(subject, receiver, queue)
                assert self.sublist.discard(subject, receiver, queue)

    @rule(subject=literals)
    def ask(self, subject: bytes) -> None:
        self.asked.add(subject)
        agree(self.sublist, self.model, subject)

    @invariant()
    def what_was_asked_before_still_agrees(self) -> None:
        """One look each: those asked before may come from the cache."""
        for subject in sorted(self.asked)[:6]:
            plain, groups = self.model.receivers(subject)
            got_plain, got_groups = found(self.sublist, subject)
            assert got_plain == plain
            assert unordered(got_groups) == unordered(groups)
        assert len(self.sublist) == len(self.model.entries)
        there = [receiver for _, _, receiver in self.model.entries]
        assert Counter(map(id, self.sublist.everybody())) == Counter(map(id, there))


TestSublistMachine = SublistMachine.TestCase
TestSublistMachine.settings = settings(
    max_examples=examples(50), stateful_step_count=20, deadline=None
)
TestSublistMachine.pytestmark = [pytest.mark.soak]


def test_everybody_is_listed_as_often_as_added():
    sublist, pool = Sublist(seed=1), inlets(40)
    subjects = [b"a", b"a.b", b"a.*", b"a.*.c", b"a.>", b">", b"*"]
    for subject in subjects:
        for receiver in pool:
            sublist.add(subject, receiver)
            sublist.add(subject, receiver, b"work")
    for subject in subjects:
        assert sublist.discard(subject, pool[0])
    expected = Counter({id(receiver): 2 * len(subjects) for receiver in pool})
    expected[id(pool[0])] = len(subjects)
    assert Counter(map(id, sublist.everybody())) == expected
    sublist.clear()
    assert sublist.everybody() == []


@given(patterns, literals)
def test_one_pattern_matches_as_in_the_model(pattern: bytes, subject: bytes):
    sublist = Sublist(seed=1)
    sublist.add(pattern, *inlets(1))
    assert sublist.interested(subject) == matches(pattern, subject)


@given(
    st.binary(min_size=1, max_size=40),
    st.binary(min_size=1, max_size=40),
    st.integers(0, 2**64 - 1),
)
def test_literals_are_any_bytes(first: bytes, second: bytes, seed: int):
    if any(token in (b"*", b">", b"") for token in first.split(b".")):
        return
    sublist = Sublist(seed)
    sublist.add(first, *inlets(1))
    assert sublist.interested(first)
    assert sublist.interested(second) == (first == second)


def test_more_patterns_than_the_stack_holds_match():
    """Each of the 2^7 ways to put stars into seven tokens, and a queue group on each."""
    sublist, model = Sublist(seed=1), SublistModel()
    for number, (receiver, parts) in enumerate(
        zip(inlets(128), itertools.product([b"a", b"*"], repeat=7), strict=True)
    ):
        for queue in (b"", b"one", b"group%d" % (number % 70)):
            sublist.add(b".".join(parts), receiver, queue)
            model.add(b".".join(parts), receiver, queue)
    agree(sublist, model, b"a.a.a.a.a.a.a")
    agree(sublist, model, b"a.a.a.b.a.a.a")
    agree(sublist, model, b"b.b.b.b.b.b.b")
    agree(sublist, model, b"a.a.a.a.a.a")


def test_plain_receivers_come_before_queue_groups():
    sublist = Sublist(seed=1)
    first, second, third = inlets(3)
    sublist.add(b"a", first, b"q")
    sublist.add(b"*", second)
    sublist.add(b">", third, b"q")
    plain, groups = sublist.receivers(b"a")
    assert plain == [second]
    assert len(groups) == 1
    assert set(groups[0]) == {first, third}


def test_unique_subjects_never_enter_the_cache():
    sublist = Sublist(seed=1)
    sublist.add(b"_INBOX.>", *inlets(1))
    for number in range(5000):
        sublist.receivers(b"_INBOX.%d" % number)
    assert sublist.cache_hits == 0
    for _ in range(5):
        sublist.receivers(b"_INBOX.again")
    assert sublist.cache_hits >= 2


def test_a_literal_drops_only_its_own_result():
    sublist = Sublist(seed=1)
    receivers = inlets(2)
    for subject in (b"a", b"b"):
        sublist.add(subject, receivers[0])
        for _ in range(4):
            sublist.receivers(subject)
    before = sublist.cache_hits
    sublist.add(b"a", receivers[1])
    assert len(sublist.receivers(b"a")[0]) == 2
    assert sublist.cache_hits == before
    sublist.receivers(b"b")
    assert sublist.cache_hits == before + 1


def test_results_of_many_receivers_are_not_cached():
    """8192 cached results of 100 000 receivers each would be gigabytes."""
    sublist = Sublist(seed=1)
    for receiver in inlets(257):
        sublist.add(b">", receiver)
    for _ in range(10):
        assert len(sublist.receivers(b"a")[0]) == 257
    assert sublist.cache_hits == 0


def test_a_pattern_of_too_many_tokens_is_refused():
    sublist = Sublist(seed=1)
    (receiver,) = inlets(1)
    with pytest.raises(ProtocolError, match="Invalid Subject"):
        sublist.add(b"*." * 4096 + b"*", receiver)
    sublist.add(b"*." * 4095 + b"*", receiver)
    assert sublist.interested(b"a." * 4095 + b"a")
    assert not sublist.interested(b"a." * 100_000 + b"a")
    assert len(sublist) == 1


def test_words_with_prepared_differences_do_not_collide():
    """A multiply-and-shift hash gives all 4096 one value, whatever its seed is: the highest bit of
    a word, multiplied, stays the highest bit, and the next word can take it back.
    """
    pair = (b"AAAAAAAABBBBBBBB", b"AAAAAAA\xc1BBBBFBB\xc2")
    subjects = [b"".join(choice) for choice in itertools.product(pair, repeat=12)]
    sublist = Sublist(seed=0x1234_5678_9ABC_DEF0)
    hashes = [sublist.hash_of(subject) for subject in subjects]
    assert len(set(hashes)) == 4096
    assert max(Counter(found % 4096 for found in hashes).values()) < 12


def test_hashes_depend_on_every_byte_and_on_the_seed():
    seen = {
        Sublist(seed).hash_of(b"x" * at + b"y" + b"x" * (size - at - 1))
        for seed in (0, 1)
        for size in range(1, 40)
        for at in range(size)
    }
    assert len(seen) == 2 * sum(range(1, 40))


def test_receivers_live_exactly_while_they_are_subscribed():
    sublist = Sublist(seed=1)
    receiver = Inlet(lambda _batch, _turn: None)
    start = sys.getrefcount(receiver)
    sublist.add(b"a", receiver)
    sublist.add(b"*", receiver, b"q")
    assert sys.getrefcount(receiver) == start + 2
    for _ in range(4):
        sublist.receivers(b"a")
    sublist.discard(b"a", receiver)
    sublist.discard(b"*", receiver, b"q")
    assert sys.getrefcount(receiver) == start


def test_a_sublist_that_goes_lets_its_receivers_go():
    class Handler:
        def __call__(self, batch, turn) -> None: ...

    handlers = [Handler() for _ in range(100)]
    gone = [weakref.ref(handler) for handler in handlers]
    sublist = Sublist(seed=1)
    for number, handler in enumerate(handlers):
        sublist.add(
            (b"a", b"a.*.>", b"*", b"x.%d" % number)[number % 4], Inlet(handler), b"q"[: number % 2]
        )
    del handlers, handler
    gc.collect()
    assert all(ref() is not None for ref in gone)
    del sublist
    gc.collect()
    assert all(ref() is None for ref in gone)


def test_a_cleared_sublist_is_as_a_new_one():
    sublist = Sublist(seed=1)
    subjects = (b"a", b"a.*", b">", b"a.b.c")
    receivers = inlets(40)
    starts = [sys.getrefcount(receiver) for receiver in receivers]
    for number in range(len(receivers)):
        queue = b"q%d" % number if number % 3 else b""
        sublist.add(subjects[number % 4], receivers[number], queue)
    for _ in range(4):  # what is asked often comes from the cache
        assert sublist.interested(b"a.b.c")
        sublist.receivers(b"a.b.c")
    generation = sublist.generation
    sublist.clear()
    assert [sys.getrefcount(receiver) for receiver in receivers] == starts
    assert len(sublist) == 0
    assert sublist.generation > generation
    for subject in (b"a", b"a.b", b"a.b.c"):
        assert sublist.receivers(subject) == ([], [])
    assert not sublist.discard(b"a", receivers[0])
    sublist.add(b"a", receivers[0])
    sublist.add(b"a.*", receivers[1])
    assert sublist.receivers(b"a") == ([receivers[0]], [])
    assert sublist.receivers(b"a.b") == ([receivers[1]], [])


# --- changes while a match runs: an overflowing connection calls its owner inside `receive` ---


def overflowing(world: World, then, subject: bytes = b"x") -> MemoryConnection:
    """A connection whose next message on `subject` makes its owner call `then`."""
    connection = MemoryConnection(world, pending_max=30)
    connection.send(b'CONNECT {"verbose":false}\r\n')
    connection.client.subscribe(subject, b"", b"1")
    connection.slow_consumer = lambda _pending: then()  # type: ignore[method-assign]
    connection.outbound.pause()
    return connection


def listener(world: World, subject: bytes) -> list[bytes]:
    """The payloads that reach `subject`."""
    seen: list[bytes] = []
    inlet = Inlet(lambda batch, _turn: seen.extend(request.payload for request in batch))
    world.account().sublist.add(subject, inlet)
    return seen


BIG = b"x" * 40


@pytest.mark.parametrize("cached", [False, True])
def test_a_receiver_removed_while_another_receives_is_not_freed_under_the_match(cached: bool):
    world = World()
    sublist = world.account().sublist
    later: list[Inlet] = []

    def remove() -> None:
        while later:
            sublist.discard(b"x", later.pop())
        gc.collect()

    connection = overflowing(world, remove)
    later.extend(inlets(50))
    for inlet in later:
        sublist.add(b"x", inlet)
    for _ in range(3 if cached else 0):
        sublist.receivers(b"x")
    turn = world.begin()
    publish(world.account(), b"x", BIG, turn)
    turn.finish()
    assert connection.events == []
    assert len(sublist) == 1


@pytest.mark.parametrize("change", ["cache grows", "table grows", "stack grows", "slot dropped"])
def test_memory_of_a_running_match_outlives_changes(change: str):
    world = World()
    account = world.account()
    sublist = account.sublist

    def act() -> None:
        if change == "cache grows":
            for number in range(3000):
                for _ in range(2):
                    publish(account, b"hot.%d" % number, b"", world.turn)
        elif change == "table grows":
            for number in range(3000):
                sublist.add(b"table.%d" % number, Inlet(print))
        elif change == "stack grows":
            for receiver in inlets(2000):
                sublist.add(b"wide", receiver)
            publish(account, b"wide", b"", world.turn)
        else:
            sublist.add(b"x", Inlet(print))
            sublist.add(b"*", Inlet(print))

    overflowing(world, act)
    seen = [listener(world, b"x") for _ in range(20)]
    for _ in range(3):
        sublist.receivers(b"x")
    turn = world.begin()
    publish(account, b"x", BIG, turn)
    turn.finish()
    assert all(got == [BIG] for got in seen)


def test_a_subscription_that_ends_while_it_receives_ends_cleanly():
    world = World()
    connection = MemoryConnection(world, pending_max=30)
    connection.send(b'CONNECT {"verbose":false}\r\nSUB x 1\r\nSUB y 2\r\n')
    connection.outbound.pause()
    connection.slow_consumer = lambda _pending: connection.end()  # type: ignore[method-assign]
    turn = world.begin()
    assert publish(world.account(), b"x", BIG, turn) == 0
    turn.finish()
    assert len(world.account().sublist) == 0
    assert not world.account().sublist.interested(b"y")


def test_matches_inside_matches_give_their_room_back():
    """An outer match of many receivers, each of which matches a wide subject."""
    world = World()
    account = world.account()
    for receiver in inlets(300):
        account.sublist.add(b"wide", receiver)
    for _ in range(40):
        overflowing(world, lambda: publish(account, b"wide", b"", world.turn), b"x")
    turn = world.begin()
    publish(account, b"x", BIG, turn)
    turn.finish()
    assert account.sublist.stack_capacity < 4 * 300


def test_the_base_receiver_receives_nothing():
    world = World()
    world.account().sublist.add(b"x", Receiver())
    with pytest.raises(NotImplementedError):
        publish(world.account(), b"x", b"", world.begin())
    assert world.account().sublist.depth == 0


@pytest.mark.parametrize("size", [1, 3, 7, 8])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 23, 24, 25, 40])
def test_patterns_match_subjects_of_any_number_of_tokens(count, size):
    table = Sublist(1)
    tokens = [b"%c" % (97 + place % 26) * size for place in range(count)]
    [found] = inlets(1)
    for pattern in (
        [*tokens[:-1], b"*"],
        [b"*"] * count,
        [b"*"] * (count - 1) + [b">"],
        [b"*", *tokens[1:]],
    ):
        table.add(b".".join(pattern), found)
        assert table.interested(b".".join(tokens))
        assert not table.interested(b".".join([*tokens, b""]))
        assert not table.interested(b".".join([b"", *tokens[1:]]))
        assert not table.interested(b".".join([*tokens[:-1], b"", *tokens[-1:]]))
        if pattern[-1] != b">":
            assert not table.interested(b".".join([*tokens, b"a"]))
        table.discard(b".".join(pattern), found)
        assert not table.interested(b".".join(tokens))
