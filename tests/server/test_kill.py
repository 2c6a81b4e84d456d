"""kill -9 of the real process at random moments, under load of every kind.

Four publishers, one who deletes (also for good) and purges, and a consumer of a work queue are at
it when the process ends. What they were told must be so in the next one: acknowledged messages with
the same content, removals, confirmed acknowledgements, counters. `make soak` kills 200 times.
"""

import asyncio
import contextlib
import json
import random

import nats
import pytest
from nats.js.errors import APIError

from support.ledger import StreamLedger
from support.soak import examples

KILLS = examples(20, 200)
LIFE_S = 0.15  # at most; a life ends at any moment of it
PATIENCE_S = 30
READ_AT_ONCE = 500

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.soak]


async def _quiet(_error) -> None:
    """Connections end here on purpose."""


class Load:
    """One life of the process; the ledgers go on through all of them."""

    def __init__(self, client, ledgers: dict[str, StreamLedger], chance: random.Random) -> None:
        self.client = client
        self.js = client.jetstream()
        self.ledgers = ledgers
        self.chance = chance

    async def ask(self, verb: str, **body) -> dict:
        """An answer that says it worked; raises `APIError` if not."""
        raw = json.dumps(body).encode()
        answer = await self.client.request(f"$JS.API.{verb}", raw, timeout=PATIENCE_S)
        found = json.loads(answer.data)
        if "error" in found:
            raise APIError.from_error(found["error"])
        return found

    async def publish(self, stream: str, subject: str) -> None:
        ledger = self.ledgers[stream]
        payload = b"<%d %x>" % (len(ledger.tried), self.chance.getrandbits(40))
        payload = payload.ljust(self.chance.choice([20, 200, 2000]), b".")
        message = (subject, b"", payload)
        ledger.tried[payload] = message
        answer = await self.client.request(subject, payload, timeout=PATIENCE_S)
        ledger.stored(json.loads(answer.data)["seq"], message)

    async def publisher(self) -> None:
        while True:
            subjects = [self.chance.choice(["kill.a", "kill.b", "work.a"]) for _ in range(20)]
            names = {"kill": "KILL", "work": "WORK"}
            await asyncio.gather(*(self.publish(names[s[:4]], s) for s in subjects))

    async def remover(self) -> None:
        ledger = self.ledgers["KILL"]
        while True:
            await asyncio.sleep(0)
            there = sorted(set(ledger.acked) - ledger.gone - ledger.perhaps_gone)
            if len(there) < 10:
                continue
            if self.chance.random() < 0.8:
                seq = self.chance.choice(there)
                going = ledger.removing([seq])
                erase = self.chance.random() < 0.5
                await self.ask("STREAM.MSG.DELETE.KILL", seq=seq, no_erase=not erase)
            else:
                below = there[self.chance.randrange(len(there) // 2)]
                subject = self.chance.choice(["kill.a", "kill.b", ""])
                going = ledger.removing(
                    seq for seq in there if seq < below and subject in {"", ledger.acked[seq][0]}
                )
                await self.ask("STREAM.PURGE.KILL", seq=below, filter=subject)
            ledger.removed(going)

    async def consumer(self) -> None:
        ledger = self.ledgers["WORK"]
        subscription = await self.js.pull_subscribe_bind("work", stream="WORK")
        while True:
            with contextlib.suppress(TimeoutError):
                for message in await subscription.fetch(10, timeout=PATIENCE_S):
                    seq = message.metadata.sequence.stream
                    assert seq not in ledger.taken, f"{seq} came after its ack was confirmed"
                    ledger.removing([seq])
                    await message.ack_sync(timeout=PATIENCE_S)
                    ledger.taken.add(seq)
                    ledger.removed([seq])

    async def contents(self, stream: str) -> dict[int, tuple[str, bytes, bytes]]:
        """All messages of a stream, by batched direct gets."""
        found, seq = {}, 1
        inbox = self.client.new_inbox()
        subscription = await self.client.subscribe(inbox)
        while seq:
            body = json.dumps({"seq": seq, "batch": READ_AT_ONCE}).encode()
            await self.client.publish(f"$JS.API.DIRECT.GET.{stream}", body, reply=inbox)
            seq = 0
            while True:
                message = await subscription.next_msg(timeout=PATIENCE_S)
                if message.headers is None or message.headers.get("Status"):
                    break
                number = int(message.headers["Nats-Sequence"])
                found[number] = (message.headers["Nats-Subject"], b"", message.data)
                seq = number + 1 if int(message.headers["Nats-Num-Pending"]) else 0
        return found

    async def check(self) -> None:
        """What was promised is so; from now on it is what is there."""
        for name, ledger in self.ledgers.items():
            found = await self.contents(name)
            state = (await self.ask(f"STREAM.INFO.{name}"))["state"]
            assert ledger.problems(found, state) == [], name
            ledger.adopt(found)

    async def run(self, server) -> None:
        """Everything at once, until the process is killed at some moment."""
        jobs = [self.publisher() for _ in range(4)]
        tasks = [asyncio.ensure_future(j) for j in [*jobs, self.remover(), self.consumer()]]
        try:
            await asyncio.wait(
                tasks, timeout=self.chance.random() * LIFE_S, return_when=asyncio.FIRST_COMPLETED
            )
            ended = [task.exception() for task in tasks if task.done()]
            assert ended == [], "nobody stops before the kill"
        finally:
            server.kill()
            pending = set(tasks)
            while pending:  # the client's library may take a cancellation for a timeout
                for task in pending:
                    task.cancel()
                _, pending = await asyncio.wait(pending, timeout=0.05)
        for task in tasks:  # the end of a connection is no failure, a broken promise is one
            if not task.cancelled() and isinstance(task.exception(), AssertionError):
                raise task.exception()


async def one_life(server, ledgers, chance, number: int) -> None:
    client = await nats.connect(server.url, allow_reconnect=False, error_cb=_quiet)
    load = Load(client, ledgers, chance)
    if number == 0:
        for name, retention in (("KILL", "limits"), ("WORK", "workqueue")):
            subjects = [f"{name.lower()}.>"]
            config = {"name": name, "subjects": subjects, "allow_direct": True}
            await load.ask(f"STREAM.CREATE.{name}", **config, retention=retention)
        work = {"durable_name": "work", "ack_policy": "explicit", "max_ack_pending": 5000}
        await load.ask("CONSUMER.DURABLE.CREATE.WORK.work", stream_name="WORK", config=work)
    await load.check()
    if number < KILLS:
        await load.run(server)
    flusher = client._flusher_task  # of a server that was killed it may keep an error
    with contextlib.suppress(Exception):
        await client.close()
    await asyncio.gather(flusher, return_exceptions=True)


@pytest.mark.timeout(1800)
def test_what_was_promised_holds_through_kills_at_any_moment(start_server, request):
    server = start_server("isthmus", "-js", "-sd", "store")
    ledgers = {"KILL": StreamLedger(), "WORK": StreamLedger()}
    chance = random.Random(int(request.config.getoption("--hypothesis-seed")))
    for number in range(KILLS + 1):
        if number:
            server.start()
        asyncio.run(one_life(server, ledgers, chance, number))
    kill, work = ledgers["KILL"], ledgers["WORK"]
    print(
        f"{kill.used} and {work.used} messages, {len(kill.gone)} removed, {len(work.taken)} taken"
    )
    assert kill.used > KILLS * 20
    assert len(kill.gone) > KILLS
    assert len(work.taken) > KILLS
    assert " is damaged" not in server.log_text
    assert " is lost" not in server.log_text
