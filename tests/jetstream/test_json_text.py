import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.base.slices import at_once
from isthmus.jetstream.json_text import (
    BLANKS_MAX,
    DEPTH_MAX,
    NUMBER_MAX,
    REPLACED_MAX,
    SLICE,
    UNCLEAN_MAX,
    JsonError,
    Reader,
)


def documents(body):
    """All values of `body`, as a library makes them."""
    reader, out = Reader(body), []
    while not reader.at_end():
        out.append(value_of(reader, reader.step()))
    return out


def single_document(body):
    reader = Reader(body)
    value = value_of(reader, reader.step())
    if not reader.at_end():
        raise reader.unexpected("after top-level value")
    return value


def value_of(reader, kind):
    if kind == "object":
        members = {}
        while (step := reader.step()) != "end":
            assert step == "name"
            name = reader.text
            members[name] = value_of(reader, reader.step())
        return members
    if kind == "array":
        elements = []
        while (step := reader.step()) != "end":
            elements.append(value_of(reader, step))
        return elements
    return reader.text if kind == "string" else json.loads(reader.node(kind).raw)


def steps(body):
    """Everything a reader says of one document."""
    reader, out = Reader(body), []
    while not out or reader.depth:
        step = reader.step()
        out.append((step, reader.text) if step in {"name", "string", "number"} else step)
    return out


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
        documents(body)
    assert (found.value.text, found.value.offset) == (text, offset)


def test_documents_follow_one_another():
    assert documents(b' {"a":1}{"b":[]}\n null ') == [{"a": 1}, {"b": []}, None]


def test_members_keep_their_order_and_their_repetitions():
    assert steps(b'{"a":1,"A":[true],"a":3}') == [
        "object", ("name", "a"), ("number", "1"), ("name", "A"), "array", "bool", "end",
        ("name", "a"), ("number", "3"), "end",
    ]  # fmt: skip


def test_the_text_of_a_value_is_as_it_was_written():
    reader = Reader(b' {"a" : [ 1,"\\u0041"]}')
    reader.step(), reader.step()
    assert at_once(reader.whole(reader.step())).raw == '[ 1,"\\u0041"]'
    assert reader.step() == "end"
    assert reader.at_end()


def test_bytes_that_are_not_text_are_replaced_one_by_one():
    assert single_document(b'"\xff\xe2\x82a"') == "\ufffd\ufffd\ufffda"
    assert single_document(b'"\\ud800x \\ud83d\\ude00"') == "\ufffdx \U0001f600"
    for body in (b'"' + b"\xff" * REPLACED_MAX + b'"', b'"\xff"' + b" " * UNCLEAN_MAX):
        with pytest.raises(JsonError, match="not UTF-8"):
            single_document(body)


def test_so_many_blanks_stand_in_a_row():
    assert steps(b"[" + b" " * (BLANKS_MAX - 1) + b"]") == ["array", "end"]
    with pytest.raises(JsonError, match=r"^65536 blanks or more in a row$"):
        steps(b"[" + b" " * BLANKS_MAX + b"]")


def test_a_number_has_so_many_characters():
    assert steps(b"1" * (NUMBER_MAX - 1)) == [("number", "1" * (NUMBER_MAX - 1))]
    with pytest.raises(JsonError, match=r"^number of 16384 characters or more$"):
        steps(b"1" * NUMBER_MAX)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_bounded(opening, closing):
    deep = Reader(opening * DEPTH_MAX + b"1" + closing * DEPTH_MAX)
    deep.step()
    at_once(deep.leave(0))
    assert deep.at_end()
    deeper = Reader(opening * 100_000)
    deeper.step()
    with pytest.raises(JsonError, match="exceeded max depth") as found:
        at_once(deeper.leave(0))
    assert found.value.offset == (DEPTH_MAX + 1) * len(opening) - len(opening) + 1


def test_a_reader_is_tired_after_every_slice():
    reader = Reader(b"[" + b"1," * 3 * SLICE + b"1]")
    reader.step()
    assert sum(1 for _pause in reader.leave(0)) == 3
    long = Reader(b'["' + b"x" * 1_000_000 + b'"]')
    long.step(), long.step()
    assert long.tired
    assert not long.tired


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
    assert single_document(body) == value


@given(st.text(alphabet='{}[]:,"\\ \n0123456789.-+eEtrufalsn\x00é', max_size=30))
def test_what_a_library_refuses_is_refused(text):
    try:
        expected = json.loads(text, parse_constant=lambda _: pytest.fail("no such literal"))
    except ValueError:
        with pytest.raises(JsonError):
            single_document(text.encode())
    else:
        assert single_document(text.encode()) == expected


@given(st.binary(max_size=40))
def test_any_bytes_parse_or_raise(body):
    try:
        documents(body)
    except JsonError as error:
        assert error.offset is None or 0 < error.offset <= len(body)
