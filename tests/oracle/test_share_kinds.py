"""Everything else that can be shared: one command, both accounts, the effect on both servers."""

import asyncio
import json

import nats
import pytest
from nats.errors import NoRespondersError
from nats.js.api import ConsumerConfig, ExternalStream, KeyValueConfig, StreamSource
from nats.js.errors import NoStreamResponseError

from support.sharing import SharingWorld

pytestmark = [pytest.mark.oracle, pytest.mark.slow]


@pytest.fixture(scope="module", params=["isthmus", "real"])
def world(request, tmp_path_factory):
    made = SharingWorld(request.param, tmp_path_factory.mktemp("kinds"), storing=("ACCTA", "ACCTB"))
    yield made
    made.stop()


def connect(world, account):
    creds = str(world.shell.folder / f"{account}.creds")
    return nats.connect(world.server.url, user_credentials=creds)


def share(world, line):
    out = world.shell.run(f"nsc share {line} --account ACCTA --with ACCTB --accept")
    world.push()
    return out


def revoke(world, named):
    line = f"nsc share revoke {named} --account ACCTA --with ACCTB --yes --push"
    assert "is revoked there" in world.shell.run(line)


def nobody_answers(world):
    """Behind a revocation: ours says so; the real server may take the request and say nothing."""
    if world.kind == "isthmus":
        return pytest.raises(NoRespondersError)
    return pytest.raises((NoRespondersError, TimeoutError))


def given(world):
    found = json.loads(world.shell.run("nsc shares --account ACCTA --json"))["given"]
    return {(entry["item"]["kind"], entry["state"]) for entry in found}


def test_a_feed(world):
    share(world, "stream --subject 'retail.v1.cart.>' --as FROM.A")
    asyncio.run(_feed(world))
    assert ("stream", "revoked") in given(world)


async def _feed(world):
    owner, reader = await connect(world, "ACCTA"), await connect(world, "ACCTB")
    heard = await reader.subscribe("FROM.A.retail.v1.cart.>")
    await reader.flush()
    await owner.publish("retail.v1.cart.started", b"1234")
    message = await heard.next_msg(5)
    assert (message.subject, message.data) == ("FROM.A.retail.v1.cart.started", b"1234")
    await asyncio.to_thread(revoke, world, "--subject 'retail.v1.cart.>'")
    await owner.publish("retail.v1.cart.started", b"5678")
    await owner.flush()
    await reader.publish("FROM.A.retail.v1.cart.mine", b"the last")
    assert (await heard.next_msg(5)).data == b"the last"
    await owner.close()
    await reader.close()


def test_a_service(world):
    share(world, "service --subject 'retail.v1.payment.>'")
    asyncio.run(_service(world))


async def _service(world):
    owner, asker = await connect(world, "ACCTA"), await connect(world, "ACCTB")

    async def answer(message):
        await message.respond(b"tendered")

    await owner.subscribe("retail.v1.payment.tender", cb=answer)
    await owner.flush()
    assert (await asker.request("retail.v1.payment.tender", b"", timeout=5)).data == b"tendered"
    await asyncio.to_thread(revoke, world, "--subject 'retail.v1.payment.>'")
    with nobody_answers(world):
        await asker.request("retail.v1.payment.tender", b"", timeout=5)
    await owner.close()
    await asker.close()


PUSHED = "--stream ORDERS --consumer ORDERS-C1"


def test_a_push_consumer(world):
    share(world, f"push-consumer {PUSHED} --deliver deliver.orders --group workers")
    asyncio.run(_push_consumer(world))


async def _push_consumer(world):
    owner, worker = await connect(world, "ACCTA"), await connect(world, "ACCTB")
    js = owner.jetstream()
    await js.add_stream(name="ORDERS", subjects=["orders.>"])
    consumer = ConsumerConfig(
        durable_name="ORDERS-C1",
        deliver_subject="deliver.orders",
        deliver_group="workers",
        ack_policy="explicit",
    )
    await js.add_consumer("ORDERS", consumer)
    heard = await worker.subscribe("deliver.orders", queue="workers")
    await worker.flush()
    await js.publish("orders.new", b"1")
    message = await heard.next_msg(5)
    assert message.data == b"1"
    await message.ack_sync()
    across = worker.jetstream(prefix="ACCTA.API")
    info = await across.consumer_info("ORDERS", "ORDERS-C1")
    assert (info.ack_floor.stream_seq, info.num_ack_pending) == (1, 0)

    await asyncio.to_thread(revoke, world, PUSHED)
    await js.publish("orders.new", b"2")
    await worker.publish("deliver.orders", b"the last")
    assert (await heard.next_msg(5)).data == b"the last"
    with nobody_answers(world):
        await worker.request("ACCTA.API.CONSUMER.INFO.ORDERS.ORDERS-C1", b"", timeout=5)
    await owner.close()
    await worker.close()


def test_a_bucket(world):
    asyncio.run(_bucket(world))
    assert ("kv", "revoked") in given(world)


async def _bucket(world):
    owner, other = await connect(world, "ACCTA"), await connect(world, "ACCTB")
    mine = await owner.jetstream().create_key_value(KeyValueConfig(bucket="conf", direct=True))
    await mine.put("a.x", b"1")
    await mine.put("b.x", b"2")
    await asyncio.to_thread(share, world, "kv --bucket conf --keys 'a.>' --write")
    theirs = await other.jetstream(prefix="ACCTA.API").key_value("conf")
    assert (await theirs.get("a.x")).value == b"1"
    with pytest.raises(NoRespondersError):
        await other.request("ACCTA.API.DIRECT.GET.KV_conf.$KV.conf.b.x", b"", timeout=5)
    changes = await other.subscribe("$KV.conf.a.>")
    await other.flush()
    await mine.put("a.y", b"3")
    message = await changes.next_msg(5)
    assert (message.subject, message.data) == ("$KV.conf.a.y", b"3")
    await theirs.put("a.x", b"4")
    assert (await mine.get("a.x")).value == b"4"
    with pytest.raises(NoStreamResponseError):
        await theirs.put("b.x", b"5")
    assert (await mine.get("b.x")).value == b"2"

    await changes.unsubscribe()
    await asyncio.to_thread(revoke, world, "--bucket conf")
    for subject in ("ACCTA.API.DIRECT.GET.KV_conf.$KV.conf.a.x", "$KV.conf.a.x"):
        with nobody_answers(world):
            await other.request(subject, b"", timeout=5)
    assert (await mine.get("a.x")).value == b"4"
    await owner.close()
    await other.close()


def test_a_stream_that_is_copied(world):
    out = share(world, "stream --stream LEDGER --filter 'ledger.b.>'")
    assert "shared stream" in out
    asyncio.run(_copied(world))


async def _copied(world):
    owner, other = await connect(world, "ACCTA"), await connect(world, "ACCTB")
    js = owner.jetstream()
    await js.add_stream(name="LEDGER", subjects=["ledger.>"])
    await js.publish("ledger.b.1", b"one")
    await js.publish("ledger.c.1", b"not theirs")
    place = f"copies.LEDGER.{world.key('ACCTB')}"
    outside = ExternalStream(api="ACCTA.API", deliver=place)
    source = StreamSource(name="LEDGER", external=outside, filter_subject="ledger.b.>")
    theirs = other.jetstream()
    await theirs.add_stream(name="COPY", sources=[source])
    await copied(theirs, 1)
    await js.publish("ledger.b.2", b"two")
    await copied(theirs, 2)
    found = [(await theirs.get_msg("COPY", seq)).data for seq in (1, 2)]
    assert found == [b"one", b"two"]
    await asyncio.to_thread(revoke, world, "--stream LEDGER")
    await js.publish("ledger.b.3", b"three")
    with nobody_answers(world):
        await other.request("ACCTA.API.CONSUMER.CREATE.LEDGER.X.ledger.b.>", b"{}", timeout=5)
    assert (await theirs.stream_info("COPY")).state.messages == 2
    await owner.close()
    await other.close()


async def copied(js, count):
    """Return when the copy has that many messages."""
    for _ in range(400):
        if (await js.stream_info("COPY")).state.messages == count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"no {count} messages")
