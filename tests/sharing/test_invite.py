"""An invite is read back as it was written, and nothing in it is believed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.sharing import ShareError, read_invite, write_invite
from support.shares import EVERYBODY, GIVER, OTHER, TAKER, account, shared

INVITE = shared().invite


def document(text=None):
    return json.loads((text or write_invite(INVITE)).splitlines()[1])


def written(value):
    return f"-----BEGIN NATS INVITE-----\n{json.dumps(value)}\n------END NATS INVITE------\n"


def test_read_back_as_written():
    assert read_invite(write_invite(INVITE)) == INVITE
    public = shared(whom=EVERYBODY).invite
    assert read_invite(write_invite(public)) == public


def test_text_around_it_and_other_line_ends_do_no_harm():
    text = "Dear neighbour,\r\n\r\n" + write_invite(INVITE).replace("\n", "\r\n") + "\r\nYours\r\n"
    assert read_invite(text) == INVITE


def test_it_holds_no_secret():
    text = write_invite(INVITE)
    assert GIVER.seed not in text
    assert TAKER.seed not in text


def change(*path, to):
    value = document()
    place = value
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return written(value)


OTHER_TOKENS = shared(account(OTHER, "ACCTX"), signer=OTHER).invite.tokens


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no invite"),
        ("-----BEGIN NATS INVITE-----\n{}\n", "there is no invite"),
        (written([]), "damaged"),
        (written({}), "damaged"),
        (written({"version": 2}), "version 2"),
        (written("x" * 100_000), "damaged"),
        (
            "-----BEGIN NATS INVITE-----\n" + "[" * 50_000 + "\n------END NATS INVITE------",
            "damaged",
        ),
        (change("more", to=1), "damaged"),
        (change("item", "kind", to="universe"), "damaged"),
        (change("item", "stream", to="*"), "cannot be the name"),
        (change("item", "stream", to="OTHER"), 'not "\\$JS.API.CONSUMER.MSG.NEXT.OTHER'),
        (change("giver", "key", to="ABC"), "no account key"),
        (change("giver", "key", to=OTHER.public_key), "is from"),
        (change("giver", "name", to="a\x1b[2J"), "names an account"),
        (change("taker", "key", to=OTHER.public_key), "is for"),
        (change("taker", "key", to="*"), "does not need"),
        (change("tokens", to={}), "no token for"),
        (change("tokens", "MORE", to="x"), "does not need"),
        (change("tokens", "NEXT", to="a.b.c"), "is not valid"),
        (change("tokens", "NEXT", to=INVITE.tokens["ACK"]), 'not "\\$JS.API.CONSUMER.MSG.NEXT'),
        (change("tokens", to=OTHER_TOKENS), "is from"),
    ],
)
def test_whatever_is_changed_is_found(text, says):
    with pytest.raises(ShareError, match=says) as caught:
        read_invite(text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


@given(data=st.data())
def test_a_damaged_text_is_refused_or_grants_the_same(data):
    text = write_invite(INVITE)
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(codec="utf-8"))
    try:
        found = read_invite(text[:place] + letter + text[place + 1 :])
    except ShareError:
        return
    assert found.item.grants == INVITE.item.grants
    for grant in found.item.grants:
        assert found.activation(grant) == INVITE.activation(grant)
