"""Consumers as captured on nats-server, on both servers: all bytes but for times and ids.

`support.replay` says how such a file is read. Where a capture shows less than the wire, the file
says so. Each transcript has an account to itself, so that its names are those of the capture.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.replay import Replay
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = [pytest.mark.oracle]

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
ACCOUNTS = [*(path.stem for path in TRANSCRIPTS), "flow_control"]


def config(store: Path) -> str:
    accounts = "\n".join(
        f"  {name} {{ jetstream: enabled, users: [ {{user: {name}, password: {name}}} ] }}"
        for name in ACCOUNTS
    )
    return f"""
server_name: S1
jetstream {{ store_dir: "{store}" }}
accounts {{
{accounts}
}}
"""


@pytest.fixture(scope="module", params=["isthmus", "real"])
def port(request, tmp_path_factory) -> Iterator[int]:
    """One server for all transcripts."""
    folder = tmp_path_factory.mktemp("transcripts")
    with ServerProcess(request.param, folder, config=config(folder / "store")) as server:
        yield server.port


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_as_captured(port, path):
    replay = Replay(port, path.stem)
    try:
        replay.play(path)
    finally:
        replay.close()
        replay.forget()


# --- flow control: the capture shows how many came, the statuses, and where the consumer stood ---

STALLED = "\r\nNats-Consumer-Stalled: %s"
BODY_BYTES = 64_000


def beats(frames: list[str], consumer_seq: int, stream_seq: int, rest: str = "") -> list[str]:
    """Those of the frames that are heartbeats and say this."""
    said = (
        f"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: {consumer_seq}\r\n"
        f"Nats-Last-Stream: {stream_seq}{rest}\r\n\r\n"
    )
    size = len(said)
    return [frame for frame in frames if frame == f"HMSG dlv.fc 1 {size} {size}\n{said}"]


def delivered(frames: list[str]) -> list[int]:
    """Consumer sequences of the messages among the frames."""
    found = [re.match(r"MSG p\.b 1 \$JS\.ACK\.P\.fc\.1\.\d+\.(\d+)\.", frame) for frame in frames]
    return [int(one[1]) for one in found if one]


def test_who_does_not_answer_flow_control_gets_no_more(port):
    replay = Replay(port, "flow_control")
    try:
        setup, heard = replay.aside_request, replay.frames
        setup("$JS.API.STREAM.CREATE.P", '{"name":"P","subjects":["p.>"]}')
        setup("p.a", "hello")
        for _ in range(45):
            setup("p.b", "x" * BODY_BYTES)
        replay.say("SUB dlv.fc 1")
        replay.settle()
        setup(
            "$JS.API.CONSUMER.CREATE.P.fc",
            '{"stream_name":"P","config":{"durable_name":"fc","ack_policy":"none",'
            '"deliver_subject":"dlv.fc","filter_subject":"p.b","flow_control":true,'
            '"idle_heartbeat":300000000}}',
        )

        # 33 messages fill what is open; heartbeats name the request that has no answer
        wait_for(lambda: replay.settle() or any("FlowControl" in frame for frame in heard))
        [asked] = [frame for frame in heard if "FlowControl" in frame]
        request = asked.split()[3]
        assert asked == f"HMSG dlv.fc 1 {request} 36 36\nNATS/1.0 100 FlowControl Request\r\n\r\n"
        assert re.fullmatch(r"\$JS\.FC\.P\.fc\.[0-9A-Za-z]{4}", request)
        wait_for(lambda: replay.settle() or bool(beats(heard, 33, 34, STALLED % request)))
        assert delivered(heard) == list(range(1, 34))

        # its answer brings the rest
        heard.clear()
        replay.say(f"PUB {request} 0")
        wait_for(lambda: replay.settle() or bool(beats(heard, 45, 46)))
        assert delivered(heard) == list(range(34, 46))
        info = setup("$JS.API.CONSUMER.INFO.P.fc")
        assert re.search(r'"delivered":{"consumer_seq":45,"stream_seq":46,"last_active":', info)
        assert '"ack_floor":{"consumer_seq":45,"stream_seq":46' in info
        assert '"num_pending":0,"push_bound":true,' in info
    finally:
        replay.close()
