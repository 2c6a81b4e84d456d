"""nats-py, unchanged, while the server starts again in the middle: pull, push, ordered, fetch."""

import asyncio

import nats
import nats.errors
import nats.js.api
import pytest

from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle]

COUNT = 60
FIRST = 20  # before the restart
WAIT_S = 10


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with ServerProcess(request.param, folder, "-js", "-sd", str(folder / "store")) as server:
        yield server


class World:
    """A client of `server` with a stream of its own, and the restart."""

    def __init__(self, server, name):
        self.server = server
        self.name = name

    async def __aenter__(self):
        self.client = await nats.connect(
            self.server.url, reconnect_time_wait=0.05, max_reconnect_attempts=-1
        )
        self.js = self.client.jetstream(timeout=WAIT_S)
        await self.js.add_stream(name=self.name, subjects=[f"{self.name}.>"])
        return self

    async def __aexit__(self, *_):
        await self.client.close()

    async def publish(self, first, last):
        for number in range(first, last):
            await self.js.publish(f"{self.name}.a", b"%d" % number)

    async def becomes(self, consumer, condition):
        """Ask until `condition(info)` holds of the consumer."""
        async with asyncio.timeout(WAIT_S):
            while not condition(await self.js.consumer_info(self.name, consumer)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def restart(self):
        """The server ends in order, comes back on its port, and the client with it."""
        port = self.server.port
        await asyncio.to_thread(self.server.stop)
        await asyncio.to_thread(self.server.start, port)
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    await self.js.account_info()
                except (nats.errors.Error, TimeoutError, OSError):
                    await asyncio.sleep(0.02)
                else:
                    return


def run(server, name, story):
    async def whole():
        async with World(server, name) as world:
            await story(world)

    asyncio.run(whole())


def test_what_was_fetched_and_acknowledged_does_not_come_again(server):
    async def story(world):
        await world.publish(0, COUNT)
        pulls = await world.js.pull_subscribe(f"{world.name}.a", durable="D")
        seen = []
        for message in await pulls.fetch(FIRST, timeout=WAIT_S):
            seen.append(int(message.data))
            await message.ack_sync()
        [unacked] = await pulls.fetch(1, timeout=WAIT_S)
        assert [*seen, int(unacked.data)] == list(range(FIRST + 1))
        await world.restart()
        info = await pulls.consumer_info()
        assert (info.ack_floor.stream_seq, info.num_ack_pending) == (FIRST, 1)
        while len(seen) < COUNT - 1:
            for message in await pulls.fetch(10, timeout=WAIT_S):
                seen.append(int(message.data))
                await message.ack_sync()
        assert seen == [*range(FIRST), *range(FIRST + 1, COUNT)]
        await unacked.nak()
        [again] = await pulls.fetch(1, timeout=WAIT_S)
        assert (again.data, again.metadata.num_delivered) == (unacked.data, 2)
        await again.ack_sync()
        info = await pulls.consumer_info()
        assert (info.ack_floor.stream_seq, info.num_ack_pending, info.num_pending) == (COUNT, 0, 0)

    run(server, "FETCH", story)


def test_a_fetch_that_waits_is_told_of_the_end_and_asks_again(server):
    async def story(world):
        pulls = await world.js.pull_subscribe(f"{world.name}.a", durable="D")
        waiting = asyncio.create_task(pulls.fetch(1, timeout=3))
        await world.becomes("D", lambda info: info.num_waiting == 1)
        await world.restart()
        with pytest.raises(nats.errors.Error):
            await waiting
        await world.publish(0, 1)
        [message] = await pulls.fetch(1, timeout=WAIT_S)
        assert message.data == b"0"

    run(server, "WAITING", story)


def test_a_push_subscription_goes_on(server):
    async def story(world):
        seen = []
        complete = asyncio.Event()

        async def take(message):
            seen.append(int(message.data))
            await message.ack()
            if set(seen) == set(range(COUNT)):
                complete.set()

        await world.js.subscribe(f"{world.name}.a", durable="D", cb=take, manual_ack=True)
        await world.publish(0, FIRST)
        await world.becomes("D", lambda info: info.ack_floor.stream_seq == FIRST)
        await world.restart()
        await world.publish(FIRST, COUNT)
        await asyncio.wait_for(complete.wait(), WAIT_S)
        assert seen == list(range(COUNT)), "nothing twice, nothing out of order"

    run(server, "PUSH", story)


def test_an_ordered_consumer_misses_nothing(server):
    async def story(world):
        config = nats.js.api.ConsumerConfig(idle_heartbeat=0.3)
        ordered = await world.js.subscribe(f"{world.name}.a", ordered_consumer=True, config=config)
        await world.publish(0, FIRST)
        seen = [int((await ordered.next_msg(WAIT_S)).data) for _ in range(FIRST)]
        await world.restart()
        await world.publish(FIRST, COUNT)
        seen += [int((await ordered.next_msg(WAIT_S)).data) for _ in range(COUNT - FIRST)]
        assert seen == list(range(COUNT))

    run(server, "ORDERED", story)


def test_an_iteration_over_messages_goes_on(server):
    async def story(world):
        subscription = await world.js.subscribe(f"{world.name}.a", durable="D", manual_ack=True)
        await world.publish(0, FIRST)
        seen = []

        async def read():
            async for message in subscription.messages:
                seen.append(int(message.data))
                await message.ack_sync()
                if len(seen) == COUNT:
                    return

        reading = asyncio.create_task(read())
        await world.becomes("D", lambda info: info.ack_floor.stream_seq == FIRST)
        await world.restart()
        await world.publish(FIRST, COUNT)
        await asyncio.wait_for(reading, WAIT_S)
        assert seen == list(range(COUNT))

    run(server, "MESSAGES", story)
