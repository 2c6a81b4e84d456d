import base64
import json
import re


def test_a_message_by_sequence(restock):
    out = restock.ok("stream", "get", "RESTOCK", "2")
    assert re.fullmatch(
        r"Item: RESTOCK#2 received \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC \([^)]+\) "
        r"on Subject retail\.item\n\nRestock 2\n\n\n",
        out,
    )


def test_the_last_of_a_subject(restock):
    assert "RESTOCK#3 received" in restock.ok("stream", "get", "RESTOCK", "-S", "retail.item")
    assert "RESTOCK#3 received" in restock.ok("stream", "get", "RESTOCK", "--last-for", "retail.*")


def test_headers_are_shown(restock):
    restock.ok("pub", "retail.item", "body", "-H", "A:1", "-H", "B: two words", "-J")
    out = restock.ok("stream", "get", "RESTOCK", "4")
    assert out.endswith("\n\nHeaders:\n  A: 1\n  B: two words\n\nbody\n\n\n")


def test_json_holds_the_bytes(restock):
    found = json.loads(restock.ok("stream", "get", "RESTOCK", "1", "-j"))
    assert list(found) == ["subject", "seq", "data", "time"]
    assert base64.b64decode(found["data"]) == b"Restock 1"


def test_a_message_that_is_not_there(restock):
    assert restock.fails("stream", "get", "RESTOCK", "99") == (
        "could not retrieve RESTOCK#99: no message found (10037)"
    )
    assert restock.fails("stream", "get", "RESTOCK", "-S", "retail.none") == (
        "could not retrieve RESTOCK#retail.none: no message found (10037)"
    )


def test_one_way_to_choose_is_needed(restock):
    wanted = "invalid input: give a sequence, or --last-for SUBJECT"
    assert restock.fails("stream", "get", "RESTOCK") == wanted
    assert restock.fails("stream", "get", "RESTOCK", "1", "-S", "a") == wanted
    assert "not a whole number" in restock.fails("stream", "get", "RESTOCK", "x", code=2)
