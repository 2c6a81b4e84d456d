"""Accounts of a configuration: users, exports, imports, limits."""

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.config import AccountJetStream, AccountLimits, ConfigError, LatencyOptions
from isthmus.config.load import load_text
from isthmus.identity.nkeys import Kind
from support.tokens import key

NKEY = key(Kind.USER, "u").public_key
ACCOUNT_NKEY = key(Kind.ACCOUNT, "A").public_key


def account(body, others="B {}, C {}"):
    options = load_text(f"accounts {{ A {{ {body} }}, {others} }}")
    return options.accounts[0]


def refusal(body, others="B {}, C {}"):
    with pytest.raises(ConfigError) as caught:
        account(body, others)
    return str(caught.value)


def test_accounts_are_a_map_or_a_list_of_names():
    assert [one.name for one in load_text("accounts { A {}, B {} }").accounts] == ["A", "B"]
    assert [one.name for one in load_text("accounts: [A, B]").accounts] == ["A", "B"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("accounts: [A, B, A]", "1:17: Duplicate Account Entry: A"),
        ("accounts: ['$G']", '1:12: "$G" is a Reserved Account'),
        ("accounts: [1]", "1:11: an account's name is a string, not an integer"),
        ("accounts { $G {} }", '1:11: "$G" is a Reserved Account'),
        ("accounts { A: 5 }", "1:11: Expected map entries for accounts"),
        ("accounts { A { foo: 1 } }", '1:15: unknown field "foo"'),
        ("accounts { A { nkey: foo } }", '1:15: Not a valid public nkey for an account: "foo"'),
    ],
)
def test_accounts_are_nothing_else(source, text):
    with pytest.raises(ConfigError) as caught:
        load_text(source)
    assert str(caught.value) == text


def test_a_variable_among_the_accounts_is_no_account():
    options = load_text("accounts { u: {user: a}, A { users: [$u] } }")
    assert [one.name for one in options.accounts] == ["A"]
    assert options.accounts[0].users[0].name == "a"


def test_an_account_key():
    assert account(f"nkey: {ACCOUNT_NKEY}").nkey == ACCOUNT_NKEY


def test_limits():
    limits = account("limits { max_conn: 1, max_subs: 2, max_payload: 1kb, max_leafs: 3 }").limits
    assert limits == AccountLimits(
        max_connections=1, max_subscriptions=2, max_payload=1024, max_leafnodes=3
    )
    assert account("").limits == AccountLimits()


def test_jetstream_limits():
    body = """jetstream { max_mem: 1k, max_store: 2k, streams: 3, max_consumers: 4,
        max_ack_pending: 5, max_bytes_required: true, mem_max_stream_bytes: 6,
        disk_max_stream_bytes: 7 }"""
    assert account(body).jetstream == AccountJetStream(
        max_memory=1000,
        max_file=2000,
        max_streams=3,
        max_consumers=4,
        max_ack_pending=5,
        max_bytes_required=True,
        memory_max_stream_bytes=6,
        file_max_stream_bytes=7,
    )


def test_jetstream_is_off_unless_enabled():
    assert account("").jetstream is None
    assert account("jetstream: disabled").jetstream is None
    assert account("jetstream: enabled").jetstream == AccountJetStream()


# ---------------------------------------------------------------------- exports


def test_a_public_service():
    export = account('exports [ {service: "svc.>"} ]').exports[0]
    assert (export.kind, export.subject, export.accounts) == ("service", "svc.>", None)
    assert export.response_type == "singleton"


def test_a_private_stream():
    export = account('exports [ {stream: "st.>", accounts: [B, C]} ]').exports[0]
    assert (export.kind, export.accounts) == ("stream", ("B", "C"))


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("single", "singleton"),
        ("Singleton", "singleton"),
        ("stream", "stream"),
        ("chunk", "chunked"),
        ("chunked", "chunked"),
    ],
)
def test_response_types(word, kind):
    for name in ("response", "response_type"):
        export = account(f"exports [ {{service: s, {name}: {word}}} ]").exports[0]
        assert export.response_type == kind


def test_threshold_and_token_position():
    body = "exports [ {service: 's.*', threshold: '5s', account_token_position: 2} ]"
    export = account(body).exports[0]
    assert (export.response_threshold_ns, export.account_token_position) == (5 * NS_PER_S, 2)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{stream: a, response_type: stream}", "Detected response directive on non-service"),
        ("{stream: a, threshold: '5s'}", "Detected response directive on non-service"),
        ("{service: a, response_type: foo}", 'Unknown response type: "foo"'),
        ("{service: a, stream: b}", "either a stream or a service"),
        ("{accounts: [B]}", 'an entry needs "stream" or "service"'),
        ("{service: a, accounts: []}", "an empty list would let every account import"),
        ("{service: 'a.*', account_token_position: 3}", 'token 3 of "a.*" must be "*"'),
        ("{service: 'a.b', account_token_position: 2}", 'token 2 of "a.b" must be "*"'),
        ("{service: 'a..b'}", "not a valid subject"),
        ("{service: a, foo: b}", 'unknown field "foo"'),
        ("{service: a, threshold: 5}", "response_threshold must be a duration"),
        ("{stream: a, latency: b}", "Detected latency directive on non-service"),
        (
            "{service: a, response_type: stream, latency: b}",
            'Error adding service latency sampling for "a" on subject "b": bad service response',
        ),
        ("{service: a, accounts: [X]}", '"X" account not defined for service export'),
        ("{stream: a, accounts: [X]}", '"X" account not defined for stream export'),
        ("5", "exports: expected a map, not an integer"),
    ],
)
def test_what_an_export_is_not(body, text):
    assert text in refusal(f"exports [ {body}\n ]")


def measured(source):
    return account(f"exports [ {{service: s, {source}}} ]").exports[0].latency


@pytest.mark.parametrize(
    ("source", "percent"),
    [
        ('latency: "lat"', 100),
        ("latency { subject: lat }", 100),
        ("latency { subject: lat, sampling: 50 }", 50),
        ("latency { subject: lat, sampling: 50% }", 50),
        ("latency { subject: lat, sampling: headers }", 0),
    ],
)
def test_latency(source, percent):
    assert measured(source) == LatencyOptions(subject="lat", sampling_percent=percent)


@pytest.mark.parametrize("sampling", ["0", "101", "x%", "-1", "true"])
def test_latency_is_sampled_in_percent(sampling):
    text = refusal(f"exports [ {{service: s, latency {{ subject: lat, sampling: {sampling} }} }} ]")
    assert "bad sampling percentage, should be 1-100" in text


def test_latency_has_a_subject():
    text = refusal("exports [ {service: s, latency {} } ]")
    assert "Latency subject required, but missing" in text


# ---------------------------------------------------------------------- imports

EXPORTS = 'B { exports [ {service: "svc.*"}, {stream: "st.>"} ] }'


def imported(body):
    return account(f"imports [ {body} ]", EXPORTS).imports[0]


def test_a_service_keeps_its_subject_unless_renamed():
    assert imported("{service: {account: B, subject: svc.one}}").local_subject == "svc.one"
    entry = imported("{service: {account: B, subject: svc.one}, to: my.one, share: true}")
    assert (entry.subject, entry.local_subject, entry.share) == ("svc.one", "my.one", True)


def test_a_stream_takes_a_prefix_or_another_subject():
    stream = "stream: {account: B, subject: 'st.>'}"
    assert imported(f"{{{stream}}}").local_subject == "st.>"
    assert imported(f"{{{stream}, prefix: from.b}}").local_subject == "from.b.st.>"
    assert imported(f"{{{stream}, prefix: 'from.b.'}}").local_subject == "from.b.st.>"
    assert imported(f"{{{stream}, to: 'my.>'}}").local_subject == "my.>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{service: {account: B}}", "Expect an account name and a subject"),
        ("{service: svc.one}", "service must be a map, not a string"),
        ("{service: {account: B, subject: svc.one, foo: 1}}", 'unknown field "foo"'),
        ("{service: {account: B, subject: svc.one}, share: 1}", "share must be a boolean"),
        ("{service: {account: B, subject: svc.one}, prefix: a}", 'takes "to", not "prefix"'),
        ("{stream: {account: B, subject: 'st.>'}, prefix: a, to: b}", "a 'prefix' and a 'to'"),
        (
            "{stream: {account: B, subject: 'st.>'}, prefix: 'a.*'}",
            'Error adding stream import "st.>": stream import prefix can not contain wildcard',
        ),
        ("{to: a}", 'an entry needs "stream" or "service"'),
    ],
)
def test_what_an_import_is_not(body, text):
    assert text in refusal(f"imports [ {body} ]", EXPORTS)


def test_users_with_passwords_and_keys():
    users = account(f"users [ {{user: a, password: b}}, {{nkey: {NKEY}}} ]").users
    assert (users[0].name, users[0].password) == ("a", "b")
    assert users[1].nkey == NKEY
