"""The wire transcripts over TCP: on our server, on nats-server, and on any other.

`WIRE_PORT=4222 pytest tests/oracle/test_wire_oracle.py` also plays those that need no accounts
against a server that runs already.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.servers import ServerProcess
from support.wire import Player, TcpTarget, Transcript, config_of

pytestmark = [pytest.mark.oracle, pytest.mark.real]

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "wire").glob("*.wire"))
PORT = int(os.environ.get("WIRE_PORT", "0"))


@contextmanager
def playing(port: int, transcript: Transcript) -> Iterator[Player]:
    target = TcpTarget(port, transcript)
    try:
        yield Player(transcript, target)
    finally:
        target.close()


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_server_keeps_the_transcript(
    kind: str, start_server: Callable[..., ServerProcess], path: Path
):
    transcript = Transcript(path)
    server = start_server(kind, config=config_of(transcript.setting))
    with playing(server.port, transcript) as player:
        player.play()


if PORT:

    @pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
    def test_another_server_keeps_the_transcript(path: Path):
        transcript = Transcript(path)
        if not config_of(transcript.setting):
            with playing(PORT, transcript) as player:
                player.play()
