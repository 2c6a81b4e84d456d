import pytest

from isthmus.jetstream.acks import (
    Ack,
    AckKind,
    account_hash,
    parse_ack,
)

MS = 1_000_000


@pytest.mark.parametrize("body", [b"", b"+ACK", b"+OK"])
def test_these_say_done(body):
    assert parse_ack(body) == Ack(kind=AckKind.ACK)


@pytest.mark.parametrize("body", [b"+ACK ", b"+ok", b"+WPI ", b"+WPI x", b"ACK", b"-nak", b" +ACK"])
def test_these_say_nothing(body):
    assert parse_ack(body) is None


@pytest.mark.parametrize(
    ("body", "delay_ns"),
    [
        (b"-NAK", None),
        (b"-NAK 300ms", 300 * MS),
        (b"-NAK  300ms ", 300 * MS),
        (b"-NAK300ms", 300 * MS),
        (b"-NAK\t.3s", 300 * MS),
        (b'-NAK {"delay":300000000}', 300 * MS),
        (b'-NAK{"DELAY":300000000,"x":1}', 300 * MS),
        (b'-NAK {"delay":0}', 0),
        (b"-NAK -5s", -5000 * MS),
        (b"-NAK 2562047h", 2_562_047 * 3_600_000 * MS),
        (b"-NAK 2562048h", None),  # more nanoseconds than 63 bits hold
        (b"-NAK garbage", None),
        (b"-NAK 300000000", None),
        (b"-NAK 1d", None),
        (b'-NAK {"delay":300000000' + b" " * 1000 + b"}", 300 * MS),
        (b'-NAK {"delay":300000000' + b" " * 1100 + b"}", None),
        (b"-NAK null", None),
        (b"-NAK \xff", None),
        (b"-NAK {bad", None),
        (b'-NAK {"delay":"300ms"}', None),
        (b'-NAK {"delay":3e8}', None),
        (b'-NAK {"delay":300000000} x', None),
    ],
)
def test_a_nak_may_name_a_delay(body, delay_ns):
    assert parse_ack(body) == Ack(kind=AckKind.NAK, delay_ns=delay_ns)


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"+TERM", ""), (b"+TERM bad data", "bad data"), (b"+TERM  a b ", "a b"), (b"+TERMx", "x")],
)
def test_a_term_may_name_a_reason(body, reason):
    assert parse_ack(body) == Ack(kind=AckKind.TERM, reason=reason)


def test_progress_is_one_word():
    assert parse_ack(b"+WPI") == Ack(kind=AckKind.PROGRESS)


def test_next_carries_a_pull_request():
    assert parse_ack(b"+NXT") == Ack(kind=AckKind.NEXT)
    assert parse_ack(b'+NXT {"batch":5}') == Ack(kind=AckKind.NEXT, request=b'{"batch":5}')
    assert parse_ack(b"+NXT5") == Ack(kind=AckKind.NEXT, request=b"5")


def test_the_global_account_has_this_hash():
    assert account_hash("$G") == "szMpdrwD"
