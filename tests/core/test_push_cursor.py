"""A push consumer against the plain model of a consumer: a request without an end, while heard."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from models.consumer import ConsumerModel, Waiter
from models.stream import StreamModel
from support.jetstream import StreamWorld
from support.soak import examples

MS = 1_000_000
SUBJECTS = ("s.a", "s.b")
ENDLESS = 1 << 40


class PushMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.world = StreamWorld()
        self.client = self.world.client()
        self.replies = {}
        self.paused = False

    @initialize(
        subject=st.sampled_from(["", "s.a", "s.*"]),
        max_deliver=st.sampled_from([-1, 2]),
        max_ack_pending=st.sampled_from([-1, 2]),
        group=st.sampled_from([b"", b"q"]),
    )
    def begin(self, *, subject, max_deliver, max_ack_pending, group):
        self.group = group
        self.stream = StreamModel()
        self.model = ConsumerModel(
            self.stream,
            subjects={"": None, "s.a": ("s.a",), "s.*": SUBJECTS}[subject],
            ack_wait_ns=30 * MS,
            max_deliver=max_deliver,
            max_ack_pending=max_ack_pending,
        )
        stream = {"name": "S", "subjects": ["s.>"], "storage": "memory"}
        self.client.api("STREAM.CREATE.S", stream)
        config = {
            "durable_name": "C",
            "deliver_subject": "d",
            "deliver_group": group.decode(),
            "ack_policy": "explicit",
            "ack_wait": 30 * MS,
            "max_deliver": max_deliver,
            "max_ack_pending": max_ack_pending,
            "filter_subject": subject,
        }
        self.client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
        self.cursor = self.world.jetstream().streams["S"].consumers["C"].cursor

    def offer(self):
        if not self.paused:
            self.model.offer(self.world.now_ns)

    def compare(self, heard):
        """What was pushed is what the model sent."""
        got = []
        for _, reply, _, _ in heard:
            if reply.startswith("$JS.ACK"):
                tries, seq, consumer_seq, _, pending = map(int, reply.split(".")[4:])
                self.replies[seq] = reply
                got.append(("message", seq, tries, consumer_seq, pending))
        expected = [(sent[0], *sent[2:]) for sent in self.model.sent]
        self.model.sent.clear()
        assert got == expected

    @rule()
    def listen(self):
        words = [word for word in (b"SUB", b"d", self.group, b"9") if word]
        heard = self.client.say(b" ".join(words))
        if not self.model.waiters:
            self.model.waiters.append(Waiter("d", ENDLESS, 0, no_wait=False))
        self.offer()
        self.compare(heard)

    @rule()
    def leave(self):
        self.compare(self.client.say(b"UNSUB 9"))
        self.model.waiters.clear()

    @rule(subject=st.sampled_from(SUBJECTS), count=st.integers(1, 3))
    def publish(self, subject, count):
        for _ in range(count):
            heard = self.client.publish(subject, b"x")
            self.stream.publish(subject, self.world.now_ns)
            self.offer()
            self.compare(heard)

    @rule(pick=st.integers(0, 20), body=st.sampled_from([b"", b"-NAK", b"+WPI", b"+TERM"]))
    def acknowledge(self, pick, body):
        if not self.replies:
            return
        seq = sorted(self.replies)[pick % len(self.replies)]
        heard = self.client.publish(self.replies[seq], body)
        if body == b"-NAK":
            consumer_seq = int(self.replies[seq].split(".")[6])
            self.model.nak(seq, consumer_seq, None, self.world.now_ns)
        elif body == b"+WPI":
            self.model.extend(seq, self.world.now_ns)
        else:
            self.model.ack(seq)
        self.offer()
        self.compare(heard)

    @rule()
    def look(self):
        info = self.client.api("CONSUMER.INFO.S.C")
        assert info.get("push_bound", False) == bool(self.model.waiters)
        assert info.get("paused", False) == self.paused
        assert info["num_waiting"] == 0

    @rule(paused=st.booleans())
    def pause(self, paused):
        until = "2100-01-01T00:00:00Z" if paused else ""
        body = f'{{"pause_until":"{until}"}}'.encode() if paused else b""
        heard = self.client.request("$JS.API.CONSUMER.PAUSE.S.C", body)
        self.paused = paused
        self.offer()
        self.compare(heard)

    def tick(self, due_ns):
        """As the model does it; a pause keeps what is due in the queue."""
        waiters = self.model.waiters
        if self.paused:
            self.model.waiters = []
        self.model.tick(due_ns)
        self.model.waiters = waiters

    @rule(step_ms=st.integers(1, 45))
    def time_passes(self, step_ms):
        until_ns = self.world.now_ns + step_ms * MS
        while (due_ns := self.model.next_due_ns()) is not None and due_ns <= until_ns:
            self.tick(due_ns)
        self.world.wait_ns(step_ms * MS)
        self.compare(self.client.messages())

    @invariant()
    def counts_agree(self):
        if not hasattr(self, "cursor"):
            return
        cursor, model = self.cursor, self.model
        cursor.check()
        cursor.outlet.check()
        assert (cursor.delivered_consumer_seq, cursor.delivered_seq) == model.delivered
        assert (cursor.floor_consumer_seq, cursor.floor_seq) == model.floor
        assert cursor.pending.sequences() == sorted(model.pending)
        assert cursor.num_pending == len(model.unseen())
        assert cursor.outlet.active == bool(model.waiters)


TestPush = PushMachine.TestCase
TestPush.settings = settings(max_examples=examples(60), stateful_step_count=40, deadline=None)
TestPush.pytestmark = [pytest.mark.soak]
