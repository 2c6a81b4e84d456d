import pytest

from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.describe import field_text, json_text

PAYLOAD = {"b": {"list": [{"s": "a.>"}, 2]}, "a": None, "n": 1}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("n", "1"),
        ("a", "null"),
        ("missing", "null"),
        ("b.list[0].s", '"a.\\u003e"'),
        ("b.list[1]", "2"),
        ("b", '{"list":[{"s":"a.\\u003e"},2]}'),
    ],
)
def test_a_field_is_compact_json(path, text):
    assert field_text(PAYLOAD, path) == text


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("n.x", 'unable to extract "x" in "n.x" from 1'),
        ("a.x", 'unable to extract "x" in "a.x" from <nil>'),
        ("b.list[7]", 'index is out of bounds: 7 in "b.list[7]"'),
        ("b.list[x]", 'error parsing index: "x" in "b.list[x]"'),
        ("b.list[0", 'bad path - unterminated index expression: "list[0" in "b.list[0"'),
        ("n[0]", 'unable to extract "0" in "n[0]" from 1'),
        ("b.list[0]x]", 'bad path: "list[0]x]" in "b.list[0]x]"'),
    ],
)
def test_a_bad_path_is_one_line(path, complaint):
    with pytest.raises(CommandError) as caught:
        field_text(PAYLOAD, path)
    assert str(caught.value) == complaint


def test_json_is_sorted_and_indented_by_one():
    assert json_text({"b": [1], "a": "x>"}) == '{\n "a": "x>",\n "b": [\n  1\n ]\n}'
