"""Monitoring of both servers: the same documents, field by field, and the same errors."""

import json
import urllib.error
import urllib.request

import pytest

pytestmark = [pytest.mark.real, pytest.mark.oracle]

CONFIG = """
server_name: n1
server_tags: [a, b]
server_metadata { x: y }
max_subscriptions: 7
ping_interval: "30s"
authorization { user: u, password: p, timeout: 1.5 }
"""
NEVER_EQUAL = {"server_id", "go", "port", "http_port", "start", "now", "uptime", "mem", "cores",
               "gomaxprocs", "cpu", "subscriptions", "config_load_time", "feature_flags",
               "git_commit"}  # fmt: skip


@pytest.fixture
def both(start_server):
    """Both servers with one configuration: `both(path)` is what the real one and ours answer."""
    servers = [start_server(kind, "-m", "-1", config=CONFIG) for kind in ("real", "isthmus")]

    def ask(path):
        return [get(f"http://127.0.0.1:{server.http_port}{path}") for server in servers]

    return ask


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, dict(response.headers), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def test_varz(both):
    real, ours = (json.loads(body) for _, _, body in both("/varz"))
    assert [name for name in real if name != "git_commit"] == list(ours)
    differences = {name for name in ours if real[name] != ours[name]}
    assert differences <= NEVER_EQUAL


def test_jsz_when_jetstream_is_off(both):
    real, ours = (json.loads(body) for _, _, body in both("/jsz"))
    assert list(real) == list(ours)
    assert {name for name in ours if real[name] != ours[name]} == {"server_id", "now"}


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/healthz?details=1",
        "/healthz?stream=S",
        "/healthz?account=A&consumer=C&details=true",
        "/healthz?details=x",
        "/healthz?js-enabled-only=x",
        "/jsz?limit=x",
        "/jsz?accounts=yes",
        "/jsz?leader-only=2",
        "/nope",
        "/varz/",
    ],
)
def test_the_same_answer(both, path):
    (real_code, real_headers, real), (code, headers, ours) = both(path)
    assert (real_code, real) == (code, ours)
    for name in ("Content-Type", "Access-Control-Allow-Origin"):
        assert real_headers.get(name) == headers.get(name)


def test_documents_have_the_same_type_and_may_be_read_by_other_sites(both):
    for _, headers, _ in both("/varz"):
        assert headers["Content-Type"] == "application/json"
        assert headers["Access-Control-Allow-Origin"] == "*"
