"""What a verb hears while it listens."""

import asyncio

import pytest

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.incoming import Incoming


class Connection:
    """What `Incoming` uses of a client."""

    def __init__(self) -> None:
        self.raw = self
        self.refused = []
        self.heard = {}

    async def subscribe(self, subject, *, queue, cb):
        self.heard[subject] = cb


def test_messages_come_in_order_and_a_silence_is_none():
    async def scenario():
        connection = Connection()
        incoming = Incoming(connection)
        await incoming.listen("a")
        await incoming.listen("b", "group")
        await connection.heard["a"]("first")
        await connection.heard["b"]("second")
        assert [await incoming.next(), await incoming.next()] == ["first", "second"]
        assert await incoming.next(1_000_000) is None

    asyncio.run(scenario())


def test_a_refusal_ends_the_wait():
    """It may come after the subscription was flushed: the wait would be without an end."""

    async def scenario():
        connection = Connection()
        incoming = Incoming(connection)
        waiting = asyncio.ensure_future(incoming.next())
        await asyncio.sleep(0)
        connection.refused[0]('permissions violation for subscription to "x"')
        with pytest.raises(CommandError, match="permissions violation"):
            await waiting

    asyncio.run(scenario())
