"""What was promised about a stream that left a store as an archive and came back.

`save` and `restore` speak for a client (`support/promises.py`) to a `FaultWorld`. What is not
answered, or refused, is None; a restore that was refused must leave nothing, one that was not
answered everything or nothing.
"""

import copy
import json

SECOND_NS = 1_000_000_000
TO = "archive"
SID = 77
ENDED = {b"", b"NATS/1.0 204\r\n\r\n"}


def save(it, name, between=lambda: None):
    """The archive of a stream and what it must hold; `between` is called after each chunk."""
    if name not in it.streams:
        return None
    ledger = copy.deepcopy(it.streams[name])
    how = {"deliver_subject": TO, "chunk_size": 1024, "window_size": 2048}
    it.client.say(b"SUB %b %d" % (TO.encode(), SID))
    try:
        return received(it, name, how, ledger, between)
    finally:
        it.client.say(b"UNSUB %d" % SID)


def received(it, name, how, ledger, between):
    """What comes of an archive that is asked for like this; see `save`."""
    heard = it.client.request(f"$JS.API.STREAM.SNAPSHOT.{name}", json.dumps(how).encode())
    heard += settle(it.world, it.client)
    data = b""
    while True:
        heard = [message for message in heard if message[0] == TO]
        if not heard:
            it.world.wait_ns(SECOND_NS // 50)  # until it looks again whether all is durable
            heard = settle(it.world, it.client)
            if not any(message[0] == TO for message in heard):
                return None
            continue
        _, reply, header, payload = heard.pop(0)
        if not payload:
            return (data, ledger) if header in ENDED else None
        data += payload
        between()
        if reply:
            heard += it.client.publish(reply) + settle(it.world, it.client)


def restore(it, name, saved, *, chunk=900, between=lambda: None, **config):
    """The stream is there again, under this name; True if that was said."""
    if saved is None:
        return False
    data, ledger = saved
    body = {"config": {"name": name, "storage": "file", "num_replicas": 1} | config, "state": {}}
    answer = it.ask(f"STREAM.RESTORE.{name}", body)
    if answer is None:
        return False
    it.streams[name] = copy.deepcopy(ledger)
    it.perhaps_ended.add(name)
    subject = answer["deliver_subject"]
    for at in range(0, len(data), chunk):
        if not heard_of(it, subject, data[at : at + chunk]):
            return False
        between()
    [last] = heard_of(it, subject, b"") or [None]
    if last is None:
        return False
    if "error" in json.loads(last[3]):
        del it.streams[name]
        it.ended.add(name)
        return False
    it.perhaps_ended.discard(name)
    return True


def heard_of(it, subject, chunk):
    """Answers to a chunk; none if nobody is there for it."""
    heard = it.client.request(subject, chunk) + settle(it.world, it.client)
    return [message for message in heard if not message[2].startswith(b"NATS/1.0 503")]


def settle(world, client):
    """What is heard when everything has happened that needs no time."""
    heard = client.messages()
    world.drain()
    return heard + client.messages()


def leftovers(world):
    """Files of streams that are not there."""
    numbers = {str(stream.number) for stream in world.jetstream().streams.values()}
    return sorted(
        path
        for path in world.disk.files()
        if path.startswith("streams/") and path.split("/")[1] not in numbers
    )
