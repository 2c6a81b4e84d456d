"""Runs `nsc` and `nats` command lines as a person would, below one folder.

The shell reads the line: variables, quotes and `$(…)` are as at a terminal. A line that is one
command of a tool is then run by a fork of it (`forked.py`); any other line by the shell itself.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from support.forked import Forked

COMMAND_S = 30
TOOLS = ("nsc", "nats")

_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.")
_OPERATOR = re.compile(r"[|&;<>()#`\n]")


class Shell:
    """Commands run in `folder`, which is also the home, so nothing outside is read or written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "NKEYS_PATH": str(folder / "keys"),
            "NO_COLOR": "1",
        }
        for name in ("NSC_HOME", "NATS_CONTEXT", "NATS_URL", "NATS_CREDS", "NATS_USER"):
            self.environment.pop(name, None)

    def try_run(self, line: str) -> tuple[int, str]:
        """Exit code and everything printed."""
        tool, words = self.split(line)
        if tool:
            return self._fork(tool, words)
        done = self._ask(line)
        return done.returncode, done.stdout + done.stderr

    def split(self, line: str) -> tuple[str, list[str]]:
        """The tool that the line runs, and its words; no tool where it is more than one command."""
        tool = line.strip().partition(" ")[0]
        if tool not in TOOLS or _OPERATOR.search(_QUOTED.sub("", line)):
            return "", []
        done = self._ask(f"printf '%s\\0' {line}")
        assert done.returncode == 0, done.stderr
        return tool, done.stdout.split("\0")[1:-1]

    def run(self, line: str) -> str:
        """A command that must succeed; what it printed."""
        code, out = self.try_run(line)
        assert code == 0, f"$ {line}\n{out}\nexit code {code}"
        return out

    def fail(self, line: str) -> str:
        """A command that must not; what it printed. A traceback is never the right answer."""
        code, out = self.try_run(line)
        assert code != 0, f"$ {line}\n{out}\nmust fail"
        assert "Traceback" not in out, out
        return out

    def _ask(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line,
            shell=True,  # the shell's own quoting rules
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def _fork(self, tool: str, words: list[str]) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as beside:
            out, err = Path(beside) / "out", Path(beside) / "err"
            process = self.start(tool, words, out, err)
            try:
                code = process.wait(COMMAND_S)
            finally:
                process.kill()
            return code, out.read_text() + err.read_text()

    def start(self, tool: str, words: list[str], out: Path, err: Path) -> Forked:
        """A tool that runs; its output goes to these files."""
        environment = self.environment
        return Forked(tool, words, folder=self.folder, environment=environment, out=out, err=err)
