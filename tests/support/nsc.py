"""Runs nsc command lines in this process, with a fixed clock and seeded random bytes.

Everything lies below one folder: `home`, and `work` as the working folder. The same lines give the
same keys, tokens and files every time.
"""

import shlex
import stat
from datetime import UTC
from pathlib import Path

from isthmus.base.values import NS_PER_S, Value
from isthmus.cli.nsc.main import run
from isthmus.cli.nsc.surroundings import Surroundings
from isthmus.cli.streams import RecordedStreams
from support.entropy import SeededEntropy

START_S = 1_767_225_600  # 2026-01-01 00:00:00 UTC


class Done(Value):
    """What one command line did."""

    code: int
    out: str
    err: str


class Nsc:
    """One person at one keyboard; each command takes one second."""

    def __init__(self, folder: Path, *, seed: str = "nsc", environ: dict[str, str] | None = None):
        self.folder = folder
        self.home = folder / "home"
        self.work = folder / "work"
        self.home.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(exist_ok=True)
        self.environ = environ or {}
        self.entropy = SeededEntropy(seed)
        self.now_s = START_S

    def surroundings(self) -> Surroundings:
        return Surroundings(
            environ=self.environ,
            home=self.home,
            cwd=self.work,
            now_ns=self.now_s * NS_PER_S,
            entropy=self.entropy,
            zone=UTC,
        )

    def __call__(self, line: str, *, stdin: str = "") -> Done:
        streams = RecordedStreams(stdin)
        code = run(shlex.split(line), streams, self.surroundings())
        self.now_s += 1
        return Done(code=code, out=streams.out_text, err=streams.err_text)

    def ok(self, line: str) -> str:
        """A line that must succeed; what it printed as its report."""
        done = self(line)
        assert done.code == 0, (line, done)
        return done.out

    def key(self, account: str) -> str:
        """An account's public key."""
        return self.ok(f"describe account {account} --field sub").strip().strip('"')

    @property
    def stores(self) -> Path:
        return self.home / ".local/share/nats/nsc/stores"

    @property
    def keys(self) -> Path:
        return self.home / ".local/share/nats/nsc/keys"

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Every file and folder: mode and content."""
        return {
            str(path.relative_to(self.folder)): (
                stat.S_IMODE(path.stat().st_mode),
                path.read_bytes() if path.is_file() else b"",
            )
            for path in sorted(self.folder.rglob("*"))
        }


def guide(nsc: Nsc) -> None:
    """An operator, ACCTC with JetStream and ACCTB, as the guide starts."""
    nsc.ok("add operator --name O --sys")
    nsc.ok("add account --name ACCTC")
    nsc.ok(
        "edit account --name ACCTC --js-mem-storage -1 --js-disk-storage -1 --js-streams -1"
        " --js-consumer -1"
    )
    nsc.ok("add user --account ACCTC --name C")
    nsc.ok("add account --name ACCTB")
    nsc.ok("add user --account ACCTB --name B")
