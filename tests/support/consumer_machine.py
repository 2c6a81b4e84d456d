"""A consumer against its plain model: everything it sends, in order, and everything it counts.

`ConsumerMachine` works in memory; who wants another world overrides `make_world`.
"""

import json

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from models.consumer import ConsumerModel
from models.stream import StreamModel
from support.jetstream import StreamWorld

MS = 1_000_000
SUBJECTS = ("s.a", "s.b", "s.c")
TAKEN = {"": None, "s.a": ("s.a",), "s.*": SUBJECTS, "two": ("s.a", "s.b")}


class ConsumerMachine(RuleBasedStateMachine):
    """What a client and time do to one consumer of one stream."""

    storage = "memory"

    def __init__(self):
        super().__init__()
        self.world = self.make_world()
        self.client = self.world.client()
        self.pulls = 0
        self.replies = {}

    def make_world(self):
        return StreamWorld()

    def teardown(self):
        self.world.forget()

    @initialize(
        max_msgs=st.sampled_from([-1, 6]),
        per_subject=st.sampled_from([-1, -1, 3]),
        subject=st.sampled_from(["", "", "s.a", "s.*", "two"]),
        max_deliver=st.sampled_from([-1, -1, 1, 3]),
        max_ack_pending=st.sampled_from([-1, 3]),
        max_waiting=st.sampled_from([512, 2]),
    )
    def begin(self, *, max_msgs, per_subject, subject, max_deliver, max_ack_pending, max_waiting):
        self.stream = StreamModel(max_msgs=max_msgs, max_msgs_per_subject=per_subject)
        self.model = ConsumerModel(
            self.stream,
            subjects=TAKEN[subject],
            ack_wait_ns=30 * MS,
            max_deliver=max_deliver,
            max_ack_pending=max_ack_pending,
            max_waiting=max_waiting,
        )
        self.client.api(
            "STREAM.CREATE.S",
            {
                "name": "S",
                "subjects": ["s.>"],
                "storage": self.storage,
                "max_msgs": max_msgs,
                "max_msgs_per_subject": per_subject,
            },
        )
        config = {
            "durable_name": "C",
            "ack_policy": "explicit",
            "ack_wait": 30 * MS,
            "max_deliver": max_deliver,
            "max_ack_pending": max_ack_pending,
            "max_waiting": max_waiting,
        }
        if subject == "two":
            config["filter_subjects"] = ["s.a", "s.b"]
        elif subject:
            config["filter_subject"] = subject
        self.client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
        self.cursor = self.world.jetstream().streams["S"].consumers["C"].cursor

    def collides(self, subject):
        return self.model.subjects is None or subject in self.model.subjects

    def compare(self, heard):
        """What was heard is what the model sent, answers to acks and publications aside."""
        got = []
        for subject, reply, header, _ in heard:
            if subject.startswith("_INBOX.pull"):
                got.append(("status", subject, header))
            elif reply.startswith("$JS.ACK"):
                tokens = [int(token) for token in reply.split(".")[4:]]
                self.replies[tokens[1]] = reply
                got.append(("message", tokens[1], tokens[0], tokens[2], tokens[4]))
        expected = [
            sent if sent[0] == "status" else (sent[0], *sent[2:]) for sent in self.model.sent
        ]
        self.model.sent.clear()
        assert got == expected, (got, expected)

    @rule(subject=st.sampled_from(SUBJECTS), count=st.integers(1, 3))
    def publish(self, subject, count):
        for _ in range(count):
            heard = self.client.publish(subject, b"x", reply="_INBOX.ack")
            gone = self.stream.publish(subject, self.world.now_ns)
            self.take_in(gone)
            acked = [payload for name, _, _, payload in heard if name == "_INBOX.ack"]
            assert acked == [b'{"stream":"S","seq":%d}' % self.stream.last_seq]
            self.compare(heard)

    def take_in(self, gone):
        """The model's consumer hears of a new message and of those that went for it."""
        self.model.gone(gone)
        self.model.offer(self.world.now_ns)

    @rule(
        batch=st.integers(1, 4),
        expires_ms=st.sampled_from([0, 10, 50]),
        no_wait=st.booleans(),
    )
    def pull(self, batch, expires_ms, no_wait):
        self.pulls += 1
        inbox = f"_INBOX.pull.{self.pulls}"
        body = {"batch": batch, "no_wait": no_wait, "expires": expires_ms * MS}
        heard = self.client.publish(
            "$JS.API.CONSUMER.MSG.NEXT.S.C", json.dumps(body).encode(), reply=inbox
        )
        self.model.ask(inbox, batch, expires_ms * MS, no_wait=no_wait, now_ns=self.world.now_ns)
        self.compare(heard)

    @rule(subject=st.sampled_from(SUBJECTS), count=st.integers(1, 4))
    def deliver(self, subject, count):
        """Both at once, or most steps would find nothing that was delivered."""
        self.pull(count, 50, no_wait=False)
        self.publish(subject, count)

    @rule(subject=st.sampled_from(SUBJECTS), count=st.integers(1, 4))
    def catch_up(self, subject, count):
        self.publish(subject, count)
        self.pull(count, 0, no_wait=True)

    def acknowledge(self, pick, body, effect):
        if not self.replies:
            return
        seq = sorted(self.replies)[pick % len(self.replies)]
        reply = self.replies[seq]
        heard = self.client.publish(reply, body, reply="_INBOX.acked")
        answered = [name for name, *_ in heard if name == "_INBOX.acked"]
        expected = effect(seq, int(reply.split(".")[6]))
        assert answered == ([] if expected is False else ["_INBOX.acked"])
        self.model.offer(self.world.now_ns)
        self.compare([message for message in heard if message[0] != "_INBOX.acked"])

    @rule(pick=st.integers(0, 20), body=st.sampled_from([b"", b"+ACK", b"+OK"]))
    def ack(self, pick, body):
        self.acknowledge(pick, body, lambda seq, _: self.model.ack(seq))

    @rule(pick=st.integers(0, 20))
    def term(self, pick):
        self.acknowledge(pick, b"+TERM because", lambda seq, _: self.model.ack(seq))

    @rule(pick=st.integers(0, 20))
    def nak(self, pick):
        now_ns = self.world.now_ns
        self.acknowledge(pick, b"-NAK", lambda seq, c: self.model.nak(seq, c, None, now_ns))

    @rule(pick=st.integers(0, 20), delay_ms=st.sampled_from([5, 40]))
    def nak_later(self, pick, delay_ms):
        now_ns = self.world.now_ns
        body = b'-NAK {"delay": %d}' % (delay_ms * MS)
        self.acknowledge(pick, body, lambda seq, c: self.model.nak(seq, c, delay_ms * MS, now_ns))

    @rule(pick=st.integers(0, 20))
    def in_progress(self, pick):
        self.acknowledge(pick, b"+WPI", lambda seq, _: self.model.extend(seq, self.world.now_ns))

    @rule(step_ms=st.integers(1, 45))
    def time_passes(self, step_ms):
        until_ns = self.world.now_ns + step_ms * MS
        while (due_ns := self.model.next_due_ns()) is not None and due_ns <= until_ns:
            self.model.tick(due_ns)
        self.world.wait_ns(step_ms * MS)
        self.compare(self.client.messages())

    @rule(pick=st.integers(0, 20))
    def delete_message(self, pick):
        if not self.stream.messages:
            return
        seq = sorted(self.stream.messages)[pick % len(self.stream.messages)]
        self.world.jetstream().streams["S"].delete_message(seq, self.world.begin(), erase=False)
        self.world.finish()
        self.stream.delete(seq)
        self.model.gone([seq])
        self.model.offer(self.world.now_ns)
        self.compare(self.client.messages())

    @rule(
        subject=st.sampled_from(["", "s.a", "s.b"]),
        how=st.sampled_from(["all", "below", "keep"]),
        number=st.integers(1, 12),
    )
    def purge(self, subject, how, number):
        body = {"filter": subject}
        arguments = {}
        if how == "below":
            body["seq"] = arguments["below"] = number
        elif how == "keep":
            body["keep"] = arguments["keep"] = number
        before = self.stream.last_seq
        answer = self.client.request("$JS.API.STREAM.PURGE.S", json.dumps(body).encode())
        gone = self.stream.purge(subject=subject, **arguments)
        api = [payload for _, _, _, payload in answer if payload.startswith(b'{"type"')]
        assert json.loads(api[0])["purged"] == len(gone)
        moved = self.stream.last_seq != before
        if subject and not self.model.covered_by(subject):
            self.model.gone(gone)
            if gone and self.model.next_seq < self.stream.first_seq and self.collides(subject):
                self.model.purged(self.stream.first_seq)
        elif gone or moved:
            left = [seq for seq, (name, _) in self.stream.messages.items() if subject in {"", name}]
            self.model.purged(left[0] if left else self.stream.last_seq + 1)
        self.model.offer(self.world.now_ns)
        self.compare([message for message in answer if not message[3].startswith(b'{"type"')])

    @invariant()
    def counts_agree(self):
        if not hasattr(self, "cursor"):
            return
        cursor, model = self.cursor, self.model
        cursor.check()
        assert (cursor.delivered_consumer_seq, cursor.delivered_seq) == model.delivered
        assert (cursor.floor_consumer_seq, cursor.floor_seq) == model.floor
        assert cursor.pending.sequences() == sorted(model.pending)
        assert cursor.pending.queued() == model.queue
        assert cursor.num_pending == len(model.unseen())
        assert cursor.num_redelivered == model.redelivered
        assert cursor.num_waiting == len(model.waiters)
        assert cursor.stored.log.first_seq == self.stream.first_seq
        assert cursor.stored.log.last_seq == self.stream.last_seq
        assert cursor.stored.log.messages == len(self.stream.messages)
        cursor.stored.check()
