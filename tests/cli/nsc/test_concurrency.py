"""Several nsc at once: each sees what the one before it wrote."""

import json
import os
import subprocess

import pytest

from cli.nsc.original import OURS
from support.nsc import Nsc, guide


@pytest.mark.slow
def test_no_change_is_lost(tmp_path):
    nsc = Nsc(tmp_path)
    guide(nsc)
    environ = {"HOME": str(nsc.home), "PATH": os.environ["PATH"]}
    lines = [["add", "export", "-a", "ACCTC", "-s", f"subject.{number}"] for number in range(5)]
    running = [subprocess.Popen([*OURS, *line], env=environ, cwd=nsc.work) for line in lines]
    assert [process.wait(60) for process in running] == [0] * len(lines)
    exports = json.loads(nsc.ok("describe account ACCTC --field nats.exports"))
    assert [export["subject"] for export in exports] == [f"subject.{n}" for n in range(5)]
    assert not [path for path in nsc.tree() if path.endswith((".new", ".old"))]
