"""Where a push consumer delivers: interest, room and heartbeats, without a server."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from support.jetstream import StreamWorld
from support.soak import examples

MS = 1_000_000


def begin(**config):
    world = StreamWorld()
    client = world.client()
    stream = {"name": "S", "subjects": ["s.>"], "storage": "memory"}
    client.api("STREAM.CREATE.S", stream)
    config = {"durable_name": "C", "deliver_subject": "d", **config}
    client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
    return world, client


def outlet(world):
    return world.jetstream().streams["S"].consumers["C"].cursor.outlet


def listen(client, subject=b"d", sid=b"9", queue=b""):
    words = [word for word in (b"SUB", subject, queue, sid) if word]
    return client.say(b" ".join(words))


def leave(client, sid=b"9"):
    client.say(b"UNSUB " + sid)


def test_messages_leave_in_the_turn_in_which_somebody_subscribes():
    _, client = begin()
    client.publish("s.a", b"one")
    assert [payload for *_, payload in listen(client)] == [b"one"]


@pytest.mark.parametrize("filters", [{}, {"filter_subject": "s.a"}])
def test_looking_at_it_does_not_stop_it(filters):
    _, client = begin(ack_policy="explicit", **filters)
    listen(client)
    assert client.api("CONSUMER.INFO.S.C")["push_bound"]
    assert [payload for *_, payload in client.publish("s.a", b"one")] == [b"one"]


def test_interest_comes_and_goes_with_exact_subscriptions_only():
    world, client = begin(deliver_group="q")
    for subject, queue in ((b"d", b""), (b"d", b"other"), (b"*", b"q"), (b">", b"q")):
        listen(client, subject, queue=queue)
        assert not outlet(world).active
        leave(client)
    listen(client, queue=b"q", sid=b"7")
    listen(client, queue=b"q", sid=b"8")
    assert outlet(world).active
    leave(client, b"7")
    assert outlet(world).active
    leave(client, b"8")
    assert not outlet(world).active


def test_a_subscriber_that_takes_nothing_is_tried_again_later():
    world, client = begin(ack_policy="explicit")
    deaf = world.client()
    listen(deaf)
    deaf.connection.client.outbound.detach()
    client.publish("s.a", b"one")
    cursor = outlet(world)
    assert cursor.active
    assert client.api("CONSUMER.INFO.S.C")["num_pending"] == 1
    deaf.connection.client.close()
    assert [payload for *_, payload in listen(client)] == [b"one"]


@pytest.mark.parametrize("others", [0, 2])
def test_a_closed_outlet_leaves_nothing_behind(others):
    world, client = begin(flow_control=True, idle_heartbeat=100 * MS)
    before = len(world.account("$G").sublist)
    for number in range(others):
        config = {"durable_name": f"O{number}", "deliver_subject": "d"}
        client.api(f"CONSUMER.CREATE.S.O{number}", {"stream_name": "S", "config": config})
    client.api("CONSUMER.DELETE.S.C")
    for number in range(others):
        client.api(f"CONSUMER.DELETE.S.O{number}")
    assert len(world.account("$G").sublist) == before - 2  # MSG.NEXT and $JS.FC
    assert len(world.jetstream().premises.interest) == 0
    assert listen(client) == []


def test_heartbeats_come_at_their_time_and_not_to_an_empty_room():
    world, client = begin(idle_heartbeat=100 * MS)
    world.wait_ns(350 * MS)
    listen(client)
    world.wait_ns(99 * MS)
    assert client.messages() == []
    world.wait_ns(1 * MS)
    [(subject, reply, header, _)] = client.messages()
    assert (subject, reply) == ("d", "")
    assert header.startswith(b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 0\r\n")
    world.wait_ns(60 * MS)
    client.publish("s.a", b"one")
    client.messages()
    world.wait_ns(99 * MS)
    assert client.messages() == []


def test_what_a_rate_allows_leaves_and_the_rest_waits():
    world, client = begin(rate_limit_bps=8000)  # 1 kB a second; the first MiB is free
    client.publish("s.a", bytes(1_000_000))
    client.publish("s.a", bytes(100_000))
    client.publish("s.a", b"")
    sizes = [len(payload) for *_, payload in listen(client)]
    assert sizes == [1_000_000, 100_000]
    world.wait_ns(50_000 * MS)
    assert client.messages() == []
    world.wait_ns(2_000 * MS)
    assert [payload for *_, payload in client.messages()] == [b""]


class InterestMachine(RuleBasedStateMachine):
    """Who listens, against a list of subscriptions."""

    def __init__(self):
        super().__init__()
        self.world, self.client = begin()
        config = {"durable_name": "G", "deliver_subject": "d", "deliver_group": "q"}
        self.client.api("CONSUMER.CREATE.S.G", {"stream_name": "S", "config": config})
        self.subscriptions = {}

    @rule(
        sid=st.integers(2, 5),
        subject=st.sampled_from([b"d", b"d", b"d", b"e", b"*", b">", b"d.>"]),
        queue=st.sampled_from([b"", b"q", b"r"]),
    )
    def subscribe(self, sid, subject, queue):
        listen(self.client, subject, b"%d" % sid, queue)
        self.subscriptions.setdefault(sid, (subject, queue))

    @rule(sid=st.integers(2, 5))
    def unsubscribe(self, sid):
        leave(self.client, b"%d" % sid)
        self.subscriptions.pop(sid, None)

    @invariant()
    def agrees(self):
        consumers = self.world.jetstream().streams["S"].consumers
        for name, queue in (("C", b""), ("G", b"q")):
            active = (b"d", queue) in self.subscriptions.values()
            assert consumers[name].cursor.outlet.active == active
            assert consumers[name].bound == active


TestInterest = InterestMachine.TestCase
TestInterest.settings = settings(max_examples=examples(40), stateful_step_count=20, deadline=None)
TestInterest.pytestmark = [pytest.mark.soak]


class FlowMachine(RuleBasedStateMachine):
    """Flow control against three numbers: the window, what was sent, what was asked about."""

    def __init__(self):
        super().__init__()
        self.world, self.client = begin(flow_control=True, idle_heartbeat=100_000 * MS)
        listen(self.client)
        self.window, self.sent, self.asked = 2 << 20, 0, 0
        self.request = ""
        self.waiting = 0

    def compare(self, heard):
        for subject, reply, header, payload in heard:
            due = not self.asked and self.sent > self.window // 2
            assert reply.startswith("$JS.FC.S.C.") == due
            if due:
                self.request, self.asked = reply, self.sent
                continue
            assert self.sent <= self.window
            self.sent += len(subject) + len(reply) + len(header) + len(payload)
            self.waiting -= 1
        assert self.waiting == 0 or self.sent > self.window
        assert self.asked or self.sent <= self.window // 2

    @rule(kib=st.sampled_from([1, 100, 600]), count=st.integers(1, 4))
    def publish(self, kib, count):
        for _ in range(count):
            self.waiting += 1
            self.compare(self.client.publish("s.a", bytes(kib * 1024)))

    @rule()
    def answer(self):
        if self.asked:
            self.sent -= self.asked
            self.asked = 0
            self.window = min(self.window * 2, 32 << 20)
            self.compare(self.client.publish(self.request))

    @rule()
    def answer_something_else(self):
        self.compare(self.client.publish("$JS.FC.S.C.none"))

    @invariant()
    def agrees(self):
        found = outlet(self.world)
        found.check()
        assert (found.window_bytes, found.sent_bytes) == (self.window, self.sent)


TestFlow = FlowMachine.TestCase
TestFlow.settings = settings(max_examples=examples(30), stateful_step_count=25, deadline=None)
TestFlow.pytestmark = [pytest.mark.soak]


def test_the_configuration_is_what_the_answer_says():
    _, client = begin(deliver_group="q", ack_policy="explicit")
    shown = client.api("CONSUMER.INFO.S.C")["config"]
    assert (shown["deliver_subject"], shown["deliver_group"]) == ("d", "q")
    assert "max_waiting" not in shown


def test_another_deliver_group_counts_at_once():
    world, client = begin()
    listen(client)
    config = {"durable_name": "C", "deliver_subject": "d", "deliver_group": "q"}
    client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
    assert not outlet(world).active
    client.publish("s.a", b"one")
    heard = listen(client, queue=b"q", sid=b"8")
    assert b"one" in [payload for *_, payload in heard]
