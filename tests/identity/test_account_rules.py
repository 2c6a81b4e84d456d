import pytest

from isthmus.identity.account_rules import check_account
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    Account,
    AccountClaims,
    AccountLimits,
    Export,
    ExternalAuthorization,
    Import,
    JetStreamLimits,
    MessageTrace,
    Permission,
    Permissions,
    UserScope,
    WeightedMapping,
)
from isthmus.identity.findings import Severity
from isthmus.identity.nkeys import Kind
from support import vectors
from support.tokens import key

ACCOUNT = key(Kind.ACCOUNT, "account").public_key
OTHER = key(Kind.ACCOUNT, "other").public_key
OPERATOR = key(Kind.OPERATOR, "operator").public_key
USER = key(Kind.USER, "user").public_key
CURVE = vectors.CURVE.public

TOO_MANY_IMPORTS = "the account contains more imports than allowed by the operator"
TOO_MANY_EXPORTS = "the account contains more exports than allowed by the operator"
WILDCARD = "the account contains wildcard exports that are not allowed by the operator"


def check(issuer=OPERATOR, **body):
    body.setdefault("limits", UNLIMITED_ACCOUNT)
    return list(check_account(AccountClaims(subject=ACCOUNT, issuer=issuer, nats=Account(**body))))


def one(subject="a"):
    return (Export(subject=subject, type="service"),)


def taken(*subjects):
    return tuple(Import(subject=name, account=OTHER, type="service") for name in subjects)


def mapped(*weights, cluster=""):
    return {
        "m": tuple(
            WeightedMapping(subject=f"d{place}", weight=weight, cluster=cluster)
            for place, weight in enumerate(weights)
        )
    }


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, []),
        ({"exports": one(), "imports": taken("a")}, []),
        ({"exports": one("foo bar")}, ['subject "foo bar" cannot have spaces']),
        ({"imports": taken("")}, ["subject cannot be empty"]),
        # limits
        ({"limits": AccountLimits(exports=1, wildcards=True), "exports": one("a.*")}, []),
        ({"limits": AccountLimits(imports=1), "imports": taken("a")}, []),
        ({"limits": AccountLimits(), "imports": taken("a")}, [TOO_MANY_IMPORTS]),
        ({"limits": AccountLimits(subs=1), "imports": taken("a")}, [TOO_MANY_IMPORTS] * 2),
        ({"limits": AccountLimits(imports=-2), "imports": taken("a")}, [TOO_MANY_IMPORTS]),
        ({"limits": AccountLimits(), "exports": one()}, [TOO_MANY_EXPORTS]),
        ({"limits": AccountLimits(), "exports": one(">")}, [TOO_MANY_EXPORTS, WILDCARD]),
        ({"limits": AccountLimits(exports=5), "exports": one("*")}, [WILDCARD]),
        ({"limits": AccountLimits(exports=-1), "exports": one("*")}, []),
        (
            {"limits": AccountLimits(disk_bytes=1, tiers={"R1": JetStreamLimits()})},
            ["JetStream Limits and tiered JetStream Limits are mutually exclusive"],
        ),
        (
            {"limits": AccountLimits(tiers={"": JetStreamLimits()})},
            ['Tiered JetStream Limits can not contain a blank "" tier name'],
        ),
        # default permissions
        (
            {"default_permissions": Permissions(pub=Permission(allow=("a q",)))},
            ['Permission Subject "a q" is not allowed to contain queue'],
        ),
        # mappings
        ({"mappings": mapped(40, 60)}, []),
        ({"mappings": mapped(0)}, []),
        ({"mappings": mapped(100, cluster="c") | {"n": mapped(100)["m"]}}, []),
        ({"mappings": {"": ()}}, ["subject cannot be empty"]),
        (
            {"mappings": {"m": (WeightedMapping(subject="a b"),)}},
            ['subject "a b" cannot have spaces'],
        ),
        (
            {"mappings": mapped(101)},
            [
                'Mapping "m" has a weight 101 that exceeds 100',
                'Mapping "m" exceeds 100% among all of it\'s weighted to mappings',
            ],
        ),
        (
            {"mappings": mapped(60, 0)},
            ['Mapping "m" exceeds 100% among all of it\'s weighted to mappings'],
        ),
        (
            {"mappings": mapped(60, 60, cluster="c")},
            ['Mapping "m" in cluster "c" exceeds 100% among all of it\'s weighted to mappings'],
        ),
        # external authorization
        (
            {
                "authorization": ExternalAuthorization(
                    auth_users=(USER,), allowed_accounts=(ACCOUNT, OTHER), xkey=CURVE
                )
            },
            [],
        ),
        (
            {"authorization": ExternalAuthorization(auth_users=(USER,), allowed_accounts=("*",))},
            [],
        ),
        (
            {"authorization": ExternalAuthorization(allowed_accounts=(ACCOUNT,))},
            ["External authorization cannot have accounts without users specified"],
        ),
        (
            {"authorization": ExternalAuthorization(auth_users=("U",), xkey="X")},
            [
                'AuthUser "U" is not a valid user public key',
                'XKey "X" is not a valid public xkey',
            ],
        ),
        (
            {
                "authorization": ExternalAuthorization(
                    auth_users=(USER,), allowed_accounts=("*", "A")
                )
            },
            [
                'AllowedAccounts can only be a list of accounts or "*"',
                'Account "A" is not a valid account public key',
            ],
        ),
        # trace
        ({"trace": MessageTrace(destination="t", sampling=100)}, []),
        (
            {"trace": MessageTrace(destination="")},
            ["the account Trace.Destination subject cannot be empty"],
        ),
        (
            {"trace": MessageTrace(destination="t.*", sampling=101)},
            [
                'the account Trace.Destination subject "t.*" is not a valid publish subject',
                (
                    "the account Trace.Sampling value '101' is not valid,"
                    " should be in the range [1..100]"
                ),
            ],
        ),
        # signing keys and the rest
        ({"signing_keys": (OTHER, UserScope(key=ACCOUNT))}, []),
        ({"signing_keys": (USER,)}, [f'"{USER}" is not a valid account signing key']),
        ({"signing_keys": (UserScope(key=USER),)}, [f"{USER} is not an account public key"]),
        ({"info_url": "x"}, ["error parsing info url: no hostname or scheme"]),
        ({"cluster_traffic": "owner"}, []),
        ({"cluster_traffic": "x"}, ['unknown cluster traffic option: "x"']),
    ],
)
def test_account_rules(body, found):
    findings = check(**body)
    assert [finding.text for finding in findings] == found
    assert {finding.severity for finding in findings} <= {Severity.ERROR}


def test_limits_in_a_self_signed_account_are_a_warning():
    findings = check(issuer=ACCOUNT)
    assert [finding.text for finding in findings] == [
        "self-signed account JWTs shouldn't contain operator limits"
    ]
    assert findings[0].severity is Severity.WARNING
    assert check(issuer=ACCOUNT, limits=AccountLimits()) == []
