import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.identity import jwt
from isthmus.identity.claims import (
    NO_LIMIT,
    Account,
    AccountClaims,
    AccountLimits,
    ActivationClaims,
    Claims,
    Export,
    GenericClaims,
    JetStreamLimits,
    MessageTrace,
    Permission,
    ResponsePermission,
    ScopeTemplate,
    ServiceLatency,
    TimeRange,
    User,
    UserClaims,
    UserScope,
    WeightedMapping,
    make_account,
    make_operator,
    make_user,
)
from isthmus.identity.nkeys import Kind
from isthmus.identity.payload import TokenError, parse_payload, to_payload
from support import tokens
from support.tokens import forge

OPERATOR = tokens.key(Kind.OPERATOR, "operator")
ACCOUNT = tokens.key(Kind.ACCOUNT, "account")
USER = tokens.key(Kind.USER, "user")
OLD_HEADER = b'{"typ":"jwt","alg":"ed25519"}'


def parse(document):
    return parse_payload(msgspec.json.encode(document))


def account(**body):
    return parse({"nats": body | {"type": "account", "version": 2}})[0].nats


# -- writing ---------------------------------------------------------------------------------------


def test_standard_claims_come_first_and_empty_ones_not_at_all():
    claims = Claims(
        audience="a",
        expires_s=1,
        id="i",
        issued_s=2,
        issuer="s",
        name="n",
        not_before_s=3,
        subject="b",
    )
    assert to_payload(claims) == (
        b'{"aud":"a","exp":1,"jti":"i","iat":2,"iss":"s","name":"n","nbf":3,"sub":"b"}'
    )
    assert to_payload(Claims()) == b"{}"


def test_struct_fields_are_written_even_when_they_are_empty():
    assert to_payload(AccountClaims()) == (
        b'{"nats":{"limits":{},"default_permissions":{"pub":{},"sub":{}},"authorization":{}}}'
    )
    assert to_payload(UserClaims()) == b'{"nats":{"pub":{},"sub":{}}}'
    assert to_payload(ActivationClaims()) == b'{"nats":{}}'


def test_a_full_user_is_written_in_order():
    body = User(
        pub=Permission(allow=("a",), deny=("b",)),
        sub=Permission(allow=("c q",)),
        resp=ResponsePermission(messages_max=1),
        sources=("10.0.0.0/8",),
        times=(TimeRange(start="01:00:00", end="02:00:00"),),
        zone="UTC",
        subs=1,
        data=2,
        payload=3,
        bearer_token=True,
        proxy_required=True,
        connection_types=("STANDARD",),
        issuer_account="A",
        tags=("t",),
        type="user",
        version=2,
    )
    assert to_payload(UserClaims(nats=body)) == (
        b'{"nats":{"pub":{"allow":["a"],"deny":["b"]},"sub":{"allow":["c q"]},'
        b'"resp":{"max":1,"ttl":0},"src":["10.0.0.0/8"],"times":[{"start":"01:00:00","end":"02:00:00"}],"times_location":"UTC",'
        b'"subs":1,"data":2,"payload":3,"bearer_token":true,"proxy_required":true,'
        b'"allowed_connection_types":["STANDARD"],"issuer_account":"A","tags":["t"],"type":"user",'
        b'"version":2}}'
    )


def test_a_full_account_is_written_in_order():
    limits = AccountLimits(
        subs=1,
        data=2,
        payload=3,
        imports=4,
        exports=5,
        wildcards=True,
        disallow_bearer=True,
        connections=6,
        leaf_nodes=7,
        memory_bytes=8,
        disk_bytes=9,
        streams=10,
        consumers=11,
        ack_pending_max=12,
        memory_stream_bytes_max=13,
        disk_stream_bytes_max=14,
        bytes_required=True,
        tiers={"R3": JetStreamLimits(disk_bytes=2), "R1": JetStreamLimits(disk_bytes=1)},
    )
    export = Export(
        name="n",
        subject="a.*",
        type="service",
        token_required=True,
        revocations={"B": 2, "A": 1},
        response_type="Stream",
        threshold_ns=5,
        service_latency=ServiceLatency(results="r"),
        account_token_position=2,
        advertise=True,
        allow_trace=True,
        description="d",
        info_url="u",
    )
    body = Account(
        exports=(export,),
        limits=limits,
        signing_keys=(UserScope(key="K", role="r"),),
        mappings={"m": (WeightedMapping(),)},
        trace=MessageTrace(destination="t", sampling=1),
        cluster_traffic="owner",
        description="d",
        info_url="u",
        tags=("t",),
        type="account",
        version=2,
    )
    assert to_payload(AccountClaims(nats=body)) == (
        b'{"nats":{"exports":[{"name":"n","subject":"a.*","type":"service","token_req":true,'
        b'"revocations":{"A":1,"B":2},"response_type":"Stream","response_threshold":5,'
        b'"service_latency":{"sampling":"headers","results":"r"},"account_token_position":2,'
        b'"advertise":true,"allow_trace":true,"description":"d","info_url":"u"}],'
        b'"limits":{"subs":1,"data":2,"payload":3,"imports":4,"exports":5,"wildcards":true,'
        b'"disallow_bearer":true,"conn":6,"leaf":7,"mem_storage":8,"disk_storage":9,"streams":10,'
        b'"consumer":11,"max_ack_pending":12,"mem_max_stream_bytes":13,"disk_max_stream_bytes":14,'
        b'"max_bytes_required":true,"tiered_limits":{"R1":{"disk_storage":1},"R3":{"disk_storage":2}}},'
        b'"signing_keys":[{"kind":"user_scope","key":"K","role":"r","template":{"pub":{},"sub":{},'
        b'"subs":-1,"data":-1,"payload":-1},"description":""}],'
        b'"default_permissions":{"pub":{},"sub":{}},"mappings":{"m":[{"subject":""}]},'
        b'"authorization":{},"trace":{"dest":"t","sampling":1},"cluster_traffic":"owner",'
        b'"description":"d","info_url":"u","tags":["t"],"type":"account","version":2}}'
    )


# -- reading ---------------------------------------------------------------------------------------


def test_absent_limits_are_zero_which_is_a_real_limit():
    assert account().limits == AccountLimits()
    assert parse({"nats": {"type": "user", "version": 2}})[0].nats.subs == 0


def test_absent_limits_of_a_scope_template_are_none_at_all():
    body = account(signing_keys=["A", {"kind": "user_scope", "key": "B", "template": {"data": 0}}])
    assert body.scopes["A"] is None
    assert body.scopes["B"].template == ScopeTemplate(data=0)
    assert body.scopes["B"].template.subs == NO_LIMIT


def test_a_zero_in_a_scope_template_survives_the_round_trip():
    claims = AccountClaims(
        nats=Account(
            signing_keys=(UserScope(template=ScopeTemplate(subs=0)),), type="account", version=2
        )
    )
    assert parse_payload(to_payload(claims)) == (claims, 2)


def test_tiers_switch_the_flat_jetstream_limits_off():
    limits = account(
        limits={"conn": 3, "disk_storage": 5, "tiered_limits": {"R1": {"streams": 1}}}
    ).limits
    assert limits == AccountLimits(connections=3, tiers={"R1": JetStreamLimits(streams=1)})
    assert not limits.has_jetstream


def test_jetstream_is_on_with_any_storage():
    assert not AccountLimits().has_jetstream
    assert AccountLimits(memory_bytes=-1).has_jetstream
    assert AccountLimits(disk_bytes=1).has_jetstream
    assert AccountLimits(tiers={"R1": JetStreamLimits(disk_bytes=1)}).has_jetstream


def test_sources_may_be_one_text_with_commas():
    sources = "10.0.0.0/8, FE80::/10,,10.0.0.0/8"
    user = parse({"nats": {"src": sources, "type": "user", "version": 2}})[0].nats
    scope = {"kind": "user_scope", "key": "A", "template": {"src": sources}}
    template = account(signing_keys=[scope]).scopes["A"].template
    assert user.sources == template.sources == ("10.0.0.0/8", "fe80::/10")


def test_sampling_zero_means_headers():
    export = {"type": "service", "service_latency": {"sampling": 0, "results": "r"}}
    assert account(exports=[export]).exports[0].service_latency == ServiceLatency(results="r")


def test_null_reads_as_absent():
    assert account(exports=None, limits={"subs": None}, trace=None) == account()


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"nats": {"type": "account", "version": 3}}, "JWT was generated by a newer version "),
        (
            {"nats": {"type": "account"}},
            "library supports version 2 or less - received 0",
        ),
        ({"nats": {"type": "cluster", "version": 2}}, "ClusterClaims are not supported"),
        ({"type": "server"}, "ServerClaims are not supported"),
        (
            {"exp": "1", "nats": {"type": "user", "version": 2}},
            "got `str` - at `$.exp`",
        ),
        (
            {"exp": 2**63, "nats": {"type": "user", "version": 2}},
            "<= 9223372036854775807",
        ),
        ({"nats": {"type": "account", "version": 2, "exports": [None]}}, "exports"),
        ({"nats": {"type": "account", "version": 2, "exports": [{"type": "x"}]}}, "'x'"),
        ({"nats": {"type": "account", "version": 2, "signing_keys": [{"kind": "x"}]}}, "'x'"),
        ({"nats": {"type": "account", "version": 2, "mappings": {"a": [{"weight": 256}]}}}, "255"),
        ({"nats": 5}, "Expected `object`"),
        ([], "Expected `object`"),
    ],
)
def test_what_is_not_claims_is_refused(document, text):
    with pytest.raises(TokenError) as caught:
        parse(document)
    assert text in str(caught.value)


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b'{"sub":"\xff"}', b"{} {}", b"[" * 5000])
def test_what_is_not_json_is_refused(payload):
    with pytest.raises(TokenError):
        parse_payload(payload)


def test_claims_of_no_kind_of_ours_are_generic():
    assert parse({"sub": "s", "nats": {"type": "x", "a": 1}}) == (
        GenericClaims(subject="s", nats={"type": "x", "a": 1}),
        0,
    )


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["nats", "type", "version", "exports", "limits", "sub", "exp", "src"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    json_values.map(msgspec.json.encode) | st.binary(max_size=60),
    st.sampled_from([b"operator", b"account", b"user", b"activation", b"generic", b"cluster"]),
)
def test_any_payload_is_claims_that_can_be_written_or_the_one_error(body, kind):
    old = b'{"type":"%s","nats":%s}' % (kind, body)
    new = b'{"sub":%s,"nats":{"type":"%s","version":2,"src":%s}}' % (body, kind, body)
    for payload in (body, old, new):
        try:
            claims, version = parse_payload(payload)
        except TokenError as error:
            assert "\n" not in str(error)
        else:
            again = to_payload(claims)
            assert version != 2 or parse_payload(again) == (claims, 2)


# -- version 1 -------------------------------------------------------------------------------------


def old(signer, **document):
    document = {"iss": signer.public_key, "tags": ["t"]} | document
    return jwt.decode(forge(msgspec.json.encode(document), signer, OLD_HEADER, old=True))


def test_an_old_operator_is_read():
    claims = old(
        OPERATOR,
        type="operator",
        sub=OPERATOR.public_key,
        nats={"signing_keys": ["O1"], "account_server_url": "u", "system_account": "A"},
    )
    assert claims.subject == OPERATOR.public_key
    assert claims.nats.signing_keys == ("O1",)
    assert claims.nats.system_account == "A"
    assert (claims.nats.type, claims.nats.version, claims.nats.tags) == ("operator", 1, ("t",))


def test_an_old_account_knows_no_jetstream_and_no_scopes():
    claims = old(
        OPERATOR,
        type="account",
        sub=ACCOUNT.public_key,
        nats={
            "exports": [{"subject": "a", "type": "service"}],
            "limits": {"conn": 5, "subs": -1, "disk_storage": 9},
            "signing_keys": ["B", "A", "B"],
            "revocations": {"U": 1},
            "default_permissions": {"pub": {"deny": [">"]}},
        },
    )
    assert claims.nats == Account(
        exports=(Export(subject="a", type="service"),),
        limits=AccountLimits(connections=5, subs=-1),
        signing_keys=("B", "A"),
        revocations={"U": 1},
        tags=("t",),
        type="account",
        version=1,
    )


def test_an_old_user_is_without_limits_unless_it_names_one():
    claims = old(
        ACCOUNT,
        type="user",
        sub=USER.public_key,
        issuer_account="A",
        nats={"payload": 7, "src": "10.0.0.0/8,::1/128", "max": 3, "pub": {"allow": ["a"]}},
    )
    assert claims.nats == User(
        pub=Permission(allow=("a",)),
        sources=("10.0.0.0/8", "::1/128"),
        subs=-1,
        data=-1,
        payload=7,
        issuer_account="A",
        tags=("t",),
        type="user",
        version=1,
    )


def test_an_old_activation_has_its_kind_under_another_name():
    claims = old(
        ACCOUNT,
        type="activation",
        sub=ACCOUNT.public_key,
        issuer_account="A",
        nats={"subject": "a.b", "type": "service"},
    )
    assert (claims.nats.subject, claims.nats.kind) == ("a.b", "service")
    assert (claims.nats.issuer_account, claims.nats.version) == ("A", 1)


def test_an_old_token_is_signed_over_its_payload_alone():
    document = {"iss": OPERATOR.public_key, "type": "operator"}
    with pytest.raises(TokenError, match="claim failed V1 signature verification"):
        jwt.decode(forge(msgspec.json.encode(document), OPERATOR, OLD_HEADER))


def test_an_old_token_is_written_again_as_a_new_one():
    claims = old(OPERATOR, type="account", sub=ACCOUNT.public_key, nats={})
    again = jwt.decode_account(jwt.encode(claims, OPERATOR, tokens.NOW_NS))
    assert again.nats == Account(tags=("t",), type="account", version=2)


def test_new_claims_are_without_limits():
    assert make_account("A", "a").nats.limits.connections == NO_LIMIT
    assert not make_account("A", "a").nats.limits.has_jetstream
    assert make_user("U", "u").nats.subs == NO_LIMIT
    assert make_operator("O", "o").subject == "O"
