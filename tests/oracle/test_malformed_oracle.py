"""Broken input over a socket: what is said, and whether the connection ends, on both servers."""

import socket
from collections.abc import Iterator

import pytest

from support.malformed import BEFORE_LOGIN, CASES, Case
from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle, pytest.mark.real]

LOGIN = b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\nPING\r\n'
SILENCE_S = 0.05  # long enough for an answer over loopback that must not come


@pytest.fixture(scope="module", params=["isthmus", "real"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """One without login, one with."""
    folder = tmp_path_factory.mktemp("malformed")
    login = ("--user", "someone", "--pass", "generated")
    with (
        ServerProcess(request.param, folder / "open") as free,
        ServerProcess(request.param, folder / "login", *login) as closed,
    ):
        yield free, closed


class Talker:
    """A socket that has read the INFO."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.reset = False
        self.until(b"\r\n")

    def until(self, end: bytes) -> bytes:
        """Everything up to `end`, or to the end of the connection."""
        data = b""
        while not (end and data.endswith(end)):
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                self.reset = True
                break
            if not part:
                break
            data += part
        return data

    def quiet(self) -> bool:
        self.socket.settimeout(SILENCE_S)
        try:
            return self.socket.recv(1) is None
        except TimeoutError:
            return True


def check(talker: Talker, case: Case) -> None:
    with talker.socket:
        talker.socket.sendall(case.send)
        if case.then == "closed":
            heard = talker.until(b"")
            # a server that closes before it has read all resets, and what it said may be lost
            assert heard == case.heard or (talker.reset and case.heard.startswith(heard))
        elif case.then == "open":
            talker.socket.sendall(b"PING\r\n")
            assert talker.until(case.heard + b"PONG\r\n") == case.heard + b"PONG\r\n"
        else:
            assert talker.quiet()


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.send[:24]))
def test_broken_input_is_answered_alike(servers: tuple[ServerProcess, ServerProcess], case: Case):
    talker = Talker(servers[0].port)
    talker.socket.sendall(LOGIN)
    talker.until(b"PONG\r\n")
    check(talker, case)


@pytest.mark.parametrize("case", BEFORE_LOGIN, ids=lambda case: repr(case.send[:24]))
def test_broken_input_before_login_is_answered_alike(
    servers: tuple[ServerProcess, ServerProcess], case: Case
):
    check(Talker(servers[1].port), case)
