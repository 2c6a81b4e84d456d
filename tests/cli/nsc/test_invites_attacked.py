"""Invites as an attacker would send them: refused in one line, with nothing written.

What an invite grants follows from what is shared and from its tokens, which the giver signed. So
whatever is changed in it, it either is refused or grants what it granted before.
"""

import copy
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.catalogue.world import ACK, CONSUMER, GIVER, INFO, NEXT, STRANGER, STREAM, TAKER, World

BEGIN, END = "-----BEGIN NATS INVITE-----", "------END NATS INVITE------"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A giver who has shared with ACCTB; the invite is not accepted."""
    made = World(tmp_path_factory.mktemp("invites"), seed="attacked", now_s=1_767_225_600)
    made.operator()
    made.accounts()
    made.account("ACCTD")
    made.ok(
        f"share consumer --account {GIVER} --stream {STREAM} --consumer {CONSUMER} --with {TAKER}"
        " --expires 30d --output-file good.invite"
    )
    return made


@pytest.fixture(scope="module")
def body(world):
    return json.loads((world.work / "good.invite").read_text().split("\n")[1])


def refused(world, text, *, account=TAKER, flags=""):
    """Accept `text`; the complaint."""
    path = world.work / "bad.invite"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = world.tree()
    done = world(f"accept bad.invite --account {account} {flags}")
    assert done.code == 1, done
    assert done.out == ""
    assert done.err.startswith("Error: ")
    assert done.err.count("\n") <= 2, done.err  # and a line that says what to do
    assert done.err.isascii() or "\x1b" not in done.err
    assert world.tree() == before
    return done.err


def wrapped(body):
    return f"{BEGIN}\n{json.dumps(body)}\n{END}\n"


def put(*path, value):
    """Set what stands at `path`."""

    def tamper(world, body):
        place = body
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value(world, body) if callable(value) else value

    return tamper


def without(*path):
    def tamper(world, body):
        place = body
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]

    return tamper


TAMPERED = {
    "other consumer": (put("item", "consumer", value="OTHER"), "is for the subject"),
    "other stream": (put("item", "stream", value="SALARIES"), "is for the subject"),
    "consumer is a wildcard": (put("item", "consumer", value="*"), "cannot be the name"),
    "consumer is everything": (put("item", "consumer", value=">"), "cannot be the name"),
    "stream escapes": (put("item", "stream", value="../x"), "cannot be the name"),
    "control characters": (put("item", "stream", value="a\x1b[2Jb"), "cannot be the name"),
    "stream is endless": (put("item", "stream", value="a" * 70_000), "at most 255 bytes"),
    "another kind": (put("item", "kind", value="operator"), "damaged"),
    "no item": (put("item", value=None), "damaged"),
    "one field more": (put("evil", value=1), "damaged"),
    "of tomorrow": (put("version", value=2), "of version 2"),
    "giver is no key": (put("giver", "key", value="ACCTC"), "is no account key"),
    "other giver": (put("giver", "key", value=STRANGER.public_key), "is from"),
    "taker is no key": (put("taker", "key", value="x"), "is no account key"),
    "title erases the screen": (put("giver", "name", value="\x1b[2J"), "names an account"),
    "public with tokens": (put("taker", "key", value="*"), "does not need"),
    "tokens swapped": (put("tokens", "NEXT", value=lambda w, b: b["tokens"]["ACK"]), "is for the"),
    "no token for acks": (without("tokens", "ACK"), "has no token"),
    "token is none": (put("tokens", "NEXT", value="a.b.c"), "is not valid"),
    "a stranger's token": (
        put("tokens", "NEXT", value=lambda w, b: w.token(NEXT, by=STRANGER)),
        "is from",
    ),
    "a stranger in the giver's name": (
        put(
            "tokens", "NEXT", value=lambda w, b: w.token(NEXT, by=STRANGER, behalf=w.public(GIVER))
        ),
        "not good",
    ),
    "token has expired": (
        put("tokens", "ACK", value=lambda w, b: w.token(ACK, expires_s=-60)),
        "expired",
    ),
    "token for a stream": (
        put("tokens", "INFO", value=lambda w, b: w.token(INFO, kind="stream")),
        "is for a",
    ),
    "prefix is the API": (put("prefix", value="$JS"), "reserved"),
    "prefix is everything": (put("prefix", value=">"), "cannot stand before"),
    "prefix takes inboxes": (put("prefix", value="_INBOX.x"), "reserved"),
    "prefix is missing": (put("prefix", value=""), "for itself"),
    "prefix hides something": (put("prefix", value="a\u202eb"), "cannot stand before"),
    "prefix is endless": (put("prefix", value="a" * 70_000), "at most 255 bytes"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_invite_is_refused(world, body, name):
    tamper, complaint = TAMPERED[name]
    changed = copy.deepcopy(body)
    tamper(world, changed)
    assert complaint in refused(world, wrapped(changed))


TEXTS = {
    "nothing": "",
    "JSON alone": "{}",
    "no JSON": f"{BEGIN}\nhello\n{END}\n",
    "no object": f"{BEGIN}\nnull\n{END}\n",
    "endless nesting": f"{BEGIN}\n{'[' * 100_000}\n{END}\n",
    "no end": f"{BEGIN}\n{{}}\n",
    "only beginnings": f"{BEGIN}\n" * 2_000_000,
    "random bytes": os.urandom(4096),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_invite_is_refused(world, name):
    refused(world, TEXTS[name])


def test_an_invite_for_another_account_is_refused(world, body):
    assert "is for account" in refused(world, wrapped(body), account="ACCTD")
    changed = copy.deepcopy(body)
    changed["taker"]["key"] = world.public("ACCTD")
    assert "is for" in refused(world, wrapped(changed), account="ACCTD")


def test_a_private_share_cannot_be_declared_public(world, body):
    changed = copy.deepcopy(body)
    changed["taker"] = {"key": "*"}
    changed["tokens"] = {}
    assert "private" in refused(world, wrapped(changed), account="ACCTD")


def test_the_giver_cannot_accept_it(world, body):
    assert "from this account itself" in refused(world, wrapped(body), account=GIVER)


@given(data=st.data())
def test_one_changed_character_grants_nothing_else(world, body, data):
    text = wrapped(body)
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters(codec="utf-8")) + text[place + 1 :]
    (world.work / "bad.invite").write_text(changed, encoding="utf-8")
    before = world.claims(TAKER)
    done = world(f"accept bad.invite --account {TAKER} --as ACCTC.API")
    assert done.code in {0, 1}, done
    granted = {
        (item.account, item.subject, item.token) for item in world.claims(TAKER).nats.imports
    }
    names = {"NEXT": NEXT, "ACK": ACK, "INFO": INFO}
    meant = {(world.public(GIVER), names[role], token) for role, token in body["tokens"].items()}
    if done.code == 0:
        assert granted <= meant
        world.write(before)
    else:
        assert world.claims(TAKER) == before


def test_command_lines_to_copy_hold_names_as_they_are(world):
    """A name is data, also for the shell that gets the line."""
    share = f"share consumer --account {GIVER} --stream '$HOME;x' --consumer C1 --with {TAKER}"
    done = world(f"{share} --output-file named.invite")
    assert "nats consumer info '$HOME;x' C1" in done.out
    done = world(f"accept named.invite --account {TAKER} --as named.api")
    assert "--count 1 '$HOME;x' C1" in done.out
