"""Direct gets: the same messages, headers and statuses from both servers."""

import pytest

from support.both import Both

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Two servers with the same stream: nothing here changes it."""
    with Both(tmp_path_factory.mktemp("direct")) as both:
        both.create("D", subjects=["d.>"], allow_direct=True, max_msgs_per_subject=3)
        both.create("N", subjects=["n.>"])
        for number, subject in enumerate(["a", "b", "a", "c.x", "c.y", "a", "a", "b"]):
            both.request(f"d.{subject}", b"%d" % number)
        both.request("d.h", b"with a header", b"Nats-Msg-Id: id1", b"X: 1")
        both.request("d.e", b"")
        both.request("n.a", b"x")
        both.api("STREAM.MSG.DELETE.D", {"seq": 5})
        yield both


SINGLE = (
    '{"seq":3}', '{"seq": 3}', '{"seq":1}', '{"seq":5}', '{"seq":99}', '{"seq":0}', "", "xx", "{}",
    ' {"seq":\t4 }\r\n', "[]", "null", '"x"', "3", '{"seq":"3"}', '{"seq":-1}', '{"seq":3.0}',
    '{"seq":03}', '{"SEQ":3}', '{"seq":3,"seq":4}', '{"seq":3}{"seq":4}', '{"seq":3,}',
    '{"foo":1,"seq":3}', '{"foo":1}', '{"seq":18446744073709551615}',
    '{"seq":18446744073709551616}',
    '{"last_by_subj":"d.a"}', '{"last_by_subj":"d.*"}', '{"last_by_subj":"d.>"}',
    '{"last_by_subj":">"}', '{"last_by_subj":"d.c.*"}', '{"last_by_subj":"d.c.y"}',
    '{"last_by_subj":"d.none"}', '{"last_by_subj":"x.*"}', '{"last_by_subj":"d.\\u0061"}',
    '{"last_by_subj":""}', '{"last_by_subj":"d.a","seq":3}', '{"last_by_subj":"d.h"}',
    '{"last_by_subj":"d.e"}', '{"last_by_subj":"d.a","no_hdr":true}',
    '{"next_by_subj":"d.a"}', '{"next_by_subj":"d.a","seq":4}', '{"seq":7,"next_by_subj":"d.a"}',
    '{"next_by_subj":"d.a","seq":8}', '{"next_by_subj":"d.c.*","seq":4}', '{"next_by_subj":">"}',
    '{"next_by_subj":"d.c.*","seq":5}', '{"next_by_subj":"d.b","last_by_subj":"d.a"}',
    '{"next_by_subj":"d.a","start_time":"2020-01-01T00:00:00Z"}',
    '{"start_time":"2020-01-01T00:00:00Z"}', '{"start_time":"2090-01-01T00:00:00Z"}',
    '{"start_time":"2020-01-01T00:00:00Z","seq":1}', '{"start_time":"x"}',
    '{"start_time":"2020-01-01T00:00:00Z","last_by_subj":"d.a"}', '{"seq":3,"no_hdr":true}',
    '{"seq":3,"no_hdr":false}', '{"up_to_seq":3}', '{"seq":3,"up_to_seq":3}', '{"max_bytes":3}',
    '{"seq":3,"max_bytes":1}', '{"batch":3}', '{"seq":3,"batch":0}', '{"seq":3,"batch":-1}',
    '{"last_by_subj":"d.a","batch":2}', '{"multi_last":[]}', '{"seq":3,"multi_last":[]}',
)  # fmt: skip


@pytest.mark.parametrize("body", SINGLE)
def test_one_message_or_a_status(both, body):
    both.request("$JS.API.DIRECT.GET.D", body.encode())


def test_a_message_comes_with_what_it_is(both):
    header, payload = both.request("$JS.API.DIRECT.GET.D", b'{"last_by_subj":"d.h"}')
    assert payload == b"with a header"
    assert header == (
        b"NATS/1.0\r\nNats-Msg-Id: id1\r\nX: 1\r\nNats-Stream: D\r\nNats-Subject: d.h\r\n"
        b"Nats-Sequence: 9\r\nNats-Time-Stamp: <time>\r\n\r\n"
    )


@pytest.mark.parametrize("subject", ["d.a", "d.c.y", "d.h", "d.e", "d.none", "x", "d.c"])
@pytest.mark.parametrize(
    "body", ["", "{}", "xx", '{"no_hdr":true}', '{"seq":3}', '{"max_bytes":1}', '{"batch":1}']
)
def test_the_subject_may_stand_in_the_request_s_own(both, subject, body):
    both.request(f"$JS.API.DIRECT.GET.D.{subject}", body.encode())


@pytest.mark.parametrize("level", [b"0", b"5", b"6", b"x", b"-1", b""])
@pytest.mark.parametrize("subject", ["D", "D.d.a"])
def test_a_level_that_is_too_high_is_refused(both, level, subject):
    body = b'{"seq":3}' if subject == "D" else b""
    both.request(f"$JS.API.DIRECT.GET.{subject}", body, b"Nats-Required-Api-Level: " + level)


def test_nobody_listens_for_other_streams(both):
    for name in ("N", "N.n.a", "NOPE", "NOPE.d.a"):
        header, payload = both.request(f"$JS.API.DIRECT.GET.{name}", b'{"seq":1}')
        assert header.startswith(b"NATS/1.0 503\r\n")
        assert payload == b""


BATCHES = (
    '{"seq":1,"batch":3}', '{"seq":1,"batch":100}', '{"seq":6,"batch":2}', '{"seq":99,"batch":2}',
    '{"batch":2,"next_by_subj":"d.a"}', '{"batch":9,"next_by_subj":"d.a","seq":4}',
    '{"batch":9,"next_by_subj":"d.c.*"}', '{"batch":9,"next_by_subj":"d.none"}',
    '{"batch":9,"next_by_subj":"d.a","seq":8}', '{"start_time":"2020-01-01T00:00:00Z","batch":1}',
    '{"start_time":"2090-01-01T00:00:00Z","batch":1}', '{"seq":1,"batch":3,"max_bytes":1}',
    '{"seq":1,"batch":3,"no_hdr":true}', '{"batch":9,"next_by_subj":">","seq":7}',
    '{"multi_last":["d.a","d.b"]}', '{"multi_last":["d.>"]}', '{"multi_last":["d.>"],"batch":2}',
    '{"multi_last":["d.>"],"up_to_seq":4}', '{"multi_last":["none.>"]}',
    '{"multi_last":["d.>"],"seq":6}',
    '{"multi_last":["d.>"],"seq":8,"batch":1}', '{"multi_last":["d.>"],"max_bytes":1}',
    '{"multi_last":["d.>"],"up_to_time":"2090-01-01T00:00:00Z"}', '{"multi_last":["d.a","d.a"]}',
    '{"multi_last":["d.>"],"up_to_time":"2020-01-01T00:00:00Z"}', '{"multi_last":["d.>","d.a"]}',
    '{"multi_last":["d.a"],"up_to_seq":4,"up_to_time":"2020-01-01T00:00:00Z"}',
    '{"multi_last":["d.a"],"last_by_subj":"d.a"}', '{"multi_last":["d.a"],"next_by_subj":"d.a"}',
    '{"multi_last":["d.a"],"seq":99}', '{"multi_last":["d.a"],"up_to_seq":99}',
    '{"multi_last":["d.>"],"no_hdr":true}',
    '{"multi_last":["d.a"],"start_time":"2020-01-01T00:00:00Z"}',
)  # fmt: skip


@pytest.mark.parametrize("body", BATCHES)
def test_several_messages_and_how_many_are_left(both, body):
    both.requests("$JS.API.DIRECT.GET.D", body.encode())


def test_more_than_1024_subjects_are_too_many(both):
    both.create("W", subjects=["w.>"], allow_direct=True, storage="memory")
    for client in both.clients:
        client.send(b"".join(b"PUB w.%d 1\r\nx\r\n" % number for number in range(1024)))
    both.request("w.last", b"x")
    assert both.state("W")["messages"] == 1025
    answers = both.requests("$JS.API.DIRECT.GET.W", b'{"multi_last":["w.>"]}')
    assert answers == [(b"NATS/1.0 413 Too Many Results\r\n\r\n", b"")]


def test_a_stream_begins_and_ends_to_listen_with_its_configuration(both):
    both.create("T", subjects=["t"])
    both.request("t", b"x")
    for direct in (True, False, True):
        config = {"name": "T", "subjects": ["t"], "allow_direct": direct}
        assert "error" not in both.api("STREAM.UPDATE.T", config)
        header, _ = both.request("$JS.API.DIRECT.GET.T.t")
        assert header.startswith(b"NATS/1.0\r\n" if direct else b"NATS/1.0 503")
    both.api("STREAM.DELETE.T")
    header, _ = both.request("$JS.API.DIRECT.GET.T.t")
    assert header.startswith(b"NATS/1.0 503")
