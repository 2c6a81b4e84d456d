"""`isthmus demo` as a user runs it."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import urllib.parse

import nats
import pytest

from isthmus.cli.demo.shell import DemoError, Shell, check, run_tool
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.slow]


def demo(folder, *options):
    return subprocess.run(
        [sys.executable, "-m", "isthmus.cli.main", "demo", *options],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def is_running(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def pending(url, creds):
    """What is left in the shared consumer, asked by ACCTB."""
    client = await nats.connect(url, user_credentials=str(creds))
    js = client.jetstream(prefix="ACCTC.API")
    info = await js.consumer_info("RESTOCKEVENTS", "RESTOCKEVENTS-C1")
    await client.close()
    return info.num_pending


def test_the_demonstration_holds_and_leaves_nothing_behind(tmp_path):
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Everything the guide promises holds.\n")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
    for shown, count in (
        ("$ nsc add export --private", 3),
        ("$ nsc generate activation", 3),
        ("$ nsc add import --token", 3),
        ('--js-api-prefix "ACCTC.API" --ack', 5),
        ("  ✓ ", 12),
    ):
        assert done.stdout.count(shown) >= count, shown


def test_the_whole_family_holds(tmp_path):
    done = demo(tmp_path, "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    for promise in (
        "the event itself",
        "ACCTA sees which account asks",
        "ACCTB did not receive what was published while it was revoked",
        "restored: ACCTB's worker receives it",
    ):
        assert f"  ✓ {promise}\n" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_kept_it_leaves_a_running_server_and_says_how_to_go_on(tmp_path):
    done = demo(tmp_path, "--keep")
    pid, url = re.search(r"process (\d+), (nats://\S+)\)", done.stdout).groups()
    try:
        folder = next(tmp_path.glob("isthmus-demo-*"))
        assert f"cd {folder}\n" in done.stdout
        creds = folder / "ACCTB.creds"
        assert asyncio.run(pending(url, creds)) == 0
        assert f"kill {pid}; rm -r {folder}" in done.stdout
        assert urllib.parse.urlparse(url).hostname == "127.0.0.1"
    finally:
        os.kill(int(pid), signal.SIGTERM)
        wait_for(lambda: not is_running(int(pid)))


def test_a_command_that_does_not_end_as_it_must_ends_the_demonstration(tmp_path, capfd):
    shell = Shell(tmp_path, color=False)
    with pytest.raises(DemoError, match="must succeed; it ended with exit code 1"):
        shell.run("nsc describe account --name NOBODY")
    with pytest.raises(DemoError, match="must fail; it ended with exit code 0"):
        shell.run("nsc --help", fails=True)
    assert "$ nsc describe account --name NOBODY\n" in capfd.readouterr().out


def test_a_misspelled_flag_is_one_line(tmp_path):
    done = demo(tmp_path, "--frob")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("isthmus demo: No such option")
    assert "--frob" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_check_that_does_not_hold_ends_the_demonstration():
    with pytest.raises(DemoError, match="not so: five events"):
        check(4 == 5, "five events")  # noqa: PLR0133


def test_a_tool_stands_in_its_folder_with_its_environment(tmp_path):
    code, out = run_tool(["nsc", "env"], tmp_path, {"HOME": str(tmp_path)})
    assert code == 0, out
    assert "NSC Environment" in out
    code, out = run_tool(["nsc", "env"], tmp_path, {"HOME": str(tmp_path), "NATS_KEY": "given.pem"})
    assert "given.pem" in out
