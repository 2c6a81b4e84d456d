"""What a connection is told, asked and refused: the same from our server and from the real one."""

import json
import re
import socket
import time

import bcrypt
import pytest

from support.raw import RawClient

pytestmark = [pytest.mark.oracle, pytest.mark.real]

KINDS = ("isthmus", "real")
ID = re.compile(r"[A-Z2-7]{56}")


class Line:
    """A bare connection that reads until something is said, or the server ends it."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self.heard = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def say(self, data):
        self._socket.sendall(data)

    def hear(self, pattern):
        """Read until `pattern` has come; everything so far."""
        while not re.search(pattern, self.heard):
            data = self._socket.recv(65536)
            assert data, f"ended after {self.heard!r}"
            self.heard += data
        return self.heard

    def hear_all(self):
        """Read until the server ends the connection; what came after INFO."""
        try:
            while data := self._socket.recv(65536):
                self.heard += data
        except ConnectionResetError:
            pass
        return self.heard.partition(b"\r\n")[2]


def info_of(server):
    with Line(server.port) as line:
        return json.loads(line.hear(rb"\r\n").partition(b"\r\n")[0][5:])


@pytest.mark.parametrize(
    ("flags", "config"),
    [
        ((), ""),
        (("-js",), "server_name: n1\nmax_payload: 4096\n"),
        ((), "authorization { user: u, password: p }\n"),
        ((), "authorization { token: t }\n"),
        ((), "accounts { A { users: [{user: a, password: p}] } }\nno_auth_user: a\n"),
    ],
    ids=["plain", "jetstream", "user", "token", "no_auth_user"],
)
def test_the_first_line(start_server, tmp_path, flags, config):
    documents = []
    for kind in KINDS:
        folder = ("-sd", str(tmp_path / kind)) if flags else ()
        found = info_of(start_server(kind, *flags, *folder, config=config))
        assert ID.fullmatch(found.pop("server_id"))
        assert found.pop("port") > 0
        if "server_name" not in config:
            assert ID.fullmatch(found.pop("server_name"))
        for moment in ("client_ip", "go", "git_commit", "xkey", "nonce", "client_id"):
            found.pop(moment, None)
        documents.append(found)
    assert documents[0] == documents[1]


LOGINS = {
    "right": b'"user":"u","pass":"p"',
    "wrong password": b'"user":"u","pass":"x"',
    "unknown": b'"user":"x","pass":"p"',
    "nothing": b'"verbose":false',
    "token instead": b'"auth_token":"p"',
    "hashed": b'"user":"h","pass":"secret"',
    "hashed wrong": b'"user":"h","pass":"secre"',
}


def test_logins_by_password(start_server):
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4, prefix=b"2a")).decode()
    config = (
        "authorization { users: [ {user: u, password: p}, "
        f'{{user: h, password: "{hashed}"}} ] }}\n'
    )
    heard = []
    for kind in KINDS:
        server = start_server(kind, config=config)
        heard.append({})
        for name, fields in LOGINS.items():
            with Line(server.port) as line:
                line.say(b"CONNECT {%b}\r\nPING\r\n" % fields)
                line.hear(rb"PONG|-ERR '[^']*'\r\n")
                heard[-1][name] = re.search(rb"PONG|-ERR '[^']*'", line.heard)[0]
    assert heard[0] == heard[1]
    assert heard[0]["right"] == heard[0]["hashed"] == b"PONG"
    assert heard[0]["unknown"] == b"-ERR 'Authorization Violation'"


def test_logins_by_token(kind, start_server):
    server = start_server(kind, config='authorization { token: "t0ken" }\n')
    with RawClient(server.port, auth_token="t0ken") as client:
        assert client.request("nobody").header.startswith(b"NATS/1.0 503")
    with Line(server.port) as line:
        line.say(b'CONNECT {"auth_token":"other"}\r\nPING\r\n')
        assert line.hear_all() == b"-ERR 'Authorization Violation'\r\n"


def test_who_says_nothing_is_the_user_of_no_auth_user(kind, start_server):
    config = (
        "accounts { A { users: [{user: a, password: p, "
        "permissions: {publish: {deny: [secret]}}}] } }\nno_auth_user: a\n"
    )
    server = start_server(kind, config=config)
    with Line(server.port) as line:
        line.say(b"PUB secret 0\r\n\r\nPING\r\n")
        line.hear(rb"PONG")
        assert b"-ERR 'Permissions Violation for Publish to \"secret\"'\r\n" in line.heard


@pytest.mark.parametrize(
    "config",
    [
        "authorization { user: u, password: p, timeout: 0.2 }\n",
        "authorization { users: [{user: u, password: p}], timeout: 0.2 }\nno_auth_user: u\n",
    ],
)
def test_who_does_not_log_in_in_time_is_let_go(kind, start_server, config):
    server = start_server(kind, config=config)
    with Line(server.port) as line:
        assert line.hear_all() == b"-ERR 'Authentication Timeout'\r\n"


def test_where_nobody_must_log_in_who_says_nothing_stays_as_long_as_he_answers_pings(
    kind, start_server
):
    config = 'authorization { timeout: 0.2 }\nping_interval: "150ms"\nping_max: 2\n'
    server = start_server(kind, config=config)
    with Line(server.port) as line:
        assert line.hear_all() == b"PING\r\nPING\r\n-ERR 'Stale Connection'\r\n"


def test_who_does_not_answer_pings_is_stale(kind, start_server):
    server = start_server(kind, config='ping_interval: "150ms"\nping_max: 2\n')
    with Line(server.port) as line:
        line.say(b'CONNECT {"verbose":false}\r\n')
        heard = line.hear_all()
    assert heard.startswith(b"PING\r\n")
    assert heard.endswith(b"-ERR 'Stale Connection'\r\n")


def test_who_answers_pings_stays(kind, start_server):
    server = start_server(kind, config='ping_interval: "100ms"\nping_max: 1\n')
    with Line(server.port) as line:
        line.say(b'CONNECT {"verbose":false}\r\n')
        for number in range(1, 8):
            line.hear(rb"(PING\r\n.*){%d}" % number)
            line.say(b"PONG\r\n")
        assert b"-ERR" not in line.heard


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("max_payload: 10\n", b"PUB a 11\r\n12345678901\r\n"),
        ("max_control_line: 512\n", b"PUB " + b"a" * 600 + b" 0\r\n\r\n"),
        ("max_subscriptions: 2\n", b"SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nPING\r\n"),
        ("max_sub_tokens: 2\n", b"SUB a.b.c 1\r\nPING\r\n"),
    ],
    ids=["payload", "control line", "subscriptions", "tokens"],
)
def test_limits_of_a_connection(start_server, config, said):
    heard = []
    for kind in KINDS:
        server = start_server(kind, config=config)
        with Line(server.port) as line:
            line.say(b'CONNECT {"verbose":false}\r\nPING\r\n')
            line.hear(rb"PONG\r\n")
            line.heard = b""
            line.say(said)
            heard.append(line.hear(rb"-ERR '[^\r]*'\r\n"))
    assert heard[0].partition(b"PONG")[0] == heard[1].partition(b"PONG")[0]


def test_who_is_one_too_many_is_turned_away(kind, start_server):
    server = start_server(kind, config="max_connections: 1\n")
    with Line(server.port) as first:
        first.say(b"CONNECT {}\r\nPING\r\n")
        first.hear(rb"PONG")
        with Line(server.port) as second:
            assert second.hear_all() == b"-ERR 'maximum connections exceeded'\r\n"
        first.say(b"PING\r\n")
        first.hear(rb"PONG\r\n.*PONG\r\n|PONG(?s:.)*PONG")


def test_a_subscriber_that_does_not_read_is_let_go_and_the_publisher_is_not(kind, start_server):
    server = start_server(kind, config="max_payload: 65536\nmax_pending: 262144\n")
    with Line(server.port) as slow, RawClient(server.port) as publisher:
        slow.say(b'CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n')
        slow.hear(rb"PONG")
        payload = b"x" * 60_000
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            for _ in range(50):
                publisher.publish("flood", payload)
            # 503 as soon as nobody listens
            answer = publisher.request("flood", payload, timeout_s=0.2)
            if answer is not None and answer.header.startswith(b"NATS/1.0 503"):
                break
        else:
            pytest.fail("the slow subscriber is still there")
