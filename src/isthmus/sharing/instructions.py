"""How a taker uses what it accepted: the command line of the nats tool, and lines of Python.

Owns the wording for each kind of item; knows no accounts. What stands here runs as it is, but for
the context or the connection (`nc`), which are the taker's own.
"""

import shlex

from isthmus.base.values import Value
from isthmus.sharing.items import Item


class Instructions(Value):
    """A command line, and the body of an async function that has a connection `nc`."""

    command: str
    python: tuple[str, ...]


def instructions(item: Item, prefix: str) -> Instructions:
    """The use of `item`, accepted under `prefix`."""
    words = ["nats", "consumer", "next", "--js-api-prefix", prefix, "--ack", "--count", "1"]
    return Instructions(
        command=shlex.join([*words, item.stream, item.consumer]),
        python=(
            f"js = nc.jetstream(prefix={prefix!r})",
            f"sub = await js.pull_subscribe_bind({item.consumer!r}, stream={item.stream!r})",
            "for message in await sub.fetch(1):",
            "    await message.ack()",
        ),
    )
