"""Priority groups: who gets the next message, pins and their end, from both servers alike."""

import pytest

from support.both import Both
from support.consumer_story import MS, SECOND, Stage

pytestmark = pytest.mark.oracle

OVERFLOW = {"priority_policy": "overflow", "priority_groups": ["A"]}
PINNED = {"priority_policy": "pinned_client", "priority_groups": ["A"]}
PRIORITIZED = {"priority_policy": "prioritized", "priority_groups": ["A"]}
LONG = 20 * SECOND
SHORT = 150 * MS


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("groups")) as both:
        yield Stage(both)


def timeout(left):
    return f"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: {left}\r\nNats-Pending-Bytes: 0"


# --- overflow ---


@pytest.mark.parametrize(
    ("wish", "served"),
    [
        ({}, True),
        ({"min_pending": 4}, True),
        ({"min_pending": 5}, False),
        ({"min_pending": -1}, True),
        ({"min_ack_pending": 2}, True),
        ({"min_ack_pending": 3}, False),
        ({"min_pending": 5, "min_ack_pending": 2}, True),
        ({"min_pending": 4, "min_ack_pending": 3}, True),
        ({"min_pending": 5, "min_ack_pending": 3}, False),
        ({"min_pending": 4, "min_ack_pending": 2}, True),
    ],
)
def test_overflow_serves_who_asks_for_no_more_than_there_is(stage, wish, served):
    def story(scene):
        scene.stream(6)
        scene.consumer(**OVERFLOW)
        first, second = scene.puller("first"), scene.puller("second")
        first.pull(group="A", batch=2, expires=LONG)
        first.take(2)
        scene.becomes(num_pending=4)
        second.pull(group="A", expires=SHORT, **wish)
        return second.take(), scene.becomes(num_waiting=0)

    [told], info = stage.tell(story)
    assert told.startswith("1.3.3.3 " if served else timeout(0))
    assert info["num_redelivered"] == 0
    assert info["priority_groups"] == [{"group": "A", "pinned_ts": "<time>"}]


def test_overflow_passes_over_who_waits_for_more(stage):
    def story(scene):
        scene.stream()
        scene.consumer(**OVERFLOW)
        high, low = scene.puller("high"), scene.puller("low")
        high.pull(group="A", batch=2, min_pending=3, expires=LONG)
        low.pull(group="A", batch=2, expires=LONG)
        scene.publish(b"a", b"b")
        heard = [[told[:5] for told in low.take(2)], high.rest()]
        scene.publish(b"c", b"d", b"e")
        return [*heard, high.take(), scene.becomes(num_ack_pending=3)]

    low, nothing, high, info = stage.tell(story)
    assert low == ["1.1.1", "1.2.2"]
    assert nothing == []
    assert [told[:5] for told in high] == ["1.3.3"]
    assert info["num_waiting"] == 1


def test_overflow_is_asked_about_redeliveries_too(stage):
    def story(scene):
        scene.stream(3)
        scene.consumer(**OVERFLOW)
        puller = scene.puller("puller")
        puller.pull(group="A", batch=2, expires=LONG)
        heard = puller.take(2)
        scene.admin.publish(puller.acks[0], b"-NAK")
        scene.admin.settle()
        puller.pull(group="A", min_pending=1, expires=LONG)
        heard += puller.take()
        return heard, scene.becomes(num_waiting=0)

    heard, _ = stage.tell(story)
    assert heard[-1].startswith("2.1.3.1 ")


@pytest.mark.parametrize("expires", [{}, {"expires": SHORT}])
def test_overflow_and_who_does_not_wait(stage, expires):
    def story(scene):
        scene.stream(2)
        scene.consumer(**OVERFLOW)
        puller = scene.puller("puller")
        puller.pull(group="A", no_wait=True, min_pending=9, **expires)
        return puller.rest(0.5), scene.info()

    stage.tell(story)


@pytest.mark.parametrize("policy", [OVERFLOW, PINNED, PRIORITIZED])
@pytest.mark.parametrize("body", [b"", b"1", b"what"])
def test_who_asks_without_json_asks_for_nothing_special(stage, policy, body):
    def story(scene):
        scene.stream(2)
        scene.consumer(**policy)
        puller = scene.puller("puller")
        puller.pull(body)
        return puller.take(), scene.info()

    stage.tell(story)


# --- prioritized ---


def test_the_lowest_priority_is_served_first(stage):
    def story(scene):
        scene.stream()
        scene.consumer(**PRIORITIZED)
        people = []
        for name, priority in (("5a", 5), ("1a", 1), ("5b", 5), ("1b", 1), ("0", 0), ("9", 9)):
            people.append(scene.puller(name))
            people[-1].pull(group="A", batch=3, expires=LONG, priority=priority)
        scene.publish(*(b"%d" % number for number in range(16)))
        scene.becomes(num_pending=0)
        return [[told.split()[-1] for told in one.rest(0.1)] for one in people]

    five_a, one_a, five_b, one_b, zero, nine = stage.tell(story)
    assert zero == ["0", "1", "2"]
    assert sorted(one_a + one_b) == sorted(map(str, range(3, 9)))
    assert sorted(five_a + five_b) == sorted(map(str, range(9, 15)))
    assert nine == ["15"]


def test_a_request_without_priority_has_the_first(stage):
    def story(scene):
        scene.stream()
        scene.consumer(**PRIORITIZED)
        one, none = scene.puller("one"), scene.puller("none")
        one.pull(group="A", expires=LONG, priority=1)
        none.pull(group="A", expires=LONG)
        scene.publish(b"x")
        return none.take(), one.rest(), scene.becomes(num_waiting=1)

    assert stage.tell(story)[1] == []


def test_priority_means_nothing_to_another_policy(stage):
    def story(scene):
        scene.stream()
        scene.consumer(**OVERFLOW)
        nine, zero = scene.puller("nine"), scene.puller("zero")
        nine.pull(group="A", expires=LONG, priority=9)
        zero.pull(group="A", expires=LONG, priority=0)
        scene.publish(b"x")
        return nine.take(), zero.rest(), scene.becomes(num_waiting=1)

    assert stage.tell(story)[1] == []


# --- pinned client ---


def test_who_is_served_first_is_pinned_and_known_by_an_id(stage):
    def story(scene):
        scene.stream(5)
        made = scene.consumer(**PINNED)
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.PINNED.<stream>.C")
        anna, ben = scene.puller("anna"), scene.puller("ben")
        anna.pull(group="A", expires=LONG)
        heard = [made["priority_groups"], anna.take(), scene.info(), events.take()]
        ben.pull(group="A", expires=SHORT)
        heard.append(ben.take())
        ben.pull(group="A", expires=LONG, id="wrong")
        heard.append(ben.take())
        ben.pull(group="A", expires=LONG, id="Q" * 22)
        heard.append(ben.take())
        anna.pull(group="A", batch=2, expires=LONG, id=anna.pin)
        return [*heard, anna.take(2), scene.becomes(num_ack_pending=3), events.rest()]

    made, first, info, event, waited, wrong, other, more, _, silence = stage.tell(story)
    assert made == [{"group": "A", "pinned_ts": "<time>"}]
    assert first == ["1.1.1.4 'NATS/1.0\\r\\nNats-Pin-Id: <pin 1>\\r\\n\\r\\n' m0"]
    assert info["priority_groups"] == [
        {"group": "A", "pinned_client_id": "<pin 1>", "pinned_ts": "<time>"}
    ]
    [(subject, text)] = event
    assert subject == "$JS.EVENT.ADVISORY.CONSUMER.PINNED.<stream>.C"
    assert text.endswith(
        '"account":"$G","stream":"<stream>","consumer":"C","group":"A","pinned_id":"<pin 1>"}'
    )
    assert waited == [timeout(0)]
    assert wrong == other == ["NATS/1.0 423 Nats-Pin-Id mismatch"]
    assert [told[:3] for told in more] == ["1.2", "1.3"]
    assert silence == []


def test_a_silent_pinned_client_is_one_no_more(stage):
    def story(scene):
        scene.stream(3)
        scene.consumer(**PINNED, priority_timeout=400 * MS)
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.UNPINNED.<stream>.C")
        anna, ben = scene.puller("anna"), scene.puller("ben")
        anna.pull(group="A", expires=LONG)
        heard = [anna.take()]
        ben.pull(group="A", expires=LONG)
        heard += [ben.take(), events.take()]
        anna.pull(group="A", expires=LONG, id=anna.pin)
        return [*heard, anna.take(), scene.info()]

    anna, ben, event, late, info = stage.tell(story)
    assert "<pin 1>" in anna[0]
    assert "<pin 2>" in ben[0]
    assert event[0][1].endswith('"group":"A","reason":"timeout"}')
    assert late == ["NATS/1.0 423 Nats-Pin-Id mismatch"]
    assert info["priority_groups"][0]["pinned_client_id"] == "<pin 2>"


def test_an_old_id_is_wrong_when_the_next_message_comes(stage):
    def story(scene):
        scene.stream(1)
        scene.consumer(**PINNED)
        anna = scene.puller("anna")
        anna.pull(group="A", expires=LONG)
        anna.take()
        heard = [scene.ask("UNPIN", {"group": "A"}), scene.info()]
        anna.pull(group="A", batch=3, max_bytes=999, expires=LONG, id=anna.pin)
        heard += [anna.rest(), scene.info()["num_waiting"]]
        scene.publish(b"new")
        heard += [anna.take(), scene.info()]
        anna.pull(group="A", expires=LONG)
        return [*heard, anna.take()]

    _, free, nothing, waiting, wrong, _, again = stage.tell(story)
    assert free["priority_groups"] == [{"group": "A", "pinned_ts": "<time>"}]
    assert (nothing, waiting) == ([], 1)
    assert wrong[0].startswith("NATS/1.0 423 Nats-Wrong-Pin-Id\r\nNats-Pending-Messages: 3\r\n")
    assert "<pin 2>" in again[0]


def test_unpinning_lets_the_next_one_in(stage):
    def story(scene):
        scene.stream(4)
        scene.consumer(**PINNED)
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.UNPINNED.<stream>.C")
        anna, ben = scene.puller("anna"), scene.puller("ben")
        anna.pull(group="A", expires=LONG)
        anna.take()
        ben.pull(group="A", batch=2, expires=LONG)
        anna.pull(group="A", batch=9, expires=LONG, id=anna.pin)
        heard = [anna.take(3), ben.rest(), scene.ask("UNPIN", {"group": "A"}), events.take()]
        anna.pull(group="A", batch=9, expires=LONG, id=anna.pin)
        for payload in (b"x", b"y"):  # one after the other: each tells how many wait behind it
            scene.publish(payload)
            heard += ben.take()
        return [*heard, sorted(anna.take(2)), scene.becomes(num_waiting=0)]

    _, waiting, _, event, *ben, _, _ = stage.tell(story)
    assert waiting == []
    assert event[0][1].endswith('"group":"A","reason":"admin"}')
    assert all("<pin 2>" in told for told in ben)


def test_unpinning_where_nobody_is_pinned(stage):
    def story(scene):
        scene.stream()
        scene.consumer(**PINNED)
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.UNPINNED.<stream>.C")
        return [scene.ask("UNPIN", {"group": "A"}), events.rest(), scene.info()]

    stage.tell(story)


UNPINS = [
    b"", b"{}", b"x", b"[1]", b"null", b" 5", b'{"group":""}', b'{"group":"B"}', b'{"group":"a b"}',
    b'{"group":1}', b'{"group":"A","x":1}', b'{"GROUP":"A"}', b'{"group":"A"}{"group":"B"}',
    b'{"group":"xxxxxxxxxxxxxxxxx"}', b'{"group":"A"}',
]  # fmt: skip


@pytest.mark.parametrize("policy", [PINNED, OVERFLOW, {}])
def test_what_can_not_be_unpinned(stage, policy):
    def story(scene):
        scene.stream()
        scene.consumer(**policy)
        return [scene.ask("UNPIN", body) for body in UNPINS]

    stage.tell(story)


def test_what_is_not_there_can_not_be_unpinned(stage):
    def story(scene):
        scene.stream()
        api = scene.admin.api
        return [
            scene.read(api(f"CONSUMER.UNPIN.{place}", {"group": group}))
            for place in (scene.place, "NONE.C")
            for group in ("A", "a b", "")
        ]

    stage.tell(story)


def test_the_id_stands_behind_the_headers_of_the_message(stage):
    def story(scene):
        scene.stream()
        scene.publish(b"one", header=b"NATS/1.0\r\nA: b\r\n\r\n")
        scene.publish(b"two", header=b"NATS/1.0\r\nNats-Pin-Id: false\r\nA: b\r\n\r\n")
        scene.consumer(**PINNED)
        anna = scene.puller("anna")
        anna.pull(group="A", batch=2, expires=LONG)
        heard = anna.take(2)
        scene.admin.api(f"CONSUMER.DELETE.{scene.place}")
        scene.consumer(**PINNED, headers_only=True)
        anna.pull(group="A", batch=2, expires=LONG)
        return heard, anna.take(2)

    stage.tell(story)


@pytest.mark.parametrize("room", [0, 1, -1])
def test_the_id_counts_for_max_bytes_or_not(stage, room):
    def story(scene):
        scene.stream()
        scene.publish(b"12345", b"12345")
        scene.consumer(**PINNED)
        anna = scene.puller("anna")
        anna.pull(group="A", expires=LONG)
        anna.take()
        # the reply of the second message is as long as that of the first
        plain = len(f"{scene.name}.a") + len(anna.acks[0]) + 5
        size = plain + len(f"NATS/1.0\r\nNats-Pin-Id: {anna.pin}\r\n\r\n")
        heard = []
        for limit in (plain, size):
            anna.pull(group="A", id=anna.pin, batch=2, max_bytes=limit + room, expires=SHORT)
            told = anna.take()
            heard.append([one.replace(str(limit + room), "<limit>") for one in told])
            if told[0].startswith("1."):
                break
        return heard, [one.split("Bytes")[0] for one in anna.rest(0.3)]

    stage.tell(story)


def test_others_count_for_who_does_not_wait(stage):
    def story(scene):
        scene.stream(4)
        scene.consumer(**PINNED)
        anna, ben = scene.puller("anna"), scene.puller("ben")
        anna.pull(group="A", expires=LONG)
        anna.take()
        ben.pull(group="A", no_wait=True)
        heard = [ben.rest(0.3), scene.info()["num_waiting"]]
        ben.pull(group="A", no_wait=True, expires=SHORT)
        heard += [ben.rest(0.4), scene.info()["num_waiting"]]
        anna.pull(group="A", no_wait=True, batch=9, id=anna.pin)
        return [*heard, anna.rest(0.3), ben.rest(0.2), scene.info()]

    stage.tell(story)


def test_a_pin_is_not_kept_by_deliveries_alone(stage):
    def story(scene):
        scene.stream(1)
        scene.consumer(**PINNED, priority_timeout=500 * MS)
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.UNPINNED.<stream>.C")
        anna = scene.puller("anna")
        anna.pull(group="A", expires=LONG)
        anna.take()
        anna.pull(group="A", batch=9, expires=LONG, id=anna.pin)
        heard = [events.take(), scene.info()["num_waiting"]]
        scene.publish(b"late")
        return [*heard, anna.take(), scene.info()]

    stage.tell(story)


def test_two_groups(stage):
    def story(scene):
        scene.stream(3)
        made = scene.consumer(**PINNED | {"priority_groups": ["A", "B"]})
        anna, ben = scene.puller("anna"), scene.puller("ben")
        ben.pull(group="B", expires=LONG)
        heard = [made["priority_groups"], ben.take(), scene.info()]
        anna.pull(group="A", expires=SHORT)
        heard += [anna.take(), scene.ask("UNPIN", {"group": "B"}), scene.info()]
        return heard

    stage.tell(story)


UPDATES = [
    {"description": "another"},
    {"priority_timeout": 60 * SECOND},
    {"priority_groups": ["B"]},
    {"priority_groups": ["A", "B"]},
]


@pytest.mark.parametrize("change", UPDATES)
def test_an_update_of_a_consumer_with_a_pinned_client(stage, change):
    def story(scene):
        scene.stream(5)
        scene.consumer(**PINNED)
        events = scene.listener("$JS.EVENT.ADVISORY.CONSUMER.*.<stream>.>")
        anna = scene.puller("anna")
        anna.pull(group="A", expires=LONG)
        anna.take()
        heard = [scene.consumer(**PINNED | change)["config"], scene.info(), events.rest()]
        group = (PINNED | change)["priority_groups"][0]
        anna.pull(batch=1, expires=SHORT, group=group)
        heard.append(anna.take())
        anna.pull(batch=1, expires=SHORT, group=group, id=anna.pin)
        return [*heard, anna.take(), scene.consumer(**PINNED)["config"], scene.info()]

    stage.tell(story)


def test_a_consumer_becomes_pinned_while_somebody_waits(stage):
    def story(scene):
        scene.stream()
        scene.consumer()
        anna, ben = scene.puller("anna"), scene.puller("ben")
        anna.pull(batch=2, expires=LONG)
        ben.pull(batch=2, expires=LONG)
        scene.consumer(**PINNED)
        for count, payload in enumerate((b"a", b"b", b"c"), 1):
            scene.publish(payload)
            scene.becomes(num_ack_pending=count)  # each tells how many wait behind it
        return sorted(anna.rest(0.3) + ben.rest(0.1)), scene.info()

    heard, _ = stage.tell(story)
    assert ["Nats-Pin-Id: \\r" in told for told in heard] == [True] * 3, "of no group, never pinned"
