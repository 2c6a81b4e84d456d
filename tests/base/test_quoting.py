import pytest

from isthmus.base.quoting import back_quote, quote
from isthmus.base.values import escape_json, to_json


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("a.b", '"a.b"'),
        ("é ☃", '"é ☃"'),
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("\u0080\u2028\ufeff", r'"\u0080\u2028\ufeff"'),
        ("\U000e0001", r'"\U000e0001"'),
    ],
)
def test_text_is_quoted_as_go_quotes_it(text, quoted):
    assert quote(text) == quoted


@pytest.mark.parametrize(
    ("text", "quoted"),
    [("~/x", "`~/x`"), ('a"b\t', '`a"b\t`'), ("a`b", '"a`b"'), ("a\nb", r'"a\nb"')],
)
def test_backquotes_are_used_where_they_can_be(text, quoted):
    assert back_quote(text) == quoted


def test_json_escapes_what_go_escapes():
    assert (
        to_json("a<b>&é\u2028\u2029\u2013")
        == b'"a\\u003cb\\u003e\\u0026\xc3\xa9\\u2028\\u2029\xe2\x80\x93"'
    )
    assert escape_json(b'{"a":1}') == b'{"a":1}'
