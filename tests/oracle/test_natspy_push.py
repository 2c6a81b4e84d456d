"""nats-py, unchanged, against push consumers of both servers: what its subscriptions rely on."""

import asyncio
import contextlib

import nats
import nats.js.api
import nats.js.errors
import pytest

from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle]

WAIT_S = 5


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with ServerProcess(request.param, folder, "-js", "-sd", str(folder / "store")) as server:
        yield server


def run(server, story):
    """`story(js)` over one connection, on a fresh stream S with fifty messages."""

    async def whole():
        client = await nats.connect(server.url)
        js = client.jetstream()
        with contextlib.suppress(nats.js.errors.NotFoundError):
            await js.delete_stream("S")
        await js.add_stream(name="S", subjects=["s.>"])
        for number in range(50):
            await js.publish("s.a", b"%d" % number)
        try:
            await story(js)
        finally:
            await client.close()

    asyncio.run(whole())


async def become(condition):
    """Ask until `await condition()` holds."""
    async with asyncio.timeout(WAIT_S):
        while not await condition():  # noqa: ASYNC110 — the other side of a socket has no events
            await asyncio.sleep(0.01)


async def numbers(subscription, count):
    return [int((await subscription.next_msg(WAIT_S)).data) for _ in range(count)]


def test_a_durable_subscription_goes_on_where_it_was(server):
    async def story(js):
        first = await js.subscribe("s.a", durable="D", manual_ack=True)
        for number in range(20):
            message = await first.next_msg(WAIT_S)
            assert int(message.data) == number
            await message.ack_sync()
        info = await first.consumer_info()
        assert (info.ack_floor.consumer_seq, info.ack_floor.stream_seq) == (20, 20)
        assert info.push_bound
        await first.unsubscribe()

        async def deserted():
            return not (await js.consumer_info("S", "D")).push_bound

        await become(deserted)
        second = await js.subscribe("s.a", durable="D", manual_ack=True)
        await js.publish("s.a", b"50")
        assert await numbers(second, 1) == [50]  # what it has not acknowledged comes later

    run(server, story)


def test_an_ephemeral_subscription_acknowledges_by_itself(server):
    async def story(js):
        got, done = [], asyncio.Event()

        async def take(message):
            got.append(int(message.data))
            if len(got) == 50:
                done.set()

        subscription = await js.subscribe("s.a", cb=take)
        await asyncio.wait_for(done.wait(), WAIT_S)
        assert got == list(range(50))

        async def acknowledged():
            return (await subscription.consumer_info()).num_ack_pending == 0

        await become(acknowledged)

    run(server, story)


def test_an_ordered_consumer_gets_everything_once_and_in_order(server):
    async def story(js):
        subscription = await js.subscribe("s.a", ordered_consumer=True)
        assert await numbers(subscription, 50) == list(range(50))
        config = (await subscription.consumer_info()).config
        assert config.flow_control
        assert config.mem_storage
        assert config.num_replicas == 1
        assert config.ack_policy == nats.js.api.AckPolicy.NONE
        for number in range(50, 60):
            await js.publish("s.a", b"%d" % number)
        assert await numbers(subscription, 10) == list(range(50, 60))

    run(server, story)


def test_an_ordered_consumer_is_made_again_when_it_is_lost(server):
    async def story(js):
        config = nats.js.api.ConsumerConfig(idle_heartbeat=0.5)
        subscription = await js.subscribe("s.a", ordered_consumer=True, config=config)
        assert await numbers(subscription, 50) == list(range(50))
        await js.delete_consumer("S", (await subscription.consumer_info()).name)
        await js.publish("s.a", b"50")
        assert await numbers(subscription, 1) == [50]

    run(server, story)


def test_flow_control_carries_more_than_a_window(server):
    async def story(js):
        big = bytes(100_000)
        for _ in range(80):  # 8 MB, four windows
            await js.publish("s.big", big)
        subscription = await js.subscribe("s.big", ordered_consumer=True)
        for _ in range(80):
            assert len((await subscription.next_msg(WAIT_S)).data) == 100_000

    run(server, story)


def test_members_of_a_queue_share_one_consumer(server):
    async def story(js):
        got = []

        async def take(message):
            got.append(int(message.data))
            await message.ack()

        for _ in range(3):
            await js.subscribe("s.a", "workers", durable="workers", cb=take, manual_ack=True)
        for number in range(50, 90):
            await js.publish("s.a", b"%d" % number)

        async def complete():
            return len(got) >= 90

        await become(complete)
        assert sorted(got) == list(range(90))
        info = await js.consumer_info("S", "workers")
        assert info.config.deliver_group == "workers"

    run(server, story)


def test_what_a_subscription_may_begin_with(server):
    async def story(js):
        for policy, more, expected in (
            (nats.js.api.DeliverPolicy.LAST, {}, [49]),
            (nats.js.api.DeliverPolicy.BY_START_SEQUENCE, {"opt_start_seq": 48}, [47, 48, 49]),
            (nats.js.api.DeliverPolicy.LAST_PER_SUBJECT, {}, [49]),
        ):
            config = nats.js.api.ConsumerConfig(deliver_policy=policy, **more)
            subscription = await js.subscribe("s.a", config=config)
            assert await numbers(subscription, len(expected)) == expected
            await subscription.unsubscribe()
        config = nats.js.api.ConsumerConfig(headers_only=True)
        subscription = await js.subscribe("s.a", config=config)
        message = await subscription.next_msg(WAIT_S)
        assert (message.data, message.header["Nats-Msg-Size"]) == (b"", "1")

    run(server, story)
