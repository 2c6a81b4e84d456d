"""Two servers on one store: the second says so in one line and ends, the first goes on."""

import subprocess
import sys

import pytest

from support.raw import RawClient

pytestmark = pytest.mark.real


def test_the_second_server_on_a_store_ends_with_one_line(start_server, tmp_path):
    store = str(tmp_path / "store")
    first = start_server("isthmus", "-js", "-sd", store)
    with RawClient(first.port) as client:
        client.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
        line = [sys.executable, "-m", "isthmus", "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", store]
        second = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        said = second.stderr.strip().splitlines()[-1]
        assert "is in use by another process" in said
        assert "store_dir" in said
        assert "Traceback" not in second.stderr
        assert b'"seq":1' in client.request("s", b"still stored").payload.replace(b" ", b"")
