"""Acknowledgements and pulls as nobody means them: the same effects on both servers, and few.

What a forged, broken or foreign acknowledgement did is seen by what a consumer delivers again.
"""

import json

import pytest

from support.both import Both
from support.consumer_story import MS, SECOND, Stage

pytestmark = pytest.mark.oracle

LONG = 20 * SECOND


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("attacks")) as both:
        yield Stage(both)


def ready(scene, count, **config):
    """A consumer that has delivered `count` messages, and who got them."""
    scene.stream(count)
    scene.consumer(ack_wait=60 * SECOND, **config)
    puller = scene.puller("puller")
    puller.pull(batch=count, expires=LONG)
    puller.take(count)
    return puller


def answers(scene, sent):
    """What each `(subject, body)` is answered, or nothing, by number."""
    for number, (subject, body) in enumerate(sent):
        scene.admin.publish(subject, body, reply=f"_INBOX.sent.{number}")
    scene.admin.settle()
    heard = []
    while (message := scene.admin.message(0.3)) is not None:
        number = int(message.subject.rpartition(".")[2])
        assert message.payload == b""
        heard.append((number, message.header[:12]))
    return sorted(heard)


def pending(scene, puller):
    """What is not acknowledged: deliveries and sequences, once all of it is wanted again."""
    for reply in puller.acks:
        assert scene.admin.request(reply, b"-NAK") is not None
    puller.pull(batch=99, no_wait=True)
    told = []
    while not (line := puller.take()[0]).startswith("NATS/1.0"):
        told.append(line.split()[0])
    return sorted(told), line


# deliveries, stream sequence, consumer sequence, time, pending; {n} is the message it is about
FORGED = (
    "0.{n}.{n}.0.0", "1.{n}.0.0.0", "99.{n}.{n}.0.0", "1.{n}.99.0.0", "x.{n}.{n}.0.0",
    "1.{n}.x.0.0", "1.{n}.{n}.x.y", "1.-{n}.{n}.0.0", "1.+{n}.{n}.0.0", "1.0{n}.0{n}.0.0",
    "1.{n}e0.{n}.0.0", "1.0x{n}.{n}.0.0", "1.0.{n}.0.0", "1.x.{n}.0.0", "1.{n}.{n}.0.0.0",
    "1.{n}.{n}.0", "-1.{n}.{n}.0.0", "1.{n}.-1.0.0", "1.18446744073709551615.{n}.0.0",
    "1.9223372036854775807.9223372036854775807.0.0",
    "1.{n}.{n}.99999999999999999999999.99999999999999999999999", "1.999.999.0.0",
    "1." + "9" * 300 + ".{n}.0.0", "1.{n}.1.0.0", "\u0661.{n}.{n}.0.0",
)  # fmt: skip
PLACES = ("$JS.ACK.", "$JS.ACK._.szMpdrwD.", "$JS.ACK._.xxxxxxxx.", "$JS.ACK.hub.szMpdrwD.")


@pytest.mark.parametrize("body", [b"+ACK", b"-NAK", b"+TERM", b"+WPI"])
@pytest.mark.parametrize("place", PLACES)
def test_forged_numbers(stage, place, body):
    def story(scene):
        puller = ready(scene, len(FORGED))
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.*.<stream>.C")
        sent = [
            (f"{place}{scene.place}.{tokens.format(n=number)}", body)
            for number, tokens in enumerate(FORGED, 1)
        ]
        heard = answers(scene, sent)
        return heard, sorted(text for _, text in events.rest()), pending(scene, puller)

    stage.tell(story)


BODIES = (
    b"+ACK ", b"+ACKK", b"+ACK\r\n", b"+OK ", b"+ok", b"ACK", b"\x00", b" ", b'{"ack":1}',
    b"+WPI ", b"+WPIx", b"-nak", b"-NAKnow", b"-NAK{", b"-NAK {}", b'-NAK {"delay":-5}',
    b'-NAK {"delay":"1s"}', b'-NAK {"delay":99999999999999999999}', b'-NAK {"delay":1.5}',
    b'-NAK {"Delay":0}', b'-NAK {"delay":0}{"delay":1}', b"-NAK -5s", b"-NAK 1", b"-NAK 0",
    b"-NAK 99999999h", b"-NAK 1e9s", b"-NAK \xff\xfe", b"+TERMnow", b"+TERM\x00\xff", b"+term",
    b"+TERM " + b"x" * 5000, b"+nxt", b"+" * 100_000, b"+",
    b'-NAK {"delay":null}', b"-NAK null", b"-NAK  ", b"-NAK\n300h",
)  # fmt: skip


def test_bodies_that_nobody_means(stage):
    def story(scene):
        puller = ready(scene, len(BODIES))
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.*.<stream>.C")
        heard = answers(scene, list(zip(puller.acks, BODIES, strict=True)))
        told = sorted(text for _, text in events.rest())
        puller.pull(batch=99, no_wait=True)  # those that are wanted again by now
        again = []
        while not (line := puller.take()[0]).startswith("NATS/1.0"):
            again.append(".".join(line.split(".")[:2]))  # those of no delay come when they come
        return heard, told, sorted(again), line, scene.info()["num_ack_pending"]

    stage.tell(story)


def test_what_another_consumer_was_sent_acknowledges_nothing_here(stage):
    def story(scene):
        puller = ready(scene, 4)
        body = {"stream_name": scene.name, "config": {"durable_name": "D"}}
        body["config"]["ack_policy"] = "explicit"
        scene.admin.api(f"CONSUMER.CREATE.{scene.name}.D", body)
        other = scene.puller("other")
        other.publish(f"$JS.API.CONSUMER.MSG.NEXT.{scene.name}.D", b"2", reply=other.inbox)
        other.take(2)
        renamed = [reply.replace(".C.", ".D.") for reply in puller.acks]
        nobody = [reply.replace(".C.", ".NOBODY.") for reply in puller.acks[:1]]
        elsewhere = [reply.replace(f".{scene.name}.", ".NOWHERE.") for reply in puller.acks[:1]]
        sent = [(reply, b"+ACK") for reply in [*renamed[1:], *nobody, *elsewhere]]
        heard = answers(scene, sent)
        infos = [json.loads(scene.admin.api(f"CONSUMER.INFO.{scene.name}.{n}")) for n in "CD"]
        return heard, [(i["num_ack_pending"], i["ack_floor"]["stream_seq"]) for i in infos]

    _, states = stage.tell(story)
    assert states == [(4, 0), (1, 0)]


PULLS = (
    b'{"batch":9223372036854775807,"no_wait":true}', b'{"batch":9223372036854775808}',
    b'{"batch":-5,"no_wait":true}', b'{"batch":0,"no_wait":true}',
    b'{"batch":3,"expires":-1}', b'{"expires":9223372036854775807}',
    b'{"batch":3,"max_bytes":-1,"no_wait":true}', b'{"batch":1,"max_bytes":1,"no_wait":true}',
    b'{"batch":3,"max_bytes":9223372036854775807,"no_wait":true}',
    b'{"batch":3,"max_bytes":-9223372036854775808,"no_wait":true}',
    b'{"batch":1,"idle_heartbeat":-1,"expires":100000000}',
    b"99999999999999999999", b"-3", b"0", b"1.5", b"0x10", b"\xff\xff", b" 2 ", b"2 2",
    b"{}", b"{", b'{"batch":2,"no_wait":true}trailing', b'{"batch":1,"batch":2,"no_wait":true}',
    b'{"no_wait":true,"group":"' + b"g" * 5000 + b'"}', b'{"BATCH":2,"No_Wait":true}',
    b'{"no_wait":true,"batch":2,"unknown":{"a":[1,2,{"b":null}]}}', b"\x00" * 1000,
    b'{"a":' * 150 + b"1" + b"}" * 150, b"[1]", b"null", b'"2"',
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(PULLS)))
def test_pulls_that_nobody_means(stage, number):
    def story(scene):
        scene.stream(3)
        scene.consumer()
        puller = scene.puller("puller")
        puller.pull(PULLS[number])
        heard = puller.rest(0.15)
        puller.leave()
        info = scene.info()
        return heard, info["num_ack_pending"], info["num_pending"], info["num_waiting"]

    stage.tell(story)


def test_more_pulls_than_may_wait_are_refused_and_nothing_is_lost(stage):
    def story(scene):
        scene.stream()
        scene.consumer(max_waiting=20)
        puller = scene.puller("puller")
        place = f"$JS.API.CONSUMER.MSG.NEXT.{scene.place}"
        for _ in range(200):
            puller.publish(place, b'{"batch":1,"expires":%d}' % (300 * MS), reply=puller.inbox)
        puller.settle()
        heard = puller.take(200)
        return sorted(heard), scene.becomes(num_waiting=0)

    told, _ = stage.tell(story)
    assert told.count("NATS/1.0 409 Exceeded MaxWaiting") == 180
