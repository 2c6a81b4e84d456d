"""Asking a web server for tokens and handing them in, and what can go wrong with that."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from isthmus.cli.nsc import http as module
from isthmus.cli.nsc.http import HttpError, get, is_http, post_token
from support.nsc import Nsc, guide


class Web(http.server.ThreadingHTTPServer):
    """Serves `pages`; keeps what was handed in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, bytes] = {}
        self.posted: list[tuple[str, str, bytes]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        body = self.server.pages.get(self.path)
        self._answer(404 if body is None else 200, body or b"nothing here")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Content-Type"], body))
        self._answer(self.server.status, b"as the server says\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


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
