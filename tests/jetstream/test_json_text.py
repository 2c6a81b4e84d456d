import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.jetstream.json_text import DEPTH_MAX, JsonError, documents, single_document


def value_of(node):
    if node.kind == "object":
        return {name: value_of(value) for name, value in node.members}
    if node.kind == "array":
        return [value_of(value) for value in node.elements]
    return json.loads(node.raw) if node.kind != "string" else node.text


@pytest.mark.parametrize(
    ("body", "text", "offset"),
    [
        (b"{bad", "invalid character 'b' looking for beginning of object key string", 2),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string", 8),
        (b'{"a" 1}', "invalid character '1' after object key", 6),
        (b'{"a":1 "b":2}', "invalid character '\"' after object key:value pair", 8),
        (b'{"a":[1}', "invalid character '}' after array element", 8),
        (b'{"a":tru}', "invalid character '}' in literal true (expecting 'e')", 9),
        (b'{"a":1.}', "invalid character '}' in numeric literal", 8),
        (b'{"a":-x}', "invalid character 'x' in numeric literal", 7),
        (b'{"a":1.e5}', "invalid character 'e' in numeric literal", 8),
        (b'{"a":01}', "invalid character '1' after object key:value pair", 7),
        (b'{"a":"\n"}', "invalid character '\\n' in string", 7),
        (b'{"a":"\\q"}', "invalid escape sequence `\\q` in string", 8),
        (b'{"a":"\\u12x"}', 'invalid escape sequence `\\u12x"` in string', 12),
        (b"'", "invalid character '\\'' looking for beginning of value", 1),
        ("é".encode(), "invalid character 'é' looking for beginning of value", 2),
        (b'{"a":', "unexpected EOF", None),
        (b'{"a":"\\u12', "unexpected EOF", None),
        (b"nul", "unexpected EOF", None),
        (b'{"a":"\\', "unexpected EOF", None),
        (b'{} "', "unexpected EOF", None),
        (b"{}x", "invalid character 'x' looking for beginning of value", 3),
    ],
)
def test_what_is_not_json_is_named_with_its_place(body, text, offset):
    with pytest.raises(JsonError) as found:
        list(documents(body))
    assert (found.value.text, found.value.offset) == (text, offset)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"batch":', "unexpected end of JSON input"),
        (b'{"batch":1}x', "invalid character 'x' after top-level value"),
    ],
)
def test_a_single_document_is_the_whole_body(body, text):
    with pytest.raises(JsonError) as found:
        single_document(body)
    assert found.value.text == text


def test_documents_follow_one_another():
    assert [value_of(node) for node in documents(b' {"a":1}{"b":[]}\n null ')] == [
        {"a": 1}, {"b": []}, None,
    ]  # fmt: skip


def test_members_keep_their_order_and_their_repetitions():
    node = single_document(b'{"a":1,"A":2,"a":3}')
    assert [(name, value.raw) for name, value in node.members] == [
        ("a", "1"), ("A", "2"), ("a", "3"),
    ]  # fmt: skip


def test_bytes_that_are_not_text_are_replaced_one_by_one():
    assert single_document(b'"\xff\xe2\x82a"').text == "\ufffd\ufffd\ufffda"
    assert single_document(b'"\\ud800x \\ud83d\\ude00"').text == "\ufffdx \U0001f600"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_bounded(opening, closing):
    deep = opening * DEPTH_MAX + b"1" + closing * DEPTH_MAX
    assert len(list(documents(deep))) == 1
    with pytest.raises(JsonError, match="exceeded max depth"):
        list(documents(opening * 100_000))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False).filter(
            lambda number: number not in (float("inf"), float("-inf"))
        ),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    ),
    st.booleans(),
)  # fmt: skip
def test_what_a_library_prints_is_read_back(value, ascii_only):
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert value_of(single_document(body)) == value


@given(st.text(alphabet='{}[]:,"\\ \n0123456789.-+eEtrufalsn\x00é', max_size=30))
def test_what_a_library_refuses_is_refused(text):
    try:
        expected = json.loads(text, parse_constant=lambda _: pytest.fail("no such literal"))
    except ValueError:
        with pytest.raises(JsonError):
            single_document(text.encode())
    else:
        assert value_of(single_document(text.encode())) == expected


@given(st.binary(max_size=40))
def test_any_bytes_parse_or_raise(body):
    try:
        list(documents(body))
    except JsonError as error:
        assert error.offset is None or 0 < error.offset <= len(body)
