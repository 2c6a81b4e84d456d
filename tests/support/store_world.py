"""A store under a random workload, on a disk that can fail and crash, and what must be true of it.

`World` is what a server does to a store, without the server: it publishes, removes, acknowledges,
creates and deletes, and remembers what it was told is durable. `check` compares with what a start
finds.
"""

import random

from isthmus.core.purge import trim
from isthmus.core.segment import KINDS
from isthmus.core.subject_tree import SubjectTree
from isthmus.core.turn import Turn
from isthmus.store.blocks import StreamNow
from isthmus.store.records import ConsumerMeta
from isthmus.store.recover import Options, open_store
from support.entropy import SeededEntropy

OPTIONS = Options(segment_bytes=4096, block_bytes=1024, checkpoint_bytes=8192, cache_bytes=4096)


class PowerCut(BaseException):
    """The machine stops here."""


class Shell:
    """Carries out jobs: each lane in order, lanes in any order; what is run is told of later.

    `early`: the rest of a job is carried out some time after it was told of, as by a real lane.
    """

    def __init__(self, disk, turn, *, early=False):
        self.disk = disk
        self.turn = turn
        self.early = early
        self.lanes = {"journal": [], "segments": [], "blocks": []}
        self.told = []  # run, and not yet told

    def submit(self, job):
        self.lanes[job.lane].append(job)

    @property
    def busy(self):
        return bool(self.told) or any(self.lanes.values())

    def step(self, chance, now_ns):
        """One job more is run, or told of."""
        choices = [lane for lane in self.lanes if self.lanes[lane]] + ["told"] * len(self.told)
        choice = chance.choice(choices)
        if choice != "told":
            job = self.lanes[choice].pop(0)
            try:
                (job.run_first if self.early else job.run)(self.disk)
            except OSError as error:
                self.told.append((job, error))
            else:
                self.told.append((job, None))
                if self.early and job.rest:
                    self.lanes[choice].insert(0, Rest(job))
            return
        # of one lane the jobs are told of in order
        job, error = self.told.pop(0)
        if isinstance(job, Rest):
            if error is not None:
                job.failed_late(error)
            return
        self.turn.begin(now_ns)
        job.done(error, self.turn)
        self.turn.finish()


class Rest:
    """What is left of a job that was told of: it stands before everything else in its lane."""

    rest = ()

    def __init__(self, job):
        self.run_first = job.run_rest
        self.failed_late = job.failed_late


class StreamModel:
    """What was done to a stream, and what of it is known to be durable."""

    def __init__(self, number):
        self.number = number
        self.consumer = number + 1
        self.published = {}  # seq -> payload, of everything that may be there
        self.durable = set()  # acknowledged
        self.removed = set()  # asked for, durable or not
        self.removed_durable = set()
        self.steps = []  # of its consumer
        self.steps_durable = 0
        self.created = False  # durably
        self.deleted = False  # asked for
        self.deleted_durable = False
        self.used = 0  # no sequence up to this may ever have other content


class World:
    """One life of a process; `models` go on through all of them."""

    def __init__(self, disk, seed, models=None, options=OPTIONS, *, early=False):
        self.chance = random.Random(seed)
        self.turn = Turn(seed + 1)
        self.models = {} if models is None else models
        self.now_ns = 1_000_000
        self.told = []
        self.store = open_store(
            disk, SeededEntropy("store"), options=options, tell=self.told.append
        )
        self.logs, self.trees, self.failed = {}, {}, set()
        self.shell = Shell(disk, self.turn, early=early)

    # --- a keeper for each stream ---

    def keeper(self, model):
        world = self

        class Keeper:
            def checkpoint(self):
                records = [(b"".join(model.steps), world.now_ns)] if model.steps else []
                return StreamNow(
                    account=b"A",
                    name=b"S%d" % model.number,
                    config=b"config",
                    consumers=[
                        ConsumerMeta(
                            number=model.consumer,
                            name=b"C",
                            config=b"config",
                            records=records,
                        )
                    ],
                )

            def store_failed(self, reason):
                (world.failed.add if reason else world.failed.discard)(model.number)

        return Keeper()

    def start(self):
        """Take over what was found; the models become what is there."""
        for found in self.store.recovered:
            model = self.models[found.number]
            self.logs[found.number], self.trees[found.number] = found.log, found.tree
            there = {}
            seq = found.log.next_seq(0)
            while seq:
                there[seq] = found.log.get(seq).payload
                seq = found.log.next_seq(seq + 1)
            model.published = there
            model.used = max([model.used, *(seq for seq, _ in model.durable)])
            model.durable = {row for row in model.durable if row[0] in there}
            model.removed = set()
            model.deleted = False
            model.steps = split(found)
            model.created = True
            self.store.keep(found.number, self.keeper(model))
        for number in [n for n in self.models if n not in self.logs]:
            del self.models[number]
        self.turn.begin(self.now_ns)
        self.store.start(self.shell.submit, self.turn)
        for found in self.store.recovered:
            if not found.consumers:  # its record was not durable when the power went
                self.models[found.number].consumer = self.store.journal.next_number
                self.store.journal.next_number += 1
                self.create_consumer(self.models[found.number])
        self.turn.finish()

    # --- what a server does ---

    def run(self, steps):
        for _ in range(steps):
            self.now_ns += 1000
            if self.shell.busy and self.chance.random() < 0.6:
                self.shell.step(self.chance, self.now_ns)
                continue
            self.turn.begin(self.now_ns)
            for _ in range(self.chance.randint(1, 6)):
                self.act()
            self.turn.finish()

    def settle(self):
        """Everything that is under way ends."""
        while self.shell.busy:
            self.now_ns += 1000
            self.shell.step(self.chance, self.now_ns)

    def finish(self):
        self.turn.begin(self.now_ns)
        self.store.finish(self.turn)
        self.turn.finish()
        self.settle()

    def act(self):
        journal = self.store.journal
        if journal.refusing:
            return
        alive = [m for m in self.models.values() if not m.deleted and m.number in self.logs]
        what = self.chance.random()
        if not alive or (what < 0.02 and len(alive) < 4):
            self.create()
            return
        model = self.chance.choice(alive)
        if model.number in self.failed:
            return
        if what < 0.75:
            self.publish(model, self.chance.choice([5, 30, 100, 300]))
        elif what < 0.85:
            self.remove(model)
        elif what < 0.98:
            self.acknowledge(model)
        elif what < 0.985:
            self.purge(model)
        elif what > 0.99:
            self.delete(model)

    def create(self):
        journal = self.store.journal
        number = journal.next_number
        journal.next_number = number + 2
        model = self.models[number] = StreamModel(number)
        self.logs[number] = self.store.make_log(number, 1)
        self.trees[number] = SubjectTree()
        self.store.keep(number, self.keeper(model))
        journal.write(
            self.turn,
            KINDS["stream"],
            number,
            subject=b"S%d" % number,
            header=b"A",
            payload=b"config",
        )
        lsn = self.create_consumer(model)

        def durable(*_):
            model.created = True

        journal.when_durable(lsn, durable)

    def create_consumer(self, model):
        return self.store.journal.write(
            self.turn,
            KINDS["consumer"],
            model.consumer,
            model.number,
            subject=b"C",
            payload=b"config",
        )

    def publish(self, model, size):
        seq = self.logs[model.number].last_seq + 1
        payload = (b"%d:%d:" % (seq, self.chance.getrandbits(60))).ljust(size, b".")
        subject = b"s.%d" % (seq % 3)
        lsn = self.store.journal.write(
            self.turn,
            KINDS["message"],
            model.number,
            seq,
            self.now_ns,
            subject=subject,
            payload=payload,
        )
        self.logs[model.number].add(subject, payload, time_ns=self.now_ns)
        self.trees[model.number].insert(subject, seq)
        model.published[seq] = payload
        self.store.journal.when_durable(lsn, lambda *_: model.durable.add((seq, payload)))

    def remove(self, model):
        log = self.logs[model.number]
        seq = log.next_seq(self.chance.randint(0, log.last_seq))
        if not seq:
            return
        log.discard(seq, self.trees[model.number])
        lsn = self.store.journal.write(self.turn, KINDS["remove"], model.number, seq)
        model.removed.add(seq)
        self.store.journal.when_durable(lsn, lambda *_: model.removed_durable.add(seq))

    def purge(self, model):
        log = self.logs[model.number]
        below = self.chance.randint(0, log.last_seq + 1)
        gone = [seq for seq in model.published if seq < below]
        trim(log, self.trees[model.number], below)
        lsn = self.store.journal.write(self.turn, KINDS["purge"], model.number, below)
        model.removed.update(gone)
        self.store.journal.when_durable(lsn, lambda *_: model.removed_durable.update(gone))

    def acknowledge(self, model):
        step = b"%08d" % len(model.steps)
        model.steps.append(step)
        count = len(model.steps)
        lsn = self.store.journal.write(
            self.turn, KINDS["ack"], model.consumer, model.number, payload=step
        )

        def durable(*_):
            model.steps_durable = max(model.steps_durable, count)

        self.store.journal.when_durable(lsn, durable)

    def delete(self, model):
        lsn = self.store.journal.write(self.turn, KINDS["delete"], model.number)
        self.store.drop_log(model.number)
        model.deleted = True

        def durable(*_):
            model.deleted_durable = True

        self.store.journal.when_durable(lsn, durable)


def split(found):
    """The steps of a found stream's consumer."""
    out = []
    for consumer in found.consumers.values():
        for payload, _ in consumer.records:
            out += [payload[at : at + 8] for at in range(0, len(payload), 8)]
    return out


def problems(world, models):
    """What a start lost or made up: an empty list is a pass."""
    out = []
    found_by_number = {found.number: found for found in world.store.recovered}
    for number, model in models.items():
        found = found_by_number.pop(number, None)
        if found is None:
            if model.created and not model.deleted:
                out.append(f"stream {number} is missing")
            continue
        if model.deleted_durable:
            out.append(f"stream {number} is back from the dead")
            continue
        there = {}
        seq = found.log.next_seq(0)
        while seq:
            entry = found.log.get(seq)
            if entry is None:
                out.append(f"stream {number}: {seq} cannot be read")
            else:
                there[seq] = entry.payload
            seq = found.log.next_seq(seq + 1)
        for seq, payload in there.items():
            if model.published.get(seq) != payload:
                out.append(f"stream {number}: {seq} has other content")
            if seq in model.removed_durable:
                out.append(f"stream {number}: {seq} is back")
        if found.log.last_seq < max([model.used, *(seq for seq, _ in model.durable)]):
            out.append(f"stream {number}: sequences may be used again")
        for seq, payload in model.durable:
            if seq not in model.removed and there.get(seq) != payload:
                out.append(f"stream {number}: {seq} was acknowledged and is missing")
        if found.log.messages != len(there) or found.tree.totals(b">")[1] != len(there):
            out.append(f"stream {number}: counts differ from what is there")
        steps = split(found)
        if steps != model.steps[: len(steps)] or len(steps) < model.steps_durable:
            out.append(f"consumer of {number}: {len(steps)} of {len(model.steps)} steps")
    out += [f"stream {number} was never created" for number in found_by_number]
    return out
