"""An account server for tests: GET <base><account key>, and whatever else one may say."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self


class Answer(NamedTuple):
    """What is said to one GET, behind so many `hints`; `wait` is called before."""

    status: int = 200
    body: bytes = b""
    location: str = ""
    wait: Callable[[], object] = bool
    hints: int = 0


class AccountServer:
    """Answers by the last part of the path; what it does not know is 404. Keeps what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"": Answer()}
        self.asked: list[str] = []
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/jwt/v1/accounts/"

    def has(self, key: str, token: str) -> None:
        self.answers[key] = Answer(body=token.encode())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: AccountServer

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.owner.asked.append(name)
        answer = self.owner.answers.get(name, Answer(404))
        answer.wait()
        try:
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * answer.hints)
        except OSError:
            return  # as below
        self.send_response(answer.status)
        if answer.location:
            self.send_header("Location", answer.location)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        try:
            self.wfile.write(answer.body)
        except OSError:
            return  # who asked did not want to hear all of it

    def log_message(self, *_: object) -> None:
        """Say nothing."""
