"""Priority groups of a consumer in memory against their plain model."""

import json
import random

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from isthmus.core.priority import Priority
from models.priority import PriorityModel, Waiter
from support.jetstream import StreamWorld
from support.soak import SOAK, examples

MS = 1_000_000
NAMES = ("anna", "ben", "cleo")
NEXT = "$JS.API.CONSUMER.MSG.NEXT.S.C"


class PriorityMachine(RuleBasedStateMachine):
    """Three people pull from one consumer of one group."""

    def __init__(self):
        super().__init__()
        self.world = StreamWorld()
        self.owner = self.world.client()
        self.people = {name: self.world.client() for name in NAMES}
        for name, person in self.people.items():
            person.say(b"UNSUB 1")
            person.say(b"SUB here.%b 1" % name.encode())
        self.pins = []
        self.acks = {}

    @initialize(policy=st.sampled_from(["overflow", "prioritized", "pinned_client"]))
    def begin(self, policy):
        config = {"durable_name": "C", "ack_policy": "explicit", "priority_groups": ["A"]}
        config["priority_policy"] = policy
        if policy == "pinned_client":
            config["priority_timeout"] = 50 * MS
        self.model = PriorityModel(policy, 50 * MS)
        self.owner.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "memory"})
        self.owner.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
        self.cursor = self.world.jetstream().streams["S"].consumers["C"].cursor

    def compare(self):
        """Everybody heard what the model sent him."""
        for name, person in self.people.items():
            got = []
            for _, reply, header, _ in person.messages():
                if reply.startswith("$JS.ACK."):
                    seq = int(reply.split(".")[5])
                    self.acks[seq] = reply
                    got.append(("message", name, seq))
                    self.note_pin(header)
                else:
                    line = header.split(b"\r\n")[0].decode().removeprefix("NATS/1.0 ")
                    got.append(("status", name, line))
            assert got == [sent for sent in self.model.sent if sent[1] == name]
        self.model.sent.clear()

    def note_pin(self, header):
        if self.model.policy != "pinned_client":
            assert header == b""
            return
        pin = header.split(b"Nats-Pin-Id: ")[1].split(b"\r\n")[0].decode()
        if pin not in self.pins:
            self.pins.append(pin)

    @rule(
        name=st.sampled_from(NAMES),
        batch=st.integers(1, 4),
        priority=st.integers(0, 3),
        least=st.tuples(st.integers(-1, 3), st.integers(-1, 3)),
        pin=st.sampled_from([None, None, 0, 1, 2]),
    )
    def pull(self, name, batch, priority, least, pin):
        body = {"group": "A", "batch": batch}
        waiter = Waiter(name, batch)
        if self.model.policy == "prioritized":
            body["priority"] = waiter.priority = priority
        elif self.model.policy == "overflow":
            body["min_pending"], body["min_ack_pending"] = least
            waiter.min_pending, waiter.min_ack_pending = least
        elif pin is not None:
            # 0: a made-up one, else one of the last that were given
            known = pin and pin <= len(self.pins)
            body["id"] = self.pins[-pin] if known else "nobody"
            waiter.pin = len(self.pins) - pin + 1 if known else 0
        self.owner.publish(NEXT, json.dumps(body).encode(), reply=f"here.{name}")
        self.model.ask(waiter, self.world.now_ns)
        self.compare()

    @rule(count=st.integers(1, 5))
    def publish(self, count):
        for _ in range(count):
            self.owner.publish("s", b"x")
            self.model.publish(self.world.now_ns)
            self.compare()

    @rule(pick=st.integers(0, 20))
    def ack(self, pick):
        if self.model.unacked:
            seq = sorted(self.model.unacked)[pick % len(self.model.unacked)]
            self.owner.publish(self.acks[seq])
            self.model.ack(seq, self.world.now_ns)
            self.compare()

    @rule()
    def unpin(self):
        self.owner.api("CONSUMER.UNPIN.S.C", {"group": "A"})
        self.model.unpin(self.world.now_ns)
        self.compare()

    @rule(step_ms=st.integers(1, 60))
    def time_passes(self, step_ms):
        self.world.wait_ns(step_ms * MS)
        self.model.time_passes(self.world.now_ns)
        self.compare()

    @invariant()
    def counts_agree(self):
        if not hasattr(self, "cursor"):
            return
        self.cursor.check()
        self.cursor.priority.check()
        assert self.cursor.num_waiting == len(self.model.waiters)
        assert self.cursor.num_pending == len(self.model.unseen)
        assert self.cursor.num_ack_pending == len(self.model.unacked)
        assert self.cursor.priority.pinned == (self.model.pinned is not None)


TestPriority = PriorityMachine.TestCase
TestPriority.settings = settings(
    max_examples=examples(60),
    stateful_step_count=40,
    deadline=None,
    derandomize=not SOAK,
    phases=(Phase.generate,),  # shrinking takes minutes
)
TestPriority.pytestmark = [pytest.mark.soak]


@pytest.mark.parametrize("policy", ["overflow", "prioritized", "pinned_client"])
def test_hundreds_wait_in_the_order_that_the_policy_says(policy):
    machine = PriorityMachine()
    machine.begin(policy)
    chance = random.Random(policy)
    most = 0
    for step in range(480):
        machine.pull(
            chance.choice(NAMES), chance.randint(1, 4), chance.randint(0, 9),
            (chance.choice([0, 40, 90, 500]), chance.choice([0, 30, 700])),
            chance.choice([None, None, None, 0, 1]),
        )  # fmt: skip
        if step % 40 > 30:
            machine.publish(chance.randint(1, 5))
            machine.ack(chance.randint(0, 20))
        if step % 100 == 99:
            machine.unpin()
            machine.counts_agree()
        most = max(most, len(machine.model.waiters))
    assert most > 100
    while machine.model.waiters and machine.model.last_seq < 900:
        machine.publish(5)
    machine.counts_agree()


def test_a_pin_that_is_held_keeps_its_deadline_and_then_the_new_timeout():
    world = StreamWorld()
    client = world.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "memory"})
    config = {
        "durable_name": "C", "ack_policy": "explicit", "priority_groups": ["A"],
        "priority_policy": "pinned_client", "priority_timeout": 50 * MS,
    }  # fmt: skip
    client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
    client.publish("s", b"x")
    client.publish(NEXT, b'{"group":"A"}', reply="_INBOX.pull")
    config["priority_timeout"] = 1000 * MS
    client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
    priority = world.jetstream().streams["S"].consumers["C"].cursor.priority
    world.wait_ns(49 * MS)
    assert len(priority.pin_id) == 22
    world.wait_ns(MS)
    assert (priority.pinned, priority.pin_id) == (False, b"")


def test_a_policy_has_a_number():
    assert Priority(1).policy == 1
    with pytest.raises(AssertionError):
        Priority(4)
    with pytest.raises(AssertionError):
        Priority(2, 0)
