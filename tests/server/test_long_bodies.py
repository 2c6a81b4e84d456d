"""A request with a body as long as it may be holds nobody up: virtual time, charged by effort.

The same as `test_never_blocked`, for what the decoder, the rules and the answers do with bodies
that an honest client never sends.
"""

import json

import pytest

from isthmus.config.options import JetStreamOptions, Options
from isthmus.core.inlet import Inlet
from isthmus.core.router import publish
from isthmus.jetstream import json_text, reception
from server.test_never_blocked import Charged, Client

SIZE = 5000  # bytes of a body of many values
TEXT = 200_000  # bytes of one text


@pytest.fixture(scope="module")
def world():
    made = Charged(Options(port=-1, http_port=-1, jetstream=JetStreamOptions(sync_always=True)))
    made.asker = made.connect(b"SUB _R 1\r\n")
    ask(made.asker, "STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"], "allow_direct": True})
    yield made
    made.close()


def ask(client: Client, verb: str, body: object) -> bytes:
    return client.request(f"$JS.API.{verb}", body)


def consumer(**config: object) -> bytes:
    config = {"name": "C", "ack_policy": "explicit"} | config
    return json.dumps({"stream_name": "S", "config": config}, separators=(",", ":")).encode()


def stream(**config: object) -> bytes:
    return json.dumps({"name": "T"} | config, separators=(",", ":")).encode()


def listed(text: bytes, name: bytes, *, of: bytes = consumer()) -> bytes:
    """`of` with a list of `text` as long as goes."""
    many = b",".join([text] * (SIZE // (len(text) + 1)))
    return of[:-2] + b',"%s":[%s]}}' % (name, many)


BODIES = {
    "back-offs": ("CONSUMER.CREATE.S.C", listed(b"1", b"backoff"), b"more than 1000 back-offs"),
    "filters": (
        "CONSUMER.CREATE.S.C",
        consumer(filter_subjects=[f"s.{number}" for number in range(1200)]),
        b"more than 1000 filter subjects",
    ),
    "as many filters as go": (
        "CONSUMER.CREATE.S.C",
        consumer(filter_subjects=[f"s.{number}" for number in range(1000)]),
        b'"filter_subjects"',
    ),
    "filters with wildcards": (
        "CONSUMER.CREATE.S.C",
        consumer(filter_subjects=[f"s.{number}.*" for number in range(499)]),
        b'"filter_subjects"',
    ),
    "metadata": (
        "CONSUMER.CREATE.S.C",
        consumer(metadata={f"k{number}": "" for number in range(1200)}),
        b"more than 1000 metadata keys",
    ),
    "as much metadata as goes": (
        "CONSUMER.CREATE.S.C",
        consumer(metadata={f"k{number}": "" for number in range(999)}),
        b'"k998"',
    ),
    "a text": ("CONSUMER.CREATE.S.C", consumer(description="d" * TEXT), b'"err_code":10107'),
    "escapes": ("CONSUMER.CREATE.S.C", consumer(description="\u2028" * (TEXT // 6)), b"10107"),
    "a name of escapes": ("CONSUMER.CREATE.S.C", b'{"%s":1}' % (b'\\"' * 4000), b"unknown field"),
    "depth": ("CONSUMER.CREATE.S.C", b'{"config":' + b"[" * TEXT, b"exceeded max depth"),
    "less depth": (
        "CONSUMER.CREATE.S.C",
        b'{"action":' + b"[" * 9999 + b'"' + b"x" * TEXT + b'"' + b"]" * 9999 + b"}",
        b"at most 4096",
    ),
    "documents": ("CONSUMER.CREATE.S.C", b"{}" * (SIZE // 2), b'"err_code":10056'),
    "repeated members": (
        "CONSUMER.CREATE.S.C",
        b'{"config":{%s}}' % b",".join([b'"direct":true'] * (SIZE // 14)),
        b'"err_code":10056',
    ),
    "subjects": (
        "STREAM.CREATE.T",
        stream(subjects=[f"t.{number}" for number in range(1200)]),
        b"more than 1000 subjects",
    ),
    "as many subjects as go": (
        "STREAM.CREATE.T",
        stream(subjects=[f"t.{number}" for number in range(1000)]),
        b'"t.999"',
    ),
    "subjects with wildcards": (
        "STREAM.CREATE.T",
        stream(subjects=[f"t.{number}.>" for number in range(499)]),
        b'"t.498.',
    ),
    "sources": (
        "STREAM.CREATE.T",
        stream(sources=[{"name": f"n{number}"} for number in range(300)]),
        b"more than 256 sources",
    ),
    "as many sources as go": (
        "STREAM.CREATE.T",
        stream(sources=[{"name": f"n{number}"} for number in range(256)]),
        b'"did_create"',
    ),
    "transforms": (
        "STREAM.CREATE.T",
        stream(mirror={"name": "n", "subject_transforms": [{"src": "a"}] * (SIZE // 15)}),
        b"more than 32 subject transforms",
    ),
    "as many transforms as go": (
        "STREAM.CREATE.T",
        stream(
            mirror={"name": "n", "subject_transforms": [{"src": f"a.*.{n}"} for n in range(32)]}
        ),
        b'"did_create"',
    ),
    "a state": (
        "STREAM.RESTORE.R",
        json.dumps({"config": {"name": "R"}, "state": {"deleted": [1] * (SIZE // 3)}}).encode(),
        b'"deliver_subject"',
    ),
    "choices": (
        "STREAM.MSG.GET.S",
        json.dumps({"seq": 1, "multi_last": ["s.1"] * 1200}).encode(),
        b'"err_code":10037',
    ),
    "choices of a direct get": (
        "DIRECT.GET.S",
        json.dumps({"multi_last": ["s.1"] * 1200}).encode(),
        b"413 Too Many Results",
    ),
    "as many choices as go": (
        "DIRECT.GET.S",
        json.dumps({"multi_last": [f"s.{number}" for number in range(1000)]}).encode(),
        b"404 No Results",
    ),
    "what nobody asked for": (
        "DIRECT.GET.S",
        b'{"seq":1,"x":[%s]}' % b",".join([b"1"] * (SIZE // 2)),
        b"404 Message Not Found",
    ),
    "a filter": (
        "STREAM.INFO.S",
        json.dumps({"subjects_filter": "s." * 8000 + "s"}).encode(),
        b'stream_info_response"',
    ),
    "blanks": ("STREAM.DELETE.NONE", b"{" + b" " * 65_000 + b"}", b'"err_code":10059'),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_long_body_holds_nobody_up(world: Charged, what: str):
    verb, body, expected = BODIES[what]
    world.answered.clear()
    with world.measured():
        answer = world.asker.request(f"$JS.API.{verb}", body)
    assert expected in answer, answer[:1000]
    for left in ("CONSUMER.DELETE.S.C", "STREAM.DELETE.T"):
        world.asker.request(f"$JS.API.{left}")
    world.check()


def test_requests_are_carried_out_in_the_order_they_came(world: Charged):
    """Also those that are short, behind one that is long."""
    client = world.connect(b"SUB _R.* 1\r\n")
    long = stream(subjects=[f"t.{number}" for number in range(1000)])
    client.publish("$JS.API.STREAM.CREATE.T", long, "_R.1")
    client.publish("$JS.API.STREAM.NAMES", b"", "_R.2")
    client.publish(
        "$JS.API.CONSUMER.CREATE.T.C", {"stream_name": "T", "config": {"name": "C"}}, "_R.3"
    )
    client.publish("$JS.API.CONSUMER.INFO.T.C", b"", "_R.4")
    client.publish("$JS.API.STREAM.DELETE.T", b"", "_R.5")
    client.publish("$JS.API.STREAM.INFO.T", b"", "_R.6")
    world.settle()
    heard = client.take()
    answers = [heard.index(b"MSG _R.%d " % number) for number in range(1, 7)]
    assert answers == sorted(answers)
    assert heard.count(b'"error"') == 1
    assert b'"err_code":10059' in heard[answers[-1] :]


def test_an_account_has_so_many_bodies_under_way(world: Charged, monkeypatch):
    monkeypatch.setattr(reception, "UNREAD_MAX", 10_000)
    client = world.connect(b"SUB _R.* 1\r\n")
    body = b"[%s1]" % (b"1," * 2000)
    lines = [
        b"PUB $JS.API.STREAM.NAMES _R.%d %d\r\n%s\r\n" % (n, len(body), body) for n in range(5)
    ]
    client.say(b"".join(lines))
    world.settle()
    heard = client.take()
    assert heard.count(b"cannot unmarshal array") == 2
    assert heard.count(b'"err_code":10023') == 3
    client.publish("$JS.API.STREAM.NAMES", b"", "_R.9")
    world.settle()
    assert b'"streams":["S"]' in client.take()


def test_an_enquiry_is_short(world: Charged):
    hub = world.server.hub
    system = hub.registry.get(hub.system_account).core
    answers = []
    system.sublist.add(b"r", Inlet(lambda requests, _turn: answers.extend(requests)))
    most = b'{"tags":[%s]}' % b",".join([b'""'] * 20_000)
    for body in (most, most + b" " * 10_000, b'{"x":' + b"[" * 30_000, b'{"host":"\xff"}'):
        publish(system, b"$SYS.REQ.SERVER.PING.VARZ", body, hub.begin_turn(), reply=b"r")
        hub.finish_turn()
        world.settle()
    codes = [json.loads(answer.payload)["error"]["code"] for answer in answers]
    assert codes == [400, 400, 400]  # the first names servers that are not there


def test_a_connect_line_that_nests_too_deep_ends_the_connection(world: Charged):
    client = world.connect(says=b'CONNECT {"x":' + b"[" * 4000 + b"\r\n")
    world.settle()
    assert client.link.is_closing()
    assert "internal error" not in world.log.getvalue()


def test_without_slices_the_check_fails(world: Charged, monkeypatch):
    monkeypatch.setattr(json_text, "SLICE", 1 << 30)
    world.answered.clear()
    with world.measured():
        world.asker.request("$JS.API.CONSUMER.CREATE.S.C", BODIES["back-offs"][1])
    with pytest.raises(AssertionError):
        world.check()
