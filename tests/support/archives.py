"""Streams on their way out of a store and into another one, without a server.

`save` and `load` drive `Store.archives` as `jetstream` does, on disks that may fail: each returns
what the store said.
"""

from isthmus.base.errors import StoreError
from isthmus.core.portable import admit
from isthmus.core.segment import KINDS
from isthmus.core.subject_tree import SubjectTree
from isthmus.core.turn import Turn
from isthmus.store.archive import Reader
from isthmus.store.blocks import StreamNow
from isthmus.store.found import Left
from isthmus.store.records import ConsumerMeta
from isthmus.store.recover import Options, open_store
from support.entropy import SeededEntropy

OPTIONS = Options(segment_bytes=8192, block_bytes=1024, checkpoint_bytes=1 << 20, cache_bytes=4096)
CONSUMER = ConsumerMeta(number=0, name=b"C", config=b"consumer", records=[(b"steps", 7)])


class Life:
    """One life of a store; jobs are carried out at once, or, `later`, when `drain` is called."""

    def __init__(self, disk, *, later=False):
        self.disk = disk
        self.told = []
        self.waiting = []
        self.later = later
        self.turn = Turn(1)
        self.trees = {}
        self.store = open_store(disk, SeededEntropy("s"), options=OPTIONS, tell=self.told.append)
        self.turn.begin(1000)
        for found in self.store.recovered:
            self.store.keep(found.number, found)
        self.store.start(self.submit, self.turn)
        self.settle()

    def submit(self, job):
        self.waiting.append(job)

    def settle(self):
        """The turn ends; somebody waits for what was appended; what waits is done, or later."""
        journal = self.store.journal
        if not journal.failed and journal.durable_lsn < journal.end_lsn:
            journal.when_durable(journal.end_lsn, lambda *_: None)
        self.turn.finish()
        self.turn.begin(2000)
        if not self.later:
            self.drain()

    def drain(self):
        while self.waiting:
            self.step()

    def step(self):
        """The first job is done, and told of."""
        job, error = self.waiting.pop(0), None
        try:
            job.run(self.disk)
        except (OSError, StoreError) as failure:
            error = failure
        job.done(error, self.turn)
        self.turn.finish()
        self.turn.begin(3000)

    # --- a stream ---

    def create(self, count=0, size=100):
        """A stream with messages; its number."""
        journal = self.store.journal
        number = journal.next_number
        journal.next_number += 1
        self.store.make_log(number, 1)
        self.trees[number] = SubjectTree()
        self.store.keep(number, Left(self.log(number), self.trees[number], b"A", b"S", b"config"))
        journal.write(
            self.turn, KINDS["stream"], number, subject=b"S", header=b"A", payload=b"config"
        )
        self.publish(number, count, size)
        self.settle()
        return number

    def log(self, number):
        return self.store.files_of(number).log

    def publish(self, number, count, size=100):
        log = self.log(number)
        for seq in range(log.last_seq + 1, log.last_seq + 1 + count):
            payload = (b"%d:" % seq).ljust(size, b".")
            text = {"subject": b"s.%d" % (seq % 3), "payload": payload}
            self.store.journal.write(self.turn, KINDS["message"], number, seq, seq, **text)
            log.add(b"s.%d" % (seq % 3), payload, time_ns=seq)
            self.trees[number].insert(b"s.%d" % (seq % 3), seq)
        self.settle()

    def discard(self, number, seqs):
        for seq in seqs:
            self.log(number).discard(seq, self.trees[number])
            self.store.journal.write(self.turn, KINDS["remove"], number, seq)
        self.settle()

    def checkpoint(self):
        self.store.finish(self.turn)
        self.settle()

    # --- archives ---

    def moment(self, number, *, strict=False):
        now = StreamNow(account=b"A", name=b"S", config=b"config", consumers=[CONSUMER])
        return self.store.archives.moment(number, now, taken_ns=9, strict=strict)

    def read(self, moment, between=lambda: None):
        """The archive, and what was wrong; `between` is called after each piece."""
        out, ended = b"", []
        while True:
            self.store.archives.read(moment, lambda *said: ended.append(said[:2]))
            self.drain()
            piece, problem = ended.pop()
            if piece is None or problem:
                return out, problem
            out += piece
            between()

    def save(self, number, **how):
        moment = self.moment(number, **how)
        try:
            return self.read(moment)
        finally:
            moment.release()

    def load(self, data, number=50, chunk=700):
        """What was wrong with it; empty: the stream is there."""
        store = self.store
        files = store.archives.stage(number)
        taker = Taker(files.log)
        reader = Reader(taker)
        try:
            for at in range(0, len(data), chunk):
                for _ in reader.feed(data[at : at + chunk]):
                    self.settle()
            reader.finish()
        except StoreError as error:
            store.archives.discard(number)
            self.settle()
            return str(error)
        manifest = taker.manifest
        files.log.restored(manifest.first_seq, manifest.last_seq, manifest.last_ns)
        left = Left(files.log, taker.tree, b"A", manifest.name, manifest.config)
        said = []
        store.archives.commit(number, left, lambda problem, _turn: said.append(problem))
        self.settle()
        self.drain()
        if not said:
            return "never said"
        if said[0]:
            store.archives.discard(number)
        else:
            store.keep(number, left)
        self.settle()
        return said[0]


class Taker:
    """Messages into a log."""

    def __init__(self, log):
        self.log = log
        self.tree = SubjectTree(3)
        self.manifest = None
        self.consumers = []

    def begin(self, manifest):
        self.manifest = manifest

    def consumer(self, meta):
        self.consumers.append(meta)

    def records(self, data):
        return admit(data, 0, self.log, self.tree, 5)

    def counted(self):
        return self.log.messages


def content(log):
    """All messages of a log, by sequence."""
    out, seq = {}, log.next_seq(0)
    while seq:
        entry = log.get(seq)
        assert entry is not None
        out[seq] = (entry.subject, entry.header, entry.payload, entry.time_ns)
        seq = log.next_seq(seq + 1)
    return out
