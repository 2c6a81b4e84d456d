import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.core.client import Client, Listing
from isthmus.core.effort import so_far_ns
from isthmus.core.outbound import Outbound
from isthmus.core.permits import SubjectSet
from isthmus.core.router import publish
from support.core import MemoryConnection, World


@pytest.fixture
def world() -> World:
    return World()


def message(subject: bytes, sid: bytes, payload: bytes = b"") -> bytes:
    return b"MSG %s %s %d\r\n%s\r\n" % (subject, sid, len(payload), payload)


# --- subscriptions ---


@given(st.integers(1, 4), st.lists(st.one_of(st.none(), st.integers(0, 6)), max_size=12))
@settings(max_examples=100)
def test_unsubscribing_after_so_many_counts_from_the_beginning(first: int, steps: list[int | None]):
    """None publishes, a number is UNSUB 1 <number>; against a counter."""
    world = World()
    connection = world.connect()
    connection.say(b"SUB a 1")
    delivered, most, there = 0, 0, True
    for step in [None] * first + steps:
        if step is None:
            heard = connection.say(b"PUB a 0", b"")
            assert heard == (message(b"a", b"1") if there else b"")
            delivered += there
        else:
            connection.say(b"UNSUB 1 %d" % step)
            most = step if there else most
            there = there and step > 0 and delivered < step
        there = there and not (most and delivered >= most)
        assert connection.client.subscription_count == there
        assert len(world.account().sublist) == there


def test_a_sid_in_use_keeps_its_subscription(world: World):
    connection = world.connect()
    connection.say(b"SUB a 1", b"SUB b 1")
    assert connection.say(b"PUB a 0", b"", b"PUB b 0", b"") == message(b"a", b"1")
    assert connection.client.subjects == [b"a"]


def test_no_echo_means_not_to_oneself(world: World):
    quiet = world.connect(echo=False)
    other = world.connect()
    for connection in (quiet, other):
        connection.say(b"SUB a 1", b"SUB b work 2")
    assert quiet.say(b"PUB a 0", b"", b"PUB b 0", b"") == b""
    assert other.heard() == message(b"a", b"1") + message(b"b", b"2")


def test_a_denied_subject_is_hidden_from_a_wildcard(world: World):
    connection = MemoryConnection(world, denied=SubjectSet([b"a.secret"]))
    connection.send(b'CONNECT {"verbose":false}\r\nSUB a.> 1\r\n')
    turn = world.begin()
    assert publish(world.account(), b"a.secret", b"", turn) == 0
    assert publish(world.account(), b"a.open", b"", turn) == 1
    turn.finish()
    assert connection.heard() == message(b"a.open", b"1")


def test_a_second_login_starts_without_subscriptions(world: World):
    connection = world.connect("A")
    connection.say(b"SUB a 1")
    connection.account = world.account("B")
    connection.say(b'CONNECT {"verbose":false}')
    assert len(world.account("A").sublist) == 0
    assert connection.say(b"SUB a 1", b"PUB a 0", b"") == message(b"a", b"1")
    assert len(world.account("B").sublist) == 1


def test_another_account_is_refused_while_there_are_subscriptions(world: World):
    connection = world.connect("A")
    connection.say(b"SUB a 1")
    with pytest.raises(AssertionError):
        connection.client.admit(world.account("B"), payload_max=100)


def test_a_closed_client_subscribes_and_publishes_nothing(world: World):
    connection = world.connect()
    other = world.connect()
    other.say(b"SUB a 1")
    connection.client.close()
    connection.client.subscribe(b"a", b"", b"1")
    turn = world.begin()
    connection.parser.feed(b"PUB a 1\r\nx\r\n", turn)
    turn.finish()
    assert other.heard() == b""
    assert len(world.account().sublist) == 1


def test_a_closed_connection_lets_go_of_its_subscriptions_in_slices(world: World):
    connection, other = world.connect(), world.connect()
    for sid in range(3000):
        connection.say(b"SUB a work %d" % sid)
    other.say(b"SUB a work 1")
    client = connection.client
    assert client.close()
    assert len(world.account().sublist) == 3001 - 1024
    assert other.say(*[b"PUB a 0", b""] * 50).count(b"MSG a 1 0") == 50
    assert client.leave(100)
    assert not client.leave(5000)
    assert len(world.account().sublist) == 1


@pytest.mark.parametrize("line", [b"PUB a..b r 1\r\nx\r\n", b"PUB a.b _R_.x 1\r\nx\r\n"])
def test_an_owner_may_close_while_it_is_told_of_a_violation(world: World, line: bytes):
    connection = world.connect(pedantic=True)
    other = world.connect()
    other.say(b"SUB > 1")
    connection.invalid_publish_subject = connection.end  # type: ignore[method-assign]
    connection.violation = lambda _kind, _subject: connection.end()  # type: ignore[method-assign]
    connection.send(line)
    assert connection.closed
    assert other.heard() == b""


def test_everything_is_let_go_with_the_connection(world: World):
    """Many connections that come, subscribe, talk and go leave no object behind."""

    def live() -> None:
        asker, service = world.connect(), world.connect(verbose=True, pedantic=True)
        service.say(b"SUB svc work 1", b"SUB svc.> 2", b"UNSUB 2 5", b"UNSUB 9")
        asker.say(b"SUB _INBOX.> 1", b"PUB svc _INBOX.1 2", b"hi", b"PUB none _INBOX.2 0", b"")
        service.say(b"PUB _INBOX.1 2", b"ok", b"PING")
        asker.say(b"PUB svc 9")
        asker.end()
        service.end()

    def left_by(lives: int) -> int:
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(lives):
            live()
        gc.collect()
        return len(gc.get_objects()) - before

    live()
    # What else the process holds may grow meanwhile, in a thread of another test: not each time.
    assert min(left_by(1000) for _ in range(5)) < 100
    assert len(world.account().sublist) == 0


# --- what is sent ---


def test_headers_are_stripped_for_who_has_none(world: World):
    old, new = world.connect(headers=False, no_responders=False), world.connect()
    for connection in (old, new):
        connection.say(b"SUB a 1")
    new.say(b"HPUB a r 12 14", b"NATS/1.0\r\n\r\nhi")
    assert old.heard() == b"MSG a 1 r 2\r\nhi\r\n"


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        (b"HPUB a 0 2\r\nhi\r\n", b"MSG a 1 2\r\nhi\r\n"),
        (b"HPUB a 3 5\r\nabchi\r\n", b"HMSG a 1 3 5\r\nabchi\r\n"),
        (b"HPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n", b"HMSG a 1 r 12 12\r\nNATS/1.0\r\n\r\n\r\n"),
        (b"PUB a r 0\r\n\r\n", b"MSG a 1 r 0\r\n\r\n"),
    ],
)
def test_a_message_is_printed_as_on_nats_server(world: World, line: bytes, heard: bytes):
    connection = world.connect()
    connection.say(b"SUB a 1")
    assert connection.send(line) == heard


@given(st.binary(max_size=2000), st.integers(0, 3000).map(lambda n: b"h" * n), st.booleans())
@settings(max_examples=60)
def test_sizes_are_those_of_the_body(payload: bytes, header: bytes, reply: bool):
    world = World()
    connection = world.connect()
    connection.say(b"SUB a 12345")
    word = b" r" if reply else b""
    total = len(header) + len(payload)
    if header:
        line = b"HPUB a%s %d %d\r\n" % (word, len(header), total)
        head = b"HMSG a 12345%s %d %d\r\n" % (word, len(header), total)
    else:
        line = b"PUB a%s %d\r\n" % (word, total)
        head = b"MSG a 12345%s %d\r\n" % (word, total)
    body = header + payload + b"\r\n"
    assert connection.send(line + body) == head + body
    assert connection.client.account.out_bytes == total


def test_verbose_says_ok_before_the_message(world: World):
    connection = world.connect(verbose=True)
    assert connection.say(b"SUB a 1", b"PUB a 0", b"") == b"+OK\r\n+OK\r\n" + message(b"a", b"1")


# --- replies and responders ---


def no_responders(subject: bytes, reply: bytes, sid: bytes) -> bytes:
    header = b"NATS/1.0 503\r\nNats-Subject: %s\r\n\r\n" % subject
    return b"HMSG %s %s %d %d\r\n%s\r\n" % (reply, sid, len(header), len(header), header)


def test_nobody_there_is_told_on_the_reply(world: World):
    connection = world.connect()
    connection.say(b"SUB _INBOX.* 1")
    assert connection.say(b"PUB a _INBOX.x 0", b"") == no_responders(b"a", b"_INBOX.x", b"1")


def test_nobody_there_is_told_only_to_ones_own_plain_subscription(world: World):
    connection, other = world.connect(), world.connect()
    other.say(b"SUB _INBOX.* 1")
    connection.say(b"SUB _INBOX.* work 1")
    assert connection.say(b"PUB a _INBOX.x 0", b"") == b""
    assert other.heard() == b""


def test_the_status_does_not_count_as_a_message(world: World):
    connection = world.connect()
    connection.say(b"SUB _INBOX.x 1", b"UNSUB 1 1")
    for _ in range(2):
        assert connection.say(b"PUB a _INBOX.x 0", b"") == no_responders(b"a", b"_INBOX.x", b"1")
    assert connection.say(b"PUB _INBOX.x 0", b"") == message(b"_INBOX.x", b"1")
    assert connection.client.subscription_count == 0


def test_ones_own_silent_echo_is_nobody(world: World):
    connection = world.connect(echo=False)
    connection.say(b"SUB a 1", b"SUB _INBOX.x 2")
    assert connection.say(b"PUB a _INBOX.x 0", b"") == no_responders(b"a", b"_INBOX.x", b"2")


@pytest.mark.parametrize("reply", [b"_R_.a.b", b"$JS.ACK.S.C.1", b"_GR_.x"])
def test_reserved_replies_are_refused(world: World, reply: bytes):
    connection = world.connect()
    connection.say(b"SUB a 1")
    line = b"-ERR 'Permissions Violation for Publish with Reply of \"%s\"'\r\n" % reply
    assert connection.say(b"PUB a %s 0" % reply, b"") == line


@pytest.mark.parametrize("reply", [b"_R_x", b"$JS.ACKS", b"_GR", b"_R_", b"$JS.API.x", b"_INBOX.x"])
def test_replies_that_only_look_reserved_pass(world: World, reply: bytes):
    connection = world.connect()
    connection.say(b"SUB a 1")
    assert connection.say(b"PUB a %s 0" % reply, b"") == b"MSG a 1 %s 0\r\n\r\n" % reply


def test_counters_count(world: World):
    one, two = world.connect(), world.connect()
    one.say(b"SUB a 1")
    two.say(b"SUB a 1")
    one.say(b"PUB a 5", b"hello", b"HPUB b 12 14", b"NATS/1.0\r\n\r\nhi")
    account = world.account()
    assert (one.client.in_messages, one.client.in_bytes) == (2, 19)
    assert (account.in_messages, account.in_bytes) == (2, 19)
    assert (account.out_messages, account.out_bytes) == (2, 10)
    assert one.outbound.messages_sent == two.outbound.messages_sent == 1


def test_a_client_needs_an_outbound():
    with pytest.raises(TypeError):
        Client(None, 1, None)  # type: ignore[arg-type]
    assert Client(None, 1, Outbound(None, 1)).subscription_count == 0


# --- the walk through its subscriptions ---


def subscribed(world, count):
    connection = world.connect()
    connection.say(*(b"SUB s.%d %d" % (number, number) for number in range(count)))
    return connection


def test_subscriptions_are_listed_in_order_and_in_slices(world: World):
    connection = subscribed(world, 10)
    listing = Listing(connection.client)
    assert listing.subjects(4) == ["s.0", "s.1", "s.2", "s.3"]
    assert [shown[:3] for shown in listing.some(2)] == [(b"s.4", b"", b"4"), (b"s.5", b"", b"5")]
    assert len(listing.subjects(100)) == 4
    assert listing.subjects(100) == []


def test_a_slice_costs_what_it_shows(world: World):
    """However far the walk is: nothing before its place is looked at again."""
    listing = Listing(subscribed(world, 20_000).client)
    costs = []
    for _ in range(19):
        before = so_far_ns()
        listing.subjects(1000)
        costs.append(so_far_ns() - before)
    assert set(costs) == {1000 * 150}


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["come", "go", "list"]), st.integers(0, 60)), max_size=60)
)
def test_whoever_stays_is_listed_once(steps):
    """Tables close their gaps while they are walked through."""
    world = World()
    connection = subscribed(world, 40)
    began = set(connection.client.subjects)
    listing, listed, number = Listing(connection.client), [], 40
    for step, value in steps:
        if step == "come":
            for _ in range(value):
                connection.say(b"SUB s.%d %d" % (number, number))
                number += 1
        elif step == "go":
            # not the last one shown: who goes can not be found again
            there = [subject.decode() for subject in connection.client.subjects]
            for subject in [one for one in there if one not in listed[-1:]][: value % 40]:
                connection.say(b"UNSUB %s" % subject[2:].encode())
        else:
            listed += listing.subjects(value)
    while some := listing.subjects(7):
        listed += some
    assert len(listed) == len(set(listed))
    assert began & set(connection.client.subjects) <= {subject.encode() for subject in listed}


def test_the_walk_ends_where_the_connection_does(world: World):
    connection = subscribed(world, 10)
    listing = Listing(connection.client)
    listing.subjects(4)
    connection.client.close()
    assert listing.subjects(4) == []
