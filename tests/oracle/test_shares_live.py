"""`nsc shares --live`: what a share was used for, exactly, on both sides of the border."""

import asyncio
import json

import nats
import pytest

from oracle.test_guide import Guide

pytestmark = [pytest.mark.oracle, pytest.mark.real]

SHARE = "--account ACCTC --stream RESTOCKEVENTS --consumer RESTOCKEVENTS-C1 --with ACCTB"
LIVE = "nsc shares --live --account"


@pytest.fixture
def guide(kind, tmp_path):
    made = Guide(kind, tmp_path)
    yield made
    made.stop()


async def use(guide):
    """Five messages are stored, four pulled in two pulls, three acknowledged."""
    folder = guide.shell.folder
    giver = await nats.connect(guide.server.url, user_credentials=str(folder / "ACCTC.creds"))
    for _ in range(5):
        await giver.jetstream().publish("retail.v1.restock.requested", b"12345")
    taker = await nats.connect(guide.server.url, user_credentials=str(folder / "ACCTB.creds"))
    stream = taker.jetstream(prefix="ACCTC.API")
    pulling = await stream.pull_subscribe_bind("RESTOCKEVENTS-C1", stream="RESTOCKEVENTS")
    pulled = [*await pulling.fetch(3), *await pulling.fetch(1)]
    for message in pulled[:3]:
        await message.ack_sync()
    await taker.close()
    await giver.close()


def shown(guide, account, side):
    (share,) = json.loads(guide.shell.run(f"{LIVE} {account} --json"))[side]
    return share["usage"]


def test_what_a_share_was_used_for(guide):
    guide.add_stream()
    guide.shell.run(f"nsc share consumer {SHARE} --accept --as ACCTC.API")
    guide.push()
    asyncio.run(use(guide))
    given, received = shown(guide, "ACCTC", "given"), shown(guide, "ACCTB", "received")
    if guide.server.kind == "real":  # it counts nothing of the kind
        assert given is received is None
        assert "not told" in guide.shell.run(f"{LIVE} ACCTB")
        return
    assert given == received
    assert {name: given[name] for name in ("messages", "bytes", "unacknowledged")} == {
        "messages": 4,
        "bytes": 20,
        "unacknowledged": 1,
    }
    assert given["last_acknowledged"] >= given["last_used"] > 0
    assert "| 4        | 20    |" in guide.shell.run(f"{LIVE} ACCTB")
