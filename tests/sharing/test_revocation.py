"""A share ends as a whole; whom it hits is known before."""

import msgspec
import pytest

from isthmus.identity.claims import Export
from isthmus.identity.nkeys import Kind
from isthmus.sharing import Bucket, Origin, Party, PullConsumer, ShareError, Terms, accept
from isthmus.sharing.listing import Accounts, given, received
from isthmus.sharing.revocation import Selection, find_item, held_item, hits, revoke
from support.shares import (
    ACK,
    CONSUMER,
    EVERYBODY,
    GIVER,
    INFO,
    NEXT,
    NOW_S,
    OTHER,
    TAKER,
    TAKING,
    account,
    giver,
    shared,
    taker,
)
from support.tokens import NOW_NS, key

NS_PER_S = 1_000_000_000
FAR = key(Kind.ACCOUNT, "far").public_key
NAMED = Selection(stream="RESTOCKEVENTS", consumer="RESTOCKEVENTS-C1")


def accounts(*claims, after_s=0):
    return Accounts({item.subject: item for item in claims}, NOW_NS + after_s * NS_PER_S)


def both(*, terms=Terms(prefix="ACCTC.API")):
    """The giver, and a taker in the same store that accepted."""
    made = shared(terms=terms)
    return made.giver, accept(taker(), made.invite, NOW_NS).taker


def test_all_subjects_of_the_share_end_and_nothing_else():
    other = PullConsumer(stream="RESTOCKEVENTS", consumer="RESTOCKEVENTS-C2")
    more = shared(both()[0], other)
    world = accounts(more.giver, both()[1], after_s=5)
    done = revoke(world, GIVER.public_key, CONSUMER, TAKER.public_key)
    assert [(c.taker, c.subject, c.before, c.after) for c in done.changes] == [
        ("ACCTB", subject, "active", "revoked") for subject in (NEXT, ACK, INFO)
    ]
    revoked = {e.subject: e.revocations for e in done.giver.nats.exports if e.revocations}
    assert revoked == {s: {TAKER.public_key: NOW_S + 5} for s in (NEXT, ACK, INFO)}
    after = accounts(done.giver, both()[1], after_s=5)
    assert [(s.item, s.state) for s in given(after, GIVER.public_key)] == [
        (CONSUMER, "revoked"),
        (other, "not accepted"),
    ]
    assert [share.state for share in received(after, TAKER.public_key)] == ["revoked"]


def test_others_who_have_it_keep_it():
    made = shared(both()[0], whom=Party(key=FAR, name="FAR"))
    world = accounts(made.giver, both()[1], after_s=5)
    assert [share.taker.name for share in hits(world, GIVER.public_key, CONSUMER, "*")] == [
        "ACCTB",
        "FAR",
    ]
    done = revoke(world, GIVER.public_key, CONSUMER, TAKER.public_key)
    after = accounts(done.giver, both()[1], after_s=5)
    assert [(s.taker.name, s.state) for s in given(after, GIVER.public_key)] == [
        ("ACCTB", "revoked"),
        ("FAR", "issued"),
    ]


def test_everybody_at_once():
    made = shared(both()[0], whom=Party(key=FAR, name="FAR"))
    world = accounts(made.giver, both()[1], after_s=5)
    done = revoke(world, GIVER.public_key, CONSUMER, "*")
    assert len(done.changes) == 6
    assert {change.after for change in done.changes} == {"revoked"}


def test_tokens_issued_ahead_of_the_clock_end_as_well():
    """Renewed in the second of a revocation, they bear the next second's time."""
    first = shared().giver
    gone = revoke(accounts(first), GIVER.public_key, CONSUMER, TAKER.public_key).giver
    again = shared(gone).giver
    assert [s.state for s in given(accounts(again), GIVER.public_key)] == ["issued"]
    done = revoke(accounts(again), GIVER.public_key, CONSUMER, TAKER.public_key)
    assert [s.state for s in given(accounts(done.giver), GIVER.public_key)] == ["revoked"]


def test_a_public_share_ends_for_everybody_or_not_at_all():
    made = shared(whom=EVERYBODY).giver
    world = accounts(made)
    with pytest.raises(ShareError, match="publicly") as caught:
        revoke(world, GIVER.public_key, CONSUMER, TAKER.public_key)
    assert len(caught.value.fix) == 3
    done = revoke(world, GIVER.public_key, CONSUMER, "*")
    assert done.giver.nats.exports == ()
    assert [(c.subject, c.before, c.after) for c in done.changes] == [
        (subject, "public", "deleted") for subject in (NEXT, ACK, INFO)
    ]


def test_a_wider_export_is_revoked_as_a_whole_and_that_is_said():
    wide = Export(
        name="x", subject="$JS.API.>", type="service", token_required=True, response_type="Stream"
    )
    made = shared(giver(wide)).giver
    item = find_item(accounts(made), GIVER.public_key, NAMED)
    done = revoke(accounts(made), GIVER.public_key, item, TAKER.public_key)
    assert {finding.code for finding in done.findings} == {"broad_grant"}
    assert all(TAKER.public_key in export.revocations for export in done.giver.nats.exports)


def test_who_has_nothing_cannot_lose_it():
    with pytest.raises(ShareError, match="not known to be shared"):
        revoke(accounts(shared().giver), GIVER.public_key, CONSUMER, FAR)
    with pytest.raises(ShareError, match="nothing to renew"):
        held_item(accounts(shared().giver), GIVER.public_key, CONSUMER, FAR)


def test_the_named_share_is_found():
    made = shared(shared().giver, PullConsumer(stream="RESTOCKEVENTS", consumer="X")).giver
    world = accounts(made)
    assert find_item(world, GIVER.public_key, NAMED) == CONSUMER
    with pytest.raises(ShareError, match="more than one thing"):
        find_item(world, GIVER.public_key, Selection(stream="RESTOCKEVENTS"))
    with pytest.raises(ShareError, match="no share is named"):
        find_item(world, GIVER.public_key, Selection())
    for selection in (Selection(stream="S", consumer="C"), Selection(bucket="b")):
        with pytest.raises(ShareError, match="shares nothing"):
            find_item(world, GIVER.public_key, selection)


def test_of_several_places_of_a_copied_stream_the_takers_own_is_found():
    mine, theirs = (Origin(stream="S", deliver=f"copies.S.{name}") for name in ("x", "y"))
    claims = shared(shared(item=mine).giver, theirs, Party(key=FAR)).giver
    claims = shared(claims, PullConsumer(stream="S", consumer="C")).giver
    world = accounts(claims)
    named = Selection(stream="S")
    assert find_item(world, GIVER.public_key, named, TAKER.public_key) == mine
    assert find_item(world, GIVER.public_key, named, FAR) == theirs
    with pytest.raises(ShareError, match="more than one thing"):
        find_item(world, GIVER.public_key, named)
    done = revoke(world, GIVER.public_key, mine, TAKER.public_key)
    after = given(accounts(done.giver), GIVER.public_key)
    assert {(share.item, share.state) for share in after if share.item != mine} == {
        (theirs, "issued"),
        (PullConsumer(stream="S", consumer="C"), "issued"),
    }
    assert [share.state for share in after if share.item == mine] == ["revoked"]


def test_a_taker_without_info_renews_without_it():
    bare = msgspec.structs.replace(CONSUMER, info=False)
    first = shared(item=bare, whom=Party(key=FAR)).giver
    world = accounts(shared(first).giver)
    item = find_item(world, GIVER.public_key, NAMED)
    assert item == CONSUMER
    assert held_item(world, GIVER.public_key, item, FAR) == bare
    assert held_item(world, GIVER.public_key, item, TAKER.public_key) == CONSUMER


def test_parts_of_a_bucket_are_shares_of_their_own():
    """Both need the bucket's INFO: it ends with the last of them."""
    one, two = Bucket(bucket="b", keys="one.>"), Bucket(bucket="b", keys="two.>")
    far = Party(key=FAR, name="FAR")
    claims = shared(shared(item=one).giver, two, far).giver
    listed = given(accounts(claims), GIVER.public_key)
    assert [(share.item, share.taker.name, share.state) for share in listed] == [
        (one, "ACCTB", "issued"),
        (two, "FAR", "issued"),
    ]
    claims = shared(claims, two).giver
    done = revoke(accounts(claims), GIVER.public_key, one, TAKER.public_key)
    assert [change.after for change in done.changes] == ["revoked", "revoked", "issued"]
    states = {
        (share.item.keys, share.taker.name): share.state
        for share in given(accounts(done.giver), GIVER.public_key)
    }
    assert states == {
        ("one.>", "ACCTB"): "revoked",
        ("two.>", "FAR"): "issued",
        ("two.>", "ACCTB"): "issued",
    }
    done = revoke(accounts(done.giver), GIVER.public_key, two, TAKER.public_key)
    assert {change.after for change in done.changes} == {"revoked"}


# -- states of shares ------------------------------------------------------------------------------


def test_what_is_issued_accepted_and_received():
    made, accepted = both(terms=Terms(prefix="P", ends_s=NOW_S + 60))
    (away,) = given(accounts(made), GIVER.public_key)
    assert (away.taker, away.state, away.since_s, away.until_s) == (
        TAKING,
        "issued",
        NOW_S,
        NOW_S + 60,
    )
    (idle,) = given(accounts(made, taker()), GIVER.public_key)
    assert idle.state == "not accepted"
    world = accounts(made, accepted)
    (mine,), (theirs,) = given(world, GIVER.public_key), received(world, TAKER.public_key)
    for share in (mine, theirs):
        assert (share.item, share.state) == (CONSUMER, "active")
        assert (share.giver.name, share.taker.name) == ("ACCTC", "ACCTB")
        assert (share.since_s, share.until_s) == (NOW_S, NOW_S + 60)
    (alone,) = received(accounts(accepted), TAKER.public_key)
    assert (alone.state, alone.giver) == ("active", Party(key=GIVER.public_key))
    for world in (accounts(made, after_s=60), accounts(accepted, after_s=60)):
        shares = [*given(world, GIVER.public_key)] if GIVER.public_key in world.claims else []
        shares += received(world, TAKER.public_key) if TAKER.public_key in world.claims else []
        assert [share.state for share in shares] == ["expired"]


def test_shares_made_by_other_means_are_shares_too():
    """The guide's own names; the taker is known by its imports."""
    made, accepted = both()
    bare = tuple(
        msgspec.structs.replace(export, description="", name=f"RESTOCKEVENTS-GRANT-{place}")
        for place, export in enumerate(made.nats.exports)
    )
    plain = giver(*bare)
    (share,) = given(accounts(plain, accepted), GIVER.public_key)
    assert (share.item, share.taker.name, share.state) == (CONSUMER, "ACCTB", "active")
    assert share.since_s == NOW_S
    (share,) = given(accounts(plain), GIVER.public_key)
    assert (share.taker.key, share.state) == ("", "offered")


def test_a_share_whose_parts_differ_is_partial():
    made, accepted = both()
    cut = giver(*[e for e in made.nats.exports if e.subject != ACK])
    (share,) = received(accounts(cut, accepted), TAKER.public_key)
    assert share.state == "partial"
    assert {s.role: s.state for s in share.standings} == {
        "NEXT": "active",
        "ACK": "missing",
        "INFO": "active",
    }
    (share,) = given(accounts(cut, accepted), GIVER.public_key)
    assert share.state == "partial"


def test_a_public_share_has_everybody_as_taker():
    made = shared(whom=EVERYBODY)
    (share,) = given(accounts(made.giver), GIVER.public_key)
    assert (share.taker.key, share.state) == ("*", "public")
    accepted = accept(account(OTHER, "X"), made.invite, NOW_NS).taker
    (share,) = received(accounts(accepted), OTHER.public_key)
    assert share.state == "public"
    (share,) = received(accounts(accepted, made.giver), OTHER.public_key)
    assert share.state == "active"
