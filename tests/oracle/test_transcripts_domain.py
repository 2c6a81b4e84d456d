"""A server with a domain and limits as captured on nats-server, on both servers.

The capture was made with `js_ack_fc_v2`, which names domain and account in the subjects that are
answered to acknowledge. Ours has no such switch, and always sends the short form; it takes both.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.config.errors import ConfigError
from isthmus.config.load import load_text
from support.raw import RawClient
from support.replay import Replay
from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle]

TRANSCRIPT = Path(__file__).parent / "transcripts" / "domain" / "domain_and_limits.txt"
FLAG = "feature_flags { js_ack_fc_v2: true }"


def config(folder: Path, flags: str) -> str:
    return f"""
server_name: S1
{flags}
jetstream {{
  store_dir: "{folder / "store"}", domain: hub
  limits {{ max_ack_pending: 200, max_request_batch: 100, duplicate_window: "1m" }}
}}
"""


@pytest.fixture(scope="module", params=["isthmus", "real"])
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def port(kind, tmp_path_factory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("domain")
    text = config(folder, FLAG if kind == "real" else "")
    with ServerProcess(kind, folder, config=text) as server:
        yield server.port


class Named(Replay):
    """Short subjects are shown as the long ones they stand for; who asks for flow is invented."""

    def _named(self, text: str) -> str:
        text = re.sub(r"\$JS\.(ACK|FC)\.(?=S\.)", r"$JS.\1.hub.szMpdrwD.", super()._named(text))
        return re.sub(r"(\$JS\.FC\.hub\.szMpdrwD\.S\.P)\.[0-9A-Za-z]{4}(?= )", r"\1.enGZ", text)


def test_as_captured(port):
    replay = Named(port, "somebody")
    try:
        replay.play(TRANSCRIPT)
    finally:
        replay.close()


def test_a_bucket_may_be_written_by_a_name_with_the_domain(port):
    with RawClient(port) as client:
        client.api("STREAM.CREATE.KV_B", {"name": "KV_B", "subjects": ["$KV.B.>"]})
        answer = client.request("$JS.hub.API.$KV.B.key", b"value")
        assert answer.payload == b'{"stream":"KV_B","domain":"hub","seq":1}'
        stored = json.loads(client.api("STREAM.MSG.GET.KV_B", {"seq": 1}))
        assert stored["message"]["subject"] == "$KV.B.key"
        other = client.request("$JS.other.API.$KV.B.key", b"value")
        assert b"503\r\nNats-Subject: $JS.other.API.$KV.B.key" in other.header


def test_the_switch_of_the_original_is_refused_by_name():
    with pytest.raises(ConfigError, match=r'"feature_flags".*remove it'):
        load_text(FLAG)
