"""Allow, deny, queues and leave to answer, as the real server understands them."""

import pytest

from isthmus.accounts.permissions import Permissions, Rule


def publish(permissions: Permissions, subject: str) -> bool:
    permits = permissions.publish_permits()
    return permits is None or permits.may_publish(subject.encode(), 0)


def test_no_rule_allows_everything():
    assert Permissions().publish_permits() is None
    assert Permissions().may_subscribe("a.>", "")


def test_deny_wins_over_allow():
    permissions = Permissions(publish=Rule(allow=("a.>",), deny=("a.secret",)))
    assert publish(permissions, "a.b")
    assert not publish(permissions, "a.secret")
    assert not publish(permissions, "b")


def test_an_empty_allow_list_allows_nothing():
    assert not publish(Permissions(publish=Rule(allow=())), "a")


def test_leave_to_answer_without_an_allow_list_allows_nothing_else():
    assert not publish(Permissions(responses_max=1), "a")


def test_a_wider_subscription_than_allowed_is_refused():
    permissions = Permissions(subscribe=Rule(allow=("a.*",)))
    assert permissions.may_subscribe("a.b", "")
    assert permissions.may_subscribe("a.*", "")
    assert not permissions.may_subscribe("a.>", "")


@pytest.mark.parametrize(
    ("allow", "subject", "queue", "allowed"),
    [
        (("s.>",), "s.x", "", True),
        (("s.>",), "s.x", "any", True),
        (("q.* grp",), "q.x", "grp", True),
        (("q.* grp",), "q.x", "", False),
        (("q.* grp",), "q.x", "other", False),
        (("qq v1.*",), "qq", "v1.a", True),
        (("qq v1.*",), "qq", "v2.a", False),
        (("q.*", "q.* grp"), "q.x", "grp", True),
        (("q.*", "q.* grp"), "q.x", "other", False),
        (("q.*", "q.* grp"), "q.x", "", True),
    ],
)
def test_an_entry_may_name_the_queue(allow, subject, queue, allowed):
    assert Permissions(subscribe=Rule(allow=allow)).may_subscribe(subject, queue) is allowed


def test_a_denied_queue_leaves_other_queues_alone():
    permissions = Permissions(subscribe=Rule(deny=("s.q dq",)))
    assert not permissions.may_subscribe("s.q", "dq")
    assert permissions.may_subscribe("s.q", "other")
    assert permissions.may_subscribe("s.q", "")


@pytest.mark.parametrize(
    ("subject", "queue", "allowed"),
    [
        ("s.>", "", False),
        ("s.>", "q", False),
        ("s.*", "", False),
        (">", "", True),
        ("s.a.>", "", True),
        ("s.a.b", "", True),
        ("t.>", "", True),
        ("t.>", "q", False),
    ],
)
def test_a_denied_star_takes_the_rest_for_a_token(subject, queue, allowed):
    permissions = Permissions(subscribe=Rule(deny=("s.*", "t.* q")))
    assert permissions.may_subscribe(subject, queue) is allowed


def test_an_overlapping_subscription_is_accepted_and_filtered():
    permissions = Permissions(subscribe=Rule(deny=("s.w.deny",)))
    assert permissions.may_subscribe("s.>", "")
    hidden = permissions.hidden_from("s.>", "")
    assert hidden is not None
    assert b"s.w.deny" in hidden
    assert b"s.w.ok" not in hidden
    assert permissions.hidden_from("t.>", "") is None
