"""Ctrl-C on the real process."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("line", "announced"),
    [
        ("sub x", "Subscribing on x"),
        ("request silent x --timeout 30s", "Sending request"),
    ],
)
def test_it_ends_quietly(nats, line, announced):
    process = subprocess.Popen(
        [sys.executable, "-m", "isthmus.cli.nats.main", *line.split()],
        env=os.environ | nats.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    listening = nats.later("sub", "silent", "--wait", "2s")
    assert announced in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode not in {0, -signal.SIGKILL}
    assert out == ""
    assert "Traceback" not in err
    assert "error" not in err
    listening.done()
