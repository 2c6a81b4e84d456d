"""Work queues, interest, and a consumer that begins anew: the same on both servers."""

from itertools import count

import pytest

from support.both import Both
from support.jetstream_cases import S

pytestmark = pytest.mark.oracle

NAMES = (f"R{number}" for number in count(1))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("retention")) as both:
        yield both


class Stream:
    """A stream of its own on both servers."""

    def __init__(self, both, **config):
        self.both = both
        self.name = next(NAMES)
        self.config = {"name": self.name, "subjects": [f"{self.name}.>"], **config}
        both.create(**self.config)

    def publish(self, subjects, *lines):
        for subject in subjects.split():
            self.both.request(f"{self.name}.{subject}", subject.encode(), *lines)

    def consumer(self, name, *filters, **config):
        patterns = [f"{self.name}.{one}" for one in filters]
        config = {"durable_name": name, "ack_policy": "explicit", **config}
        if patterns:
            config["filter_subjects"] = patterns
        body = {"stream_name": self.name, "config": config}
        return self.both.api(f"CONSUMER.CREATE.{self.name}.{name}", body)

    def take(self, name, batch, ack=b"+ACK"):
        """Pull, and answer each message with `ack` (None: not at all), confirmed."""

        def ask(client):
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.name}.{name}"
            client.publish(subject, b'{"batch":%d,"no_wait":true}' % batch, reply="_INBOX.pull")
            taken = []
            while len(taken) < batch:
                message = client.message()
                assert message is not None
                if message.header.startswith(b"NATS/1.0 4"):
                    break
                taken.append(message)
            if ack is not None:
                for message in taken:
                    assert client.request(message.reply, ack) is not None
            return [message.payload for message in taken]

        return self.both.each(ask)

    def state(self):
        return self.both.state(self.name, subjects_filter=">", deleted_details=True)


@pytest.fixture(params=["file", "memory"])
def storage(request):
    return request.param


def test_a_work_queue_gives_up_what_was_acknowledged(both, storage):
    queue = Stream(both, retention="workqueue", storage=storage)
    queue.consumer("A", "a.*")
    queue.consumer("B", "b")
    queue.publish("a.1 b a.2 c a.3 b a.4")
    assert queue.take("A", 2) == [b"a.1", b"a.2"]
    queue.state()
    queue.take("B", 1)
    queue.take("A", 1, ack=b"+TERM")
    queue.take("A", 1, ack=None)
    state = queue.state()
    assert state["messages"] == 3
    both.api(f"CONSUMER.DELETE.{queue.name}.A")
    queue.consumer("A2", "a.*")
    assert queue.take("A2", 5) == [b"a.4"]
    assert queue.state()["messages"] == 2


def test_a_message_that_was_tried_too_often_stays_in_a_work_queue(both):
    queue = Stream(both, retention="workqueue")
    queue.consumer("A", max_deliver=1, ack_wait=S // 10)
    queue.publish("a b")
    queue.take("A", 2, ack=None)
    assert queue.state()["messages"] == 2


REFUSED = (
    ({"ack_policy": "none"}, ()), ({"ack_policy": "all"}, ()), ({"deliver_policy": "new"}, ("x",)),
    ({}, ()), ({}, ("a.>",)), ({}, ("a.1",)), ({}, ("a.*", "x")), ({"deliver_policy": "last"}, ()),
    ({"ack_policy": "none", "deliver_subject": "d"}, ("x",)),
    ({"ack_policy": "all", "deliver_subject": "d"}, ("a.1",)), ({}, ("x", "y")),
)  # fmt: skip


@pytest.mark.parametrize(("config", "filters"), REFUSED, ids=str)
def test_a_work_queue_takes_only_consumers_that_share_nothing(both, config, filters):
    queue = Stream(both, retention="workqueue")
    queue.consumer("A", "a.*")
    queue.consumer("OTHER", *filters, **config)
    alone = Stream(both, retention="workqueue")
    alone.consumer("OTHER", *filters, **config)


def test_without_interest_a_message_is_acknowledged_and_not_kept(both, storage):
    stream = Stream(both, retention="interest", storage=storage)
    stream.publish("a b")
    assert stream.state()["messages"] == 0
    stream.consumer("A", "a")
    stream.publish("a b a")
    state = stream.state()
    assert (state["messages"], state["last_seq"]) == (2, 5)
    stream.publish("b", b"Nats-Msg-Id: 1")
    stream.publish("b", b"Nats-Msg-Id: 1")
    stream.state()


def test_by_interest_a_message_goes_with_the_last_acknowledgement(both, storage):
    stream = Stream(both, retention="interest", storage=storage)
    stream.consumer("A")
    stream.consumer("B", "b", "c")
    stream.consumer("ALL", ack_policy="all")
    stream.consumer("NONE", ack_policy="none")
    stream.publish("a b c a")
    for name in ("A", "ALL", "B", "NONE"):
        stream.take(name, 4, ack=None if name == "NONE" else b"+ACK")
        stream.state()
    assert stream.state()["messages"] == 0


def test_a_consumer_that_goes_is_not_waited_for(both):
    stream = Stream(both, retention="interest")
    stream.consumer("A")
    stream.consumer("B")
    stream.publish("a b c")
    stream.take("A", 2)
    assert stream.state()["messages"] == 3
    both.api(f"CONSUMER.DELETE.{stream.name}.B")
    assert stream.state()["messages"] == 1
    both.api(f"CONSUMER.DELETE.{stream.name}.A")
    assert stream.state()["messages"] == 0


def test_retention_changes_only_between_limits_and_interest(both):
    stream = Stream(both)
    stream.publish("a b")
    for retention in ("workqueue", "interest", "limits"):
        both.api(f"STREAM.UPDATE.{stream.name}", stream.config | {"retention": retention})
    stream.publish("c")
    stream.state()


def test_a_consumer_begins_anew(both):
    stream = Stream(both)
    stream.publish("a b c d e f g h i")
    stream.consumer("ALL")
    stream.consumer("NEW", deliver_policy="new")
    stream.consumer("SEQ", deliver_policy="by_start_sequence", opt_start_seq=3)
    stream.consumer("TIME", deliver_policy="by_start_time", opt_start_time="2020-01-01T00:00:00Z")
    stream.take("ALL", 2)
    stream.take("ALL", 2, ack=None)
    for name, body in (("ALL", b""), ("ALL", b'{"seq":7}'), ("ALL", b'{"seq":0}'), ("NEW", b""),
                       ("NEW", b'{"seq":3}'), ("SEQ", b'{"seq":2}'), ("SEQ", b'{"seq":5}'),
                       ("TIME", b'{"seq":1}'), ("ALL", b'{"seq":1}{"seq":2}'), ("ALL", b"x"),
                       ("ALL", b'{"seq":"a"}'), ("ALL", b'{"seq":-1}'), ("ALL", b"null"),
                       ("ALL", b"[1]"), ("ALL", b"5"), ("ALL", b" "), ("ALL", b'{"seq":1,"x":2}'),
                       ("ALL", b'{"seq":7}'), ("ALL", b"{}")):  # fmt: skip
        both.request(f"$JS.API.CONSUMER.RESET.{stream.name}.{name}", body)
        both.api(f"CONSUMER.INFO.{stream.name}.{name}")
    assert stream.take("ALL", 9) == [b"g", b"h", b"i"]
