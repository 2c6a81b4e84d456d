"""JSON as monitoring lays it out."""

import pytest

from isthmus.base.values import NS_PER_S, always
from isthmus.monitor.documents import Document, indented, uptime


class Example(Document):
    name: str
    count: int = always(0)
    extra: int = 0
    inner: dict[str, int] = always({})


def test_empty_fields_are_left_out_unless_always_there():
    document = b'{\n  "name": "a\\u003e",\n  "count": 0,\n  "inner": {}\n}'
    assert indented(Example(name="a>")) == document


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m0s"),
        (3601, "1h0m1s"),
        (86_400, "1d0h0m0s"),
        (366 * 86_400 + 1, "1y1d0h0m1s"),
        (-5, "0s"),
    ],
)
def test_uptime_has_whole_seconds(seconds, text):
    assert uptime(int(seconds * NS_PER_S)) == text
