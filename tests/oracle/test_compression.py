"""`compression: s2` on both servers: nothing shows but the configuration, and all comes back."""

import json

import pytest

from support.raw import RawClient
from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle, pytest.mark.real]


@pytest.mark.parametrize("kind", ["isthmus", "real"])
def test_a_compressed_stream_is_like_any_other(kind, tmp_path):
    server = ServerProcess(kind, tmp_path, "-js", "-sd", str(tmp_path / "store"))
    with server.start(), RawClient(server.port) as client:
        for name, compression in (("PLAIN", "none"), ("SMALL", "s2")):
            body = {"name": name, "subjects": [f"{name}.>"], "compression": compression}
            made = json.loads(client.api(f"STREAM.CREATE.{name}", body))
            assert made["config"]["compression"] == compression
            for number in range(40):
                client.publish(f"{name}.{number}", b"%05d" % number * 20_000)
            assert client.request(f"{name}.end", b"end") is not None
        states = [json.loads(client.api(f"STREAM.INFO.{n}"))["state"] for n in ("PLAIN", "SMALL")]
        assert states[0]["bytes"] == states[1]["bytes"]
        update = {"name": "PLAIN", "subjects": ["PLAIN.>"], "compression": "s2"}
        changed = json.loads(client.api("STREAM.UPDATE.PLAIN", update))
        assert changed["config"]["compression"] == "s2"
        assert b"true" in client.api("STREAM.MSG.DELETE.SMALL", {"seq": 7})
        messages = read_all(client)
    with server.start(), RawClient(server.port) as client:
        assert read_all(client) == messages
        assert b"no message found" in client.api("STREAM.MSG.GET.SMALL", {"seq": 7})
    if kind == "isthmus":
        files = list(tmp_path.glob("store/jetstream/isthmus/streams/*/*.blz"))
        assert len(files) >= 3
        assert max(path.stat().st_size for path in files) < 200_000, "of a megabyte"


def read_all(client):
    return [client.api("STREAM.MSG.GET.SMALL", {"seq": seq}) for seq in (1, 8, 20, 39, 40, 41)]
