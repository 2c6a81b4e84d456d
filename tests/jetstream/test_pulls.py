import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.jetstream import pulls
from isthmus.jetstream.consumer_config import ConsumerConfig, PriorityPolicy
from isthmus.jetstream.decoding import decode_single
from isthmus.jetstream.pulls import PullRequest

PLAIN = ConsumerConfig(durable_name="C")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", 1), (b"2", 2), (b" 5 ", 5), (b"+2", 2), (b"007", 7), (b"0", 1), (b"-3", 1),
        (b"3x", 1), (b"2.0", 1), (b"1_0", 1), (b"99999999999999999999", 1), (b"null", 1),
        (b"[1]", 1), (b"{}", 1), (b'{"batch":0}', 1), (b'{"batch":-2}', 1), (b'\n{"batch":7}', 7),
    ],
)  # fmt: skip
def test_a_body_asks_for_so_many_messages(body, wanted):
    assert pulls.read(body, PLAIN).wanted == wanted


def test_a_document_sets_the_rest():
    body = (
        b'{"batch":5,"expires":1000,"no_wait":true,"max_bytes":9,"idle_heartbeat":500,"x":{},'
        b'"GROUP":"A"}'
    )
    assert pulls.read(body, PLAIN) == PullRequest(
        batch=5, expires_ns=1000, no_wait=True, max_bytes=9, idle_heartbeat_ns=500, group="A"
    )


def test_a_status_counts_down_from_what_was_written():
    assert pulls.read(b'{"batch":-4,"max_bytes":-4}', PLAIN).batch == -4


LIMITED = ConsumerConfig(max_batch=2, max_expires_ns=1_000_000_000, max_bytes=100)
OVERFLOW = ConsumerConfig(priority_policy=PriorityPolicy.OVERFLOW, priority_groups=("A",))


@pytest.mark.parametrize(
    ("config", "body", "status"),
    [
        (PLAIN, b"{bad", ("400 Bad Request - invalid character 'b' looking for beginning of object"
                         " key string")),
        (PLAIN, b'{"batch":"x"}', ("400 Bad Request - json: cannot unmarshal string into Go struct"
                                  " field .batch of type int")),
        (PLAIN, b'{"expires":1000000000,"idle_heartbeat":600000000}',
         "400 Bad Request - heartbeat value too large"),
        (PLAIN, b'{"idle_heartbeat":1}', "400 Bad Request - heartbeat value too large"),
        (PLAIN, b'{"min_pending":5}', "400 Bad Request - Not a Overflow Priority consumer"),
        (PLAIN, b'{"id":"x"}', "400 Bad Request - Not a Pinned Client Priority consumer"),
        (PLAIN, b'{"priority":11}', "400 Bad Request - Priority must be between 0 and 9"),
        (LIMITED, b'{"batch":3}', "409 Exceeded MaxRequestBatch of 2"),
        (LIMITED, b"3", "409 Exceeded MaxRequestBatch of 2"),
        (LIMITED, b'{"expires":2000000000}', "409 Exceeded MaxRequestExpires of 1s"),
        (LIMITED, b'{"max_bytes":200}', "409 Exceeded MaxRequestMaxBytes of 100"),
        (OVERFLOW, b"{}", "400 Bad Request - Priority Group missing"),
        (OVERFLOW, b'{"group":"B"}', "400 Bad Request - Invalid Priority Group"),
        (ConsumerConfig(deliver_subject="d"), b"{bad", "409 Consumer is push based"),
    ],
)  # fmt: skip
def test_a_refused_request_is_told_by_a_status(config, body, status):
    assert pulls.read(body, config) == f"NATS/1.0 {status}\r\n\r\n".encode()


def test_a_request_of_a_known_group_is_taken():
    body = b'{"group":"A","min_pending":5,"priority":9}'
    assert pulls.read(body, OVERFLOW) == PullRequest(group="A", min_pending=5, priority=9)
    assert pulls.read(b"3", OVERFLOW) == PullRequest(batch=3)


def test_a_level_above_ours_is_refused_before_the_body_is_read():
    assert pulls.read(b"{bad", PLAIN, level="9") == b"NATS/1.0 412 Required Api Level\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "block"),
    [
        (pulls.NO_MESSAGES, b"NATS/1.0 404 No Messages\r\n\r\n"),
        (pulls.REQUESTS_PENDING, b"NATS/1.0 408 Requests Pending\r\n\r\n"),
        (pulls.EXCEEDED_MAX_WAITING, b"NATS/1.0 409 Exceeded MaxWaiting\r\n\r\n"),
        (pulls.CONSUMER_DELETED, b"NATS/1.0 409 Consumer Deleted\r\n\r\n"),
        (
            pulls.request_timeout(5, 0),
            (
                b"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 5\r\n"
                b"Nats-Pending-Bytes: 0\r\n\r\n"
            ),
        ),
        (
            pulls.message_too_large(8, 61),
            (
                b"NATS/1.0 409 Message Size Exceeds MaxBytes\r\nNats-Pending-Messages: 8\r\n"
                b"Nats-Pending-Bytes: 61\r\n\r\n"
            ),
        ),
        (
            pulls.batch_completed(0, 2405),
            (
                b"NATS/1.0 409 Batch Completed\r\nNats-Pending-Messages: 0\r\n"
                b"Nats-Pending-Bytes: 2405\r\n\r\n"
            ),
        ),
        (
            pulls.server_shutdown(6, 0),
            (
                b"NATS/1.0 409 Server Shutdown\r\nNats-Pending-Messages: 6\r\n"
                b"Nats-Pending-Bytes: 0\r\n\r\n"
            ),
        ),
        (
            pulls.interest_expired(1, 0),
            (
                b"NATS/1.0 408 Interest Expired\r\nNats-Pending-Messages: 1\r\n"
                b"Nats-Pending-Bytes: 0\r\n\r\n"
            ),
        ),
        (
            pulls.idle_heartbeat(1, 6),
            b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 1\r\nNats-Last-Stream: 6\r\n\r\n",
        ),
    ],
)
def test_statuses_are_these_bytes(status, block):
    assert status == block


@given(st.binary(max_size=40).map(lambda tail: b"{" + tail))
def test_no_body_breaks_out_of_its_status_line(body):
    outcome = pulls.read(body, PLAIN)
    if isinstance(outcome, bytes):
        assert outcome.count(b"\r\n") == 2
        assert outcome.count(b"\n") == 2


members = st.sampled_from([
    b'"batch":5', b'"batch":-0', b'"batch":1.0', b'"batch":9223372036854775808', b'"batch":null',
    b'"expires":1000', b'"no_wait":true', b'"no_wait":0', b'"BATCH":3', b'"bat\\u0063h":4',
    b'"x":[]',
    b'"id":"a\\ud800"', b'"id":"\xff"', b'"group":"A"', b'"priority":9', b'"max_bytes":-4',
])  # fmt: skip


@given(st.lists(members, max_size=4), st.sampled_from([b"", b" ", b"{}", b","]))
def test_the_short_way_reads_nothing_else_than_the_rules(chosen, tail):
    body = b"{" + b",".join(chosen) + b"}" + tail
    try:
        short = pulls._EVERYDAY.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    assert short == decode_single(PullRequest, body)


def test_what_is_spelled_in_an_unusual_way_is_short():
    def padded(size):
        body = b'{"Batch":2,"unknown":[%b]}'
        return body % (b"0," * ((size - len(body)) // 2) + b"0")

    assert pulls.read(padded(1000), PLAIN) == PullRequest(batch=2)
    body = padded(2000)
    text = f"request of {len(body)} bytes is too long"
    assert pulls.read(body, PLAIN) == pulls.bad_request(text)
    usual = b'{"batch":2,"group":"%b"}' % (b"g" * 5000)
    assert pulls.read(usual, PLAIN).batch == 2
