"""`nats stream backup`, `nats stream restore` and the same for an account, on both servers."""

import json
import re

import pytest


@pytest.fixture
def saved(restock, tmp_path):
    """The folder of an archive of the guide's stream, which is gone."""
    restock.ok("stream", "backup", "RESTOCK", str(tmp_path / "b"))
    restock.ok("stream", "rm", "RESTOCK", "-f")
    return tmp_path / "b"


def test_what_is_said_and_written(restock, tmp_path):
    out = restock.ok("stream", "backup", "RESTOCK", str(tmp_path / "x" / "y"))
    lines = out.splitlines()
    assert re.fullmatch(r'Starting backup of Stream "RESTOCK" with \d+ B', lines[0])
    assert re.fullmatch(
        r'Received [\d.]+ \w+ compressed data in 1 chunks for stream "RESTOCK" in [\d.]+\w+, '
        r"[\d.]+ \w+ uncompressed ",
        lines[2],
    )
    folder = tmp_path / "x" / "y"
    assert sorted(path.name for path in folder.iterdir()) == ["backup.json", "stream.tar.s2"]
    about = json.loads((folder / "backup.json").read_text())
    assert about["config"]["name"] == "RESTOCK"
    assert about["state"]["messages"] == 3


def test_a_stream_comes_back(nats, saved):
    out = nats.ok("stream", "restore", str(saved))
    assert out.startswith(f'Starting restore of Stream "RESTOCK" from file "{saved}"\n\nRestored ')
    assert re.search(r'Restored stream "RESTOCK" in \S+\n\nInformation for Stream RESTOCK', out)
    assert "Restock 3" in nats.ok("stream", "get", "RESTOCK", "3")
    assert nats.ok("consumer", "ls", "RESTOCK", "-n") == "C1\n"


def test_in_chunks_and_without_consumers(restock, tmp_path):
    restock.ok("pub", "retail.big", "x" * 5000, "-J")
    flags = ("--chunk-size", "1K", "--window-size", "2K", "--no-consumers", "--check")
    restock.ok("stream", "snapshot", "RESTOCK", str(tmp_path / "b"), *flags)
    restock.ok("stream", "rm", "RESTOCK", "-f")
    restock.ok("stream", "restore", str(tmp_path / "b"))
    assert "No Consumers defined" in restock.ok("consumer", "ls", "RESTOCK")
    assert "x" * 5000 in restock.ok("stream", "get", "RESTOCK", "4")


def test_a_stream_that_is_there_is_not_replaced(nats, saved):
    nats.ok("stream", "restore", str(saved))
    assert nats.fails("stream", "restore", str(saved)) == 'Stream "RESTOCK" already exist'


def test_another_configuration(nats, saved, tmp_path):
    config = json.loads((saved / "backup.json").read_text())["config"]
    (tmp_path / "c.json").write_text(json.dumps(config | {"max_msgs": 2}))
    nats.ok("stream", "restore", str(saved), "--config", str(tmp_path / "c.json"))
    assert json.loads(nats.ok("stream", "info", "RESTOCK", "-j"))["state"]["messages"] == 2


def test_another_name_is_refused(nats, saved, tmp_path):
    config = json.loads((saved / "backup.json").read_text())["config"]
    (tmp_path / "c.json").write_text(json.dumps(config | {"name": "OTHER"}))
    line = nats.fails("stream", "restore", str(saved), "--config", str(tmp_path / "c.json"))
    assert line == 'stream names may not be changed during restore: "OTHER" for "RESTOCK"'


def test_an_unknown_stream_leaves_no_folder(nats, tmp_path):
    nats.fails("stream", "backup", "NOPE", str(tmp_path / "b"))
    assert not (tmp_path / "b").exists()


def test_a_broken_archive_makes_no_stream(nats, saved):
    path = saved / "stream.tar.s2"
    path.write_bytes(path.read_bytes()[:-30])
    assert "restore failed" in nats.fails("stream", "restore", str(saved))
    assert nats.ok("stream", "ls") == "No Streams defined\n"


@pytest.mark.parametrize("name", ["backup.json", "stream.tar.s2"])
def test_a_missing_file_is_named(nats, saved, name):
    (saved / name).unlink()
    assert f"{saved / name}: No such file" in nats.fails("stream", "restore", str(saved))


def test_a_folder_that_cannot_be_made_is_named(restock, tmp_path):
    (tmp_path / "file").write_text("")
    line = restock.fails("stream", "backup", "RESTOCK", str(tmp_path / "file" / "b"))
    assert "Not a directory" in line


def test_a_size_that_is_none(tool, tmp_path):
    line = tool.fails("stream", "backup", "S", str(tmp_path), "--chunk-size", "x", code=2)
    assert line.startswith("--chunk-size: not a size: 'x'")


def test_an_account_goes_out_and_comes_back(restock, tmp_path):
    restock.ok("stream", "add", "SECOND", "--subjects", "second", "--defaults")
    out = restock.ok("account", "backup", str(tmp_path / "all"), "-f")
    assert out.count("Received ") == 2
    for name in ("RESTOCK", "SECOND"):
        restock.ok("stream", "rm", name, "-f")
    restock.ok("account", "restore", str(tmp_path / "all"))
    assert restock.ok("stream", "ls", "-n") == "RESTOCK\nSECOND\n"


def test_an_account_without_archives(nats, tmp_path):
    assert nats.fails("account", "restore", str(tmp_path)) == f"no backups found in {tmp_path}"
    assert nats.fails("account", "backup", str(tmp_path), "-f") == "no streams found"
