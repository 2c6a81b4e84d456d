"""What accepting an invite adds to the taker's account, and when it is refused."""

import msgspec
import pytest

from isthmus.identity.claims import Import
from isthmus.identity.findings import Severity
from isthmus.identity.nkeys import Kind
from isthmus.identity.validate import validate
from isthmus.sharing import ShareError, Terms, accept
from support.shares import (
    ACK,
    EVERYBODY,
    GIVER,
    INFO,
    NEXT,
    NOW_S,
    OTHER,
    TAKER,
    account,
    giver,
    shared,
    taker,
)
from support.tokens import NOW_NS, key

NS_PER_S = 1_000_000_000
INVITE = shared().invite


def with_imports(*imports):
    return taker(imports=imports)


def service(subject, local, owner=OTHER, **more):
    return Import(
        name="x",
        subject=subject,
        account=owner.public_key,
        local_subject=local,
        type="service",
        **more,
    )


def test_the_imports_are_those_of_the_guide():
    made = accept(taker(), INVITE, NOW_NS)
    assert [(i.subject, i.local_subject, i.type, i.account) for i in made.added] == [
        (NEXT, NEXT.replace("$JS.API", "ACCTC.API"), "service", GIVER.public_key),
        (ACK, ACK, "service", GIVER.public_key),
        (INFO, INFO.replace("$JS.API", "ACCTC.API"), "service", GIVER.public_key),
    ]
    assert made.prefix == "ACCTC.API"
    blocking = [f for f in validate(made.taker, NOW_NS) if f.severity is not Severity.WARNING]
    assert blocking == []


def test_the_taker_may_choose_another_prefix():
    made = accept(taker(), INVITE, NOW_NS, prefix="JS.C")
    assert [item.local for item in made.added] == [
        NEXT.replace("$JS.API", "JS.C"),
        ACK,
        INFO.replace("$JS.API", "JS.C"),
    ]


def test_accepted_twice_nothing_changes():
    once = accept(taker(), INVITE, NOW_NS, prefix="JS.C").taker
    twice = accept(once, INVITE, NOW_NS)
    assert twice.taker == once
    assert (twice.added, twice.renewed) == ((), ())


def test_a_newer_invite_replaces_the_tokens_and_keeps_the_prefix_and_the_place():
    other = service("a", "b")
    first = accept(with_imports(other), INVITE, NOW_NS, prefix="JS.C").taker
    newer = shared(now_ns=NOW_NS + 60 * NS_PER_S, terms=Terms(ends_s=NOW_S + 900)).invite
    made = accept(first, newer, NOW_NS + 61 * NS_PER_S)
    assert made.added == ()
    assert [item.subject for item in made.renewed] == [NEXT, ACK, INFO]
    assert made.taker.nats.imports == (other, *made.renewed)
    assert {item.token for item in made.renewed} == set(newer.tokens.values())
    assert made.prefix == "JS.C"


def test_an_older_invite_does_not_replace_newer_tokens():
    newer = shared(now_ns=NOW_NS + 60 * NS_PER_S).invite
    made = accept(taker(), newer, NOW_NS).taker
    with pytest.raises(ShareError, match="a newer token"):
        accept(made, INVITE, NOW_NS)


def test_an_invite_is_good_for_its_taker_only():
    with pytest.raises(ShareError, match="the invite is for account"):
        accept(account(OTHER, "X"), INVITE, NOW_NS)
    with pytest.raises(ShareError, match="from this account itself"):
        accept(giver(), INVITE, NOW_NS)


def test_anybody_may_accept_a_public_one():
    made = accept(account(OTHER, "X"), shared(whom=EVERYBODY).invite, NOW_NS)
    assert [item.token for item in made.added] == ["", "", ""]


def test_an_expired_invite_is_refused():
    invite = shared(terms=Terms(prefix="P", ends_s=NOW_S + 5)).invite
    accept(taker(), invite, NOW_NS + 4 * NS_PER_S)
    with pytest.raises(ShareError, match="expired"):
        accept(taker(), invite, NOW_NS + 5 * NS_PER_S)


def test_an_invite_may_be_accepted_before_it_is_valid():
    invite = shared(terms=Terms(prefix="P", begins_s=NOW_S + 5)).invite
    assert len(accept(taker(), invite, NOW_NS).added) == 3
    assert len(accept(taker(), invite, NOW_NS, giver=shared().giver).added) == 3


def test_where_the_giver_is_known_its_account_is_asked():
    made = shared()
    revoked = msgspec.structs.replace(
        made.giver.nats,
        exports=tuple(
            msgspec.structs.replace(export, revocations={TAKER.public_key: NOW_S})
            for export in made.giver.nats.exports
        ),
    )
    with pytest.raises(ShareError, match="revoked"):
        accept(taker(), INVITE, NOW_NS, giver=msgspec.structs.replace(made.giver, nats=revoked))
    with pytest.raises(ShareError, match="exports no service"):
        accept(taker(), INVITE, NOW_NS, giver=giver())


def test_an_unknown_signing_key_is_said():
    signing = key(Kind.ACCOUNT, "signing")
    made = shared(signer=signing)
    assert accept(taker(), made.invite, NOW_NS).unproved == signing.public_key
    with pytest.raises(ShareError, match="no signing key"):
        accept(taker(), made.invite, NOW_NS, giver=made.giver)


@pytest.mark.parametrize("prefix", ["$JS.API", "_INBOX", "a b", "*", "a.>"])
def test_a_prefix_must_not_take_what_is_the_takers_own(prefix):
    for invite, given in ((INVITE, prefix), (msgspec.structs.replace(INVITE, prefix=prefix), "")):
        with pytest.raises(ShareError):
            accept(taker(), invite, NOW_NS, prefix=given)


def test_without_any_prefix_the_takers_own_jetstream_would_be_taken():
    with pytest.raises(ShareError, match="every account has for itself"):
        accept(taker(), msgspec.structs.replace(INVITE, prefix=""), NOW_NS)


def test_requests_never_go_to_two_accounts():
    """Two givers with a stream and a consumer of the same names: acks would go to both."""
    with pytest.raises(ShareError, match="go to account") as caught:
        accept(with_imports(service(ACK, ACK)), INVITE, NOW_NS)
    assert "nsc delete import" in caught.value.fix[0]
    local = NEXT.replace("$JS.API", "ACCTC.API")
    with pytest.raises(ShareError, match="go to account") as caught:
        accept(with_imports(service("x.>", "ACCTC.API.>")), INVITE, NOW_NS)
    assert "--as" in caught.value.fix[0]
    with pytest.raises(ShareError, match="go to account"):
        accept(with_imports(service("x", local, GIVER)), INVITE, NOW_NS)
