import pytest
from msgspec import field

from isthmus.base.values import Value
from isthmus.jetstream.decoding import (
    LISTED_MAX,
    TEXT_MAX,
    WORD_MAX,
    decode,
    decode_single,
    reading,
    reading_single,
    without_fields,
)
from isthmus.jetstream.json_kinds import Duration, Int32, Policy, Time, Uint64
from isthmus.jetstream.json_text import SLICE, JsonError


class Colour(Policy):
    RED = "red"
    BLUE = "blue"


class Inner(Value):
    go_name = "InnerThing"

    low: Int32 = 0
    wait_ns: Duration = field(default=0, name="wait")


class Listed(Value):
    go_pointer = True

    name: str = ""


class Outer(Value):
    name: str = ""
    colour: Colour = Colour.RED
    inner: Inner = Inner()
    maybe: Inner | None = None
    seq: Uint64 = 0
    on: bool = False
    words: tuple[str, ...] = ()
    waits_ns: tuple[Duration, ...] = field(default=(), name="waits")
    listed: tuple[Listed, ...] = ()
    pairs: dict[str, str] = field(default_factory=dict)
    since: Time | None = None


def test_every_kind_of_field_is_read():
    body = (
        b'{"name":"n","colour":"blue","inner":{"low":-5,"wait":7},"maybe":{},"seq":3,"on":true,'
        b'"words":["a","b"],"waits":[1,2],"listed":[{"name":"x"}],"pairs":{"k":"v"},'
        b'"since":"2020-01-01T00:00:00Z"}'
    )
    assert decode(Outer, body) == Outer(
        name="n", colour=Colour.BLUE, inner=Inner(low=-5, wait_ns=7), maybe=Inner(), seq=3, on=True,
        words=("a", "b"), waits_ns=(1, 2), listed=(Listed(name="x"),), pairs={"k": "v"},
        since="2020-01-01T00:00:00Z",
    )  # fmt: skip


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"{}", b"null", b'{"name":null,"seq":null,"words":null}']
)
def test_what_is_absent_is_the_default(body):
    assert decode(Outer, body) == Outer()


def test_names_match_without_regard_to_case_and_the_last_wins():
    assert decode(Outer, b'{"NAME":"a","name":"b","Name":"c"}').name == "c"
    assert decode(Outer, '{"\u017feq":4}'.encode()).seq == 4


def test_objects_and_maps_that_come_twice_are_merged():
    body = b'{"inner":{"low":1},"pairs":{"a":"1"},"inner":{"wait":2},"pairs":{"b":"2"}}'
    outer = decode(Outer, body)
    assert outer.inner == Inner(low=1, wait_ns=2)
    assert outer.pairs == {"a": "1", "b": "2"}


def test_several_documents_are_one_request():
    assert decode(Outer, b'{"name":"a","seq":1} {"seq":2}') == Outer(name="a", seq=2)


def test_null_forgets_what_is_a_list_a_map_or_optional():
    body = b'{"words":["a"],"maybe":{"low":1},"name":"n"}{"words":null,"maybe":null,"name":null}'
    assert decode(Outer, body) == Outer(name="n")


def test_null_inside_a_list_or_map_is_empty():
    outer = decode(Outer, b'{"words":[null],"listed":[null],"pairs":{"a":null},"waits":[null]}')
    assert outer == Outer(words=("",), listed=(Listed(),), pairs={"a": ""}, waits_ns=(0,))


@pytest.mark.parametrize(
    ("body", "what", "place", "kind"),
    [
        (b'{"name":5}', "number", "Go struct field Outer.name", "string"),
        (b'{"on":"y"}', "string", "Go struct field Outer.on", "bool"),
        (b'{"seq":-1}', "number -1", "Go struct field Outer.seq", "uint64"),
        (b'{"seq":1.0}', "number 1.0", "Go struct field Outer.seq", "uint64"),
        (b'{"seq":[1]}', "array", "Go struct field Outer.seq", "uint64"),
        (b'{"inner":{"low":2147483648}}', "number 2147483648", "Go struct field Outer.inner.low",
         "int32"),
        (b'{"inner":{"WAIT":"1s"}}', "string", "Go struct field Outer.inner.wait",
         "time.Duration"),
        (b'{"maybe":5}', "number", "Go struct field Outer.maybe", "server.InnerThing"),
        (b'{"words":"a"}', "string", "Go struct field Outer.words", "[]string"),
        (b'{"words":["a",5]}', "number", "Outer.words.1", "string"),
        (b'{"waits":{}}', "object", "Go struct field Outer.waits", "[]time.Duration"),
        (b'{"listed":5}', "number", "Go struct field Outer.listed", "[]*server.Listed"),
        (b'{"listed":[5]}', "number", "Outer.listed.0", "server.Listed"),
        (b'{"listed":[{"name":5}]}', "number", "Go struct field Outer.listed.0.name", "string"),
        (b'{"pairs":{"a":5}}', "number", "Go struct field Outer.pairs.a", "string"),
        (b'{"pairs":[]}', "array", "Go struct field Outer.pairs", "map[string]string"),
        (b'{"since":5}', "number", "Go struct field Outer.since", "time.Time"),
        (b"[1]", "array", "Go value", "server.Outer"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_named_with_its_place(body, what, place, kind):
    with pytest.raises(JsonError) as found:
        decode(Outer, body)
    assert found.value.text == f"json: cannot unmarshal {what} into {place} of type {kind}"
    assert found.value.offset is None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"foo":1}', 'json: unknown field "foo"'),
        (b'{"inner":{"x":1}}', 'json: unknown field "x"'),
        (b'{"colour":"green"}', r'can not unmarshal "\"green\""'),
        (b'{"colour":null}', 'can not unmarshal "null"'),
        (b'{"colour":"r\\u0065d"}', r'can not unmarshal "\"r\\u0065d\""'),
        (b'{"foo":1,"seq":"x"}', 'json: unknown field "foo"'),
        (b'{"colour":5,"foo":1}', 'can not unmarshal "5"'),
        (b'{"colour":5,"foo":1', "unexpected EOF"),
    ],
)
def test_the_first_thing_that_does_not_fit_is_told(body, text):
    with pytest.raises(JsonError) as found:
        decode(Outer, body)
    assert found.value.text == text


def test_lenient_requests_pass_over_unknown_names():
    assert decode(Outer, b'{"foo":{"a":[1]},"seq":1}', strict=False).seq == 1
    assert decode_single(Outer, b'{"foo":1,"seq":1}').seq == 1


def test_of_a_list_no_more_is_kept_than_shows_that_it_is_too_long():
    outer = decode(Outer, b'{"words":[%s"x"]}' % (b'"a",' * 2 * LISTED_MAX))
    assert outer.words == ("a",) * (LISTED_MAX + 1)
    with pytest.raises(JsonError, match=r"number into Outer.words.2000 of type string"):
        decode(Outer, b'{"words":[%s5]}' % (b'"a",' * 2 * LISTED_MAX))


def test_a_text_is_only_so_long_but_what_belongs_to_a_map_may_be_longer():
    long = b"x" * TEXT_MAX
    assert len(decode(Outer, b'{"name":"%s"}' % long).name) == TEXT_MAX
    assert len(decode(Outer, b'{"pairs":{"a":"%sx"}}' % long).pairs["a"]) == TEXT_MAX + 1
    for body, where, most in (
        (b'{"name":"%sx"}', " in name", TEXT_MAX),
        (b'{"words":["%sx"]}', " in words.0", TEXT_MAX),
        (b'{"since":"%sx"}', " in since", WORD_MAX),
        (b'{"colour":"%s"}', " in colour", WORD_MAX),
        (b'{"colour":["%s"]}', " in colour", WORD_MAX),
        (b'{"%sx":1}', "", WORD_MAX),
    ):
        with pytest.raises(JsonError, match=f"^text of 163.. characters{where}: at most {most}$"):
            decode(Outer, body % long)


def test_reading_takes_a_pause_after_every_slice():
    reading_it = reading(Outer, b'{"words":[%s"x"]}' % (b'"a",' * 10 * SLICE))
    assert sum(1 for _pause in reading_it) == 10
    lenient = reading_single(Outer, b'{"x":[%s1]}' % (b"1," * 10 * SLICE))
    assert sum(1 for _pause in lenient) == 10


def test_a_body_without_fields_is_none_or_an_empty_object():
    assert all(without_fields(body) for body in (b"", b"{}", b" { }\n"))
    bodies = (b"{", b"[]", b"5", b'{"a":1}', b"{}{}", b"{}x", b" ", b"x")
    assert not any(without_fields(body) for body in bodies)
