import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.identity.urls import (
    Url,
    check_account_server_url,
    check_info,
    check_service_url,
    parse_url,
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://h", Url(scheme="http", host="h")),
        ("HTTP://h:80/p?q#f", Url(scheme="http", host="h", path="/p")),
        ("nats://u:p@h:4222", Url(scheme="nats", credentials=True, host="h")),
        ("tls://[::1]:4222", Url(scheme="tls", host="::1")),
        ("h:4222", Url(scheme="h")),
        ("//h/p", Url(host="h", path="/p")),
        ("/p", Url(path="/p")),
        ("p", Url(path="p")),
        ("file:///p", Url(scheme="file", path="///p")),
        ("", Url()),
    ],
)
def test_a_url_has_parts(text, url):
    assert parse_url(text) == url


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (":x", "missing protocol scheme"),
        ("://x", "missing protocol scheme"),
        ("a\nb", "net/url: invalid control character in URL"),
        ("1:2", "first path segment in URL cannot contain colon"),
        ("http://h:bad", 'invalid port ":bad" after host'),
        ("http://h h", 'invalid character " " in host name'),
        ("http://h/%zz", 'invalid URL escape "%zz"'),
        ("http://%zz", 'invalid URL escape "%zz"'),
    ],
)
def test_what_is_no_url_is_refused_with_the_reason(text, complaint):
    with pytest.raises(ValueError, match=r"^parse ") as caught:
        parse_url(text)
    assert str(caught.value).endswith(f": {complaint}")


@given(st.text())
def test_any_text_is_a_url_or_the_one_error(text):
    try:
        parse_url(text)
    except ValueError as error:
        assert str(error).startswith("parse ")
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("check", "text", "found"),
    [
        (check_account_server_url, "", []),
        (check_account_server_url, "http://h/jwt/v1", []),
        (check_account_server_url, "nats://h:4222", []),
        (check_account_server_url, "h/x", ['account server url "h/x" requires a protocol']),
        (
            check_account_server_url,
            ":x",
            ['error parsing account server url: parse ":x": missing protocol scheme'],
        ),
        (check_service_url, "", []),
        (check_service_url, "nats://h:4222", []),
        (check_service_url, "WSS://h", []),
        (
            check_service_url,
            "nats://u@h",
            ['operator service url "nats://u@h" - credentials are not supported'],
        ),
        (
            check_service_url,
            "nats://h/p",
            ['operator service url "nats://h/p" - paths are not supported'],
        ),
        (
            check_service_url,
            "http://h",
            [
                (
                    'operator service url "http://h" - protocol not supported'
                    " (only 'nats', 'tls', 'ws', 'wss' only)"
                )
            ],
        ),
        (
            check_service_url,
            ":",
            ['error parsing operator service url ":": parse ":": missing protocol scheme'],
        ),
    ],
)
def test_url_rules(check, text, found):
    assert [finding.text for finding in check(text)] == found


@pytest.mark.parametrize(
    ("description", "url", "found"),
    [
        ("", "", []),
        ("d" * 8192, "http://h", []),
        ("é" * 4097, "", ["Description is too long"]),
        ("", "http://" + "h" * 8192, ["Info URL is too long"]),
        ("", "h", ["error parsing info url: no hostname or scheme"]),
        ("", ":h", ['error parsing info url: parse ":h": missing protocol scheme']),
    ],
)
def test_info_rules(description, url, found):
    assert [finding.text for finding in check_info(description, url)] == found
