"""A real process whose disk is full, or refuses one stream's files: what stops, and who is told.

A full disk is a small tmpfs in a mount namespace of its own, where the system permits one; the same
with a quota in memory is `tests/store/test_faults.py`.
"""

import base64
import json
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from support.raw import RawClient
from support.servers import ServerProcess
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.slow]

SMALL = "24m"  # a segment of the journal and a half
STREAMS = 40  # each with less than a block, so that it is the journal that finds no room
LARGE = "120m"
BODY = 512 << 10
ROOMY = "jetstream { max_file_store: 1GB, max_memory_store: 1GB }"  # the disk is what is full


class SmallDisk:
    """A tmpfs that only processes `within` its namespace see; it lasts until `close`."""

    def __init__(self, folder, size):
        self.folder = folder
        folder.mkdir()
        mount = f"mount -t tmpfs -o size={size} tmpfs {folder} && echo mounted && exec sleep 600"
        self.holder = subprocess.Popen(
            ["unshare", "-Urm", "sh", "-c", mount], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.permitted = self.holder.stdout.readline() == b"mounted\n"
        self.within = ["nsenter", "-t", str(self.holder.pid), "-U", "--preserve-credentials", "-m"]

    def grow(self, size):
        subprocess.run(
            [*self.within, "mount", "-o", f"remount,size={size}", self.folder], check=True
        )

    def close(self):
        self.holder.kill()
        self.holder.wait()


@pytest.fixture
def small_disk(tmp_path):
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("needs unshare and nsenter")
    disk = SmallDisk(tmp_path / "small", SMALL)
    if not disk.permitted:
        disk.close()
        pytest.skip("this system permits no mount namespace")
    yield disk
    disk.close()


def health(server):
    """`/healthz`: status code and what it says."""
    url = f"http://127.0.0.1:{server.http_port}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def create(client, name, **config):
    body = {"name": name, "subjects": [f"{name.lower()}.>"]} | config
    assert b'"error"' not in client.api(f"STREAM.CREATE.{name}", body)


def publish(client, subject, payload):
    """The sequence that was acknowledged, or None."""
    answer = client.request(subject, payload, timeout_s=3)
    return None if answer is None else json.loads(answer.payload).get("seq") or None


def body(number):
    return (b"%d:" % number).ljust(BODY, b".")


def test_a_full_disk_stops_every_file_stream_and_loses_nothing(tmp_path, small_disk):
    flags = ("-js", "-sd", str(small_disk.folder), "-m", "-1")
    server = ServerProcess("isthmus", tmp_path / "server", *flags, config=ROOMY)
    server.within = small_disk.within
    acked = {}
    with server, RawClient(server.port) as client:
        for number in range(STREAMS):
            create(client, f"FULL{number}")
        create(client, "OTHER")
        create(client, "MEMORY", storage="memory")
        assert publish(client, "other.a", b"before") == 1
        assert health(server) == (200, {"status": "ok"})
        for number in range(STREAMS):
            if publish(client, f"full{number}.a", body(number)) is None:
                break
            acked[number] = body(number)
        assert 10 < len(acked) < STREAMS
        assert publish(client, "other.a", b"after") is None, "every file stream stops"
        assert publish(client, "memory.a", b"after") == 1, "the others go on"
        status, said = health(server)
        assert status == 503
        assert "No space left on device" in said["error"]
        assert "journal write failed" in server.log_text
        assert "No space left on device" in server.log_text
        server.kill()
    small_disk.grow(LARGE)
    with server, RawClient(server.port) as client:
        assert health(server) == (200, {"status": "ok"})
        for number, payload in acked.items():
            found = json.loads(client.api(f"STREAM.MSG.GET.FULL{number}", {"seq": 1}))
            assert base64.b64decode(found["message"]["data"]) == payload
        assert publish(client, "full0.a", b"again") == 2
        assert publish(client, "other.a", b"again") == 2
        assert "lost" not in server.log_text


def test_a_block_that_cannot_be_written_stops_its_own_stream(start_server, tmp_path):
    server = start_server("isthmus", "-js", "-sd", "store", "-m", "-1")
    streams = server.folder / "store" / "jetstream" / "isthmus" / "streams"
    with RawClient(server.port) as client:
        create(client, "BAD")
        create(client, "GOOD")
        (streams / "1").write_text("in the way of the first stream's folder")
        stored = 0
        # until a block is full, and cannot be written
        while publish(client, "bad.a", body(stored)):
            stored += 1
            assert stored < 20
        assert stored >= 2
        wait_for(lambda: health(server)[0] == 503)
        # the latest block that failed: on a slow disk the next one fills before the first has
        assert "stream 1: writing streams/1/" in health(server)[1]["error"]
        assert "stream 1: writing streams/1/1-0.blk" in server.log_text
        refused = json.loads(client.request("bad.a", b"more").payload)
        assert refused["error"]["err_code"] == 10023
        assert publish(client, "good.a", b"goes on") == 1
        found = json.loads(client.api("STREAM.INFO.BAD"))
        assert found["state"]["messages"] == stored
        (streams / "1").unlink()
        server.stop()
        server.start()
    with RawClient(server.port) as client:
        assert health(server) == (200, {"status": "ok"})
        assert publish(client, "bad.a", b"again") == stored + 1
