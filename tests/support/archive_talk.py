"""Archives of streams over $JS.API without a server: taken, sent, and such as nobody wrote.

`world` is a `StreamWorld` or a `StoreWorld`; whoever asks waits until its disk has done everything.
"""

import json

import msgspec

from isthmus.store.archive import FORMAT, Manifest, Writer
from isthmus.store.records import ConsumerMeta
from support.jetstream import StoreWorld

STREAM = {"name": "S", "subjects": ["s.>"]}


def ask(world, client, verb, body=b""):
    """An API request whose answer may wait for the disk."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    heard = client.request(f"$JS.API.{verb}", payload)
    if isinstance(world, StoreWorld):
        world.drain()
        heard += client.messages()
    answers = [json.loads(text) for *_, text in heard if text.startswith(b'{"type"')]
    assert len(answers) == 1, heard
    return answers[0]


def filled(world, messages=40, size=600):
    """A client, after a stream was made and filled."""
    client = world.client()
    storage = "file" if isinstance(world, StoreWorld) else "memory"
    ask(world, client, "STREAM.CREATE.S", STREAM | {"storage": storage})
    for number in range(messages):
        client.publish(f"s.{number}", b"%d" % number * (size // 2))
    settle(world, client)
    client.say(b"SUB to 9")
    return client


def settle(world, client):
    """Everything that can happen without time passing has happened; what was heard."""
    heard = client.messages()
    if isinstance(world, StoreWorld):
        world.drain()
    return heard + client.messages()


def begin(world, client, **how):
    """Ask for an archive; what came to `to` until it waits."""
    body = {"deliver_subject": "to", **how}
    heard = client.request("$JS.API.STREAM.SNAPSHOT.S", json.dumps(body).encode())
    heard += settle(world, client)
    world.wait_ns(20_000_000)
    heard += settle(world, client)
    return [message for message in heard if message[0] == "to"]


def save(world, client, **how):
    """A whole archive."""
    data, heard = b"", begin(world, client, **how)
    while heard:
        _, reply, header, payload = heard.pop(0)
        data += payload
        if not payload:
            assert header in {b"", b"NATS/1.0 204\r\n\r\n"}, header
            return data
        if reply:
            heard += [m for m in client.publish(reply) if m[0] == "to"]
            heard += [m for m in settle(world, client) if m[0] == "to"]
    raise AssertionError("it did not end")


def send(world, client, data, name="S", chunk=5000, **config):
    """The answer to the last chunk."""
    subject = begin_restore(world, client, name, **config)
    for at in range(0, len(data), chunk):
        heard = client.request(subject, data[at : at + chunk]) + settle(world, client)
        assert [payload for *_, payload in heard] == [b""]
    heard = client.request(subject) + settle(world, client)
    assert len(heard) == 1
    return json.loads(heard[0][3])


def begin_restore(world, client, name="S", **config):
    """Where the archive is to be sent."""
    body = {"config": STREAM | {"name": name} | config, "state": {}}
    return ask(world, client, f"STREAM.RESTORE.{name}", body)["deliver_subject"]


def crafted(*consumers, records=b"", messages=0, kept=None, **changed):
    """An archive that nobody wrote; `kept` is more of what is kept of its stream."""
    stream = {"config": STREAM, "created_ns": 1} | (kept or {})
    fields = {
        "format": FORMAT,
        "name": b"S",
        "config": json.dumps(stream).encode(),
        "taken_ns": 1,
        "first_seq": 0,
        "last_seq": messages,
        "last_ns": 0,
        "messages": messages,
        "consumers": 0,
    }
    writer = Writer(1)
    out = writer.begin(Manifest(**(fields | changed)))
    for consumer in consumers:
        out += writer.consumer(consumer)
    if records:
        out += writer.records(1, records)
    return out + writer.end(messages)


def step(code, *numbers):
    """One step of a consumer's state: numbers in groups of seven bits, the lowest first."""
    out = bytearray([code])
    for number in numbers:
        left = number
        while left > 127:
            out.append(left & 127 | 128)
            left >>= 7
        out.append(left)
    return bytes(out)


def reset(*numbers):
    """The first step of every state."""
    return step(9, *numbers, *[0] * (7 - len(numbers)))


RESET = reset()


def meta(config=None, steps=RESET, name=b"C", time_ns=1, **kept):
    """A consumer of an archive."""
    record = {"config": config or {"name": "C", "ack_policy": "none"}, "created_ns": 1} | kept
    raw = msgspec.json.encode(record)
    return ConsumerMeta(number=1, name=name, config=raw, records=[(steps, time_ns)])
