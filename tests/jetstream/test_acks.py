import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.jetstream.acks import (
    Ack,
    AckKind,
    AckSubject,
    account_hash,
    make_ack_subject,
    parse_ack,
    parse_ack_subject,
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


SHORT = AckSubject(
    stream="ORD", consumer="C1", delivered=1, stream_seq=2, consumer_seq=3,
    timestamp_ns=1795404405528874519, pending=4,
)  # fmt: skip


def test_the_short_form():
    text = "$JS.ACK.ORD.C1.1.2.3.1795404405528874519.4"
    assert make_ack_subject(SHORT) == text
    assert parse_ack_subject(text) == SHORT


@pytest.mark.parametrize(("domain", "shown"), [("hub", "hub"), ("", "_")])
def test_the_long_form(domain, shown):
    parts = AckSubject(
        stream="S", consumer="C", delivered=1, stream_seq=1, consumer_seq=1,
        timestamp_ns=1795405265708785742, pending=0, domain=domain, account_hash="szMpdrwD",
    )  # fmt: skip
    text = f"$JS.ACK.{shown}.szMpdrwD.S.C.1.1.1.1795405265708785742.0"
    assert make_ack_subject(parts) == text
    assert parse_ack_subject(text) == parts
    assert parse_ack_subject(f"{text}.more.tokens") == parts


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.ACK.S.C.1.2.3.4",
        "$JS.ACK.S.C.1.2.3.4.5.6",
        "$JS.ACK.S.C.1.x.3.4.5",
        "$JS.ACK.S.C.1.+2.3.4.5",
        "$JS.ACK.S.C.1..3.4.5",
        "$JS.ACK.S.C.1.\u0662.3.4.5",
        "$JS.ACK.S.C.1.99999999999999999999.3.4.5",
        "$JS.FC.S.C.1.2.3.4.5",
        "orders.a",
    ],
)
def test_other_subjects_acknowledge_nothing(subject):
    assert parse_ack_subject(subject) is None


def test_only_the_stream_sequence_has_to_be_a_number():
    parts = parse_ack_subject("$JS.ACK.S.C.x.012.y.-5.z")
    assert parts.stream_seq == 12
    assert (parts.delivered, parts.consumer_seq, parts.timestamp_ns, parts.pending) == (0, 0, 0, 0)


names = st.text(alphabet="abcXYZ019_-", min_size=1)
numbers = st.integers(min_value=0, max_value=10**18)


@given(
    st.builds(
        AckSubject, stream=names, consumer=names, delivered=numbers, stream_seq=numbers,
        consumer_seq=numbers, timestamp_ns=numbers, pending=numbers,
        domain=st.sampled_from(["", "hub"]), account_hash=st.just("szMpdrwD"),
    )
)  # fmt: skip
def test_what_is_made_is_parsed_again(parts):
    assert parse_ack_subject(make_ack_subject(parts)) == parts


def test_the_global_account_has_this_hash():
    assert account_hash("$G") == "szMpdrwD"
