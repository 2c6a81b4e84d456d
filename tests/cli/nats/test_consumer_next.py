import re

import pytest

from isthmus.cli.nats.consumer_next import Delivery, parse_delivery

HEAD = (
    r"\[\d\d:\d\d:\d\d\] subj: retail\.item / tries: {tries} / cons seq: {cons} / "
    r"str seq: {seq} / pending: {pending}\n"
)


def head(*, cons: int, seq: int, pending: int, tries: int = 1) -> str:
    return HEAD.format(cons=cons, seq=seq, pending=pending, tries=tries)


def state(nats) -> str:
    return nats.ok("consumer", "info", "RESTOCK", "C1")


def test_a_message_is_shown_and_acknowledged(restock):
    out = restock.ok("consumer", "next", "RESTOCK", "C1")
    wanted = head(cons=1, seq=1, pending=2) + "\nRestock 1\n\nAcknowledged message\n\n"
    assert re.fullmatch(wanted, out)
    assert "Acknowledgment Floor: Consumer sequence: 1 Stream sequence: 1" in state(restock)


def test_several_messages_come_in_order(restock):
    out = restock.ok("consumer", "next", "RESTOCK", "C1", "--ack", "--count", "3")
    assert re.findall(r"^Restock \d$", out, re.MULTILINE) == ["Restock 1", "Restock 2", "Restock 3"]
    assert re.findall(r"pending: (\d)", out) == ["2", "1", "0"]
    assert "Acknowledgment Floor: Consumer sequence: 3 Stream sequence: 3" in state(restock)


def test_what_came_is_shown_even_if_not_enough_comes(restock):
    done = restock("consumer", "next", "RESTOCK", "C1", "--count", "5", "--timeout", "600ms")
    assert done.code == 1
    assert done.out.count("Acknowledged message") == 3
    assert done.err == "nats: error: no message received: nats: timeout\n"


def test_headers_stand_before_the_body(restock):
    restock.ok("consumer", "next", "RESTOCK", "C1", "--count", "3")
    restock.ok("pub", "retail.item", "body", "-H", "A:1", "-H", "B:2", "-J")
    out = restock.ok("consumer", "next", "RESTOCK", "C1")
    assert out.partition("\n")[2] == (
        "\nHeaders:\n\n  A: 1\n  B: 2\n\nData:\n\n\nbody\n\nAcknowledged message\n\n"
    )


def test_no_ack_leaves_it_pending(restock):
    out = restock.ok("consumer", "next", "RESTOCK", "C1", "--no-ack")
    assert re.fullmatch(head(cons=1, seq=1, pending=2) + "\nRestock 1\n", out)
    assert "Outstanding Acks: 1 out of maximum" in state(restock)


def test_nak_brings_it_again(restock):
    out = restock.ok("consumer", "next", "RESTOCK", "C1", "--nak")
    assert out.endswith("\n\nNegative Acknowledged message\n\n")
    again = restock.ok("consumer", "next", "RESTOCK", "C1")
    assert re.match(head(cons=2, seq=1, pending=2, tries=2), again)


def test_term_ends_it_without_an_ack(restock):
    out = restock.ok("consumer", "next", "RESTOCK", "C1", "--term")
    assert out.endswith("\nRestock 1\n\nTerminated message\n")
    assert "Outstanding Acks: 0 out of maximum" in state(restock)
    assert "Restock 2" in restock.ok("consumer", "next", "RESTOCK", "C1")


def test_raw_shows_the_body_and_still_acknowledges(restock):
    assert restock.ok("consumer", "next", "RESTOCK", "C1", "--raw") == "Restock 1\n"
    assert "Outstanding Acks: 0 out of maximum" in state(restock)


def test_a_wait_before_the_ack_is_told(restock):
    out = restock.ok("consumer", "next", "RESTOCK", "C1", "--wait", "5ms")
    assert re.search(r"\nAcknowledged message after [0-9.]+(ns|µs|ms) delay\n", out)


def test_ack_and_term_exclude_each_other(restock):
    said = restock.fails("consumer", "next", "RESTOCK", "C1", "--ack", "--term", code=2)
    assert said == "can not both Acknowledge and Terminate message"


def test_a_count_of_none_does_nothing(restock):
    assert restock.ok("consumer", "next", "RESTOCK", "C1", "--count", "0") == ""
    assert "Unprocessed Messages: 3" in state(restock)


def test_no_message_within_the_timeout(restock):
    restock.ok("consumer", "next", "RESTOCK", "C1", "--count", "3")
    said = restock.fails("consumer", "next", "RESTOCK", "C1", "--timeout", "300ms")
    assert said == "no message received: nats: timeout"
    assert "Waiting Pulls: 0 of maximum" in state(restock)


def test_a_message_that_comes_while_waiting_is_taken(restock):
    restock.ok("consumer", "next", "RESTOCK", "C1", "--count", "3")
    waiting = restock.later("consumer", "next", "RESTOCK", "C1", "--timeout", "10s")
    while "Waiting Pulls: 1 of" not in state(restock):
        pass
    restock.ok("pub", "retail.item", "late", "-J")
    done = waiting.done()
    assert done.code == 0
    assert "\nlate\n" in done.out


def test_a_consumer_removed_while_waiting_ends_it(restock):
    restock.ok("consumer", "next", "RESTOCK", "C1", "--count", "3")
    waiting = restock.later("consumer", "next", "RESTOCK", "C1", "--timeout", "10s")
    while "Waiting Pulls: 1 of" not in state(restock):
        pass
    restock.ok("consumer", "rm", "RESTOCK", "C1", "-f")
    assert waiting.done().err == "nats: error: no message received: 409 Consumer Deleted\n"


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        (("RESTOCK", "NOPE"), "consumer not found (10014)"),
        (("NOPE", "NOPE"), "stream not found (10059)"),
    ],
)
def test_unknown_names_are_told(restock, names, cause):
    said = restock.fails("consumer", "next", *names)
    assert said == f'could not load consumer "NOPE": {cause}'


def test_nothing_imported_says_that_nobody_answers(restock):
    said = restock.fails("consumer", "next", "RESTOCK", "C1", "--js-api-prefix", "ACCTC.API")
    assert said == ('could not load consumer "C1": nats: no responders available for request')


def test_a_push_consumer_cannot_be_pulled(restock):
    restock.ok("consumer", "add", "RESTOCK", "P", "--target", "push.here", "--defaults")
    said = restock.fails("consumer", "next", "RESTOCK", "P")
    assert said == "no message received: 409 Consumer is push based"


def test_a_name_that_cannot_be_one_is_refused(tool):
    assert tool.fails("consumer", "next", "a.b", "C") == '"a.b" is not a valid stream name'
    assert tool.fails("consumer", "next", "S", "c d") == '"c d" is not a valid consumer name'


def test_both_forms_of_the_ack_subject_are_read():
    found = Delivery(tries=2, seq=9, consumer_seq=7, time_ns=1700000000000000000, pending=3)
    assert parse_delivery("$JS.ACK.S.C.2.9.7.1700000000000000000.3") == found
    assert parse_delivery("$JS.ACK.hub.HASH.S.C.2.9.7.1700000000000000000.3.rnd") == found
    assert parse_delivery("$JS.ACK.hub.HASH.S.C.2.9.7.1700000000000000000.3") == found


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "_INBOX.x",
        "$JS.ACK",
        "$JS.ACK.S.C.1.2.3.4",
        "$JS.ACK.S.C.1.2.x.4.5",
        "$JS.FC.a.b.c.d.e.f.g",
    ],
)
def test_any_other_subject_is_none(reply):
    assert parse_delivery(reply) is None
