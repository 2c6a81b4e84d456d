"""kill -9 of the real process: what was acknowledged is there, with the same content."""

import asyncio
import contextlib

import nats
import pytest
from nats.js.api import ConsumerConfig

KILLS = 20

pytestmark = [pytest.mark.real, pytest.mark.slow]


class Ledger:
    """What the server promised: acknowledged publications and confirmed acknowledgements."""

    def __init__(self) -> None:
        self.stored: dict[int, bytes] = {}
        self.acked: set[int] = set()
        self.count = 0
        self.unanswered = 0

    async def publish(self, js, how_many: int, patience_s: float = 30) -> None:
        async def one() -> None:
            self.count += 1
            body = b"message %d" % self.count
            try:
                ack = await js.publish("kill.a", body, timeout=patience_s)
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError):
                self.unanswered += 1  # the server died: no promise
                return
            assert ack.seq not in self.stored, f"sequence {ack.seq} was given twice"
            self.stored[ack.seq] = body

        await asyncio.gather(*(one() for _ in range(how_many)))

    async def take(self, subscription, how_many: int) -> None:
        for message in await subscription.fetch(how_many, timeout=5):
            seq = message.metadata.sequence.stream
            assert seq not in self.acked, f"{seq} came back after its acknowledgement was confirmed"
            await message.ack_sync(timeout=5)
            self.acked.add(seq)


async def connect(server):
    return await nats.connect(server.url, allow_reconnect=False, error_cb=_quiet)


async def _quiet(_error) -> None:
    """Connections end here on purpose."""


def test_nothing_acknowledged_is_lost_in_twenty_kills(start_server):
    server = start_server("isthmus", "-js", "-sd", "store")
    ledger = Ledger()

    async def one_life(first: bool) -> None:
        client = await connect(server)
        js = client.jetstream()
        if first:
            await js.add_stream(name="KILL", subjects=["kill.>"])
            config = ConsumerConfig(durable_name="work", ack_wait=60, max_ack_pending=5000)
            await js.add_consumer("KILL", config)
        await check(js)
        subscription = await js.pull_subscribe_bind("work", stream="KILL")
        unanswered = ledger.unanswered
        await ledger.publish(js, 40)
        assert ledger.unanswered == unanswered
        await ledger.take(subscription, 15)
        # more is under way at the moment of the kill
        under_way = asyncio.ensure_future(ledger.publish(js, 200, patience_s=1))
        await asyncio.sleep(0.01)
        server.kill()
        await under_way
        with contextlib.suppress(Exception):
            await client.close()

    async def check(js) -> None:
        info = await js.stream_info("KILL")
        assert info.state.messages >= len(ledger.stored)
        for seq, body in list(ledger.stored.items())[-60:]:
            message = await js.get_msg("KILL", seq)
            assert message.data == body

    async def check_all() -> None:
        client = await connect(server)
        js = client.jetstream()
        for seq, body in ledger.stored.items():
            assert (await js.get_msg("KILL", seq)).data == body
        subscription = await js.pull_subscribe_bind("work", stream="KILL")
        state = await js.consumer_info("KILL", "work")
        await ledger.take(subscription, min(50, state.num_pending))
        await client.close()

    for life in range(KILLS):
        if life:
            server.start()
        asyncio.run(one_life(first=life == 0))
    server.start()
    asyncio.run(check_all())
    assert len(ledger.stored) >= KILLS * 40
    assert len(ledger.acked) >= KILLS * 15
