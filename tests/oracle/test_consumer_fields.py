"""What the fields of a consumer do, and what of them outlasts a restart, on both servers alike."""

import json
import time

import pytest

from support.both import Both, masked
from support.consumer_story import MS, SECOND, Stage
from support.waiting import wait_for

pytestmark = pytest.mark.oracle

LONG = 20 * SECOND
SOON = 300 * MS


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("fields")) as both:
        yield Stage(both)


# --- what describes a consumer ---


DESCRIBED = (
    {"description": "one", "metadata": {"b": "2", "a": "1"}},
    {"description": "two", "metadata": {"a": "<1>", "_nats.req.level": "9", "_nats.x": "y"}},
    {"description": "two", "num_replicas": 1},
    {"num_replicas": 0, "metadata": {}},
    {"num_replicas": 3},
    {"num_replicas": -1},
    {"mem_storage": True},
    {"metadata": {"": "", "k": "v" * 131_000}},
    {"metadata": {"k": "v" * 131_072}},
    {"description": "d" * 4097},
    {},
)


def test_descriptions_are_kept_changed_and_dropped(stage):
    def story(scene):
        scene.stream()
        heard = []
        for fields in DESCRIBED:
            answer = scene.consumer(**fields)
            listed = scene.read(scene.admin.api(f"CONSUMER.LIST.{scene.name}"))["consumers"]
            heard.append((answer.get("config") or answer["error"], scene.ask("INFO")["config"]))
            heard.append([one["config"] for one in listed])
        return heard

    told = stage.tell(story)
    assert told[0][1]["metadata"]["a"] == "1"
    assert "description" not in told[6][1]


def test_where_memory_was_chosen_it_stays(stage):
    def story(scene):
        scene.stream(2)
        heard = [scene.consumer(mem_storage=True, num_replicas=1)["config"]]
        puller = scene.puller("puller")
        puller.pull(batch=2, expires=LONG)
        heard += puller.take(2)
        scene.admin.request(puller.acks[0], b"+ACK")
        heard.append(scene.becomes(num_ack_pending=1))
        return [*heard, scene.consumer(mem_storage=False)["error"]]

    assert stage.tell(story)[-1]["err_code"] == 10012


# --- how many, and for how long ---


def test_a_stream_has_so_many_consumers_and_no_more(stage):
    def story(scene):
        scene.stream(max_consumers=2)

        def make(to, **config):
            verb = f"CONSUMER.CREATE.{scene.name}" + (f".{to}" if to else "")
            body = {"stream_name": scene.name, "config": {"ack_policy": "explicit", **config}}
            return scene.read(scene.admin.api(verb, body)).get("error")

        heard = [make("A", durable_name="A"), make("B", name="B", inactive_threshold=LONG)]
        heard += [make("X", durable_name="X"), make(""), make("Y", deliver_subject="here.y")]
        heard.append(make("A", durable_name="A", description="of one that is there"))
        scene.admin.api(f"CONSUMER.DELETE.{scene.name}.B")
        heard += [make("Z", durable_name="Z"), make("X", durable_name="X")]
        update = {"name": scene.name, "subjects": [f"{scene.name}.>"], "max_consumers": 1}
        answer = scene.read(scene.admin.api(f"STREAM.UPDATE.{scene.name}", update))
        heard.append(answer.get("error") or answer["config"]["max_consumers"])
        return [*heard, make("A", durable_name="A"), make("X", durable_name="X")]

    told = stage.tell(story)
    assert [error and error["err_code"] for error in told[2:5]] == [10026] * 3


def test_a_stream_that_says_nothing_has_a_thousand_at_most(stage):
    def story(scene):
        scene.stream(storage="memory")
        body = {"stream_name": scene.name, "config": {"inactive_threshold": LONG}}
        for number in range(1003):
            scene.admin.publish(
                f"$JS.API.CONSUMER.CREATE.{scene.name}",
                json.dumps(body).encode(),
                reply=f"_INBOX.many.{number}",
            )
        answers = [json.loads(scene.admin.message().payload) for _ in range(1003)]
        refused = [answer["error"] for answer in answers if "error" in answer]
        scene.admin.api(f"STREAM.DELETE.{scene.name}")
        return refused

    told = stage.tell(story)
    assert [error["err_code"] for error in told] == [10026] * 3


def consumers_of(scene):
    return json.loads(scene.admin.api(f"CONSUMER.NAMES.{scene.name}"))["consumers"]


def count_of(scene):
    info = json.loads(scene.admin.api(f"STREAM.INFO.{scene.name}"))
    return info["state"]["consumer_count"]


def test_who_is_not_pulled_from_ends_after_its_threshold(stage):
    def story(scene):
        scene.stream(1)
        for config in (
            {"durable_name": "DURABLE", "inactive_threshold": SOON},
            {"name": "NAMED", "inactive_threshold": SOON},
            {"durable_name": "WAITED", "inactive_threshold": SOON},
            {"durable_name": "UNACKED", "inactive_threshold": SOON, "ack_wait": LONG},
            {"durable_name": "FOREVER"},
        ):
            name = config.get("durable_name") or config["name"]
            body = {"stream_name": scene.name, "config": {"ack_policy": "explicit", **config}}
            assert b'"error"' not in scene.admin.api(f"CONSUMER.CREATE.{scene.name}.{name}", body)
        puller = scene.puller("puller")
        for name, batch in (("WAITED", 2), ("UNACKED", 1)):
            place = f"$JS.API.CONSUMER.MSG.NEXT.{scene.name}.{name}"
            puller.publish(place, b'{"batch":%d,"expires":%d}' % (batch, LONG), reply=puller.inbox)
            puller.take()
        wait_for(lambda: len(consumers_of(scene)) < 4)
        return consumers_of(scene)

    assert stage.tell(story) == ["FOREVER", "UNACKED", "WAITED"]


@pytest.mark.parametrize("kind_of", ["pull", "push"])
def test_many_that_nobody_uses_come_and_go(stage, kind_of):
    def story(scene):
        scene.stream(1)
        config = {"ack_policy": "explicit", "inactive_threshold": SOON}
        if kind_of == "push":
            config["deliver_subject"] = "nobody.here"
        body = {"stream_name": scene.name, "config": config}
        made = [
            json.loads(scene.admin.api(f"CONSUMER.CREATE.{scene.name}", body)) for _ in range(120)
        ]
        names = {answer["name"] for answer in made}
        wait_for(lambda: not consumers_of(scene) and count_of(scene) == 0)
        return len(names), {len(name) for name in names}

    assert stage.tell(story) == (120, {8})


# --- what comes, and when ---


def test_where_no_subject_matches_the_last_message_is_the_next(stage):
    def story(scene):
        scene.stream(3)
        made = scene.consumer(deliver_policy="last_per_subject", filter_subject=f"{scene.name}.b")
        puller = scene.puller("puller")
        puller.pull(batch=1, expires=LONG)
        scene.admin.request(f"{scene.name}.b", b"new")
        return made["delivered"], made["ack_floor"], puller.take(), scene.info()

    delivered, floor, _, _ = stage.tell(story)
    assert delivered == floor == {"consumer_seq": 0, "stream_seq": 2}


def test_headers_alone_of_what_a_filter_lets_through(stage):
    def story(scene):
        scene.stream()
        for number, token in enumerate("abcab"):
            header = b"NATS/1.0\r\nKind: %b\r\n\r\n" % token.encode()
            subject = f"{scene.name}.{token}"
            scene.admin.request(subject, b"m%d" % number, header=header if number % 2 else b"")
        heard = []
        for filters in (["a"], ["a", "c"], ["*"], ["nothing"]):
            subjects = [f"{scene.name}.{token}" for token in filters]
            scene.consumer(headers_only=True, filter_subjects=subjects)
            puller = scene.puller(f"puller{len(heard)}")
            puller.pull(batch=9, no_wait=True)
            heard.append(puller.rest())
            scene.admin.api(f"CONSUMER.DELETE.{scene.place}")
        return heard

    told = stage.tell(story)
    assert len(told[1]) == 4
    assert "Nats-Msg-Size: 2" in told[0][0]


def test_a_pull_gets_the_pace_of_publication(stage):
    def story(scene):
        scene.stream(1)
        time.sleep(0.4)
        scene.publish(b"late")
        scene.consumer(replay_policy="original")
        puller = scene.puller("puller")
        puller.pull(batch=2, expires=LONG)
        heard = puller.take()
        began = time.monotonic()
        heard += puller.take()
        return heard, time.monotonic() - began > 0.25

    _, slowly = stage.tell(story)
    assert slowly


def test_signs_of_life_while_nothing_is_there(stage):
    def story(scene):
        scene.stream()
        scene.consumer()
        puller = scene.puller("puller")
        heard = []
        for fields in (
            {"no_wait": True, "expires": 350 * MS, "idle_heartbeat": 100 * MS},
            {"no_wait": True, "idle_heartbeat": 100 * MS},
            {"batch": 3, "expires": 350 * MS, "idle_heartbeat": 100 * MS, "max_bytes": 500},
        ):
            puller.pull(**fields)
            told = puller.rest(0.6)
            heard.append((told[0], told[-1], set(told)))
        return heard

    told = stage.tell(story)
    assert told[0][0].startswith("NATS/1.0 100 Idle Heartbeat")
    assert told[1][0] == "NATS/1.0 400 Bad Request - heartbeat value too large"


NEXT = [
    b"+NXT", b"+NXT 3", b'+NXT {"batch":3,"no_wait":true}', b"+NXT what", b"+NXT {bad",
    b'+NXT {"batch":2,"expires":100000000}', b"+NXT  2 ", b"+NXT0", b"+NXT -4",
    b'+NXT {"batch":2,"max_bytes":10,"no_wait":true}', b'+NXT {"batch":9,"no_wait":true}',
    b'+NXT {"idle_heartbeat":5}',
]  # fmt: skip


@pytest.mark.parametrize("body", NEXT, ids=repr)
def test_an_acknowledgement_asks_for_more(stage, body):
    def story(scene):
        scene.stream(5)
        scene.consumer()
        puller = scene.puller("puller")
        puller.pull(b"1")
        heard = puller.take()
        puller.publish(puller.acks[0], body, reply=puller.inbox)
        puller.settle()
        heard += puller.rest(0.25)
        return heard, scene.info()

    _, info = stage.tell(story)
    assert info["ack_floor"]["stream_seq"] == 1


# --- what happens to the stream ---


LIMITS = (
    {"max_msgs": 4},
    {"max_bytes": 4 * 40},
    {"max_msgs_per_subject": 4},
    {"discard": "new", "max_msgs": 4, "max_msgs_per_subject": 4},
)


@pytest.mark.parametrize("limits", LIMITS, ids=repr)
def test_what_a_limit_takes_away_is_not_waited_for(stage, limits):
    def story(scene):
        scene.stream(4, **limits)
        scene.consumer()
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.*.<stream>.>")
        puller = scene.puller("puller")
        puller.pull(batch=3, expires=LONG)
        heard = puller.take(3)
        scene.publish(b"m4", b"m5")
        info = scene.becomes(num_ack_pending=1, num_pending=3)
        return heard, info, sorted(events.take(2)), events.rest()

    stage.tell(story)


def test_what_grows_too_old_is_not_waited_for(stage):
    def story(scene):
        scene.stream(3, max_age=800 * MS, duplicate_window=800 * MS)
        scene.consumer()
        puller = scene.puller("puller")
        puller.pull(batch=2, expires=LONG)
        heard = puller.take(2)
        return heard, scene.becomes(num_ack_pending=0, num_pending=0)

    stage.tell(story)


def test_another_subject_of_the_stream_changes_nothing_for_its_consumers(stage):
    def story(scene):
        scene.stream(3)
        scene.consumer(filter_subject=f"{scene.name}.a")
        update = {"name": scene.name, "subjects": [f"{scene.name}.b"]}
        assert b'"error"' not in scene.admin.api(f"STREAM.UPDATE.{scene.name}", update)
        puller = scene.puller("puller")
        puller.pull(batch=9, no_wait=True)
        return puller.rest(), scene.info()

    heard, _ = stage.tell(story)
    assert len(heard) == 4


# --- what outlasts a restart ---


THERE = {
    "PLAIN": {"durable_name": "PLAIN", "description": "d", "metadata": {"a": "b"}},
    "REPLICA": {"durable_name": "REPLICA", "num_replicas": 1, "max_deliver": 5},
    "MEMORY": {"durable_name": "MEMORY", "mem_storage": True, "metadata": {"c": "d"}},
    "NAMED": {"name": "NAMED", "inactive_threshold": 600 * SECOND},
    "NAMED_MEMORY": {
        "name": "NAMED_MEMORY", "inactive_threshold": 600 * SECOND, "mem_storage": True,
    },
    "PAUSED": {"durable_name": "PAUSED"},
    "PAUSED_AT_ONCE": {"durable_name": "PAUSED_AT_ONCE", "pause_until": "2090-01-01T00:00:00Z"},
    "GROUPED": {
        "durable_name": "GROUPED", "priority_policy": "overflow", "priority_groups": ["A"],
        "sample_freq": "50%", "backoff": [30 * SECOND, 40 * SECOND], "max_deliver": 3,
    },
    "ALL": {"durable_name": "ALL", "ack_policy": "all", "headers_only": True},
    "NONE": {"durable_name": "NONE", "ack_policy": "none"},
    "PUSH": {"durable_name": "PUSH", "deliver_subject": "nobody.push", "idle_heartbeat": SECOND},
}  # fmt: skip


def known(client, name):
    """CONSUMER.INFO, without what is of this moment or is known to differ after a restart."""
    found = json.loads(masked(client.api(f"CONSUMER.INFO.KEPT.{name}")))
    for key in ("delivered", "ack_floor"):
        found.get(key, {}).pop("last_active", None)
    found.pop("pause_remaining", None)
    return found


def pulled(client, name, batch):
    """The numbers of what a pull brings at once, and how it ends."""
    body = {"batch": batch, "no_wait": True, **({"group": "A"} if name == "GROUPED" else {})}
    place = f"$JS.API.CONSUMER.MSG.NEXT.KEPT.{name}"
    client.publish(place, json.dumps(body).encode(), reply=f"_INBOX.{name}")
    heard, replies = [], []
    while (message := client.message()) is not None:
        if not message.reply:
            return [*heard, message.header], replies
        replies.append(message.reply)
        heard.append((message.reply.split(".")[4:7], message.payload))
        if len(replies) == batch:
            return heard, replies
    raise AssertionError((name, heard))


def begin(client):
    assert b'"error"' not in client.api("STREAM.CREATE.KEPT", {"name": "KEPT", "subjects": ["k.>"]})
    for number in range(6):
        client.request("k.a", b"m%d" % number)
    told = {}
    for name, config in THERE.items():
        body = {"stream_name": "KEPT", "config": {"ack_policy": "explicit", **config}}
        assert b'"error"' not in client.api(f"CONSUMER.CREATE.KEPT.{name}", body), name
        if name in {"PUSH", "PAUSED_AT_ONCE"}:
            continue
        heard, replies = pulled(client, name, 3)
        if name != "NONE":
            assert client.request(replies[0], b"+ACK") is not None
        told[name] = heard
    client.api("CONSUMER.PAUSE.KEPT.PAUSED", {"pause_until": "2090-01-01T00:00:00Z"})
    description = {**THERE["PLAIN"], "ack_policy": "explicit", "description": "another"}
    body = {"stream_name": "KEPT", "config": description, "action": "update"}
    assert b'"error"' not in client.api("CONSUMER.CREATE.KEPT.PLAIN", body)
    for name in told:
        wait_for(lambda name=name: known(client, name)["ack_floor"]["stream_seq"] > 0)
    return told


def test_consumers_are_there_again_after_a_restart(stage):
    both = stage.both
    both.each(begin)
    before = both.each(lambda client: {name: known(client, name) for name in THERE})
    time.sleep(0.3)  # the real server writes what consumers know a while after it happened
    both.restart()
    after = both.each(lambda client: {name: known(client, name) for name in THERE})
    both.each(lambda client: json.loads(client.api("CONSUMER.NAMES.KEPT"))["consumers"])
    assert after["MEMORY"] == after["NAMED_MEMORY"]
    assert after["MEMORY"]["error"]["err_code"] == 10014
    for name in set(THERE) - {"MEMORY", "NAMED_MEMORY"}:
        assert after[name] == before[name], name
    assert (after["PAUSED"]["paused"], after["PLAIN"]["config"]["description"]) == (True, "another")
    for name in ("PLAIN", "REPLICA", "MEMORY", "NAMED", "PAUSED", "GROUPED", "ALL", "NONE"):
        both.each(lambda client, name=name: _after(client, name))
    both.api("CONSUMER.PAUSE.KEPT.PAUSED")
    both.each(lambda client: pulled(client, "PAUSED", 2)[0])


def _after(client, name):
    """What comes then; whether it is there at all."""
    if "error" in known(client, name):
        return None
    return pulled(client, name, 9)[0]
