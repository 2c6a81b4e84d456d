"""What a share adds to the giver's account, and when it is refused."""

import msgspec
import pytest

from isthmus.accounts.claims import make_spec
from isthmus.accounts.imports import Grant, Refusal, authorise
from isthmus.accounts.spec import Import
from isthmus.identity import jwt
from isthmus.identity.claims import Export
from isthmus.identity.findings import Severity
from isthmus.identity.nkeys import Kind
from isthmus.identity.validate import validate
from isthmus.sharing import Party, PullConsumer, ShareError, Terms, default_prefix
from isthmus.sharing.takers import Taker, takers
from support.shares import (
    ACK,
    CONSUMER,
    EVERYBODY,
    GIVER,
    INFO,
    NEXT,
    NOW_S,
    TAKER,
    TAKING,
    account,
    giver,
    shared,
    taker,
)
from support.tokens import NOW_NS, key

NS_PER_S = 1_000_000_000


def tokens(made):
    return {role: jwt.decode_activation(token) for role, token in made.invite.tokens.items()}


def service(subject, response_type="Singleton", *, private=True, **more):
    return Export(
        name="x",
        subject=subject,
        type="service",
        token_required=private,
        response_type=response_type,
        **more,
    )


def works(made, subject, *, now_ns=NOW_NS):
    """Whether a server lets the taker import `subject` with the tokens of the share."""
    role = {NEXT: "NEXT", ACK: "ACK", INFO: "INFO"}[subject]
    wanted = Import(
        kind="service",
        account=GIVER.public_key,
        remote=subject,
        local=subject,
        activation=made.invite.tokens[role],
    )
    exporter = make_spec(made.giver, "")
    return authorise(make_spec(taker(), ""), wanted, exporter, now_ns)


def test_the_exports_are_those_of_the_guide():
    made = shared()
    assert [(e.name, e.subject, e.type, e.token_required, e.response_type) for e in made.added] == [
        ("RESTOCKEVENTS-C1-GRANT-NEXT", NEXT, "service", True, "Stream"),
        ("RESTOCKEVENTS-C1-GRANT-ACK", ACK, "service", True, "Singleton"),
        ("RESTOCKEVENTS-C1-GRANT-INFO", INFO, "service", True, "Singleton"),
    ]
    assert NEXT == "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
    assert ACK == "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
    assert INFO == "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
    assert not made.findings
    blocking = [f for f in validate(made.giver, NOW_NS) if f.severity is not Severity.WARNING]
    assert blocking == []


def test_the_tokens_are_for_the_taker_and_these_subjects_only():
    made = shared()
    said = {
        role: (token.subject, token.issuer, token.nats.subject, token.nats.kind, token.expires_s)
        for role, token in tokens(made).items()
    }
    assert said == {
        role: (TAKER.public_key, GIVER.public_key, subject, "service", 0)
        for role, subject in (("NEXT", NEXT), ("ACK", ACK), ("INFO", INFO))
    }
    for subject in (NEXT, ACK, INFO):
        assert isinstance(works(made, subject), Grant)


def test_without_info_there_is_no_third_subject():
    made = shared(item=PullConsumer(stream="S", consumer="C", info=False))
    assert [export.name for export in made.added] == ["S-C-GRANT-NEXT", "S-C-GRANT-ACK"]
    assert set(made.invite.tokens) == {"NEXT", "ACK"}


def test_all_tokens_of_a_share_end_together():
    made = shared(terms=Terms(ends_s=NOW_S + 60))
    assert {token.expires_s for token in tokens(made).values()} == {NOW_S + 60}
    assert made.invite.ends_s == NOW_S + 60
    for subject in (NEXT, ACK, INFO):
        assert works(made, subject).ends_ns == (NOW_S + 60) * NS_PER_S
        late = works(made, subject, now_ns=(NOW_S + 60) * NS_PER_S)
        assert isinstance(late, Refusal)


def test_a_signing_key_says_for_whom_it_signs():
    signing = key(Kind.ACCOUNT, "signing")
    made = shared(giver(signing_keys=(signing.public_key,)), signer=signing)
    for token in tokens(made).values():
        assert token.issuer == signing.public_key
        assert token.nats.issuer_account == GIVER.public_key
    assert isinstance(works(made, NEXT), Grant)


def test_a_second_taker_needs_no_second_export():
    first = shared()
    second = shared(first.giver, whom=Party(key=key(Kind.ACCOUNT, "other").public_key, name="X"))
    assert second.added == ()
    assert len(second.giver.nats.exports) == 3
    for export in second.giver.nats.exports:
        assert [taker.name for taker in takers(export)] == ["ACCTB", "X"]


def test_sharing_again_changes_nothing_but_the_time_that_is_written_down():
    first = shared()
    again = shared(first.giver, now_ns=NOW_NS + 5 * NS_PER_S)
    for export in again.giver.nats.exports:
        assert takers(export) == (
            Taker(key=TAKING.key, name=TAKING.name, since_s=NOW_S + 5, until_s=0),
        )


def test_public_shares_have_no_tokens():
    made = shared(whom=EVERYBODY)
    assert made.invite.public
    assert made.invite.tokens == {}
    assert not any(export.token_required or export.description for export in made.added)


def test_tokens_made_in_the_second_of_a_revocation_count():
    revoked = {TAKER.public_key: NOW_S, "*": NOW_S + 1}
    exports = [msgspec.structs.replace(export, revocations=revoked) for export in shared().added]
    made = shared(giver(*exports))
    assert {token.issued_s for token in tokens(made).values()} == {NOW_S + 2}
    for subject in (NEXT, ACK, INFO):
        assert isinstance(works(made, subject), Grant)


def test_a_revocation_far_in_the_future_is_named():
    exports = [
        msgspec.structs.replace(export, revocations={"*": NOW_S + 1000})
        for export in shared().added
    ]
    with pytest.raises(ShareError, match="until a moment in the future") as caught:
        shared(giver(*exports))
    assert "revocations delete-activation" in caught.value.fix[0]


def test_a_wider_private_export_is_used_and_said():
    made = shared(giver(service("$JS.API.>", "Stream")))
    assert [export.subject for export in made.added] == [ACK]
    assert [(f.code, f.subject) for f in made.findings] == [
        ("broad_grant", NEXT),
        ("broad_grant", INFO),
    ]
    assert tokens(made)["NEXT"].nats.subject == NEXT, "the token opens no more than was asked"
    assert isinstance(works(made, NEXT), Grant)


def refused(*exports, says, fix, whom=TAKING):
    with pytest.raises(ShareError, match=says) as caught:
        shared(giver(*exports), whom=whom)
    assert fix in caught.value.fix[0]
    assert caught.value.fix[0].startswith("nsc ")


def test_exports_that_do_not_fit_are_refused_with_the_command_that_mends_it():
    refused(service(NEXT), says="response type Singleton", fix="--response-type Stream")
    refused(service("$JS.API.>"), says="response type Singleton", fix="--response-type Stream")
    refused(
        service(NEXT, "Stream"),
        service(ACK, "Stream"),
        says="with response type Stream",
        fix="--response-type Singleton",
    )
    refused(service(NEXT, "Stream", private=False), says="publicly", fix="--private")
    refused(service("$JS.API.>", "Stream", private=False), says="publicly", fix="'$JS.API.>'")
    refused(service(NEXT, "Stream"), says="privately", fix="--private=false", whom=EVERYBODY)
    refused(service(ACK.replace(">", "x")), says="no two exports may overlap", fix="delete export")


def test_a_stream_export_of_the_same_subject_is_no_obstacle():
    made = shared(giver(Export(name="x", subject=NEXT, type="stream")))
    assert len(made.added) == 3


def test_an_account_without_jetstream_is_named():
    made = shared(account(GIVER, "ACCTC", jetstream=False))
    assert [finding.code for finding in made.findings] == ["jetstream_disabled"]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "*", ">", "a\x1bb", "a/b", "..", "\u2028"])
def test_names_that_no_stream_can_have_are_refused(name):
    with pytest.raises(ShareError):
        shared(item=PullConsumer(stream=name, consumer="C"))
    with pytest.raises(ShareError):
        shared(item=PullConsumer(stream="S", consumer=name))


def test_an_account_does_not_share_with_itself():
    with pytest.raises(ShareError, match="with itself"):
        shared(whom=Party(key=GIVER.public_key))


def test_a_public_share_has_no_end():
    with pytest.raises(ShareError, match="no end"):
        shared(whom=EVERYBODY, terms=Terms(ends_s=NOW_S + 9))


@pytest.mark.parametrize("prefix", ["$JS.API", "a b", "a.", "_INBOX.x", "a.*", ">", "_R_.x"])
def test_prefixes_that_mean_something_else_are_refused(prefix):
    with pytest.raises(ShareError):
        shared(terms=Terms(prefix=prefix))


def test_the_prefix_is_the_accounts_name():
    assert default_prefix(giver(), CONSUMER) == "ACCTC.API"
    with pytest.raises(ShareError, match="cannot be part of a subject"):
        default_prefix(account(GIVER, "two words"), CONSUMER)
