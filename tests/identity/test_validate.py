import pytest

from isthmus.identity.claims import (
    Activation,
    GenericClaims,
    Operator,
    OperatorClaims,
    Permission,
    TimeRange,
    User,
    UserClaims,
    make_account,
    make_activation,
)
from isthmus.identity.findings import Severity
from isthmus.identity.nkeys import Kind
from isthmus.identity.validate import blocking, parse_network, validate
from support.tokens import NOW_NS, NOW_S, key

OPERATOR = key(Kind.OPERATOR, "operator").public_key
ACCOUNT = key(Kind.ACCOUNT, "account").public_key
USER = key(Kind.USER, "user").public_key


def texts(findings):
    return [finding.text for finding in findings]


@pytest.mark.parametrize(
    ("expires_s", "not_before_s", "found"),
    [
        (0, 0, []),
        (NOW_S, NOW_S, []),
        (NOW_S - 1, 0, ["claim is expired"]),
        (0, NOW_S + 1, ["claim is not yet valid"]),
        (1, NOW_S + 1, ["claim is expired", "claim is not yet valid"]),
    ],
)
def test_times_forbid_use_only_now(expires_s, not_before_s, found):
    claims = GenericClaims(expires_s=expires_s, not_before_s=not_before_s)
    findings = validate(claims, NOW_NS)
    assert texts(findings) == found
    assert {finding.severity for finding in findings} <= {Severity.TIME_CHECK}
    assert blocking(findings) == []
    assert blocking(findings, now=True) == findings


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (Operator(), []),
        (
            Operator(
                signing_keys=(OPERATOR,),
                system_account=ACCOUNT,
                account_server_url="nats://h",
                operator_service_urls=("nats://h:4222", ""),
                assert_server_version="2.10.1",
            ),
            [],
        ),
        (Operator(account_server_url="h"), ['account server url "h" requires a protocol']),
        (
            Operator(operator_service_urls=("nats://h/p",)),
            ['operator service url "nats://h/p" - paths are not supported'],
        ),
        (Operator(signing_keys=(ACCOUNT,)), [f"{ACCOUNT} is not an operator public key"]),
        (Operator(system_account=USER), [f"{USER} is not an account public key"]),
        (
            Operator(assert_server_version="1.2"),
            [
                (
                    "assert server version error: asserted server version must be of the form"
                    " <major>.<minor>.<update>"
                )
            ],
        ),
        (
            Operator(assert_server_version="1.x.2"),
            ["assert server version error: asserted server version cant parse x to int"],
        ),
        (
            Operator(assert_server_version="1.-1.2"),
            [
                (
                    "assert server version error: asserted server version can'b contain negative"
                    " values: 1.-1.2"
                )
            ],
        ),
    ],
)
def test_operator_rules(body, found):
    assert texts(validate(OperatorClaims(subject=OPERATOR, nats=body), NOW_NS)) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (User(), []),
        (User(sources=("10.0.0.0/8", "::1/128"), issuer_account=ACCOUNT, zone="Europe/Berlin"), []),
        (User(times=(TimeRange(start="23:00:00", end="1:00:00.5"),)), []),
        (User(pub=Permission(allow=("a..b",))), ['subject "a..b" cannot contain consecutive `.`']),
        (User(sources=("1.2.3.4",)), ['invalid cidr "1.2.3.4" in user src limits']),
        (
            User(times=(TimeRange(),)),
            ["time ranges start must contain a start", "time ranges end must contain an end"],
        ),
        (
            User(times=(TimeRange(start="24:00:00", end="12:00"),)),
            [
                'start in time range is invalid "24:00:00"',
                'end in time range is invalid "12:00"',
            ],
        ),
        (
            User(zone="Nowhere/X"),
            ["could not parse iana time zone by name: unknown time zone Nowhere/X"],
        ),
        (User(issuer_account=USER), ["account_id is not an account public key"]),
    ],
)
def test_user_rules(body, found):
    claims = UserClaims(subject=USER, nats=body)
    assert texts(validate(claims, NOW_NS, {"Europe/Berlin"}.__contains__)) == found


def test_time_zones_are_checked_only_by_who_knows_them():
    assert validate(UserClaims(subject=USER, nats=User(zone="Nowhere/X")), NOW_NS) == []


def test_accounts_and_activations_have_their_rules():
    assert validate(make_account(ACCOUNT, "a"), NOW_NS) == []
    empty = make_activation(ACCOUNT, "a", Activation(subject="", kind="stream"))
    assert texts(validate(empty, NOW_NS)) == ["subject cannot be empty"]


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("::1/64", "::/64"),
        ("10.0.0.0", None),
        ("10.0.0.0/33", None),
        ("10.0.0.0/255.0.0.0", None),
        ("::1%eth0/64", None),
        ("10.0.0.0/-1", None),
        ("", None),
        ("x/8", None),
    ],
)
def test_a_network_is_an_address_and_bits(text, network):
    found = parse_network(text)
    assert (str(found) if found else None) == network
