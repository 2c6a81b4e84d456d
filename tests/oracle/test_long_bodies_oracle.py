"""Bodies that are too long for a rule, or too deep, are refused with the same text by both."""

import json

import pytest

from support.raw import RawClient
from support.servers import ServerProcess

pytestmark = pytest.mark.oracle

UNFIT = (
    "invalid JSON: json: cannot unmarshal array into Go value of type server.CreateConsumerRequest"
)
UNFIT_FIELD = (
    "invalid JSON: json: cannot unmarshal array into Go struct field "
    "StreamConfigRequest.max_age of type time.Duration"
)
PAIRS = {f"k{number:05}": "v" * 8 for number in range(10_000)}


@pytest.fixture(scope="module", params=["isthmus", "real"])
def client(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("long")
    server = ServerProcess(request.param, folder, "-js", "-sd", str(folder / "store"))
    with server, RawClient(server.port) as client:
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        yield client


def consumer(**config: object) -> bytes:
    return json.dumps({"stream_name": "S", "config": {"name": "C"} | config}).encode()


@pytest.mark.parametrize(
    ("verb", "body", "expected"),
    [
        ("CONSUMER.CREATE.S.C", consumer(backoff=[1] * 30_000, max_deliver=5), (400, 10116,
         "max deliver is required to be > length of backoff values")),
        ("CONSUMER.CREATE.S.C", consumer(backoff=[-1, *[1] * 999]), (400, 10184,
         "consumer backoff needs to be positive")),
        ("CONSUMER.CREATE.S.C", consumer(metadata=PAIRS), (400, 10135,
         "consumer metadata exceeds maximum size of 128KB")),
        ("CONSUMER.CREATE.S.C", consumer(metadata={"k": "v" * 1_000_000}), (400, 10135,
         "consumer metadata exceeds maximum size of 128KB")),
        ("CONSUMER.CREATE.S.C", consumer(description="d" * 1_000_000), (400, 10107,
         "consumer description is too long, maximum allowed is 4096")),
        ("CONSUMER.CREATE.S.C", b"[" * 10_000, (400, 10025, "invalid JSON: unexpected EOF")),
        ("CONSUMER.CREATE.S.C", b"[" * 10_000 + b"]" * 10_000, (400, 10025,
         UNFIT)),
        ("CONSUMER.CREATE.S.C", b"[" * 10_001, (400, 10025,
         "invalid JSON: exceeded max depth at offset 10001")),
        ("CONSUMER.CREATE.S.C", b'{"a":' * 9000 + b"1" + b"}" * 9000, (400, 10025,
         'invalid JSON: json: unknown field "a"')),
        ("CONSUMER.CREATE.S.C", b"{}" * 10_000, (400, 10056,
         "stream name in subject does not match request")),
        ("STREAM.CREATE.T", {"name": "T", "description": "d" * 1_000_000}, (500, 10052,
         "stream description is too long, maximum allowed is 4096")),
        ("STREAM.CREATE.T", {"name": "T", "metadata": PAIRS}, (500, 10052,
         "stream metadata exceeds maximum size of 131072 bytes")),
        ("STREAM.CREATE.T", {"name": "T", "max_age": [0] * 10_000}, (400, 10025,
         UNFIT_FIELD)),
        ("STREAM.MSG.GET.S", {"seq": 1, "multi_last": ["s"] * 10_000}, (404, 10037,
         "no message found")),
        ("STREAM.DELETE.T", b"{" + b" " * 60_000 + b"}", (404, 10059, "stream not found")),
    ],
)  # fmt: skip
def test_a_long_body_is_refused_for_the_same_reason(client, verb, body, expected):
    error = json.loads(client.api(verb, body))["error"]
    assert (error["code"], error["err_code"], error["description"]) == expected


def test_as_much_as_we_take_the_original_takes(client):
    subjects = [f"t.{number}" for number in range(1000)]
    made = json.loads(client.api("STREAM.CREATE.T", {"name": "T", "subjects": subjects}))
    assert made["config"]["subjects"] == subjects
    body = consumer(filter_subjects=[f"s.{number}" for number in range(1000)], backoff=[7] * 1000)
    config = json.loads(client.api("CONSUMER.CREATE.S.C", body))["config"]
    assert len(config["filter_subjects"]) == len(config["backoff"]) == 1000
