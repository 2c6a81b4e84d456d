"""TTLs of single messages, delete markers, and republishing: the same on both servers.

Whoever waits here waits for a condition on either server, not for a time.
"""

import base64
import json

import pytest

from support.both import Both, masked
from support.jetstream_cases import S
from support.waiting import wait_for

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    with Both(tmp_path_factory.mktemp("ttl")) as both:
        both.create("T", subjects=["t.>"], allow_msg_ttl=True)
        both.create("P", subjects=["p.>"])
        yield both


def subjects(client, name):
    answer = json.loads(client.api(f"STREAM.INFO.{name}", {"subjects_filter": ">"}))
    return answer["state"].get("subjects", {})


def when_gone(both, name, *gone):
    """Wait until no message of `gone` is left on either server; what both have then."""
    for client in both.clients:
        wait_for(lambda client=client: not set(gone) & set(subjects(client, name)), within_s=15)
    return both.each(lambda client: subjects(client, name))


VALUES = (
    "1", "1s", "1.5s", "0", "0s", "-1", "-1s", "500ms", "never", "NEVER", "abc", "1h", "01", "+5",
    "5 s", "1e3", "1d", "1m1", "1.5", "999ms", "1000ms", "", "10000000000h",
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_a_ttl_is_taken_or_refused(both, value):
    both.request("t.values", b"x", b"Nats-TTL: " + value.encode())


def test_a_ttl_is_read_before_anybody_asks_whether_it_is_allowed(both):
    assert b"10166" in both.request("p.a", b"x", b"Nats-TTL: 1")[1]
    assert b"10165" in both.request("p.a", b"x", b"Nats-TTL: abc")[1]
    both.request("t.a", b"x", b"Nats-TTL: abc", b"Nats-Rollup: sub")
    both.request("t.a", b"x", b"Nats-TTL: abc", b"Nats-Expected-Last-Sequence: 999")


@pytest.mark.parametrize("storage", ["file", "memory"])
def test_a_message_goes_when_its_time_is_over(both, storage):
    name = f"G{storage}"
    both.create(name, subjects=[f"{name}.>"], allow_msg_ttl=True, storage=storage)
    both.request(f"{name}.stays", b"x")
    both.request(f"{name}.never", b"x", b"Nats-TTL: never")
    both.request(f"{name}.goes", b"x", b"Nats-TTL: 1")
    both.request(f"{name}.two", b"older")
    both.request(f"{name}.two", b"x", b"Nats-TTL: 1s")
    both.request(f"{name}.later", b"x", b"Nats-TTL: 1h")
    wanted = {f"{name}.{key}": 1 for key in ("stays", "never", "two", "later")}
    for client in both.clients:
        wait_for(lambda client=client: subjects(client, name) == wanted, within_s=15)
    both.state(name, deleted_details=True)
    both.api(f"STREAM.MSG.GET.{name}", {"last_by_subj": f"{name}.two"})


def test_never_holds_against_the_stream_s_age_too(both):
    both.create("A", subjects=["a.>"], allow_msg_ttl=True, max_age=S, duplicate_window=S)
    both.request("a.never", b"x", b"Nats-TTL: never")
    both.request("a.plain", b"x")
    both.request("a.longer", b"x", b"Nats-TTL: 1h")
    assert when_gone(both, "A", "a.plain", "a.longer") == {"a.never": 1}
    both.request("a.again", b"x")
    assert when_gone(both, "A", "a.again") == {"a.never": 1}


MARKED = {
    "max_age": 2 * S, "allow_msg_ttl": True, "subject_delete_marker_ttl": 600 * S,
    "duplicate_window": S,
}  # fmt: skip


def header_of(client, name, subject):
    answer = client.api(f"STREAM.MSG.GET.{name}", {"last_by_subj": subject})
    message = json.loads(answer).get("message", {})
    return masked(base64.b64decode(message.get("hdrs", ""))), message.get("data", "")


def test_a_marker_stands_where_the_last_message_was(both):
    both.create("M", subjects=["m.>"], **{**MARKED, "max_age": 0, "duplicate_window": 0})
    both.request("m.short", b"x", b"Nats-TTL: 1")
    both.request("m.duration", b"x", b"X: y", b"Nats-TTL:  1s", b"Z: 1")
    raised = {key: both.each(lambda client, key=key: header_of(client, "M", f"m.{key}"))
              for key in ("short", "duration")}  # fmt: skip
    assert raised["short"] == (b"NATS/1.0\r\nNats-TTL: 600\r\n\r\n", "eA==")


def marked(client, name):
    return header_of(client, name, f"{name}.goes")[0].startswith(b"NATS/1.0\r\nNats-Marker")


def test_markers_are_stored_for_what_max_age_takes(both):
    both.create("MA", subjects=["MA.>"], **MARKED)
    both.request("MA.goes", b"x")
    both.request("MA.del", b"", b"KV-Operation: DEL")
    both.request("MA.purge", b"", b"KV-Operation: PURGE")
    both.request("MA.two", b"1")
    both.request("MA.two", b"2")
    for client in both.clients:
        wait_for(lambda client=client: marked(client, "MA"), within_s=15)
    when_gone(both, "MA", "MA.purge")
    for client in both.clients:
        wait_for(lambda client=client: subjects(client, "MA").get("MA.two") == 1, within_s=15)
    found = {key: both.each(lambda client, key=key: header_of(client, "MA", f"MA.{key}"))
             for key in ("goes", "del", "purge", "two")}  # fmt: skip
    assert found["goes"][0] == (
        b"NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: 10m0s\r\nNats-Rollup: sub\r\n\r\n"
    )
    assert found["purge"] == (b"", "")


# --- republishing ---


def republished(both, pattern, publish, count):
    """What comes on `pattern` while `publish` publishes."""
    for client in both.clients:
        client.send(b"SUB %s 77\r\nPING\r\n" % pattern.encode())
    publish()

    def collect(client):
        out = []
        while len(out) < count:
            message = client.message()
            assert message is not None, out
            out.append((message.subject, message.reply, masked(message.header), message.payload))
        client.send(b"UNSUB 77\r\n")
        return out

    return both.each(collect)


def publish_some(both):
    for client in both.clients:
        for subject, payload in (("a.x", b"1"), ("b.y", b"22"), ("a.x", b"333")):
            client.publish(f"r.{subject}", payload, header=b"NATS/1.0\r\nX: y\r\n\r\n")


@pytest.mark.parametrize("storage", ["file", "memory"])
@pytest.mark.parametrize(("republish", "count"), [
    ({"src": "r.>", "dest": "again.>"}, 3),
    ({"src": "", "dest": "again.>"}, 3),
    ({"src": "r.a.*", "dest": "again.{{wildcard(1)}}.a"}, 2),
    ({"src": "r.*.*", "dest": "again.$2.$1", "headers_only": True}, 3),
    ({"src": "r.>", "dest": "again.all"}, 0),
], ids=str)  # fmt: skip
def test_stored_messages_are_published_again(both, republish, count, storage):
    answer = both.api("STREAM.CREATE.R", {
        "name": "R", "subjects": ["r.>"], "storage": storage, "republish": republish,
    })  # fmt: skip
    if "error" not in answer:
        republished(both, "again.>", lambda: publish_some(both), count)
        both.api("STREAM.DELETE.R")


@pytest.mark.parametrize("republish", [
    {"src": "r.>", "dest": "r.again.>"}, {"src": "r.*", "dest": "z.*.*"},
    {"src": "r.a", "dest": "z.$1"}, {"src": "r..a", "dest": "z"}, {"src": "r.a", "dest": "z.a"},
    {"src": "r.*", "dest": "r.b"}, {"src": "x.*", "dest": "z.*"},
], ids=str)  # fmt: skip
def test_a_republish_that_does_not_fit_is_refused(both, republish):
    config = {"name": "RR", "subjects": ["r.>"], "republish": republish}
    if "error" not in both.api("STREAM.CREATE.RR", config):
        both.api("STREAM.DELETE.RR")


def test_a_republished_message_comes_before_its_acknowledgement(both):
    both.create("RA", subjects=["ra"], republish={"src": "ra", "dest": "copied"})
    for client in both.clients:
        client.send(b"SUB copied 78\r\n")
        client.publish("ra", b"x", reply="_INBOX.ack")
        order = [client.message().subject for _ in range(2)]
        assert order == ["copied", "_INBOX.ack"]


# --- subject transforms ---


def test_messages_are_stored_under_transformed_subjects(both):
    both.create(
        "X", subjects=["x.>"], allow_direct=True, max_msgs_per_subject=2,
        subject_transform={"src": "x.in.*.*", "dest": "x.out.{{wildcard(2)}}.$1"},
    )  # fmt: skip
    for subject in ("x.in.a.b", "x.in.a.b", "x.in.a.b", "x.plain", "x.in.a", "x.out.b.a"):
        both.request(subject, b"x")
    both.request("x.in.a.b", b"x", b"Nats-Expected-Last-Subject-Sequence: 6")
    both.request("x.in.a.b", b"x", b"Nats-Expected-Last-Subject-Sequence: 7")
    assert both.state("X", subjects_filter=">")["subjects"] == {
        "x.out.b.a": 2, "x.plain": 1, "x.in.a": 1,
    }  # fmt: skip
    both.request("$JS.API.DIRECT.GET.X.x.out.b.a")


@pytest.mark.parametrize("transform", [
    {"src": "x.*", "dest": "y.{{wildcard(2)}}"}, {"src": "x..a", "dest": "y"},
    {"src": "", "dest": "y.>"}, {"src": "y.*", "dest": "y"}, {"src": ">", "dest": "y.>"},
], ids=str)  # fmt: skip
def test_transforms_that_do_not_fit_are_refused(both, transform):
    config = {"name": "XX", "subjects": ["xx.>"], "subject_transform": transform}
    answers = [json.loads(client.api("STREAM.CREATE.XX", config)) for client in both.clients]
    codes = [answer.get("error", {}).get("err_code") for answer in answers]
    assert codes[0] == codes[1]
    for client in both.clients:
        client.api("STREAM.DELETE.XX")
