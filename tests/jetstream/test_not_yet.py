from msgspec import field

from isthmus.base.values import Value
from isthmus.jetstream.not_yet import refusal


class Config(Value):
    wait_ns: int = field(default=0, name="wait")
    policy: str = "plain"


TABLE = {"wait": "no waiting", "policy=odd": "only plain and even"}


def test_a_default_is_fine():
    assert refusal(Config(), TABLE) is None


def test_a_field_is_refused_by_its_wire_name():
    text = "wait is not supported by this server yet: no waiting"
    assert refusal(Config(wait_ns=5), TABLE) == text


def test_one_value_may_be_refused():
    assert refusal(Config(policy="even"), TABLE) is None
    text = "policy=odd is not supported by this server yet: only plain and even"
    assert refusal(Config(policy="odd"), TABLE) == text


def test_without_its_line_it_is_no_longer_refused():
    assert refusal(Config(wait_ns=5, policy="odd"), {}) is None
