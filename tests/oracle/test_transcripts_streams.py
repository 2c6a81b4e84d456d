"""Streams as captured on nats-server, on both servers: all bytes but for times and ids.

`support.replay` says how such a file is read, the files what they leave out. Each transcript has an
account to itself, so that its names are those of the capture; `account_limits` has a server too.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.replay import Replay
from support.servers import ServerProcess

pytestmark = [pytest.mark.oracle]

FOLDER = Path(__file__).parent / "transcripts" / "streams"
LIMITED = "account_limits"
TRANSCRIPTS = sorted(path.stem for path in FOLDER.glob("*.txt") if path.stem != LIMITED)
LIMITS = """{
  max_mem: 10485760, max_file: 20971520, max_streams: 3, max_consumers: 4,
  max_bytes_required: true, disk_max_stream_bytes: 5242880, max_ack_pending: 50
}"""


def config(folder: Path, name: str, more: str, accounts: dict[str, str]) -> str:
    tenants = "\n".join(
        f"  {user} {{ jetstream: {limits}, users: [{{ user: {user}, password: {user} }}] }}"
        for user, limits in accounts.items()
    )
    return f"""
server_name: {name}
jetstream {{ store_dir: "{folder / "store"}" {more} }}
accounts {{
{tenants}
}}
"""


@pytest.fixture(scope="module", params=["isthmus", "real"])
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def port(kind, tmp_path_factory) -> Iterator[int]:
    """One server for all transcripts but one."""
    folder = tmp_path_factory.mktemp("streams")
    text = config(folder, "S1", "", dict.fromkeys(TRANSCRIPTS, "enabled"))
    with ServerProcess(kind, folder, config=text) as server:
        yield server.port


def replay(port: int, name: str) -> None:
    played = Replay(port, name)
    try:
        played.play(FOLDER / f"{name}.txt")
    finally:
        played.close()


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_as_captured(port, name):
    replay(port, name)


def test_an_account_with_limits_as_captured(kind, tmp_path):
    text = config(tmp_path, "S2", ", domain: ngs", {LIMITED: LIMITS})
    with ServerProcess(kind, tmp_path, config=text) as server:
        replay(server.port, LIMITED)
