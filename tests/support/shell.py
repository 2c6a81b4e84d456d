"""Runs `nsc` and `nats` command lines as a person would, below one folder."""

import os
import subprocess
import sys
from pathlib import Path

COMMAND_S = 30


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
        done = subprocess.run(
            line,
            shell=True,  # the shell's own quoting rules
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

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
