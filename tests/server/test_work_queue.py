"""A work queue while connections are cut and the server is killed, at random: nothing is lost.

    publisher ── JOBS (work queue) ── durable WORK ── 8 workers
        │                                                └ take, acknowledge, may be told so
        └ once more what no PubAck promised

Ours runs with its default, the real server with the same (`sync_interval: always`): what it
acknowledges otherwise does not have to survive the kill.
"""

import asyncio
import json
import random
from collections import Counter

import pytest

from support.raw import RawClient
from support.soak import SOAK, examples
from support.waiting import wait_for
from support.workers import Worker, keep_working

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.soak]

# the real one only says that the test is right
MESSAGES = {"isthmus": examples(6000, 100_000), "real": examples(2000, 10_000)}
WORKERS, BATCH, WINDOW = 8, 50, 500
KILLS, CUTS = examples(2, 20), examples(10, 100)
ACK_WAIT_NS = 1_000_000_000
WITHIN_S = 600 if SOAK else 60
CONFIG = 'jetstream {{ store_dir: "./store"{} }}\n'
NEXT = b"$JS.API.CONSUMER.MSG.NEXT.JOBS.WORK"
LOGIN = b'CONNECT {"verbose":false,"headers":true,"no_responders":true}'


class Ledger:
    """What was promised, delivered and confirmed; when the next thing goes wrong."""

    def __init__(self, messages, seed):
        self.messages = messages
        self.chance = random.Random(seed)
        self.stored = set()  # numbers that a PubAck promised
        self.delivered = Counter()  # number -> deliveries
        self.confirmed = {}  # stream sequence -> which connection had begun last
        self.came_again = []  # confirmed before the connection began that it came to
        self.connections = self.cuts = self.kills = 0
        self.empty = False

    @property
    def processed(self):
        return len(self.stored) == self.messages and len(self.delivered) == self.messages

    @property
    def duplicates(self):
        return self.delivered.total() - len(self.delivered)


class QueueWorker(Worker):
    """Pulls and acknowledges; is cut after some messages, in the middle of its acknowledgements."""

    def __init__(self, ledger, name):
        super().__init__()
        self.ledger, self.name = ledger, name
        ledger.connections += 1
        self.began = ledger.connections
        self.taken = self.asked = self.left = 0
        self.acks = []
        self.cut_after = ledger.chance.randint(1, ledger.messages // (2 * CUTS))

    def greet(self, info):
        self.say(LOGIN, b"SUB _INBOX.%b.> 1" % self.name)

    def settle(self):
        if self.taken >= self.cut_after and self.ledger.cuts < CUTS:
            self.ledger.cuts += 1
            said = b"".join(line + b"\r\n" for line in self.acks)
            self.transport.write(said[: self.ledger.chance.randint(0, len(said))])
            self.cut()
            return
        self.say(*self.acks)
        self.acks.clear()
        if self.left == 0:
            self.ask()

    def ask(self):
        self.asked += 1
        self.left = BATCH
        body = b'{"batch":%d,"expires":500000000}' % BATCH
        self.say(b"PUB %b _INBOX.%b.%d %d" % (NEXT, self.name, self.asked, len(body)), body)

    def status(self, subject, code):
        assert code in {408, 409, 503}, code
        self.left = 0

    def message(self, subject, reply, payload):
        if not reply:  # an acknowledgement is confirmed
            self.ledger.confirmed[int(subject.rpartition(b".")[2])] = self.ledger.connections
            return
        seq = int(reply.split(b".")[5])
        if self.ledger.confirmed.get(seq, self.began) < self.began:
            self.ledger.came_again.append(seq)
        self.ledger.delivered[int(payload)] += 1
        self.taken += 1
        self.left -= 1
        self.acks += [b"PUB %b _INBOX.%b.done.%d 0" % (reply, self.name, seq), b""]


class Publisher(Worker):
    """Publishes what no PubAck has promised, a window at a time."""

    def __init__(self, ledger, wanted):
        super().__init__()
        self.ledger, self.wanted = ledger, wanted  # numbers still to be promised
        self.rest = iter(sorted(wanted))
        self.under_way = 0

    def greet(self, info):
        self.say(LOGIN, b"SUB _INBOX.publisher.* 1")

    def message(self, subject, reply, payload):
        answer = json.loads(payload)
        assert "error" not in answer, answer
        number = int(subject.rpartition(b".")[2])
        self.under_way -= 1
        self.ledger.stored.add(number)
        self.wanted.discard(number)

    def status(self, subject, code):
        """Nobody takes it yet: the server has just started."""
        self.cut()

    def settle(self):
        lines = []
        while self.under_way < WINDOW and (number := next(self.rest, None)) is not None:
            self.under_way += 1
            body = b"%d" % number
            head = b"NATS/1.0\r\nNats-Msg-Id: %d\r\n\r\n" % number
            sizes = (len(head), len(head) + len(body))
            lines += [b"HPUB jobs.x _INBOX.publisher.%d %d %d" % (number, *sizes), head + body]
        self.say(*lines)


async def kill_now_and_then(server, ledger):
    """The server ends at random points of the work, and starts again on its port."""
    points = sorted(ledger.chance.sample(range(ledger.messages // 20, ledger.messages), KILLS))
    for point in points:
        await happened(lambda point=point: len(ledger.delivered) >= point)
        server.kill()
        ledger.kills += 1
        await asyncio.to_thread(server.start, server.port)


async def watch(server, ledger, chaos):
    """The end: everything processed, and nothing left in the queue."""
    await happened(lambda: ledger.processed)
    await chaos
    await happened(lambda: left_in(server) == 0)
    ledger.empty = True


async def happened(condition):
    await asyncio.to_thread(wait_for, condition, within_s=WITHIN_S)


def left_in(server):
    with RawClient(server.port) as client:
        state = json.loads(client.api("STREAM.INFO.JOBS"))["state"]
        consumer = json.loads(client.api("CONSUMER.INFO.JOBS.WORK"))
        return state["messages"] + consumer["num_ack_pending"] + consumer["num_pending"]


async def work(server, ledger):
    wanted = set(range(ledger.messages))
    chaos = asyncio.create_task(kill_now_and_then(server, ledger))

    def worker(number):
        def make(life):
            return QueueWorker(ledger, b"w%d_%d" % (number, life))

        return keep_working(make, lambda: server.port, lambda: ledger.empty)

    publisher = keep_working(
        lambda _: Publisher(ledger, wanted), lambda: server.port, lambda: not wanted
    )
    async with asyncio.timeout(WITHIN_S):
        workers = [worker(number) for number in range(WORKERS)]
        await asyncio.gather(publisher, watch(server, ledger, chaos), *workers)


def create(server):
    with RawClient(server.port) as client:
        stream = {"name": "JOBS", "subjects": ["jobs.>"], "retention": "workqueue"}
        assert b"error" not in client.api("STREAM.CREATE.JOBS", stream)
        config = {"durable_name": "WORK", "ack_policy": "explicit", "ack_wait": ACK_WAIT_NS}
        wanted = {"stream_name": "JOBS", "config": config | {"max_ack_pending": 2000}}
        assert b"error" not in client.api("CONSUMER.CREATE.JOBS.WORK", wanted)


@pytest.mark.timeout(WITHIN_S + 60)
def test_each_message_of_a_work_queue_is_processed(kind, start_server, request):
    server = start_server(kind, config=CONFIG.format(", sync_interval: always" * (kind == "real")))
    create(server)
    seed = int(request.config.getoption("--hypothesis-seed"))
    ledger = Ledger(MESSAGES[kind], seed)
    asyncio.run(work(server, ledger))
    print(
        f"{kind}: {ledger.messages} messages, {ledger.cuts} connections cut, {ledger.kills} kills: "
        f"{ledger.duplicates} delivered more than once"
    )
    assert (ledger.cuts, ledger.kills) == (CUTS, KILLS)
    assert set(ledger.delivered) == set(range(ledger.messages))
    assert left_in(server) == 0
    if kind == "isthmus":  # the real one may tell of an acknowledgement that it forgets
        assert ledger.came_again == []
