"""Options that are fine alone and not together."""

import msgspec
import pytest

from isthmus.base.errors import UsageError
from isthmus.config.consistency import require_consistent
from isthmus.config.load import load_text
from isthmus.identity import jwt
from isthmus.identity.claims import Operator, OperatorClaims
from isthmus.identity.nkeys import Kind
from support.operator_mode import OPERATOR, SYSTEM, operator_token
from support.tokens import NOW_NS, key

OTHER = key(Kind.ACCOUNT, "other")


def options(source, **fields):
    return msgspec.structs.replace(load_text(source), **fields)


def refusal(source, **fields):
    with pytest.raises(UsageError) as caught:
        require_consistent(options(source, **fields))
    return str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "accounts { A { users: [{user: a}] } }\nno_auth_user: a",
        "authorization { users: [{user: a}] }\nno_auth_user: a",
        "accounts { SYS {} }\nsystem_account: SYS",
        "system_account: '$SYS'",
        "jetstream { domain: hub }",
        "accounts { A { jetstream: enabled } }",
        "client_advertise: example.org",
        "client_advertise: 'example.org:4222'",
        "client_advertise: '[::1]:4222'",
    ],
)
def test_what_agrees(source):
    require_consistent(load_text(source))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "lame_duck_grace_period: '3m'",
            "lame duck grace period (3m0s) should be strictly lower than lame duck duration (2m0s)",
        ),
        ("max_pending: 10", "max_payload (1048576) cannot be higher than max_pending (10)"),
        ("no_auth_user: x", 'no_auth_user: "x" present, but users/nkeys are not defined'),
        (
            "no_auth_user: x\nauthorization { users: [{user: a}] }",
            'no_auth_user: "x" not present as user or nkey in authorization block or account',
        ),
        ("client_advertise: '::1'", 'client_advertise "::1" is not host or host:port'),
        ("client_advertise: 'a:b'", 'client_advertise "a:b" is not host or host:port'),
        ("client_advertise: 'a b'", 'client_advertise "a b" is not host or host:port'),
        ("system_account: FOO", 'system_account "FOO" is not among the accounts'),
        (
            "accounts { SYS { jetstream: enabled } }\nsystem_account: SYS",
            "Not allowed to enable JetStream on the system account",
        ),
        ("jetstream { domain: 'a.b' }", "invalid domain name: may not contain ., * or >"),
        (
            "jetstream { domain: 'a b' }",
            'invalid domain name: derived "$JS.a b.API.>" is not a valid subject',
        ),
        ("resolver: MEMORY", "a resolver needs an operator"),
    ],
)
def test_what_does_not(source, text):
    assert refusal(source).startswith(text)


def test_a_name_with_a_blank_from_the_command_line():
    assert refusal("", server_name="a b") == "server name cannot contain spaces"


# ---------------------------------------------------------------------- operator mode


SYSTEM_ACCOUNT = f"system_account: {SYSTEM.public_key}\n"
MEMORY = "resolver: MEMORY\n"


def operator_mode(more, **claims):
    return f"operator: {operator_token(**claims)}\n{more}"


@pytest.mark.parametrize(
    "more", [MEMORY, SYSTEM_ACCOUNT + MEMORY, 'resolver { type: full, dir: "d" }']
)
def test_operator_mode(more):
    require_consistent(load_text(operator_mode(more)))


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("", "operators require an account resolver to be configured"),
        (f"{MEMORY} accounts {{ A {{}} }}", "operators do not allow Accounts to be configured"),
        (
            f"{MEMORY} authorization {{ users: [{{user: a}}] }}",
            "operators do not allow users to be configured directly",
        ),
        (f"{MEMORY} authorization {{ token: a }}", "operators do not allow a user or a token"),
        (f"{MEMORY} no_auth_user: a", "no_auth_user not compatible with Trusted Operator"),
        (
            f"{MEMORY} system_account: {OTHER.public_key}",
            "system_account in config and operator JWT must be identical",
        ),
        (f"{MEMORY} resolver_pinned_accounts: [A]", 'pinned account key "A" is not a valid'),
    ],
)
def test_what_operators_do_not_allow(more, text):
    assert refusal(operator_mode(more)).startswith(text)


def bare_operator(**body):
    """An operator token that names no system account."""
    claims = OperatorClaims(subject=OPERATOR.public_key, name="O", nats=Operator(**body))
    return f"operator: {jwt.encode(claims, OPERATOR, NOW_NS)}\n"


def test_a_directory_of_accounts_needs_a_system_account():
    text = "using nats based account resolver - the system account needs to be specified"
    assert refusal(bare_operator() + 'resolver { type: full, dir: "d" }').startswith(text)
    require_consistent(load_text(bare_operator() + MEMORY))


def test_the_system_account_of_an_operator_is_a_key():
    text = 'system_account "SYS" is not a public account key'
    assert refusal(bare_operator() + MEMORY + "system_account: SYS").startswith(text)


@pytest.mark.parametrize("version", ["", "1.9.9", "2.14.9", "2.15.1", "v2.15.0"])
def test_an_operator_may_want_an_older_server(version):
    require_consistent(load_text(bare_operator(assert_server_version=version) + MEMORY))


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("3.0.0", "expected major version 3 > server major version 2"),
        ("2.16.0", "expected minor version 16 > server minor version 15"),
        ("2.15.2", "expected update version 2 > server update version 1"),
        ("2.x", 'expects version "2.x"; right is major.minor.update'),
    ],
)
def test_an_operator_may_not_want_a_newer_one(version, text):
    assert text in refusal(bare_operator(assert_server_version=version) + MEMORY)
