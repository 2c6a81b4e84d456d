"""Operator tokens, the resolver and the accounts it starts with."""

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.config import ConfigError, ResolverOptions
from isthmus.config.load import load, load_text
from isthmus.identity.nkeys import Kind
from support.operator_mode import SYSTEM, account_token, operator_token
from support.tokens import key

ACCOUNT = key(Kind.ACCOUNT, "A")
TOKEN = account_token(ACCOUNT)


def refusal(source):
    with pytest.raises(ConfigError) as caught:
        load_text(source)
    return str(caught.value)


def test_an_operator_may_stand_in_the_configuration():
    options = load_text(f"operator: {operator_token()}\nresolver: MEMORY")
    assert options.operators == (operator_token(),)
    assert options.system_account == SYSTEM.public_key


@pytest.mark.parametrize(
    "text",
    [
        operator_token(),
        f"{operator_token()}\n",
        f"-----BEGIN NATS OPERATOR JWT-----\n{operator_token()}\n------END NATS OPERATOR JWT------",
    ],
)
@pytest.mark.parametrize("name", ["operator", "operators", "roots", "root_operator"])
def test_an_operator_may_stand_in_a_file(tmp_path, text, name):
    file = tmp_path / "op.jwt"
    file.write_text(text)
    options = load_text(f'{name}: "{file}"\nresolver: MEMORY')
    assert options.operators == (operator_token(),)


def test_the_configuration_names_the_system_account_before_the_operator():
    source = f"operator: {operator_token()}\nsystem_account: {ACCOUNT.public_key}"
    assert load_text(source).system_account == ACCOUNT.public_key


def test_an_operator_file_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "op.jwt").write_text(operator_token())
    (tmp_path / "s.conf").write_text("operator: op.jwt")
    monkeypatch.chdir(tmp_path)
    assert load("s.conf", {})[0].operators


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "operator: nope.jwt",
            "1:0: error parsing operator JWT: open nope.jwt: no such file or directory",
        ),
        ("operator: eyJfoo", "1:0: error parsing operator JWT: expected 3 chunks"),
        (f"operator: {TOKEN}", "1:0: error parsing operator JWT: not operator claim"),
        ("operator: 5", "1:0: operator must be a string or an array of strings"),
    ],
)
def test_what_is_no_operator(source, text):
    assert refusal(source).startswith(text)


def test_the_operator_may_name_an_account_server():
    token = operator_token(account_server_url="http://localhost:9090/jwt/v1/")
    assert load_text(f"operator: {token}").resolver == ResolverOptions(
        kind="url", url="http://localhost:9090/jwt/v1/accounts/"
    )
    assert load_text(f"operator: {operator_token(account_server_url='nats://a')}").resolver is None


@pytest.mark.parametrize("word", ["URL(http://a:1/b/)", '"url(http://a:1/b/)"'])
def test_accounts_at_an_account_server(word):
    assert load_text(f"resolver: {word}").resolver == ResolverOptions(
        kind="url", url="http://a:1/b/"
    )


def test_a_resolver_wins_over_the_account_server_of_the_operator():
    token = operator_token(account_server_url="nats://localhost:4222")
    assert load_text(f"operator: {token}\nresolver: MEMORY").resolver == ResolverOptions()


@pytest.mark.parametrize("word", ["MEM", "MEMORY", "memory", "{ type: mem }"])
def test_accounts_in_memory(word):
    assert load_text(f"resolver: {word}").resolver == ResolverOptions(kind="memory")


def test_accounts_in_a_directory():
    source = """
        resolver { type: full, dir: "./jwt", allow_delete: true, hard_delete: true
                   interval: "2m", limit: 1000, timeout: "1s" }
    """
    assert load_text(source).resolver == ResolverOptions(
        kind="full",
        folder="./jwt",
        allow_delete=True,
        hard_delete=True,
        interval_ns=120 * NS_PER_S,
        limit=1000,
        timeout_ns=NS_PER_S,
    )


def test_accounts_that_others_have_and_a_cache_of_them():
    source = 'resolver { type: cache, dir: "./jwt", ttl: "1h", limit: 5, timeout: "1s" }'
    assert load_text(source).resolver == ResolverOptions(
        kind="cache", folder="./jwt", ttl_ns=3600 * NS_PER_S, limit=5, timeout_ns=NS_PER_S
    )


def test_zero_is_the_default_of_a_resolver():
    source = 'resolver { type: full, dir: d, interval: "0s", limit: 0, timeout: "0s" }'
    assert load_text(source).resolver == ResolverOptions(kind="full", folder="d")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{ type: full }", "dir has no value and needs to point to a directory"),
        ("{ type: full, dir: d, hard_delete: true }", "hard_delete has no effect without delete"),
        ("{ type: full, dir: d, ttl: '1h' }", "FULL does not accept ttl"),
        ("{ type: cache, dir: d, interval: '1h' }", "CACHE does not accept sync"),
        ("{ type: cache, dir: d, allow_delete: true }", "CACHE does not accept allow_delete"),
        ("{ type: cache, dir: d, hard_delete: true }", "CACHE does not accept hard_delete"),
        ("{ type: cache }", "dir has no value and needs to point to a directory"),
        ("URL(ftp://a)", "error parsing account resolver"),
        ("URL()", "error parsing account resolver"),
        ("{ type: full, dir: d, foo: 1 }", 'unknown field "foo"'),
        ("foo", "error parsing account resolver"),
        ("{ dir: d }", "error parsing account resolver"),
        ("5", "resolver must be a map, not an integer"),
    ],
)
def test_what_is_no_resolver(source, text):
    assert text in refusal(f"resolver: {source}")


def test_a_file_is_no_directory_of_accounts(tmp_path):
    file = tmp_path / "f"
    file.touch()
    text = refusal(f'resolver {{ type: full, dir: "{file}" }}')
    assert "dir needs to point to an accessible directory" in text


def test_preloaded_accounts():
    options = load_text(f"resolver_preload {{ {ACCOUNT.public_key}: {TOKEN} }}")
    assert options.resolver_preload == ((ACCOUNT.public_key, TOKEN),)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("5", "resolver_preload must be a map, not an integer"),
        ("{ A: 5 }", "preload map value should be a string JWT"),
        ("{ A: eyJ }", "invalid account JWT"),
        (f"{{ A: {operator_token()} }}", "invalid account JWT"),
    ],
)
def test_what_is_no_preloaded_account(source, text):
    assert text in refusal(f"resolver_preload: {source}")


def test_pinned_accounts():
    assert load_text("resolver_pinned_accounts: A").resolver_pinned_accounts == ("A",)
    assert load_text("resolver_pinned_accounts: [A, B]").resolver_pinned_accounts == ("A", "B")
