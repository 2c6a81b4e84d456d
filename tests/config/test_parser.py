"""Configuration text to a tree."""

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis.strategies import booleans, dictionaries, integers, lists, recursive, text

from isthmus.config.errors import ConfigError
from isthmus.config.parser import DEPTH_MAX, Node, digest, parse


def plain(node):
    """A tree without positions."""
    value = node.value if isinstance(node, Node) else node
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def tree(source, files=None, **environment):
    def read(path):
        if path not in (files or {}):
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    return plain(parse(source, file="dir/t.conf", read=read, environment=environment))


def refusal(source, files=None, **environment):
    with pytest.raises(ConfigError) as caught:
        tree(source, files, **environment)
    return str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "port: 4222\nhost: x",
        "port = 4222\nhost = x",
        "port 4222\nhost x\n",
        "port: 4222; host: x;",
        "port: 4222, host: x,",
        '{"port": 4222, "host": "x"}',
        "{\n port: 4222\n host: x\n}",
        "# first\nport: 4222 # beside\n// between\nhost: x // end",
        "\n\n  port:4222\r\n\thost:x\r\n",
        "{port: 4222}\nhost: x",
    ],
)
def test_ways_to_write_the_same(source):
    assert tree(source) == {"port": 4222, "host": "x"}


def test_maps_and_arrays_nest():
    source = "a { b { c: [1, [x, y], {d: e}] }\n f: g }"
    assert tree(source) == {"a": {"b": {"c": [1, ["x", "y"], {"d": "e"}]}, "f": "g"}}


@pytest.mark.parametrize("source", ["a: [1, 2]", "a: [1\n2]", "a [\n 1,\n 2, # two\n]", "a:[1,2,]"])
def test_ways_to_write_an_array(source):
    assert tree(source) == {"a": [1, 2]}


def test_a_later_entry_replaces_an_earlier_one():
    assert tree("port: 1\nport: 2") == {"port": 2}


def test_names_keep_their_case():
    assert tree("Port: 1\nport: 2") == {"Port": 1, "port": 2}


def test_a_variable_is_found_in_enclosing_maps_then_in_the_environment():
    assert tree("x: 1\na { b: $x }")["a"] == {"b": 1}
    assert tree("x: 1\na { x: 2\n b: $x }")["a"] == {"x": 2, "b": 2}
    assert tree("a: $HOME_PORT", HOME_PORT="4222") == {"a": 4222}
    assert tree("a: $LIST", LIST="[1, 2]") == {"a": [1, 2]}
    assert tree("a: $EMPTY", EMPTY="") == {"a": ""}
    assert tree("a: $ONE", ONE="$TWO", TWO="2") == {"a": 2}


def test_a_variable_refers_to_what_comes_before_it():
    text = "variable reference for 'x' on line 1 can not be found"
    assert refusal("a: $x\nx: 1") == text


def test_variables_of_the_environment_do_not_go_in_circles():
    text = refusal("a: $ONE", ONE="$TWO", TWO="$ONE")
    assert text.endswith("variable reference cycle for 'ONE'")


def test_a_used_entry_is_marked_for_it_is_no_option():
    entries = parse("x: 1\ny: 2\na: $x", environment={})
    assert entries["x"].used
    assert not entries["y"].used


def test_a_bcrypt_hash_needs_no_quotes():
    assert tree("password: $2a$10$abc.def") == {"password": "$2a$10$abc.def"}


def test_other_bcrypt_hashes_need_quotes_and_are_not_shown():
    text = refusal("password: $2b$10$abc.def")
    assert "needs quotes" in text
    assert "abc" not in text


def test_an_include_is_relative_to_its_file():
    files = {"dir/more/a.conf": "port: 1\ninclude b.conf", "dir/more/b.conf": "host: x"}
    assert tree("include 'more/a.conf'", files) == {"port": 1, "host": "x"}
    assert tree("include ./more/b.conf\n", files) == {"host": "x"}
    assert tree('a { include "more/b.conf" }', files) == {"a": {"host": "x"}}


def test_an_include_that_is_missing_is_named():
    reason = "error parsing include file 'x.conf', open dir/x.conf: no such file or directory"
    assert refusal('include "x.conf"') == reason


def test_an_error_in_an_include_names_both_files():
    text = refusal("include a.conf", {"dir/a.conf": "a: [1"})
    assert text.startswith("error parsing include file 'a.conf', dir/a.conf:1:")


def test_a_file_that_includes_itself_is_refused():
    text = refusal("include a.conf", {"dir/a.conf": "include a.conf"})
    assert f"more than {DEPTH_MAX} levels deep" in text


def test_include_is_an_ordinary_name_before_a_colon():
    assert tree("include: x") == {"include": "x"}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{a: 1 b: 2}", '1:6: expected a new line, "," or "}" after the value, got \'b\''),
        ("port 4222 host x", "expected a new line"),
        ("a: [1 2]", 'expected ",", a new line or "]" after the value'),
        ("a: [1, 2", 'the "[" here is never closed'),
        ("a: [,1]", "expected a value"),
        ("a { b: 1", 'the "{" here is never closed'),
        ("a: 1 }", "got '}'"),
        ("}", 'this "}" closes nothing'),
        ("a { b: ] }", "no value"),
        ("a:", 'no value for "a"'),
        ("a", 'no value for "a"'),
        ("a:\n{}", 'no value for "a"'),
        ("a { b }", 'no value for "b"'),
        ("= 5", "expected a name"),
        ('"a: 1', 'no closing "'),
        ("include 5", "expected a file name"),
        ("a { ]: 1 }", "expected a name"),
    ],
)
def test_what_is_refused_says_where_and_what_would_be_right(source, reason):
    text = refusal(source)
    assert reason in text
    assert text.startswith("dir/t.conf:")


def test_nesting_is_bounded():
    deep = DEPTH_MAX * "["
    assert tree(f"a: {deep}{DEPTH_MAX * ']'}")
    assert "nested deeper" in refusal(f"a: [{deep}")
    assert "nested deeper" in refusal("a: " + 100_000 * "{a:")


def test_positions_are_those_of_keys_and_of_elements():
    entries = parse('a { b: 1 }\nc: [ "x" ]', file="f", environment={})
    assert str(entries["a"].value["b"].position) == "f:1:4"
    assert str(entries["c"].position) == "f:2:1"
    assert str(entries["c"].value[0].position) == "f:2:7"


def test_the_digest_ignores_order_and_layout():
    assert digest(parse("a: 1\nb: x", environment={})) == digest(
        parse('{"b": "x", "a": 1}', environment={})
    )


def test_the_digest_is_that_of_sorted_json():
    entries = parse('b: [1, x, {c: true}]\na: "<&>"\nf: 1.5\ng: 2.0', environment={})
    document = r'{"a":"\u003c\u0026\u003e","b":[1,"x",{"c":true}],"f":1.5,"g":2}' + "\n"
    assert digest(entries) == "sha256:" + hashlib.sha256(document.encode()).hexdigest()


names = text(alphabet="abcdef_", min_size=1, max_size=6)
values = recursive(
    booleans() | integers(-(2**63), 2**63 - 1) | text(alphabet="abc xyz", max_size=8),
    lambda inner: lists(inner, max_size=4) | dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@given(dictionaries(names, values, max_size=5))
def test_json_is_a_configuration(document):
    assert tree(json.dumps(document)) == document


@settings(max_examples=300)
@given(text(alphabet="ab1{}[](),;:=#/$'\"\\ \n\r\tx.-", max_size=60))
def test_any_text_parses_or_is_refused(source):
    try:
        tree(source)
    except ConfigError as error:
        assert str(error)
