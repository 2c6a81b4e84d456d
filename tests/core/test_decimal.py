"""Numbers printed and read back: a PubAck, an ack reply, and the acknowledgement itself."""

import pytest

from isthmus.jetstream.acks import account_hash
from support.jetstream import StreamWorld

HASH = account_hash("$G")
LARGE = [10**digits + more for digits in range(1, 19) for more in (-1, 0)]


@pytest.mark.parametrize("number", [1, 2, *LARGE, (1 << 63) - 10])
def test_a_sequence_of_any_length_comes_back_as_it_was_said(number):
    world = StreamWorld()
    client = world.client()
    stream = {"name": "S", "subjects": ["s"], "storage": "memory", "first_seq": number}
    client.api("STREAM.CREATE.S", stream)
    config = {"durable_name": "C", "ack_policy": "explicit"}
    client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
    cursor = world.jetstream().streams["S"].consumers["C"].cursor

    [(_, _, _, acked)] = client.publish("s", b"x", reply="_INBOX.ack")
    assert acked == b'{"stream":"S","seq":%d}' % number

    [(_, reply, _, _)] = client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", reply="_INBOX.pull")
    assert reply == f"$JS.ACK.S.C.1.{number}.1.{world.now_ns}.0"
    assert cursor.num_ack_pending == 1

    client.publish(reply, b"+ACK")
    assert cursor.num_ack_pending == 0
    assert (cursor.floor_consumer_seq, cursor.floor_seq) == (1, number)


@pytest.mark.parametrize(
    "numbers",
    [
        "1.{seq}.1.2.0.7",  # one more
        "1.{seq}.1.2",  # one less
        "1..1.2.0",
        "1.x{seq}.1.2.0",
        "1.{seq}0.1.2.0",  # never delivered
        "1.000000000000000000000{seq}.1.2.0",  # over twenty digits
        "1.18446744073709551616.1.2.0",  # 2^64
        "1.18446744073709551617.1.2.0",
    ],
)
def test_an_ack_with_other_numbers_is_none(numbers):
    client, cursor = one_delivered()
    client.publish("$JS.ACK.S.C." + numbers.format(seq=1), b"+ACK")
    assert cursor.num_ack_pending == 1


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.ACK.S.C.1.1.1.2.0",
        "$JS.ACK.S.C.1.0000000000000000001.1.2.0",  # nineteen digits
        "$JS.ACK.S.C.x.1.x.x.x",
        f"$JS.ACK._.{HASH}.S.C.1.1.1.2.0",
        f"$JS.ACK._.{HASH}.S.C.1.1.1.2.0.more.and.more",
    ],
)
def test_an_ack_in_any_form_counts(subject):
    client, cursor = one_delivered()
    client.publish(subject, b"+ACK")
    assert cursor.num_ack_pending == 0


@pytest.mark.parametrize("place", ["_.other", f"domain.{HASH}"])
def test_an_ack_for_another_account_or_domain_is_none(place):
    client, cursor = one_delivered()
    client.publish(f"$JS.ACK.{place}.S.C.1.1.1.2.0", b"+ACK")
    assert cursor.num_ack_pending == 1


def one_delivered():
    world = StreamWorld()
    client = world.client()
    client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"], "storage": "memory"})
    config = {"durable_name": "C", "ack_policy": "explicit"}
    client.api("CONSUMER.CREATE.S.C", {"stream_name": "S", "config": config})
    client.publish("s", b"x")
    client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", reply="_INBOX.pull")
    cursor = world.jetstream().streams["S"].consumers["C"].cursor
    assert cursor.num_ack_pending == 1
    return client, cursor
