import base64
from datetime import UTC

import msgspec
import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt, trust
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    UNLIMITED_USER,
    Account,
    AccountClaims,
    Activation,
    Operator,
    OperatorClaims,
    Permission,
    Permissions,
    ResponsePermission,
    ScopeTemplate,
    TimeRange,
    User,
    UserClaims,
    UserScope,
    make_activation,
)
from isthmus.identity.nkeys import Kind
from isthmus.identity.payload import TokenError, make_hash_id
from isthmus.identity.restrictions import only_utc
from isthmus.identity.trust import Admission, Grant, Login, Offer, Reason, Refusal, Trust
from support import vectors
from support.tokens import NOW_NS, NOW_S, key

OPERATOR = key(Kind.OPERATOR, "operator")
OPERATOR_SIGNING = key(Kind.OPERATOR, "signing")
ACCOUNT = key(Kind.ACCOUNT, "account")
SIGNING = key(Kind.ACCOUNT, "signing")
SCOPED = key(Kind.ACCOUNT, "scoped")
STRANGER = key(Kind.ACCOUNT, "stranger")
USER = key(Kind.USER, "user")
NONCE = "abcdefghijklmno"
SIGNATURE = base64.urlsafe_b64encode(USER.sign(NONCE.encode())).decode().rstrip("=")


def operator(*, strict=False):
    body = Operator(signing_keys=(OPERATOR_SIGNING.public_key,), strict_signing_key_usage=strict)
    return OperatorClaims(subject=OPERATOR.public_key, nats=body)


TRUST = Trust.from_operators([operator()])
STRICT = Trust.from_operators([operator(strict=True)])


def account(signer=OPERATOR, expires_s=0, **body):
    body = {"limits": UNLIMITED_ACCOUNT} | body
    claims = AccountClaims(subject=ACCOUNT.public_key, expires_s=expires_s, nats=Account(**body))
    return jwt.sign(claims, signer, NOW_NS)


def user(signer=ACCOUNT, body=UNLIMITED_USER, expires_s=0, not_before_s=0, name="bob"):
    if signer is not ACCOUNT:
        body = msgspec.structs.replace(body, issuer_account=ACCOUNT.public_key)
    claims = UserClaims(
        subject=USER.public_key,
        name=name,
        expires_s=expires_s,
        not_before_s=not_before_s,
        nats=body,
    )
    return jwt.sign(claims, signer, NOW_NS)


def body(**changes):
    return msgspec.structs.replace(UNLIMITED_USER, **changes)


def admit(login_user=None, of=None, trusted=TRUST, now_ns=NOW_NS, zones=only_utc, **changes):
    login = Login(
        user=login_user or user(),
        account=of or account(signing_keys=(SIGNING.public_key,)),
        **({"nonce": NONCE, "signature": SIGNATURE, "address": "127.0.0.1"} | changes),
    )
    return trust.admit(login, trusted, now_ns, zones)


def reason(outcome):
    return outcome.reason if isinstance(outcome, Refusal) else outcome


# -- operators and accounts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "signer", "why"),
    [
        (TRUST, OPERATOR, None),
        (TRUST, OPERATOR_SIGNING, None),
        (STRICT, OPERATOR_SIGNING, None),
        (STRICT, OPERATOR, Reason.ACCOUNT_UNTRUSTED),
        (TRUST, key(Kind.OPERATOR, "foreign"), Reason.ACCOUNT_UNTRUSTED),
        (TRUST, ACCOUNT, Reason.ACCOUNT_UNTRUSTED),
    ],
)
def test_an_account_is_signed_by_a_key_we_trust(trusted, signer, why):
    assert reason(trust.check_account(account(signer), trusted, NOW_NS)) == why
    if why:
        assert reason(admit(of=account(signer), trusted=trusted)) == why


def test_an_account_ends_at_its_expiry():
    claims = account(expires_s=NOW_S + 1)
    assert trust.check_account(claims, TRUST, NOW_NS) is None
    refusal = trust.check_account(claims, TRUST, NOW_NS + NS_PER_S)
    assert refusal == Refusal(reason=Reason.ACCOUNT_EXPIRED, text="Account JWT has expired")
    assert isinstance(admit(of=claims), Admission)
    assert admit(of=claims, now_ns=NOW_NS + NS_PER_S) == refusal


# -- who signed the user ---------------------------------------------------------------------------


def test_a_user_of_the_account_is_admitted_without_end():
    admission = admit()
    assert isinstance(admission, Admission)
    assert admission.ends_ns == 0
    assert admission.limits.subs == -1


def test_a_user_of_a_signing_key_is_admitted():
    assert isinstance(admit(user(SIGNING)), Admission)


def test_a_signing_key_that_is_gone_signs_nobody():
    refusal = admit(user(SIGNING), of=account())
    assert refusal == Refusal(reason=Reason.ISSUER_UNKNOWN, text="User JWT issuer is not known")


def test_a_user_of_a_signing_key_names_its_account():
    claims = jwt.sign(UserClaims(subject=USER.public_key, nats=UNLIMITED_USER), SIGNING, NOW_NS)
    assert reason(admit(claims)) is Reason.ISSUER_UNKNOWN


def test_a_stranger_signs_nobody():
    assert reason(admit(user(STRANGER))) is Reason.ISSUER_UNKNOWN


def test_under_a_strict_operator_the_account_key_itself_signs_nobody():
    claims = account(OPERATOR_SIGNING, signing_keys=(SIGNING.public_key,))
    assert reason(admit(of=claims, trusted=STRICT)) is Reason.ISSUER_UNKNOWN
    assert isinstance(admit(user(SIGNING), of=claims, trusted=STRICT), Admission)


# -- scopes ----------------------------------------------------------------------------------------


def scoped_account(template):
    return account(signing_keys=(UserScope(key=SCOPED.public_key, role="r", template=template),))


def test_a_scoped_user_gets_the_template_with_its_own_name():
    template = ScopeTemplate(pub=Permission(allow=("u.{{name()}}",)), payload=9)
    admission = admit(user(SCOPED, User()), of=scoped_account(template))
    assert admission.limits.pub.allow == ("u.bob",)
    assert (admission.limits.payload, admission.limits.subs) == (9, -1)


@pytest.mark.parametrize("own", [UNLIMITED_USER, User(bearer_token=True), User(zone="UTC")])
def test_a_scoped_user_has_no_limits_of_its_own(own):
    refusal = admit(user(SCOPED, own), of=scoped_account(ScopeTemplate()))
    assert refusal.reason is Reason.SCOPE_VIOLATED
    assert refusal.text.endswith("scoped users require no permissions or limits set")


def test_a_template_that_makes_no_sense_admits_nobody():
    template = ScopeTemplate(pub=Permission(deny=("{{tag(none)}}",)))
    assert reason(admit(user(SCOPED, User()), of=scoped_account(template))) is (
        Reason.TEMPLATE_INVALID
    )


def test_a_bearer_template_needs_no_signature():
    claims = scoped_account(ScopeTemplate(bearer_token=True))
    assert isinstance(admit(user(SCOPED, User()), of=claims, signature=""), Admission)


# -- the proof -------------------------------------------------------------------------------------


def padded(pair):
    return base64.b64encode(pair.sign(NONCE.encode())).decode()


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        (SIGNATURE, None),
        (padded(USER), None),
        ("", Reason.SIGNATURE_MISSING),
        ("!", Reason.SIGNATURE_WRONG),
        ("é", Reason.SIGNATURE_WRONG),
        ("A", Reason.SIGNATURE_WRONG),
        ("AAAA", Reason.SIGNATURE_WRONG),
        (padded(ACCOUNT), Reason.SIGNATURE_WRONG),
    ],
)
def test_the_user_signs_the_nonce(signature, why):
    outcome = admit(signature=signature)
    assert (reason(outcome) if why else type(outcome)) == (why or Admission)


def test_a_signature_over_another_nonce_is_refused():
    assert admit(nonce="other").text == "Signature not verified"


def test_a_bearer_needs_no_signature_and_a_wrong_one_does_not_matter():
    for signature in ("", "wrong"):
        assert isinstance(admit(user(body=body(bearer_token=True)), signature=signature), Admission)


def test_an_account_may_refuse_bearers():
    limits = msgspec.structs.replace(UNLIMITED_ACCOUNT, disallow_bearer=True)
    refusal = admit(user(body=body(bearer_token=True)), of=account(limits=limits))
    assert refusal.text == "Account does not allow bearer tokens"


# -- when, where, how ------------------------------------------------------------------------------


def test_a_user_ends_at_its_expiry():
    claims = user(expires_s=NOW_S + 5)
    assert admit(claims).ends_ns == (NOW_S + 5) * NS_PER_S
    refusal = admit(claims, now_ns=(NOW_S + 6) * NS_PER_S)
    assert refusal.text == "User JWT no longer valid: &{Issues:[claim is expired]}"


def test_a_user_begins_when_it_says():
    refusal = admit(user(not_before_s=NOW_S + 1))
    assert refusal.text == "User JWT no longer valid: &{Issues:[claim is not yet valid]}"


def test_invalid_claims_are_refused():
    assert reason(admit(user(body=body(sources=("x",))))) is Reason.CLAIMS_INVALID


@pytest.mark.parametrize(
    ("revocations", "revoked"),
    [
        ({USER.public_key: NOW_S}, True),
        ({"*": NOW_S}, True),
        ({USER.public_key: NOW_S - 1, "*": NOW_S - 1}, False),
        ({STRANGER.public_key: NOW_S}, False),
    ],
)
def test_a_revoked_user_is_refused(revocations, revoked):
    outcome = admit(of=account(revocations=revocations))
    assert (reason(outcome) is Reason.REVOKED) == revoked


@pytest.mark.parametrize(
    ("types", "connection_type", "allowed"),
    [
        ((), "MQTT", True),
        (("STANDARD",), "STANDARD", True),
        (("standard",), "STANDARD", True),
        (("WEBSOCKET",), "STANDARD", False),
        (("NONSENSE", "STANDARD"), "STANDARD", True),
        (("NONSENSE",), "STANDARD", False),
        (("NONSENSE",), "NONSENSE", False),
    ],
)
def test_connection_types(types, connection_type, allowed):
    outcome = admit(user(body=body(connection_types=types)), connection_type=connection_type)
    assert isinstance(outcome, Admission) == allowed
    assert allowed or outcome.text == "Connection type not allowed"


def test_a_user_may_have_to_come_through_a_proxy():
    claims = user(body=body(proxy_required=True))
    assert reason(admit(claims)) is Reason.PROXY_REQUIRED
    assert isinstance(admit(claims, proxied=True), Admission)


def test_a_user_comes_from_its_networks():
    claims = user(body=body(sources=("10.0.0.0/8",)))
    assert admit(claims).text == "Bad src Ip 127.0.0.1"
    assert isinstance(admit(claims, address="10.1.1.1"), Admission)


def test_a_user_comes_at_its_time_and_goes_when_that_is_over():
    # NOW is 2023-11-14 22:15:00 UTC
    open_now = TimeRange(start="22:00:00", end="23:00:00")
    closes_ns = (NOW_S + 45 * 60) * NS_PER_S
    assert admit(user(body=body(times=(open_now,)))).ends_ns == closes_ns
    assert (
        admit(user(body=body(times=(open_now,)), expires_s=NOW_S + 5)).ends_ns
        == (NOW_S + 5) * NS_PER_S
    )
    closed = TimeRange(start="08:00:00", end="09:00:00")
    assert admit(user(body=body(times=(closed,)))).text == "Outside connect times"


def test_a_time_zone_nobody_knows_admits_nobody():
    claims = user(body=body(zone="Nowhere/X", times=(TimeRange(start="00:00:00", end="23:59:59"),)))
    assert reason(admit(claims)) is Reason.CLAIMS_INVALID
    known = {"": UTC, "Nowhere/X": UTC}.get
    assert isinstance(admit(claims, zones=known), Admission)


# -- default permissions ---------------------------------------------------------------------------

DEFAULT = Permissions(
    pub=Permission(allow=("a",)), resp=ResponsePermission(messages_max=1, lifetime_ns=1)
)


def test_who_says_nothing_about_subjects_gets_the_default():
    limits = admit(of=account(default_permissions=DEFAULT)).limits
    assert limits.permissions == DEFAULT
    assert limits.subs == -1


@pytest.mark.parametrize(
    "own",
    [
        {"pub": Permission(deny=("x",))},
        {"sub": Permission(allow=("x",))},
        {"resp": ResponsePermission()},
    ],
)
def test_who_says_anything_about_subjects_gets_only_that(own):
    limits = admit(user(body=body(**own)), of=account(default_permissions=DEFAULT)).limits
    assert limits.permissions == Permissions(**own)


# -- activations -----------------------------------------------------------------------------------

IMPORTER = key(Kind.ACCOUNT, "importer").public_key


def token(
    signer=ACCOUNT,
    *,
    subject="svc.>",
    kind="service",
    target=IMPORTER,
    expires_s=0,
    nbf_s=0,
    **changes,
):
    claims = make_activation(target, subject, Activation(subject=subject, kind=kind, **changes))
    claims = msgspec.structs.replace(claims, expires_s=expires_s, not_before_s=nbf_s)
    return jwt.encode(claims, signer, NOW_NS)


def activate(
    text,
    subject="svc.a",
    *,
    signing_keys=(SIGNING.public_key, SCOPED.public_key),
    revocations=(),
    now_ns=NOW_NS,
):
    offer = Offer(
        kind="service",
        subject=subject,
        importer=IMPORTER,
        exporter=ACCOUNT.public_key,
        signing_keys=signing_keys,
        revocations=dict(revocations),
    )
    return trust.check_activation(text, offer, now_ns)


BY_SIGNING_KEY = {"issuer_account": ACCOUNT.public_key}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (token(), None),
        (token(SIGNING, **BY_SIGNING_KEY), None),
        (token(SCOPED, **BY_SIGNING_KEY), None),
        (token(issuer_account=ACCOUNT.public_key), None),
        (token(subject="svc.*"), None),
        ("", Reason.ACTIVATION_MISSING),
        ("a.b.c", Reason.ACTIVATION_INVALID),
        (token(subject="a b"), Reason.ACTIVATION_INVALID),
        (vectors.V5_USER, Reason.ACTIVATION_INVALID),
        (token(STRANGER), Reason.ACTIVATION_ISSUER),
        (token(STRANGER, **BY_SIGNING_KEY), Reason.ACTIVATION_ISSUER),
        (token(SIGNING), Reason.ACTIVATION_ISSUER),
        (token(issuer_account=STRANGER.public_key), Reason.ACTIVATION_ISSUER),
        (token(OPERATOR, **BY_SIGNING_KEY), Reason.ACTIVATION_ISSUER),
        (token(target=STRANGER.public_key), Reason.ACTIVATION_ACCOUNT),
        (token(kind="stream"), Reason.ACTIVATION_KIND),
        (token(subject="svc.b"), Reason.ACTIVATION_SUBJECT),
        (token(expires_s=NOW_S), Reason.ACTIVATION_EXPIRED),
        (token(nbf_s=NOW_S + 1), Reason.ACTIVATION_EARLY),
    ],
)
def test_a_private_export_needs_a_token_that_fits(text, why):
    outcome = activate(text)
    assert (reason(outcome) if why else outcome) == (why or Grant(issued_s=NOW_S, ends_ns=0))


def test_a_grant_ends_when_its_token_ends():
    assert activate(token(expires_s=NOW_S + 9)).ends_ns == (NOW_S + 9) * NS_PER_S
    later_ns = (NOW_S + 9) * NS_PER_S
    assert (
        reason(activate(token(expires_s=NOW_S + 9), now_ns=later_ns)) is Reason.ACTIVATION_EXPIRED
    )


def test_one_token_for_any_token_is_not_one_for_all_that_follow():
    assert reason(activate(token(subject="svc.*"), "svc.>")) is Reason.ACTIVATION_SUBJECT


def test_a_grant_begins_when_its_token_begins():
    refusal = activate(token(nbf_s=NOW_S + 9))
    assert refusal.wakes_ns == (NOW_S + 9) * NS_PER_S
    assert isinstance(activate(token(nbf_s=NOW_S + 9), now_ns=refusal.wakes_ns), Grant)


@pytest.mark.parametrize(
    ("revocations", "revoked"),
    [
        ({IMPORTER: NOW_S}, True),
        ({"*": NOW_S}, True),
        ({IMPORTER: NOW_S - 1}, False),
        ({ACCOUNT.public_key: NOW_S}, False),
    ],
)
def test_an_export_revokes_tokens_by_importer(revocations, revoked):
    outcome = activate(token(), revocations=revocations)
    assert (reason(outcome) is Reason.ACTIVATION_REVOKED) == revoked


def test_a_removed_signing_key_ends_its_grants():
    assert (
        reason(activate(token(SIGNING, **BY_SIGNING_KEY), signing_keys=()))
        is Reason.ACTIVATION_ISSUER
    )


# -- names of activations --------------------------------------------------------------------------


def test_an_activation_has_a_known_name():
    assert make_hash_id(jwt.decode_activation(vectors.V3_ACTIVATION)) == (
        "TFZDIEOSEXFXLN3PPOXPBTMXWTRUJ3YMOP7TJZFCYU22IFHHJJPA===="
    )


PUBLISHED = make_activation(
    "AAM46E3YF5WOZSE5WNYWHN3YYISVZOSI6XHTF2Q64ECPXSFQZROJMP2H",
    "",
    Activation(subject="private.help.AAM46E3YF5WOZSE5WNYWHN3YYISVZOSI6XHTF2Q64ECPXSFQZROJMP2H"),
)


def test_the_published_example_of_a_name_holds():
    issuer = "ADETPT36WBIBUKM3IBCVM4A5YUSDXFEJPW4M6GGVBYCBW7RRNFTV5NGE"
    assert make_hash_id(msgspec.structs.replace(PUBLISHED, issuer=issuer)) == (
        "DD6BZKI2LTQKAJYD5GTSI4OFUG72KD2BF74NFVLUNO47PR4OX64Q===="
    )


@pytest.mark.parametrize(
    ("subject", "same_as"), [("a.b.*.c", "a.b"), ("a.b.>", "a.b"), (">", "_"), ("*.a", "_")]
)
def test_a_name_stops_at_the_first_wildcard(subject, same_as):
    names = {
        make_hash_id(msgspec.structs.replace(PUBLISHED, issuer="A", nats=Activation(subject=text)))
        for text in (subject, same_as)
    }
    assert len(names) == 1


def test_a_name_needs_issuer_target_and_subject():
    with pytest.raises(TokenError, match="not enough data"):
        make_hash_id(PUBLISHED)
