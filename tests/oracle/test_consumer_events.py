"""What consumers say of themselves: statuses, advisories and samples, from both servers alike."""

import pytest

from support.both import Both
from support.consumer_story import MS, SECOND, Stage
from support.raw import RawClient

pytestmark = pytest.mark.oracle

LONG = 20 * SECOND
ADVISORIES = "$JS.EVENT.ADVISORY.CONSUMER.*.<stream>.>"
SAMPLES = "$JS.EVENT.METRIC.CONSUMER.ACK.<stream>.>"


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("events")) as both:
        yield Stage(both)


# --- statuses that no other file asks for ---


def test_who_does_not_wait_is_told_that_others_were_first(stage):
    def story(scene):
        scene.stream(3)
        scene.consumer(max_ack_pending=1)
        first, second = scene.puller("first"), scene.puller("second")
        first.pull(batch=5, expires=LONG)
        first.take()
        second.pull(no_wait=True)
        heard = [second.take(), scene.info()["num_waiting"]]
        second.pull(no_wait=True, expires=LONG)
        return [*heard, second.take(), scene.info()["num_waiting"]]

    told = stage.tell(story)
    assert told[0] == ["NATS/1.0 408 Requests Pending"]


def test_who_left_is_not_counted_against_who_does_not_wait(stage):
    def story(scene):
        scene.stream(1)
        scene.consumer(pause_until="2100-01-01T00:00:00Z")
        first, second = scene.puller("first"), scene.puller("second")
        first.pull(batch=5, expires=LONG)
        first.leave()
        second.pull(no_wait=True, expires=100 * MS)
        return second.take()

    [told] = stage.tell(story)
    assert told.startswith("NATS/1.0 408 Request Timeout")


def test_that_nothing_is_there_is_said_before_that_too_many_wait(stage):
    def story(scene):
        scene.stream()
        scene.consumer(max_waiting=1)
        first, second = scene.puller("first"), scene.puller("second")
        first.pull(batch=5, expires=LONG)
        second.pull(no_wait=True)
        heard = second.take()
        second.pull(no_wait=True, expires=LONG)
        return heard, second.take(), scene.info()["num_waiting"]

    assert stage.tell(story) == (
        ["NATS/1.0 404 No Messages"],
        ["NATS/1.0 409 Exceeded MaxWaiting"],
        1,
    )


@pytest.mark.parametrize("level", ["6", "x"])
def test_a_pull_may_require_a_level(stage, level):
    def story(scene):
        scene.stream(1)
        scene.consumer()
        header = b"NATS/1.0\r\nNats-Required-Api-Level: %b\r\n\r\n" % level.encode()
        place = f"$JS.API.CONSUMER.MSG.NEXT.{scene.place}"
        message = scene.admin.request(place, b"1", header=header)
        return message.header, message.payload

    header, _ = stage.tell(story)
    assert header == b"NATS/1.0 412 Required Api Level\r\n\r\n"


def test_who_waits_when_a_server_stops_is_told(kind, start_server, tmp_path):
    server = start_server(kind, "-js", "-sd", str(tmp_path / "store"))
    with RawClient(server.port) as client:
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        body = {"stream_name": "S", "config": {"durable_name": "C", "ack_policy": "explicit"}}
        client.api("CONSUMER.CREATE.S.C", body)
        pull = b'{"batch":7,"max_bytes":900,"expires":20000000000}'
        client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", pull, reply="_INBOX.waiting")
        client.settle()
        server.process.terminate()
        message = client.message()
    assert message.header == (
        b"NATS/1.0 409 Server Shutdown\r\nNats-Pending-Messages: 7\r\nNats-Pending-Bytes: 900"
        b"\r\n\r\n"
    )


# --- advisories ---


def test_a_consumer_tells_of_its_life(stage):
    def story(scene):
        scene.stream()
        events = scene.listener(ADVISORIES)
        scene.consumer()
        scene.consumer(description="another")
        scene.admin.api(f"CONSUMER.DELETE.{scene.place}")
        return events.take(2), events.rest()

    told, nothing = stage.tell(story)
    assert [subject.split(".")[4] for subject, _ in told] == ["CREATED", "DELETED"]
    assert nothing == []


def test_acknowledgements_that_are_told(stage):
    def story(scene):
        scene.stream(6)
        scene.consumer()
        events = scene.listener(ADVISORIES)
        puller = scene.puller("puller")
        puller.pull(batch=6, expires=LONG)
        puller.take(6)
        for reply, body in zip(
            puller.acks, (b"+ACK", b"-NAK", b"-NAK 300ms", b"+WPI", b"+TERM", b"+TERM  the end "),
            strict=True,
        ):  # fmt: skip
            scene.admin.request(reply, body)
        heard = [sorted(events.take(4)), events.rest()]
        scene.admin.request(puller.acks[5], b"+TERM again")
        scene.admin.request(puller.acks[4], b"-NAK")
        scene.admin.api(f"STREAM.MSG.DELETE.{scene.name}", {"seq": 4})
        return [*heard, events.take(2), events.rest(), scene.becomes(num_ack_pending=2)]

    told, _, again, _, _ = stage.tell(story)
    assert [subject.split(".")[4] for subject, _ in told] == ["MSG_NAKED"] * 2 + [
        "MSG_TERMINATED"
    ] * 2
    assert '"reason":"the end"' in told[-1][1]
    assert '"reason":"again"' in again[0][1]
    assert '"reason":"Unacknowledged message was deleted"' in again[1][1]


def test_deliveries_that_were_the_last(stage):
    def story(scene):
        scene.stream(2)
        scene.consumer(ack_wait=100 * MS, max_deliver=2)
        events = scene.listener(ADVISORIES)
        puller = scene.puller("puller")
        puller.pull(batch=9, expires=LONG)
        return puller.take(4), events.take(2), events.rest(), scene.becomes(num_ack_pending=0)

    _, told, _, _ = stage.tell(story)
    assert told[0][1].endswith('"stream_seq":1,"deliveries":2}')


# --- when a message comes again ---


def test_a_backoff_says_how_long_each_delivery_waits(stage):
    def story(scene):
        scene.stream(2)
        scene.consumer(backoff=[100 * MS, 200 * MS], max_deliver=4)
        events = scene.listener(ADVISORIES)
        puller = scene.puller("puller")
        puller.pull(batch=20, expires=LONG)
        return puller.take(8), events.take(2), puller.rest(), scene.becomes(num_ack_pending=0)

    told, _, more, _ = stage.tell(story)
    assert [one.split()[0] for one in told] == [
        "1.1.1.1", "1.2.2.0", "2.1.3.0", "2.2.4.0", "3.1.5.0", "3.2.6.0", "4.1.7.0", "4.2.8.0",
    ]  # fmt: skip
    assert more == []


@pytest.mark.parametrize("body", [b"-NAK 200ms", b'-NAK {"delay": 200000000}', b"-NAK what"])
def test_a_nak_may_say_when(stage, body):
    def story(scene):
        scene.stream(2)
        scene.consumer()
        puller = scene.puller("puller")
        puller.pull(batch=1, expires=LONG)
        puller.take()
        puller.pull(batch=2, expires=LONG)
        puller.take()
        scene.admin.request(puller.acks[0], body)
        return puller.take(), scene.becomes(num_waiting=0)

    [told], _ = stage.tell(story)
    assert told.startswith("2.1.3.0 ")


def test_acknowledging_one_of_all_acknowledges_those_before(stage):
    def story(scene):
        scene.stream(6)
        scene.consumer(ack_policy="all", ack_wait=60 * SECOND)
        puller = scene.puller("puller")
        puller.pull(batch=5, expires=LONG)
        puller.take(5)
        heard = []
        for index, body in ((2, b"+ACK"), (1, b"+ACK"), (3, b"-NAK"), (4, b"+TERM")):
            answered = scene.admin.request(puller.acks[index], body) is not None
            heard.append((answered, scene.info()))
        return heard

    told = stage.tell(story)
    assert [info["num_ack_pending"] for _, info in told] == [2, 2, 2, 0]


def test_acknowledging_all_by_a_later_delivery_names_that_one(stage):
    def story(scene):
        scene.stream(3)
        scene.consumer(ack_policy="all", ack_wait=60 * SECOND)
        puller = scene.puller("puller")
        puller.pull(batch=5, expires=LONG)
        puller.take(3)
        scene.admin.request(puller.acks[1], b"-NAK")
        heard = puller.take()
        scene.admin.request(puller.acks[3], b"+ACK")
        return heard, scene.info()

    _, info = stage.tell(story)
    assert info["ack_floor"] == {"consumer_seq": 4, "stream_seq": 2}


# --- samples ---


ANSWERS = [b"+ACK", b"", b"+OK", b"+NXT", b"+TERM", b"-NAK", b"+WPI", b"what"]


@pytest.mark.parametrize("policy", ["explicit", "all"])
@pytest.mark.parametrize("frequency", ["100", "100%", "300", "+100"])
def test_every_acknowledgement_is_a_sample(stage, policy, frequency):
    def story(scene):
        scene.stream(len(ANSWERS))
        scene.consumer(sample_freq=frequency, ack_policy=policy)
        events = scene.listener(SAMPLES)
        puller = scene.puller("puller")
        puller.pull(batch=len(ANSWERS), expires=LONG)
        puller.take(len(ANSWERS))
        for reply, body in zip(puller.acks, ANSWERS, strict=True):
            scene.admin.publish(reply, body)
        scene.admin.settle()
        heard = events.rest(0.25)
        scene.admin.publish(puller.acks[0], b"+ACK")  # once more
        scene.admin.settle()
        return heard, events.rest()

    told, again = stage.tell(story)
    assert all(
        subject == "$JS.EVENT.METRIC.CONSUMER.ACK.<stream>.C"
        and text.startswith('{"type":"io.nats.jetstream.metric.v1.consumer_ack","id":"<id>",')
        for subject, text in told
    )
    assert (len(told) > 0) == (policy == "explicit")
    assert again == []


@pytest.mark.parametrize("frequency", ["", "0", "0%"])
def test_no_frequency_no_samples(stage, frequency):
    def story(scene):
        scene.stream(1)
        scene.consumer(sample_freq=frequency)
        events = scene.listener(SAMPLES)
        puller = scene.puller("puller")
        puller.pull(b"1")
        puller.take()
        scene.admin.request(puller.acks[0], b"+ACK")
        return events.rest()

    assert stage.tell(story) == []


def test_a_sample_tells_of_the_delivery_that_was_acknowledged(stage):
    def story(scene):
        scene.stream(1)
        scene.consumer(sample_freq="100")
        events = scene.listener(SAMPLES)
        puller = scene.puller("puller")
        puller.pull(batch=2, expires=LONG)
        puller.take()
        scene.admin.request(puller.acks[0], b"-NAK")
        puller.take()
        scene.admin.request(puller.acks[1], b"+ACK")
        return events.take(), events.rest()

    [(_, text)], _ = stage.tell(story)
    assert text.endswith('"consumer_seq":2,"stream_seq":1,"ack_time":<ns>,"deliveries":2}')


# --- acknowledged by flow control ---


def beside_beats(listener, reply):
    """The next message with such a reply; heartbeats come when they come."""
    while True:
        message = listener.message(5)
        assert message is not None
        if message.reply.startswith(reply):
            return message
        assert message.header.startswith(b"NATS/1.0 100 Idle Heartbeat"), message


def test_an_answer_to_flow_control_acknowledges(stage):
    def story(scene):
        scene.stream(3)
        deliver = f"there.{scene.name}"
        listener = scene.listener(deliver)
        made = scene.consumer(ack_policy="flow_control", deliver_subject=deliver, max_ack_pending=3)
        heard = [made["config"]["ack_policy"], scene.becomes(num_ack_pending=3)]
        messages = [beside_beats(listener, "$JS.ACK.") for _ in range(3)]
        scene.publish(b"waits for room")
        request = beside_beats(listener, "$JS.FC.")
        header = b"NATS/1.0\r\nNats-Last-Consumer: 2\r\nNats-Last-Stream: 2\r\n\r\n"
        listener.publish(request.reply, header=header)
        messages.append(beside_beats(listener, "$JS.ACK."))
        heard.append(scene.becomes(num_ack_pending=2))
        # the usual acknowledgement means nothing to it
        scene.admin.publish(messages[2].reply, b"+ACK")
        scene.admin.settle()
        heard += [message.payload for message in messages]
        return [*heard, scene.becomes(num_ack_pending=2)]

    stage.tell(story)
