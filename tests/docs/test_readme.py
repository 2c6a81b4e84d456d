"""The README's first minute, as it stands there, typed by somebody who reads it."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.shell import Shell
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.slow]

README = Path(__file__).parents[2] / "README.md"


def blocks():
    """The indented blocks, without the indentation."""
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", README.read_text(), re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() for block in found]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def answers(port):
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", int(port))) == 0


def test_the_first_minute(tmp_path):
    port = free_port()
    shell = Shell(tmp_path)
    typed = next(block for block in blocks() if block.startswith("isthmus server"))
    program = next(block for block in blocks() if block.startswith("import asyncio"))
    assert "4222" in typed
    assert "4222" in program
    first, *lines = typed.replace("4222", port).splitlines()
    command = first.partition("&")[0].split()
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, env=shell.environment, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: answers(port))
        out = [shell.run(line) for line in lines]
        assert '"stream":"ORDERS","seq":1' in out[2].replace(" ", "")
        assert "one coffee" in out[4]
        assert "Acknowledged message" in out[4]
        shell.run("nats pub orders.new 'another coffee'")
        done = subprocess.run(
            [sys.executable, "-c", program.replace("4222", port)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "another coffee" in done.stdout
    finally:
        server.terminate()
        server.wait(10)


def test_the_make_targets_it_names_exist():
    named = set(re.findall(r"^make (\w+)", "\n".join(blocks()), re.MULTILINE))
    makefile = README.with_name("Makefile").read_text()
    assert named >= {"demo", "test"}
    for target in named:
        assert re.search(rf"^{target}:.*##", makefile, re.MULTILINE), target
