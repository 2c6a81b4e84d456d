"""Five paths through the compiled core, each a script of bytes that is played in memory.

`PYTHONPATH=tests python tests/bench/micro_paths.py PATH PREPARED PLAYED` prepares PREPARED batches
of a path and plays the first PLAYED of them. Under an instruction counter two runs that differ in
PLAYED alone differ by what those batches cost; `make check-perf` (`bench/check_perf.py`) divides
that by their messages.

Where a client sends what depends on what it hears (an acknowledgement, an answer), a rehearsal in a
world of its own finds out first: worlds with one seed and one clock hear the same.
"""

import sys
from collections.abc import Callable, Iterator

from message_path import BATCH, PAYLOAD, feeder, pub, quiet

from isthmus.core.crossing import Crossing
from isthmus.store.recover import open_store
from isthmus.testing.disks import MemoryDisk
from support.core import MemoryConnection, World
from support.entropy import SeededEntropy
from support.jetstream import StreamWorld

Play = Callable[[], None]
PULL = b'{"batch":%d,"no_wait":true}' % BATCH
NEXT = b"$JS.API.CONSUMER.MSG.NEXT.S.C"
TURNS_MAX = 100  # that one batch may take until the server is quiet again


class LastingDisk(MemoryDisk):
    """Keeps what is written; an account of what might be lost would cost more than we do."""

    def write_at(self, path, offset, data):
        file = self._file(path).current
        ends = offset + len(data)
        if len(file) < ends:
            file.extend(bytes(ends - len(file)))
        file[offset:ends] = data

    def sync(self, path): ...

    def sync_folder(self, folder): ...

    def _file(self, path):
        if path not in self._files:
            self.preallocate(path, 0)
        return self._files[path]


class FileWorld(StreamWorld):
    """JetStream over a journal whose jobs are done as soon as a turn is over."""

    def __init__(self) -> None:
        self._disk = LastingDisk()
        self._jobs = []
        self._store = open_store(self._disk, SeededEntropy("store"))
        super().__init__(journal=self._store.journal, logs=self._store)
        self._store.start(self._jobs.append, self.turn)

    def settle(self) -> None:
        for _ in range(TURNS_MAX):
            if not self._jobs and not self.turn.unfinished:
                return
            self.begin()
            jobs, self._jobs[:] = list(self._jobs), []
            for job in jobs:
                job.run(self._disk)
                job.done(None, self.turn)
            self.turn.finish()
        raise AssertionError("the server does not become quiet")


def _player(steps: list[tuple[Callable[[], None], ...]]) -> Iterator[Play]:
    for step in steps:
        yield lambda step=step: [part() for part in step]


def publish(batches: int) -> Iterator[Play]:
    """PUB that nobody hears."""
    world = World()
    send = feeder(world, quiet(world.connect()), pub(b"bench.subject", b"x" * 16) * BATCH)
    return _player([(send,)] * batches)


def deliver(batches: int) -> Iterator[Play]:
    """PUB to one subscriber."""
    world = World()
    quiet(world.connect()).client.subscribe(b"bench.subject", b"", b"1")
    send = feeder(world, quiet(world.connect()), pub(b"bench.subject") * BATCH)
    return _player([(send,)] * batches)


def _file_world() -> tuple[FileWorld, MemoryConnection]:
    world = FileWorld()
    client = world.client().connection
    config = b'{"name":"S","subjects":["bench.>"],"storage":"file"}'
    client.say(b"PUB $JS.API.STREAM.CREATE.S _INBOX.0 %d" % len(config), config)
    world.settle()
    assert b'"did_create":true' in client.heard()
    return world, client


def jetstream_publish(batches: int) -> Iterator[Play]:
    """PUB to a file stream and the way of its PubAck."""
    world, client = _file_world()
    send = feeder(world, quiet(client), pub(b"bench.subject", reply=b"_INBOX.1") * BATCH)
    return _player([(send, world.settle)] * batches)


class Reading:
    """A file stream full of messages, and a client that pulls and acknowledges."""

    def __init__(self, batches: int) -> None:
        self.world, self.client = _file_world()
        world, client = self.world, self.client
        config = b'{"durable_name":"C","ack_policy":"explicit","max_ack_pending":%d}' % BATCH
        body = b'{"stream_name":"S","config":%s}' % config
        client.say(b"PUB $JS.API.CONSUMER.DURABLE.CREATE.S.C _INBOX.0 %d" % len(body), body)
        world.settle()
        assert b'"num_pending":0' in client.heard()
        writer = quiet(world.connect())
        fill = feeder(world, writer, pub(b"bench.subject") * BATCH)
        for _ in range(batches):
            fill()
            world.settle()

    def pull(self) -> bytes:
        """Ask for a batch; what came, which is less if the batch before was not acknowledged."""
        heard = self.client.say(b"PUB %s _INBOX.1 %d" % (NEXT, len(PULL)), PULL)
        self.world.settle()
        heard += self.client.heard()
        assert heard.count(b"MSG bench.") == BATCH
        return heard


def deliver_acknowledge(batches: int) -> Iterator[Play]:
    """A message delivered to a pull, and its acknowledgement."""
    rehearsal = Reading(batches)
    acks = []
    for _ in range(batches):
        lines = rehearsal.pull().split(b"\r\n")
        replies = [line.split(b" ")[3] for line in lines if line.startswith(b"MSG bench.")]
        acks.append(b"".join(pub(reply, b"+ACK") for reply in replies))
        feeder(rehearsal.world, rehearsal.client, acks[-1])()
        rehearsal.world.settle()
    world = Reading(batches)
    send = [feeder(world.world, world.client, text) for text in acks]
    return _player([(world.pull, one, world.world.settle) for one in send])


class Border:
    """B asks a service of A."""

    def __init__(self) -> None:
        world = self.world = World()
        self.asker, self.service = world.connect("B"), world.connect("A")
        self.service.client.subscribe(b"svc", b"", b"1")
        self.asker.client.subscribe(b"_INBOX.me.*", b"", b"2")
        self.crossing = Crossing(
            world.account("B"), world.account("A"), local=b"svc", remote=b"svc"
        )
        self.crossing.open(0)
        self.crossing.subscribe()

    def hear(self) -> None:
        """Every answer crossed back."""
        assert self.asker.heard().count(b"MSG _INBOX") == BATCH

    def requests(self) -> Play:
        text = b"".join(pub(b"svc", reply=b"_INBOX.me.%d" % number) for number in range(BATCH))
        return feeder(self.world, self.asker, text)


def crossing(batches: int) -> Iterator[Play]:
    """A request to another account, and its answer back."""
    rehearsal = Border()
    ask, answers = rehearsal.requests(), []
    for _ in range(batches):
        ask()
        lines = rehearsal.service.heard().split(b"\r\n")
        replies = [line.split(b" ")[3] for line in lines if b"MSG svc " in line[:9]]
        assert len(replies) == BATCH
        answers.append(b"".join(pub(reply, PAYLOAD) for reply in replies))
        feeder(rehearsal.world, rehearsal.service, answers[-1])()
        rehearsal.hear()
    border = Border()
    quiet(border.service)
    ask = border.requests()
    answer = [feeder(border.world, border.service, text) for text in answers]
    return _player([(ask, one, border.hear) for one in answer])


PATHS: dict[str, Callable[[int], Iterator[Play]]] = {
    "publish": publish,
    "deliver": deliver,
    "jetstream-publish": jetstream_publish,
    "deliver-acknowledge": deliver_acknowledge,
    "crossing": crossing,
}


def main(path: str, prepared: str, played: str) -> None:
    steps = PATHS[path](int(prepared))
    for _ in range(int(played)):
        next(steps)()


if __name__ == "__main__":
    main(*sys.argv[1:])
