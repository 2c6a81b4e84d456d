"""What a user with denied subjects may subscribe to, and what of it he hears: on both servers.

One server for all cases, with a user for each.
"""

import json
import re
import socket
from typing import NamedTuple

import pytest

from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle, pytest.mark.real]

PUBLISHED = ["bar", "bar.bar", "bar.foo", "foo", "foo.bar", "foo.bar.foo", "foo.foo"]


class Case(NamedTuple):
    """`heard`: what comes for each subscription (subject, or subject and queue); None: refused."""

    deny: list[str]
    heard: dict[str, list[str] | None]


def all_but(*subjects):
    return [subject for subject in PUBLISHED if subject not in subjects]


CASES = {
    "a wildcard hides it": Case(["foo.bar"], {"foo.*": ["foo.foo"]}),
    "each of two wildcards does": Case(
        ["foo.bar"], {"foo.*": ["foo.foo"], ">": all_but("foo.bar")}
    ),
    "in a queue group too": Case(
        ["foo.bar"], {"foo.* q": ["foo.foo"], "foo.>": ["foo.bar.foo", "foo.foo"]}
    ),
    "where they only overlap": Case(["foo.*"], {"*.bar": ["bar.bar"]}),
    "itself it is refused": Case(
        ["foo.bar"], {"foo.bar": None, "foo.bar q": None, "*.bar": ["bar.bar"]}
    ),
    "to a queue": Case(["foo.bar q"], {"foo.bar": ["foo.bar"], "foo.bar q": None}),
    "a star takes the rest for a token": Case(
        ["foo.*"], {"foo.>": None, ">": all_but("foo.bar", "foo.foo"), "foo.bar.>": ["foo.bar.foo"]}
    ),
    "a star alone": Case(["*"], {">": None, "*.*": all_but("bar", "foo", "foo.bar.foo")}),
    "a star for a queue": Case(
        ["*.* q"], {"foo.> q": None, "foo.> r": ["foo.bar", "foo.bar.foo", "foo.foo"]}
    ),
}


def config():
    users = [{"user": "publisher", "password": "p"}]
    for name, case in CASES.items():
        rights = {"subscribe": {"allow": [">"], "deny": case.deny}}
        users.append({"user": name, "password": "p", "permissions": rights})
    return f"authorization {{ users: {json.dumps(users)} }}\n"


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory):
    with ServerProcess(request.param, tmp_path_factory.mktemp("denied"), config=config()) as it:
        yield it


class Line:
    """A connection of one user; every call gives what came until all of it was read."""

    def __init__(self, port, user):
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        options = {"user": user, "pass": "p", "verbose": False, "pedantic": False}
        assert "-ERR" not in self.say(f"CONNECT {json.dumps(options)}\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def say(self, text):
        self._socket.sendall(text.encode() + b"PING\r\n")
        heard = b""
        while not heard.endswith(b"PONG\r\n"):
            data = self._socket.recv(65536)
            assert data, heard
            heard += data
        return heard.decode()


@pytest.mark.parametrize("name", CASES)
def test_what_is_denied_does_not_come(server, name):
    case = CASES[name]
    with Line(server.port, name) as line, Line(server.port, "publisher") as publisher:
        heard = {}
        for wanted in case.heard:
            subject, _, queue = wanted.partition(" ")
            said = line.say(f"SUB {subject} {queue} s{len(heard)}\r\n")
            using = f' using queue "{queue}"' if queue else ""
            refusal = f"-ERR 'Permissions Violation for Subscription to \"{subject}\"{using}'"
            heard[wanted] = None if refusal in said else []
            assert ("-ERR" in said) == (refusal in said)
        publisher.say("".join(f"PUB {subject} 0\r\n\r\n" for subject in PUBLISHED))
        for subject, number in re.findall(r"MSG (\S+) s(\d+) ", line.say("")):
            heard[list(heard)[int(number)]].append(subject)
        assert {wanted: got and sorted(got) for wanted, got in heard.items()} == case.heard


def test_an_allowed_star_does_not_allow_the_rest(start_server):
    """The real server lets `foo.>` in, and with it `foo.bar.foo`: see `differences.md`."""
    users = [{"user": "u", "password": "p", "permissions": {"subscribe": {"allow": ["foo.*"]}}}]
    text = f"authorization {{ users: {json.dumps(users)} }}\n"
    with Line(start_server("isthmus", config=text).port, "u") as line:
        assert 'Violation for Subscription to "foo.>"\'' in line.say("SUB foo.> 1\r\n")
        assert "-ERR" not in line.say("SUB foo.* 2\r\nSUB foo.bar 3\r\n")
