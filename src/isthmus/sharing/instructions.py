"""How a taker uses what it accepted: the command line of the nats tool, and lines of Python.

Owns the wording for each kind of item; knows no accounts. What stands here runs as it is, but for
the context or the connection (`nc`), which are the taker's own.
"""

import shlex

from isthmus.base.subjects import literal
from isthmus.base.values import Value, to_json
from isthmus.sharing.items import Bucket, Feed, Item, Origin, PullConsumer, PushConsumer, Service


class Instructions(Value):
    """A command line, and the body of an async function that has a connection `nc`."""

    command: str
    python: tuple[str, ...]


def instructions(item: Item, prefix: str) -> Instructions:
    """The use of `item`, accepted under `prefix`."""
    match item:
        case PullConsumer():
            return _pull(item, prefix)
        case PushConsumer():
            return _push(item, prefix)
        case Bucket():
            return _bucket(item, prefix)
        case Origin():
            return _origin(item, prefix)
        case Feed():
            return _feed(item.grants[0].local(prefix))
        case Service():
            return _service(item.grants[0].local(prefix))


def _pull(item: PullConsumer, prefix: str) -> Instructions:
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


def _push(item: PushConsumer, prefix: str) -> Instructions:
    api = ["--js-api-prefix", prefix] if item.info else []
    group = ["--queue", item.group] if item.group else []
    ack = ["--ack"] if item.ack else []
    queue = f", queue={item.group!r}" if item.group else ""
    return Instructions(
        command=shlex.join(["nats", "sub", *api, *ack, *group, item.deliver]),
        python=(
            f"sub = await nc.subscribe({item.deliver!r}{queue})",
            "async for message in sub.messages:",
            "    await message.ack()" if item.ack else "    print(message.data)",
        ),
    )


def _feed(local: str) -> Instructions:
    return Instructions(
        command=shlex.join(["nats", "sub", local]),
        python=(
            f"sub = await nc.subscribe({local!r})",
            "async for message in sub.messages:",
            "    print(message.data)",
        ),
    )


def _service(local: str) -> Instructions:
    """A pattern has to be filled in: there is no request to a wildcard."""
    shown = local if literal(local) else f"<one of {local}>"
    return Instructions(
        command=shlex.join(["nats", "request", shown, "<the request>"]),
        python=(f"answer = await nc.request({shown!r}, b'<the request>')",),
    )


def _origin(item: Origin, prefix: str) -> Instructions:
    """A source; `--mirror` in its place makes a mirror."""
    source: dict[str, object] = {"name": item.stream}
    if item.filter:
        source["filter_subject"] = item.filter
    source["external"] = {"api": prefix, "deliver": item.deliver}
    text = to_json(source).decode()
    copy = f"{item.stream}-COPY"
    chosen = f", filter_subject={item.filter!r}" if item.filter else ""
    return Instructions(
        command=shlex.join(["nats", "stream", "add", copy, "--source", text, "--defaults"]),
        python=(
            "from nats.js.api import ExternalStream, StreamSource",
            f"outside = ExternalStream(api={prefix!r}, deliver={item.deliver!r})",
            f"source = StreamSource(name={item.stream!r}, external=outside{chosen})",
            f"await nc.jetstream().add_stream(name={copy!r}, sources=[source])",
        ),
    )


def _bucket(item: Bucket, prefix: str) -> Instructions:
    key = item.keys if literal(item.keys) else f"<one of {item.keys}>"
    words = ["nats", "kv", "get", "--js-api-prefix", prefix, item.bucket, key]
    put = (f"await kv.put({key!r}, b'<the value>')",) if item.writable else ()
    return Instructions(
        command=shlex.join(words),
        python=(
            f"js = nc.jetstream(prefix={prefix!r})",
            f"kv = await js.key_value({item.bucket!r})",
            f"entry = await kv.get({key!r})",
            *put,
        ),
    )
