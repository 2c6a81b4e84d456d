"""Which path answers with what."""

import json

import pytest
from hypothesis import given
from hypothesis.strategies import text

from isthmus.monitor.answer import HTML, JSON, TEXT, Answer
from isthmus.monitor.routes import Routes
from isthmus.monitor.snapshots import JetStreamSnapshot, ServerSnapshot


class RecordingSource:
    def __init__(self):
        self.asked = []

    def server(self):
        return ServerSnapshot(server_id="NA", server_name="n", start_ns=0, now_ns=1)

    def jetstream(self, *, streams):
        self.asked.append(streams)
        return JetStreamSnapshot()

    def jetstream_in_slices(self, *, streams=True):
        yield
        return self.jetstream(streams=streams)


def answer(target, base=""):
    return at_length(Routes(RecordingSource(), base).answer(target))


def at_length(found):
    """The answer, however long it takes."""
    while not isinstance(found, Answer):
        try:
            next(found)
        except StopIteration as end:
            return end.value
    return found


@pytest.mark.parametrize("target", ["/varz", "/jsz", "/healthz", "/jsz?accounts=1&x=y"])
def test_documents_are_json(target):
    found = answer(target)
    assert (found.status, found.content_type) == (200, JSON)
    body = found.body if isinstance(found.body, bytes) else b"".join(found.body)
    json.loads(body)


def test_healthz_is_compact_and_the_others_are_not():
    assert answer("/healthz").body == b'{"status":"ok"}'
    assert b'\n  "server_id"' in answer("/varz").body


def test_the_index_links_to_every_endpoint():
    found = answer("/")
    assert (found.status, found.content_type) == (200, HTML)
    for name in (b"/varz", b"/jsz", b"/healthz"):
        assert b'href="%b"' % name in found.body


@pytest.mark.parametrize(
    "target", ["/nope", "/varz/", "/VARZ", "", "varz", "/../varz", "*", "//varz", "/routez"]
)
def test_any_other_path_is_not_found(target):
    found = answer(target)
    assert (found.status, found.content_type) == (404, TEXT)
    assert found.body == b"404 page not found\n"


@pytest.mark.parametrize("base", ["b", "/b", "b/", "/b/"])
def test_a_base_path_is_before_every_path(base):
    assert answer("/b/varz", base).status == 200
    assert answer("/varz", base).status == 404
    assert answer("/bvarz", base).status == 404
    assert answer("/", base).status == 200
    assert answer("/b", base).status == 200
    assert b'href="/b/varz"' in answer("/b", base).body


@pytest.mark.parametrize(
    ("path", "name", "value", "kind", "function"),
    [
        ("/healthz", "details", "x", "boolean", "ParseBool"),
        ("/jsz", "leader-only", "yes", "boolean", "ParseBool"),
        ("/jsz", "limit", "x", "int", "Atoi"),
        ("/jsz", "offset", "9" * 99, "int", "Atoi"),
    ],
)
def test_a_wrong_parameter_is_named(path, name, value, kind, function):
    found = answer(f"{path}?{name}={value}")
    assert (found.status, found.content_type) == (400, TEXT)
    text = f"Error decoding {kind} for '{name}': strconv.{function}: parsing \"{value}\": "
    assert found.body.decode() == text + "invalid syntax"


def test_a_proxy_may_name_the_host():
    assert answer("http://localhost:8222/varz").status == 200


@pytest.mark.parametrize(
    ("query", "flag"),
    [
        *(("streams=1", True), ("streams=true", True), ("streams=0", False), ("streams=", False)),
        *(("consumers=1", True), ("accounts=1", False), ("acc=A", False), ("", False)),
    ],
)
def test_streams_are_collected_only_when_asked_for(query, flag):
    source = RecordingSource()
    at_length(Routes(source).answer(f"/jsz?{query}"))
    assert source.asked == [flag]


def test_requests_are_counted_by_path():
    routes = Routes(RecordingSource())
    for target in ("/varz", "/varz?x=1", "/nope", "/healthz"):
        routes.answer(target)
    document = json.loads(routes.answer("/varz").body)
    assert document["http_req_stats"] == {"/healthz": 1, "/varz": 3}


@given(text())
def test_any_target_gets_an_answer(target):
    assert answer(target).status in {200, 400, 404}


@given(text(alphabet="/jszhealtv?=&%+-01acs;[]", max_size=40))
def test_any_query_gets_an_answer(query):
    for path in ("/jsz", "/healthz"):
        assert answer(f"{path}?{query}").status in {200, 400, 404}
