"""Messages as they arrive, for verbs that listen.

Owns the bounded queue between a connection and a verb: where the verb is slow, nats-py's own
bounded queue fills behind it, and what that drops is reported. What the server refuses while a verb
waits ends the wait with an error: a subscription that was denied stays silent for ever.
"""

import asyncio

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import seconds

_QUEUED_MAX = 1024


class Incoming:
    """The messages of some subscriptions, in the order they came."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._queue: asyncio.Queue[Msg | CommandError] = asyncio.Queue(_QUEUED_MAX)
        self._subscriptions: list[Subscription] = []
        client.refused.append(self._refused)

    async def listen(self, subject: str, group: str = "", *, limit: int = 0) -> None:
        """Subscribe; `flush` of the client says whether the server agreed.

        With a `limit` the server sends no more than that: who else is in the group gets the rest.
        """
        made = await self._client.raw.subscribe(subject, queue=group, cb=self._queue.put)
        if limit:
            await made.unsubscribe(limit)
        self._subscriptions.append(made)

    async def close(self) -> None:
        """Hear nothing any more."""
        self._client.refused.remove(self._refused)
        for subscription in self._subscriptions:
            await subscription.unsubscribe()

    async def next(self, wait_ns: int = 0) -> Msg | None:
        """The next message; None after so long without one, 0 waits for ever."""
        try:
            found = await asyncio.wait_for(self._queue.get(), seconds(wait_ns) or None)
        except TimeoutError:
            return None
        if isinstance(found, CommandError):
            raise found
        return found

    def _refused(self, complaint: str) -> None:
        if not self._queue.full():  # else the verb is not waiting, and hears of it when it ends
            self._queue.put_nowait(CommandError(complaint))
