"""nats-py, unchanged: every public method of its JetStream, key-value and object interfaces.

The same story is told to both servers, and what each call returned must be equal but for times and
generated names. That no method was left out is not a list kept by hand: the classes are looked
through, every public member of theirs is wrapped, and each must have been used.
"""

import asyncio
import dataclasses
import functools
import inspect
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
from nats.js import api
from nats.js.client import JetStreamContext
from nats.js.kv import KeyValue
from nats.js.manager import JetStreamManager
from nats.js.object_store import ObjectStore

from support.servers import ServerProcess

pytestmark = pytest.mark.oracle

CLASSES = (
    JetStreamContext, JetStreamContext.PushSubscription, JetStreamContext.PullSubscription,
    JetStreamManager, KeyValue, KeyValue.BucketStatus, KeyValue.KeyWatcher,
    ObjectStore, ObjectStore.ObjectStoreStatus, ObjectStore.ObjectWatcher,
)  # fmt: skip
VARYING = {
    "created", "ts", "time", "first_ts", "last_ts", "last_active", "nuid", "mtime", "cluster",
    "deliver_subject", "_config", "pause_remaining", "pause_until", "reply", "sid", "client",
    "_client", "limits", "memory", "storage", "_nats.ver", "timestamp",
}  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")


def public_members(cls):
    """`(name, attribute)` of what `cls` itself offers."""
    return [
        (name, member)
        for name, member in vars(cls).items()
        if not name.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property | classmethod))
    ]


def recording(label, member, used):
    """`member`, telling that it was used."""
    if isinstance(member, property):

        def get(self):
            used.add(label)
            return member.fget(self)

        return property(get, member.fset)
    plain_function = member.__func__ if isinstance(member, classmethod) else member

    @functools.wraps(plain_function)
    def call(*args, **kwargs):
        used.add(label)
        return plain_function(*args, **kwargs)

    return classmethod(call) if isinstance(member, classmethod) else call


def plain(value):
    """What a call returned, as values that two servers can have in common."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {
            key: plain(found)
            for key, found in fields.items()
            if key not in VARYING and found not in (None, [], {})
        }
    if isinstance(value, nats.aio.msg.Msg):
        return {"subject": value.subject, "data": value.data, "headers": plain(value.headers or {})}
    if isinstance(value, dict):
        return {key: plain(found) for key, found in value.items() if key not in VARYING}
    if isinstance(value, list | tuple):
        return [plain(found) for found in value]
    if isinstance(value, KeyValue | ObjectStore):
        return type(value).__name__
    return _TIME.sub("<time>", value) if isinstance(value, str) else value


class Story:
    """What happened, line by line."""

    def __init__(self):
        self.lines = []

    async def tell(self, label, awaitable):
        """Note what a call returned or raised."""
        try:
            value = await awaitable
        except Exception as error:  # noqa: BLE001 - the error is what is compared
            self.lines.append((label, type(error).__name__, _TIME.sub("<time>", str(error))))
            return None
        self.note(label, value)
        return value

    def note(self, label, value):
        self.lines.append((label, plain(value)))


async def streams(client, story):
    js = client.jetstream()
    manager = client.jsm()
    await story.tell("account", manager.account_info())
    config = api.StreamConfig(
        name="S", subjects=["s.>"], max_msgs_per_subject=10, allow_direct=True,
        allow_rollup_hdrs=True, metadata={"a": "b"},
    )  # fmt: skip
    await story.tell("add", manager.add_stream(config))
    await story.tell("add again", manager.add_stream(config))
    await story.tell("no name", manager.add_stream())
    await story.tell("update", manager.update_stream(config.evolve(max_msgs=100)))
    for number in range(6):
        headers = {"Nats-Msg-Id": str(number % 5)}
        await story.tell("publish", js.publish(f"s.{number % 3}", b"%d" % number, headers=headers))
    await story.tell("publish nowhere", js.publish("nowhere", b"x", timeout=2))
    await story.tell("other stream", js.publish("s.1", b"x", stream="OTHER"))
    future = await js.publish_async("s.async", b"x")
    story.note("pending", js.publish_async_pending() in {0, 1})
    await story.tell("async", future)
    await story.tell("all async", js.publish_async_completed())
    await story.tell("find", manager.find_stream_name_by_subject("s.1"))
    await story.tell("find none", manager.find_stream_name_by_subject("none"))
    await story.tell("info", manager.stream_info("S", subjects_filter=">"))
    await story.tell("no such stream", manager.stream_info("NONE"))
    await story.tell("list", manager.streams_info())
    story.note("iterate", [info.config.name for info in await manager.streams_info_iterator()])
    for direct in (False, True):
        await story.tell("get", manager.get_msg("S", seq=2, direct=direct))
        await story.tell("get last", manager.get_msg("S", subject="s.1", direct=direct))
        await story.tell("get none", manager.get_msg("S", seq=99, direct=direct))
        wanted = manager.get_msg("S", seq=2, subject="s.0", next=True, direct=direct)
        await story.tell("get next", wanted)
    await story.tell("get last message", manager.get_last_msg("S", "s.2"))
    await story.tell("delete message", manager.delete_msg("S", 2))
    await story.tell("delete it again", manager.delete_msg("S", 2))
    await story.tell("purge", manager.purge_stream("S", subject="s.0", keep=1))
    await story.tell("purge below", manager.purge_stream("S", seq=4))
    await story.tell("after all", manager.stream_info("S"))
    await story.tell("delete", manager.delete_stream("S"))
    await story.tell("delete none", manager.delete_stream("S"))


async def consumers(client, story):
    js = client.jetstream()
    await js.add_stream(name="C", subjects=["c.>"])
    for number in range(9):
        await js.publish(f"c.{number % 2}", b"%d" % number)
    config = api.ConsumerConfig(durable_name="D", ack_policy=api.AckPolicy.EXPLICIT)
    await story.tell("add", js.add_consumer("C", config))
    await story.tell("info", js.consumer_info("C", "D"))
    pull = await js.pull_subscribe("c.>", "D", stream="C")
    messages = await story.tell("fetch", pull.fetch(3, timeout=5))
    for message in messages:
        await message.ack_sync()
    await story.tell("fetch one", pull.fetch(1, timeout=5))
    story.note("pending", (pull.pending_msgs, pull.pending_bytes, pull.delivered))
    await story.tell("its info", pull.consumer_info())
    await story.tell("unsubscribe", pull.unsubscribe())
    bound = await js.pull_subscribe_bind("D", stream="C")
    await story.tell("fetch bound", bound.fetch(1, timeout=5))
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    await story.tell("pause", js.pause_consumer("C", "D", until))
    await story.tell("resume", js.resume_consumer("C", "D"))
    await story.tell("reset", js.reset_consumer("C", "D", seq=2))
    await story.tell("list", js.consumers_info("C"))
    push = await js.subscribe("c.0", durable="P", manual_ack=True)
    first = await story.tell("next", push.next_msg(timeout=5))
    await first.ack_sync()
    story.note("push delivered", push.delivered)
    await story.tell("push info", push.consumer_info())
    await push.unsubscribe()
    taken = []
    bind = await js.subscribe_bind(
        stream="C", consumer="P", config=(await js.consumer_info("C", "P")).config,
        manual_ack=True,
    )  # fmt: skip
    for number in range(2):
        await js.publish("c.0", b"for the second %d" % number)
        taken.append((await bind.next_msg(timeout=5)).data)
    story.note("bound", taken)
    await bind.unsubscribe()
    ordered = await js.subscribe("c.>", ordered_consumer=True)
    story.note("ordered", [(await ordered.next_msg(timeout=5)).data for _ in range(11)])
    await ordered.unsubscribe()
    status = nats.aio.msg.Msg(_client=client, headers={"Status": "404"})
    story.note("status", js.is_status_msg(status))
    await story.tell("delete", js.delete_consumer("C", "D"))
    await story.tell("delete none", js.delete_consumer("C", "D"))
    await js.delete_stream("C")


async def watched(watcher, count, *, marked=False):
    """The first `count` updates of a watcher, whose mark must come too unless it has.

    The client puts the mark behind the initial updates, or in front of them if the server had
    sent them all before any was looked at: where it stands says nothing about a server.
    """
    updates = []
    while len(updates) < count or not marked:
        update = await watcher.updates(timeout=5)
        if update is None:
            marked = True
        else:
            updates.append(update)
    return updates[:count]


async def key_values(client, story):
    js = client.jetstream()
    kv = await js.create_key_value(bucket="B", history=5, direct=True, limit_marker_ttl=60)
    await story.tell("bucket", js.key_value("B"))
    await story.tell("no bucket", js.key_value("NONE"))
    await story.tell("bad name", js.key_value("a b"))
    for key, value in (("a", b"1"), ("b", b"1"), ("a", b"2"), ("x.y", b"")):
        await story.tell("put", kv.put(key, value))
    await story.tell("bad key", kv.put(".a", b"x"))
    await story.tell("get", kv.get("a"))
    await story.tell("get revision", kv.get("a", revision=1))
    await story.tell("get other's revision", kv.get("a", revision=2))
    await story.tell("get none", kv.get("none"))
    await story.tell("create", kv.create("new", b"1"))
    await story.tell("create with ttl", kv.create("short", b"1", msg_ttl=3600))
    await story.tell("create there", kv.create("a", b"1"))
    await story.tell("update", kv.update("a", b"3", last=3))
    await story.tell("update wrong", kv.update("a", b"3", last=3))
    await story.tell("history", kv.history("a"))
    await story.tell("delete", kv.delete("a"))
    await story.tell("get deleted", kv.get("a"))
    await story.tell("create deleted", kv.create("a", b"again"))
    await story.tell("delete wrong", kv.delete("b", last=99))
    await story.tell("purge", kv.purge("a"))
    await story.tell("purge with ttl", kv.purge("b", msg_ttl=3600))
    await story.tell("history after", kv.history("a"))
    await story.tell("keys", kv.keys())
    await story.tell("some keys", kv.keys(filters=["x.>"]))
    for kind in ({}, {"include_history": True}, {"ignore_deletes": True}, {"meta_only": True}):
        watcher = await kv.watchall(**kind)
        initial = 5 if "ignore_deletes" not in kind else 3
        story.note(f"watch {kind}", await watched(watcher, initial))
        await watcher.stop()
    watcher = await kv.watch("x.*")
    story.note("watch one", await watched(watcher, 1))
    await kv.put("x.y", b"later")
    story.note("watch later", await watched(watcher, 1, marked=True))
    await watcher.stop()
    await story.tell("purge deletes", kv.purge_deletes(olderthan=-1))
    status = await kv.status()
    story.note("status", (status.values, status.history, status.ttl, status.marker_ttl))
    plain_kv = await js.create_key_value(bucket="PLAIN")
    await story.tell("put plain", plain_kv.put("k", b"v"))
    await story.tell("get plain", plain_kv.get("k"))
    again = api.RePublish(src="$KV.R.>", dest="copies.>")
    await story.tell("republishing", js.create_key_value(bucket="R", republish=again))
    for bucket in ("B", "PLAIN", "R", "NONE"):
        await story.tell("delete bucket", js.delete_key_value(bucket))


async def objects(client, story):
    js = client.jetstream()
    store = await js.create_object_store("O")
    await story.tell("store", js.object_store("O"))
    await story.tell("no store", js.object_store("NONE"))
    large = bytes(range(256)) * 2000
    await story.tell("put", store.put("large", large))
    await story.tell("put text", store.put("small", "text", api.ObjectMeta(description="d")))
    await story.tell("put file", store.put("file", io.BytesIO(b"from a file")))
    await story.tell("put nothing", store.put("empty", b""))
    found = await store.get("large")
    story.note("get", (found.data == large, found.info))
    into = io.BytesIO()
    await store.get("small", writeinto=into)
    story.note("get into", into.getvalue())
    await story.tell("get none", store.get("none"))
    await story.tell("info", store.get_info("small"))
    await story.tell("overwrite", store.put("small", b"other"))
    story.note("overwritten", (await store.get("small")).data)
    meta = api.ObjectMeta(name="small", description="another")
    await story.tell("update meta", store.update_meta("small", meta))
    await story.tell("list", store.list())
    await story.tell("delete", store.delete("file"))
    await story.tell("get deleted", store.get("file"))
    await story.tell("info of deleted", store.get_info("file", show_deleted=True))
    await story.tell("list without", store.list(ignore_deletes=True))
    watcher = await store.watch(include_history=True)
    story.note("watch", await watched(watcher, 4))
    await watcher.stop()
    status = await store.status()
    story.note("status", (
        status.description, status.ttl, status.storage_type, status.replicas, status.sealed,
        status.size > len(large),
    ))  # fmt: skip
    await story.tell("seal", store.seal())
    await story.tell("put sealed", store.put("late", b"x"))
    story.note("sealed", (await store.status()).sealed)
    await story.tell("delete store", js.delete_object_store("O"))
    await story.tell("delete none", js.delete_object_store("O"))


PARTS = {"streams": streams, "consumers": consumers, "key_values": key_values, "objects": objects}


async def tell_all(port):
    """Every part, told by a connection of its own: `{part: lines}`."""
    told = {}
    for name, part in PARTS.items():
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        story = Story()
        try:
            await asyncio.wait_for(part(client, story), timeout=60)
        except Exception as error:  # noqa: BLE001 - compared like everything else
            story.lines.append(("broken off", type(error).__name__, str(error)))
        finally:
            await client.close()
        told[name] = story.lines
    return told


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What both servers answered, and which members were used: `(ours, real, used)`."""
    used: set[str] = set()
    originals = []
    for cls in CLASSES:
        for name, member in public_members(cls):
            originals.append((cls, name, member))
            setattr(cls, name, recording(f"{cls.__qualname__}.{name}", member, used))
    try:
        out = []
        for kind in ("isthmus", "real"):
            folder = Path(tmp_path_factory.mktemp(kind))
            with ServerProcess(kind, folder, "-js", "-sd", str(folder / "store")) as server:
                out.append(asyncio.run(tell_all(server.port)))
    finally:
        for cls, name, member in originals:
            setattr(cls, name, member)
    return out[0], out[1], used


@pytest.mark.parametrize("part", PARTS)
def test_both_servers_answer_nats_py_alike(told, part):
    ours, real, _ = told
    for line, wanted in zip(ours[part], real[part], strict=False):
        assert line == wanted
    assert len(ours[part]) == len(real[part])
    assert not [line for line in real[part] if line[0] == "broken off"]


def test_every_public_member_was_used(told):
    _, _, used = told
    offered = {f"{cls.__qualname__}.{name}" for cls in CLASSES for name, _ in public_members(cls)}
    assert offered
    assert sorted(offered - used) == []
