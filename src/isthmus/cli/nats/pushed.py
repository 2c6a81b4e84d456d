"""What a push consumer sends: messages, heartbeats, and questions whether we keep up.

Owns the answers to the latter two. Knows nothing of acknowledgements.
"""

from collections.abc import AsyncIterator

from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_next import parse_delivery
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.puller import Found

_STALLED = "Nats-Consumer-Stalled"


async def pushed(client: Client, incoming: Incoming, wait_ns: int = 0) -> AsyncIterator[Found]:
    """The messages that a push consumer sends to `incoming`, until a silence of `wait_ns`."""
    while True:
        message = await incoming.next(wait_ns)
        if message is None:
            return
        if "Status" not in (message.headers or {}):
            delivery = parse_delivery(message.reply)
            if delivery is not None:
                yield Found(message=message, delivery=delivery)
            continue
        # Flow control asks by its reply subject; a heartbeat names one if the consumer waits.
        answer = message.reply or (message.headers or {}).get(_STALLED, "")
        if answer:
            await client.raw.publish(answer, b"")
