"""Everything that happens to the messages of a stream, done to a log and to its model."""

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.strategies import binary, data, integers, sampled_from

from isthmus.core.purge import purge, purge_matching, trim
from isthmus.core.stream_log import StreamLog
from isthmus.core.subject_ends import ends
from isthmus.core.subject_tree import SubjectTree
from models.stream_log import StreamLogModel

SUBJECTS = [b"a", b"b", b"a.b", b"a.c", b"x.y.z"]
PATTERNS = [b"a", b"a.*", b">", b"*", b"x.>", b"nobody"]


class LogMachine(RuleBasedStateMachine):
    """Small blocks, so that rolling over, dropping and compacting happen all the time."""

    memory = True

    def __init__(self):
        super().__init__()
        self.tree = SubjectTree(seed=7)
        self.now_ns = 1000

    @initialize(first_seq=sampled_from([1, 1, 100]))
    def create(self, first_seq):
        self.log = self.make_log(first_seq)
        self.model = StreamLogModel(memory=self.memory, first_seq=first_seq)

    def make_log(self, first_seq):
        """A log of a memory stream; others override it."""
        return StreamLog(5, first_seq=first_seq, block_bytes=512)

    @rule(
        subject=sampled_from(SUBJECTS),
        header=sampled_from([b"", b"", b"NATS/1.0\r\nA: b\r\n\r\n"]),
        payload=binary(max_size=90),
        gap=sampled_from([0, 0, 0, 0, 1, 7, 2000]),
        passed=integers(0, 5),
    )
    def append(self, subject, header, payload, gap, passed):
        self.now_ns += passed
        seq = self.log.last_seq + 1 + gap
        assert self.log.add(subject, payload, header=header, time_ns=self.now_ns, seq=seq) == seq
        self.tree.insert(subject, seq)
        self.model.add(subject, header, payload, self.now_ns, seq)

    @rule(count=integers(1, 30))
    def append_many(self, count):
        for number in range(count):
            self.append(SUBJECTS[number % 5], b"", b"%d" % number, 0, 1)

    @rule(size=sampled_from([500, 2000]))
    def append_large(self, size):
        self.append(b"a.b", b"", b"L" * size, 0, 1)

    @rule(ahead=integers(0, 3))
    def use_up(self, ahead):
        self.log.use_up(self.log.last_seq + ahead, self.now_ns)
        self.model.use_up(self.model.last_seq + ahead, self.now_ns)

    @rule(choice=data())
    def discard_one(self, choice):
        if self.model.messages:
            seq = choice.draw(sampled_from(sorted(self.model.messages)))
            entry = self.log.discard(seq, self.tree)
            assert (entry.subject, entry.header, entry.payload, entry.time_ns) == (
                self.model.messages[seq]
            )
            self.model.discard([seq])
            assert self.log.discard(seq, self.tree) is None

    @rule(keep_every=integers(2, 6))
    def thin_out(self, keep_every):
        for seq in sorted(self.model.messages):
            if seq % keep_every:
                assert self.log.discard(seq, self.tree) is not None
                self.model.discard([seq])

    @rule(back=integers(0, 20), limit=integers(1, 30))
    def trim(self, back, limit):
        below = max(0, self.log.last_seq - back)
        gone = [seq for seq in sorted(self.model.messages) if seq < below][:limit]
        assert trim(self.log, self.tree, below, limit) == len(gone)
        self.model.discard(gone)

    @rule()
    def purge(self):
        assert purge(self.log, self.tree) == len(self.model.messages)
        self.model.messages.clear()

    @rule(pattern=sampled_from(PATTERNS), back=integers(0, 20))
    def purge_matching(self, pattern, back):
        below = max(0, self.log.last_seq + 1 - back)
        gone = [seq for seq in self.model.matching(pattern) if seq < below]
        assert purge_matching(self.log, self.tree, pattern, below) == len(gone)
        self.model.discard(gone)

    @rule(seq=integers(0, 200))
    def look_around(self, seq):
        assert self.log.next_seq(seq) == self.model.next_seq(seq)
        assert self.log.previous_seq(seq) == self.model.previous_seq(seq)
        assert (self.log.get(seq) is None) == (seq not in self.model.messages)

    @rule(back=integers(-2, 30))
    def look_by_time(self, back):
        assert self.log.seq_since(self.now_ns - back) == self.model.seq_since(self.now_ns - back)

    @rule(pattern=sampled_from(PATTERNS), limit=integers(1, 5))
    def look_by_pattern(self, pattern, limit):
        found, seq = [], 0
        while True:
            entry, seq = self.log.find(pattern, seq, limit)
            if seq == 0:
                break
            if entry is not None:
                assert entry.seq == seq
                found.append(seq)
                seq += 1
        assert found == self.model.matching(pattern)

    @rule(subject=sampled_from(SUBJECTS))
    def ask_for_ends(self, subject):
        assert ends(self.log, self.tree, subject) == self.model.ends(subject)

    @invariant()
    def agrees_with_model(self):
        log, model = self.log, self.model
        assert log.messages == len(model.messages)
        assert (log.first_seq, log.last_seq) == (model.first_seq, model.last_seq)
        assert log.bytes_stored == model.bytes_stored
        assert log.last_ns == model.last_ns
        assert self.tree.totals(b">")[1] == log.messages

    def teardown(self):
        if not hasattr(self, "log"):
            return
        assert self.log.first_ns == self.model.first_ns
        for seq, row in self.model.messages.items():
            entry = self.log.get(seq)
            assert (entry.subject, entry.header, entry.payload, entry.time_ns) == row
            assert (entry.kind, entry.owner, entry.seq) == (1, 5, seq)
