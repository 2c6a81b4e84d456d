"""Users and what they may do."""

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.config import ConfigError, PermissionsOptions, ResponseRule, SubjectRules
from isthmus.config.load import load_text
from isthmus.identity.nkeys import Kind
from support.tokens import key

NKEY = key(Kind.USER, "u").public_key


def permissions(body):
    source = f"authorization {{ users: [{{user: a, password: b, permissions: {{ {body} }} }}] }}"
    return load_text(source).authorization.users[0].permissions


def refusal(user):
    with pytest.raises(ConfigError) as caught:
        load_text(f"authorization {{ users: [{user}\n] }}")
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("publish: a", SubjectRules(allow=("a",))),
        ("pub: [a, 'b.>']", SubjectRules(allow=("a", "b.>"))),
        ("import: {allow: a}", SubjectRules(allow=("a",))),
        ("publish: {deny: [b, c]}", SubjectRules(deny=("b", "c"))),
        ("publish: {allow: 'a.*', deny: a.b}", SubjectRules(allow=("a.*",), deny=("a.b",))),
        ("publish: {allow: []}", SubjectRules(allow=())),
        ("publish: {}", None),
        ("", None),
    ],
)
def test_ways_to_write_subjects(body, rules):
    assert permissions(body) == PermissionsOptions(publish=rules)


@pytest.mark.parametrize("name", ["subscribe", "sub", "export"])
def test_a_subscription_may_name_its_queue(name):
    rules = permissions(f"{name}: ['s.>', 'q.* grp']").subscribe
    assert rules == SubjectRules(allow=("s.>", "q.* grp"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("publish: 'a..b'", 'subject "a..b" is not a valid subject'),
        ("publish: 'a q'", 'subject "a q" is not a valid subject'),
        ("subscribe: 'a q v'", 'subject "a q v" is not a valid subject'),
        ("subscribe: 'a. q'", 'subject "a." is not a valid subject'),
        ("subscribe: 'a q..v'", 'queue "q..v" is not a valid queue'),
        ("subscribe: {allow: 'a..b'}", 'subject "a..b" is not a valid subject'),
        ("publish: 1", "publish must be a string or an array of strings, not an integer"),
        ("publish: [1\n]", "every element must be a string, not an integer"),
        ("publish: {foo: a}", 'unknown field "foo"'),
        ("foo: a", 'unknown field "foo"'),
        ("allow_responses: 5", "allow_responses must be a boolean or a map, not an integer"),
        ("allow_responses: {max: x}", "max must be an integer, not a string"),
        ("allow_responses: {expires: 5}", "expires must be a duration"),
    ],
)
def test_what_is_no_permission(body, text):
    assert text in refusal(f"{{user: a, permissions: {{ {body} }} }}")


def test_a_right_to_answer_is_all_that_may_be_published_unless_more_is_allowed():
    rules = permissions("allow_responses: true")
    assert rules == PermissionsOptions(publish=SubjectRules(allow=()), responses=ResponseRule())
    rules = permissions("allow_responses: true, publish: {deny: a}")
    assert rules.publish == SubjectRules(allow=(), deny=("a",))
    rules = permissions("allow_responses: true, publish: a")
    assert rules.publish == SubjectRules(allow=("a",))


def test_answers_have_a_number_and_a_time():
    rules = permissions("publish_allow_responses: {max_msgs: 5, ttl: '1m'}")
    assert rules.responses == ResponseRule(max_messages=5, expires_ns=60 * NS_PER_S)
    assert permissions("allow_responses: {max: 0, expires: '0s'}").responses == ResponseRule()
    assert permissions("allow_responses: {max: -1}").responses.max_messages == -1
    assert permissions("allow_responses: false").responses is None


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("{password: a}", "User entry requires a user"),
        ("{nkey: a}", "Not a valid public nkey for a user"),
        (f"{{nkey: A{NKEY[1:]}}}", "Not a valid public nkey for a user"),
        (f"{{nkey: {NKEY}, user: a}}", "Nkey users do not take usernames or passwords"),
        ("{user: a, permissions: 5}", "permissions must be a map, not an integer"),
        ("5", "users: expected a map, not an integer"),
        ("{user: a, foo: 1}", 'unknown field "foo"'),
        ("{user: a, clients: FOO}", 'invalid connection types ["FOO"]'),
        ("{user: a, proxy_required: true}", '"proxy_required" is not implemented'),
    ],
)
def test_what_is_no_user(user, text):
    assert text in refusal(user)


def test_connection_types_do_not_depend_on_case():
    source = "authorization { users: [{user: a, connection_types: [standard, Websocket]}] }"
    user = load_text(source).authorization.users[0]
    assert user.connection_types == ("STANDARD", "WEBSOCKET")
