"""A web server that has tokens and takes them: for URLs of tokens, and as an account server."""

import http.server
import threading
from typing import Self


class Web:
    """Serves `pages`; keeps what was handed in. With `account_server` it serves that, too."""

    def __init__(self, *, account_server: bool = False) -> None:
        self.pages: dict[str, bytes] = {}
        self.posted: list[tuple[str, str, bytes]] = []
        self.status = 200
        self.account_server = account_server
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.web = self
        options = {"poll_interval": 0.01}
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs=options)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    web: Web


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        body = self.server.web.pages.get(self.path)
        self._answer(404 if body is None else 200, body or b"nothing here")

    def do_POST(self) -> None:
        web = self.server.web
        body = self.rfile.read(int(self.headers["Content-Length"]))
        web.posted.append((self.path, self.headers["Content-Type"], body))
        if web.account_server and web.status < 300:
            web.pages[self.path] = body
        self._answer(web.status, b"as the server says\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""
