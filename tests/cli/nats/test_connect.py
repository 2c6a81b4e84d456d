import socket
import threading
from contextlib import closing

import pytest
from nats import errors

from isthmus.cli.nats.failures import in_words
from isthmus.identity.creds import make_creds
from isthmus.identity.nkeys import KeyPair, Kind
from support.operator_mode import SYSTEM, SYSTEM_USER, config, user_token
from support.tokens import NOW_NS


class Counted:
    """Entropy for keys of one test."""

    def bytes(self, count: int, /) -> bytes:
        return bytes(range(count))


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def refusing(tool):
    """The tool, sent to a port where nobody listens."""
    tool.environ["NATS_URL"] = f"nats://127.0.0.1:{free_port()}"
    return tool


@pytest.mark.parametrize(
    ("line", "prefix"),
    [
        ("pub a b", ""),
        ("request a b", ""),
        ("sub a", ""),
        ("rtt", ""),
        ("stream ls", "setup failed: "),
        ("stream info S", "setup failed: "),
        ("stream get S 1", "setup failed: "),
        ("stream purge S -f", "setup failed: "),
        ("stream rm S -f", "setup failed: "),
        ("stream add S --subjects s --defaults", "could not create Stream: "),
        ("consumer add S C --pull --defaults", "setup failed: "),
        ("consumer info S C", "setup failed: "),
        ("consumer ls S", "setup failed: "),
        ("consumer next S C", "setup failed: "),
        ("consumer rm S C -f", "setup failed: "),
        ("account info", "setup failed: "),
    ],
)
def test_a_refused_connection_reads_as_in_the_original(refusing, line, prefix):
    said = refusing.fails(*line.split())
    assert said == f"{prefix}nats: no servers available for connection"


def test_the_second_server_is_tried(nats):
    url = nats.environ["NATS_URL"]
    nats.ok("pub", "a", "b", "-s", f"nats://127.0.0.1:{free_port()},{url}")


def test_a_name_that_does_not_exist_is_said(tool):
    assert tool.fails("pub", "a", "b", "-s", "nats://nohost.invalid").startswith("dial tcp: ")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://x", 'cannot use server "http://x": the scheme is nats or tls'),
        ("ws://x", 'cannot use server "ws://x": the scheme is nats or tls'),
        ("nats://x:port", 'cannot read server "nats://x:port": '),
        ("nats://", 'cannot read server "nats://": no host'),
        (",", "no server given"),
    ],
)
def test_a_bad_url_is_refused(tool, url, problem):
    assert tool.fails("pub", "a", "b", "--server", url).startswith(problem)


def test_a_password_in_a_bad_url_is_not_shown(tool):
    said = tool.fails("pub", "a", "b", "--server", "http://me:secret@x")
    assert "secret" not in said


def test_something_that_is_no_nats_server_is_said(tool):
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        said = tool.fails("pub", "a", "b", "-s", f"127.0.0.1:{listener.getsockname()[1]}")
        thread.join(5)
    assert said == "nats: empty response from server when expecting INFO message"


class TestPasswords:
    @pytest.fixture
    def guarded(self, kind, start_server, tool):
        server = start_server(
            kind, config="authorization { users: [{user: me, password: let-me-in}] }"
        )
        tool.environ["NATS_URL"] = server.url
        return tool

    def test_the_right_one_is_let_in(self, guarded):
        guarded.ok("pub", "a", "b", "--user", "me", "--password", "let-me-in")

    def test_the_wrong_one_is_told(self, guarded):
        said = guarded.fails("pub", "a", "b", "--user", "me", "--password", "wrong")
        assert said == "nats: Authorization Violation"

    def test_none_is_told(self, guarded):
        assert guarded.fails("rtt") == "nats: Authorization Violation"
        assert guarded.fails("stream", "ls") == "setup failed: nats: Authorization Violation"

    def test_they_may_stand_in_the_url(self, guarded):
        guarded.environ["NATS_URL"] = guarded.environ["NATS_URL"].replace("//", "//me:let%2Dme-in@")
        guarded.ok("pub", "a", "b")

    def test_they_may_stand_in_a_context(self, guarded):
        guarded.ok("context", "add", "X", "--user", "me", "--password", "let-me-in")
        guarded.ok("pub", "a", "b", "--context", "X")
        guarded.environ |= {"NATS_USER": "me", "NATS_PASSWORD": "wrong"}
        assert guarded.fails("pub", "a", "b", "--context", "X") == "nats: Authorization Violation"


def test_a_token_is_let_in(kind, start_server, tool):
    tool.environ["NATS_URL"] = start_server(kind, config="authorization { token: T0 }").url
    tool.ok("pub", "a", "b", "--token", "T0")
    tool.ok("pub", "a", "b", "--user", "T0")
    assert tool.fails("pub", "a", "b", "--token", "T1") == "nats: Authorization Violation"


def test_a_seed_is_let_in(kind, start_server, tool, tmp_path):
    pair = KeyPair.make(Kind.USER, Counted())
    listed = f"authorization {{ users: [{{nkey: {pair.public_key}}}] }}"
    tool.environ["NATS_URL"] = start_server(kind, config=listed).url
    seed = tmp_path / "user.nk"
    seed.write_text(pair.seed)
    tool.ok("pub", "a", "b", "--nkey", str(seed))
    other = KeyPair(Kind.USER, bytes(32))
    seed.write_text(other.seed)
    assert tool.fails("pub", "a", "b", "--nkey", str(seed)) == "nats: Authorization Violation"


class TestOperatorMode:
    @pytest.fixture
    def trusted(self, kind, start_server, tool):
        tool.environ["NATS_URL"] = start_server(kind, config=config({})).url
        return tool

    @pytest.fixture
    def creds(self, tmp_path):
        path = tmp_path / "sys.creds"
        token = user_token(SYSTEM_USER, SYSTEM, now_ns=NOW_NS, name="sys")
        path.write_text(make_creds(token, SYSTEM_USER.seed))
        return path

    def test_creds_are_let_in(self, trusted, creds):
        trusted.ok("pub", "a", "b", "--creds", str(creds))
        trusted.environ["NATS_CREDS"] = str(creds)
        trusted.ok("pub", "a", "b")

    def test_a_token_with_its_seed_is_let_in(self, trusted):
        token = user_token(SYSTEM_USER, SYSTEM, name="sys")
        trusted.ok("pub", "a", "b", "--jwt", token, "--seed", SYSTEM_USER.seed)

    def test_a_strangers_creds_are_not(self, trusted, tmp_path):
        stranger = KeyPair(Kind.ACCOUNT, bytes(32))
        token = user_token(SYSTEM_USER, stranger, name="sys")
        path = tmp_path / "stranger.creds"
        path.write_text(make_creds(token, SYSTEM_USER.seed))
        said = trusted.fails("pub", "a", "b", "--creds", str(path))
        assert said == "nats: Authorization Violation"

    def test_missing_creds_are_said_before_connecting(self, refusing):
        said = refusing.fails("pub", "a", "b", "--creds", "/nope/x.creds")
        assert said == "nats: open /nope/x.creds: no such file or directory"


class TestDeniedSubjects:
    """nats-py hands the server's errors on in lower case."""

    @pytest.fixture
    def bounded(self, kind, start_server, tool):
        server = start_server(
            kind,
            config="authorization { users: [{user: me, password: p, permissions: {"
            ' publish: {deny: ["secret.>"]}, subscribe: {deny: ["secret.>"]}}}] }',
        )
        tool.environ |= {"NATS_URL": server.url, "NATS_USER": "me", "NATS_PASSWORD": "p"}
        return tool

    def test_publishing_there_is_an_error(self, bounded):
        said = bounded.fails("pub", "secret.x", "b")
        assert said == 'nats: permissions violation for publish to "secret.x"'

    def test_asking_there_says_why_nobody_answered(self, bounded):
        said = bounded.fails("request", "secret.x", "b", "--timeout", "300ms")
        assert said == 'nats: permissions violation for publish to "secret.x"'

    def test_listening_there_is_an_error(self, bounded):
        said = bounded.fails("sub", "secret.x", "--count", "1")
        assert said == 'nats: permissions violation for subscription to "secret.x"'

    def test_the_rest_is_open(self, bounded):
        bounded.ok("pub", "open.x", "b")


def test_tls_is_not_given_up_silently(nats):
    url = nats.environ["NATS_URL"].replace("nats://", "tls://")
    said = nats.fails("pub", "a", "b", "--server", url)
    assert said == "nats: secure connection not available"


def test_a_password_does_not_leave_without_the_tls_that_was_asked_for(tool):
    heard = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b'INFO {"auth_required":true,"headers":true}\r\n')
                heard.append(connection.recv(1000))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        tool.fails("pub", "a", "b", "-s", f"tls://me:let-me-in@127.0.0.1:{port}")
        thread.join(5)
    assert heard == [b""]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(111, "refused"), "nats: no servers available for connection"),
        (errors.NoServersError(), "nats: no servers available for connection"),
        (errors.Error("nats: 'Authorization Violation'"), "nats: Authorization Violation"),
        (errors.TimeoutError(), "nats: timeout"),
        (TimeoutError(), "nats: timeout"),
        (OSError(113, "No route to host"), "dial tcp: No route to host"),
    ],
)
def test_failures_in_words(error, text):
    assert in_words(error) == text
