"""Asking a web server for tokens and handing them in, and what can go wrong with that."""

import pytest

from cli.nsc.web import Web
from isthmus.cli.nsc import http as module
from isthmus.cli.nsc.http import HttpError, get, is_http, post_token
from support.nsc import Nsc, guide


@pytest.fixture
def web():
    with Web() as made:
        yield made


def test_only_http_is_asked():
    assert is_http("http://x")
    assert is_http("HTTPS://x")
    assert not is_http("nats://x")
    assert not is_http("file:///etc/passwd")


def test_a_page_and_its_absence_are_answers(web):
    web.pages["/token"] = b"a.b.c\n"
    answer = get(f"{web.url}/token")
    assert answer.found
    assert answer.text == "a.b.c"
    missing = get(f"{web.url}/other")
    assert not missing.found
    assert (missing.status, missing.reason) == (404, "Not Found")


def test_a_token_is_handed_in_as_one(web):
    web.status = 202
    answer = post_token(f"{web.url}/accounts/A", "a.b.c")
    assert answer.status == 202
    assert answer.text == "as the server says"
    assert web.posted == [("/accounts/A", "application/jwt", b"a.b.c")]


def test_more_than_a_token_can_be_is_not_read(web, monkeypatch):
    monkeypatch.setattr(module, "BODY_BYTES_MAX", 10)
    web.pages["/big"] = b"x" * 11
    with pytest.raises(HttpError, match="longer than 10 bytes"):
        get(f"{web.url}/big")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://", "http://[", "http://x y/"])
def test_no_answer_is_one_line(url):
    with pytest.raises(HttpError) as failure:
        get(url)
    assert str(failure.value)
    assert "\n" not in str(failure.value)


def test_an_import_takes_its_token_from_a_url(tmp_path, web):
    nsc = Nsc(tmp_path)
    guide(nsc)
    nsc.ok("add export -a ACCTC --subject pri.x --service --private")
    nsc.ok("generate activation -a ACCTC -t ACCTB -o x.tok")
    web.pages["/x.tok"] = (nsc.work / "x.tok").read_bytes()
    assert '[ OK ] added service import "pri.x"' in nsc.ok(
        f"add import -a ACCTB --token {web.url}/x.tok"
    )
    token = nsc.ok("describe account ACCTB --field nats.imports[0].token")
    assert token.strip().strip('"') in (nsc.work / "x.tok").read_text()
    missing = nsc(f"add import -a ACCTB --token {web.url}/y.tok")
    assert missing.code == 1
    assert missing.err.startswith(
        f'Error: error reading response from "{web.url}/y.tok": 404 Not Found'
    )
