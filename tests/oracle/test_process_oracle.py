"""The process around a server, ours and the real one: files, signals, log lines, refusals."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from support.servers import ServerProcess, command

pytestmark = [pytest.mark.real, pytest.mark.oracle]


@pytest.fixture(autouse=True)
def _started_anew(monkeypatch):
    monkeypatch.setattr(ServerProcess, "forked", False)


LINE = re.compile(r"\[(\d+)\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[([A-Z]{3})\] (.*)")


def texts(server):
    """Level and text of each line of the log; every line has the form."""
    found = [LINE.fullmatch(line.rstrip()) for line in server.log_text.splitlines()]
    assert all(found), server.log_text
    assert {int(one[1]) for one in found} == {server.process.pid}
    return [f"{one[2]} {one[3]}" for one in found]


def wait_for(server, text):
    """Until the log says so."""
    deadline = time.monotonic() + 20
    while text not in server.log_text:
        assert time.monotonic() < deadline, server.log_text
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupt")]
)
def test_a_signal_stops_in_order(start_server, kind, number, name):
    server = start_server(kind)
    server.process.send_signal(number)
    assert server.process.wait(20) == 0
    lines = texts(server)
    assert "INF Server is ready" in lines
    assert lines[-3:] == [
        f'INF Trapped "{name}" signal',
        "INF Initiating Shutdown...",
        "INF Server Exiting..",
    ]


def test_files_of_the_process(start_server, kind):
    server = start_server(kind, "-m", "-1", "-P", "a.pid")
    pid = server.process.pid
    assert (server.folder / "a.pid").read_text() == str(pid)
    (ports,) = (server.folder / "ports").glob(f"*_{pid}.ports")
    text = '{"nats":["nats://127.0.0.1:%d"],"monitoring":["http://127.0.0.1:%d"]}'
    assert ports.read_text() == text % (server.port, server.http_port)
    server.process.terminate()
    server.process.wait(20)
    assert not ports.exists()
    assert (server.folder / "a.pid").exists()


def test_the_log_file_is_opened_anew(start_server, kind):
    server = start_server(kind, "-l", "s.log")
    path = server.folder / "s.log"
    path.rename(server.folder / "old.log")
    server.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 20
    while not path.exists() or "File log re-opened" not in path.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "Server is ready" in (server.folder / "old.log").read_text()


def reload(server, config):
    (server.folder / "server.conf").write_text(config)
    server.process.send_signal(signal.SIGHUP)


def test_a_reload_that_changes_something(start_server, kind):
    server = start_server(kind, config="max_connections: 5\n")
    reload(server, "max_connections: 7\ndebug: true\nping_interval: '5s'\n")
    wait_for(server, "Reloaded server configuration (sha256:")
    lines = texts(server)
    assert 'INF Trapped "hangup" signal' in lines
    for text in ("debug = true", "max_connections = 7", "ping_interval = 5s"):
        assert f"INF Reloaded: {text}" in lines


def test_a_reload_that_is_wrong(start_server, kind):
    server = start_server(kind, config="max_connections: 5\n")
    reload(server, "max_connections: 7\nfoo: 1\n")
    wait_for(server, "Failed to reload server configuration: ")
    assert texts(server)[-1].endswith('server.conf:2:1: unknown field "foo"')


def test_a_reload_that_needs_a_restart(start_server, kind):
    server = start_server(kind, config="server_name: a\n")
    reload(server, "server_name: b\n")
    wait_for(server, "Failed to reload server configuration: ")
    line = texts(server)[-1].lower().replace("servername", "server_name")
    expected = "config reload not supported for server_name: old=a, new=b"
    assert line.endswith(expected)


def test_nobody_is_admitted_where_nobody_may_connect(start_server, kind):
    server = start_server(kind, config="max_connections: 0\n")
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        data = b""
        while chunk := client.recv(4096):
            data += chunk
    assert data.endswith(b"-ERR 'maximum connections exceeded'\r\n")


SAID = (
    b'CONNECT {"user":"u","pass":"hunter2","verbose":true,"headers":true,"name":"n","lang":"p"}\r\n'
    b"PING\r\nsub   foo   1\r\nHPUB foo 12 17\r\nNATS/1.0\r\n\r\nhello\r\nPUB foo r 0\r\n\r\n"
    b'PUB foo 3\r\n\xff\x00"\r\nSUB a.b.c.d 7\r\nUNSUB 1\r\nFOO\r\n'
)


def test_a_trace(start_server, kind):
    config = "max_sub_tokens: 3\nauthorization { user: u, password: hunter2 }\n"
    server = start_server(kind, "-V", config=config)
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(SAID)
        while client.recv(4096):
            pass
    wait_for(server, "Unknown Protocol Operation")
    assert "hunter2" not in server.log_text
    lines = [line.rpartition(" - ")[2] for line in texts(server) if line.startswith("TRC")]
    connect = '{"user":"u","pass":"[REDACTED]","verbose":true,"headers":true,"name":"n","lang":"p"}'
    said = [line for line in lines if line.startswith("<<-") and "FOO" not in line]
    assert said == [
        f"<<- [CONNECT {connect}]",
        "<<- [PING]",
        "<<- [SUB foo   1]",
        "<<- [HPUB foo 12 17]",
        r'<<- MSG_PAYLOAD: ["NATS/1.0\r\n\r\nhello"]',
        "<<- [PUB foo r 0]",
        "<<- [PUB foo 3]",
        r'<<- MSG_PAYLOAD: ["\xff\x00\""]',
        "<<- [SUB a.b.c.d 7]",
        "<<- [UNSUB 1]",
    ]
    heard = [line for line in lines if line.startswith("->>")]
    assert sorted(heard) == sorted(
        [
            *6 * ["->> [OK]"],
            "->> [PONG]",
            "->> [HMSG foo 1 12 17]",
            r'->> MSG_PAYLOAD: ["NATS/1.0\r\n\r\nhello"]',
            "->> [MSG foo 1 r 0]",
            "->> [MSG foo 1 3]",
            r'->> MSG_PAYLOAD: ["\xff\x00\""]',
            '->> [-ERR Permissions Violation for Subscription to "a.b.c.d", too many tokens]',
            "->> [-ERR Unknown Protocol Operation]",
        ]
    )


def test_the_advertised_address(start_server, kind):
    server = start_server(kind, config="client_advertise: 'example.org:1234'\n")
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        info = json.loads(client.recv(4096)[5:])
    assert (info["host"], info["port"]) == ("example.org", 1234)


def run(kind, folder, *args):
    line = [*command(kind), "-a", "127.0.0.1", *args]
    return subprocess.run(
        line, cwd=folder, capture_output=True, text=True, timeout=60, check=False, env=os.environ
    )


@pytest.mark.parametrize("flags", [("-p",), ("-p", "-1", "-m")])
def test_a_port_in_use_is_one_line_and_code_1(tmp_path, kind, flags):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(kind, tmp_path, *flags, str(port))
    assert done.returncode == 1
    last = [line for line in done.stderr.splitlines() if "[FTL]" in line]
    assert len(last) == 1
    assert str(port) in last[0]
    assert "address already in use" in last[0].lower()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("no_auth_user: x", 'no_auth_user: "x" present, but users/nkeys are not defined'),
        ("max_pending: 10", "max_payload (1048576) cannot be higher than max_pending (10)"),
        (
            "lame_duck_grace_period: '3m'",
            "lame duck grace period (3m0s) should be strictly lower than lame duck duration (2m0s)",
        ),
        ("foo: 1", 't.conf:1:0: unknown field "foo"'),
        ("jetstream { domain: 'a.b' }", "invalid domain name: may not contain ., * or >"),
    ],
)
def test_options_that_can_not_run_are_one_line_and_code_1(tmp_path, kind, config, text):
    (tmp_path / "t.conf").write_text(config)
    done = run(kind, tmp_path, "-p", "-1", "-c", "t.conf", "-sd", str(tmp_path / "js"))
    assert done.returncode == 1
    assert done.stderr.strip().partition(": ")[2] == text
    assert done.stdout == ""
