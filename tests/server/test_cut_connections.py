"""Shared consumers under load while connections are cut: nothing is lost, every ack floor is right.

    ACCT A   stream JOBS ── pull consumer ─┐  imported by   16 pulling clients
                                            └─ push consumer ─┴─ ACCT B ─────   4 in a queue group

Clients are cut in the middle of what they do (no goodbye, half-written acknowledgements) and come
back; what they had not acknowledged comes again.
"""

import asyncio
import base64
import json
import random

import pytest
from msgspec.structs import replace

from isthmus.identity.claims import UNLIMITED_ACCOUNT, UNLIMITED_USER, Export, Import
from isthmus.identity.nkeys import Kind
from support.operator_mode import SignedClient, account_token, config, user_token
from support.tokens import key
from support.waiting import wait_for
from support.workers import Worker, keep_working

pytestmark = [pytest.mark.real, pytest.mark.slow]

MESSAGES = {"isthmus": 100_000, "real": 20_000}  # the real one only says that the test is right
PULLERS, GROUP, BATCH = 16, 4, 100
CUTS = 30
A, B = key(Kind.ACCOUNT, "cut-a"), key(Kind.ACCOUNT, "cut-b")
OWNER, WORKER = key(Kind.USER, "cut-owner"), key(Kind.USER, "cut-worker")
NEXT = "$JS.API.CONSUMER.MSG.NEXT.JOBS.PULL"


def exports():
    return (
        Export(subject=NEXT, type="service", response_type="Stream"),
        Export(subject="$JS.ACK.JOBS.>", type="service"),
        Export(subject="deliver.jobs", type="stream"),
    )


def imports():
    account = A.public_key
    return (
        Import(subject=NEXT, account=account, type="service", local_subject="A.NEXT"),
        Import(subject="$JS.ACK.JOBS.>", account=account, type="service"),
        Import(subject="deliver.jobs", account=account, type="stream", local_subject="jobs.here"),
    )


class Ledger:
    """What was processed, by consumer; how often a connection may still be cut."""

    def __init__(self, messages, seed):
        self.messages = messages
        self.chance = random.Random(seed)
        self.processed = {b"PULL": set(), b"PUSH": set()}
        self.cuts = 0

    @property
    def done(self):
        return all(len(numbers) == self.messages for numbers in self.processed.values())


class Taker(Worker):
    """Takes messages, acknowledges each, and is cut after some of them."""

    def __init__(self, ledger, name, pulls):
        super().__init__()
        self.ledger, self.name, self.pulls = ledger, name, pulls
        self.consumer = b"PULL" if pulls else b"PUSH"
        self.taken = self.asked = 0
        self.acks = []
        self.cut_after = ledger.chance.randint(200, 1500)

    def greet(self, info):
        signature = base64.urlsafe_b64encode(WORKER.sign(info["nonce"].encode())).rstrip(b"=")
        connect = {"jwt": user_token(WORKER, B), "sig": signature.decode(), "headers": True}
        self.say(b"CONNECT " + json.dumps({**connect, "verbose": False}).encode())
        if self.pulls:
            self.say(b"SUB _INBOX.%b.> 1" % self.name)
            self.ask()
        else:
            self.say(b"SUB jobs.here workers 1")

    def ask(self):
        self.asked += 1
        body = b'{"batch":%d,"expires":2000000000}' % BATCH
        self.say(b"PUB A.NEXT _INBOX.%b.%d %d" % (self.name, self.asked, len(body)), body)

    def status(self, subject, code):
        self.ask()

    def message(self, subject, reply, payload):
        assert subject in {b"jobs.x", b"jobs.here"}  # the original shows either: differences.md
        self.ledger.processed[self.consumer].add(int(payload))
        self.acks += [b"PUB %b 0" % reply, b""]
        self.taken += 1
        if self.pulls and self.taken % BATCH == 0:
            self.ask()

    def settle(self):
        self.say(*self.acks)
        self.acks.clear()
        if self.taken > self.cut_after and self.ledger.cuts < CUTS:
            self.ledger.cuts += 1
            self.cut()


async def work(port, ledger):
    def taker(name, number, *, pulls):
        def make(life):
            return Taker(ledger, b"%b%d_%d" % (name, number, life), pulls)

        return keep_working(make, lambda: port, lambda: ledger.done)

    pullers = [taker(b"p", number, pulls=True) for number in range(PULLERS)]
    group = [taker(b"g", number, pulls=False) for number in range(GROUP)]
    async with asyncio.timeout(150):
        await asyncio.gather(*pullers, *group)


def test_everything_is_processed_while_connections_are_cut(kind, start_server, tmp_path):
    messages = MESSAGES[kind]
    limits = replace(UNLIMITED_ACCOUNT, disk_bytes=-1, memory_bytes=-1, streams=-1, consumers=-1)
    preload = {
        A.public_key: account_token(A, limits=limits, exports=exports()),
        B.public_key: account_token(B, imports=imports()),
    }
    text = config(preload) + f"\njetstream {{ store_dir: '{tmp_path / 'store'}' }}\n"
    server = start_server(kind, config=text)
    token = user_token(OWNER, A, UNLIMITED_USER)
    with SignedClient(server.port, token, OWNER) as owner:
        assert owner.error == ""

        def api(verb, body=None):
            payload = b"" if body is None else json.dumps(body).encode()
            [reply] = owner.request(f"$JS.API.{verb}", payload)
            answer = json.loads(reply.payload)
            assert "error" not in answer, answer
            return answer

        api("STREAM.CREATE.JOBS", {"name": "JOBS", "subjects": ["jobs.>"]})
        for name, more in (
            ("PULL", {}),
            ("PUSH", {"deliver_subject": "deliver.jobs", "deliver_group": "workers"}),
        ):
            settings = {"durable_name": name, "ack_policy": "explicit", "ack_wait": 2_000_000_000}
            wanted = {
                "stream_name": "JOBS",
                "config": {**settings, "max_ack_pending": 8000, **more},
            }
            api(f"CONSUMER.CREATE.JOBS.{name}", wanted)
        for start in range(0, messages, 1000):
            owner.publish_all("jobs.x", [b"%d" % n for n in range(start, start + 1000)])
        wait_for(
            lambda: api("STREAM.INFO.JOBS")["state"]["messages"] == messages,
            within_s=60,
        )
        ledger = Ledger(messages, seed=7)
        asyncio.run(work(server.port, ledger))
        assert ledger.cuts == CUTS
        for name in (b"PULL", b"PUSH"):
            assert ledger.processed[name] == set(range(messages))

        def settled(name):
            state = api(f"CONSUMER.INFO.JOBS.{name}")
            return state["ack_floor"]["stream_seq"] == messages and state["num_ack_pending"] == 0

        for name in ("PULL", "PUSH"):
            wait_for(lambda name=name: settled(name), within_s=20)
