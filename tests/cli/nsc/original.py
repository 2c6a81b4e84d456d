"""The original nsc beside ours: the same command lines, each tool with a home of its own.

The original's path comes from ISTHMUS_ORIGINAL_NSC. Keys, tokens, times and paths differ between
two runs, so they are replaced by what they are; keys are numbered in the order they appear in.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ORIGINAL = os.environ.get("ISTHMUS_ORIGINAL_NSC", "")
OURS = [sys.executable, "-c", "from isthmus.cli.nsc.main import main; main()"]
_KEY = re.compile(r"\b[OAUX][A-Z2-7]{55}\b")
_OTHERS = (
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "TOKEN"),
    (re.compile(r"\bS[OAUX][A-Z2-7]{56}\b"), "SEED"),
    (re.compile(r"\b[A-Z2-7]{52}(====)?"), "HASH"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( \+0000)? UTC"), "MOMENT"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} UTC"), "MOMENT"),
    (re.compile(r"\b1[789]\d{8}\b"), "UNIX"),
)


class Tool:
    """One nsc with its home and working folder."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.command = command
        self.home = folder / "home"
        self.cwd = folder / "work"
        self.home.mkdir(parents=True)
        self.cwd.mkdir()
        self.names: dict[str, str] = {}

    def run(self, line: str) -> tuple[bool, str, str]:
        """Whether it failed, its output and its error lines, both normalised."""
        args = shlex.split(self._filled(line))
        environ = {"HOME": str(self.home), "TZ": "UTC", "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [*self.command, *args],
            cwd=self.cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        error = done.stderr
        if done.returncode and "Error: " in error:  # the original adds its usage, ours a hint
            head, _, tail = error.rpartition("Error: ")
            error = f"{head}Error: {tail.splitlines()[0]}\n"
        return done.returncode != 0, self.normalised(done.stdout), self.normalised(error)

    def _filled(self, line: str) -> str:
        for key, name in self.names.items():
            line = line.replace("{" + name + "}", key)
        return line

    def normalised(self, text: str) -> str:
        text = text.replace(str(self.home), "HOME").replace(str(self.cwd), "WORK")
        text = re.sub(r"\x1b\[\d*m", "", text)
        text = _KEY.sub(lambda match: self._name(match[0]), text)
        for pattern, name in _OTHERS:
            text = pattern.sub(name, text)
        # cells and rules are as long as what was replaced
        return re.sub(r"-{2,}", "--", re.sub(r" {2,}", "  ", text))

    def _name(self, key: str) -> str:
        return self.names.setdefault(key, f"KEY{len(self.names) + 1}")
