"""Tokens are saved while one system call fails, and the power may be cut between any two.

Run as a program (with `system_calls.c` loaded before everything else): saves a group of tokens in a
directory anew for each call that can fail, and prints what was called and what became of each.
"""

import ctypes
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Run(NamedTuple):
    """One saving: the calls, in words; who failed with what; the directory's number; its files."""

    calls: list[list[str]]
    errors: list[str]
    folder: str
    left: dict[str, str]


def runs_with_each_call_failing(
    work: Path, before: list[tuple[str, str]], group: list[tuple[str, str]]
) -> list[Run]:
    """Every run of `group` over `before`; the last one is that in which no call failed."""
    library = work / "calls.so"
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    source = str(HERE / "system_calls.c")
    line = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), source, "-ldl"]
    subprocess.run(line, check=True)
    environment = os.environ | {"LD_PRELOAD": str(library)}
    words = [str(work), json.dumps(before), json.dumps(group)]
    line = [sys.executable, "-m", "support.system_calls", *words]
    done = subprocess.run(
        line, check=True, env=environment, cwd=HERE.parent, stdout=subprocess.PIPE, timeout=120
    )
    return [Run(*one) for one in json.loads(done.stdout)]


class Disk:
    """What a disk may have when the power is cut, as far as the calls tell.

    What a file has is certain when it was synced, and which names there are when the folder was;
    until then the names are as they were then, or as any call since left them. A file is called
    what its name was and how often that was opened before: `a.tmp 0`.
    """

    def __init__(self, before: dict[str, str], folder: str) -> None:
        self._folder = folder
        self._synced = dict.fromkeys(before.values(), True)  # file -> what it has is on the disk
        self._open: dict[str, str] = {}  # descriptor -> file
        self._opened: dict[str, int] = {}
        self.names = dict(before)
        self._since = [dict(before)]  # the last folder sync

    def call(self, words: list[str]) -> None:
        """Take a call into account."""
        what, one, other, said = words
        if what == "open":
            file = f"{one} {self._opened.get(one, 0)}"
            self._opened[one] = self._opened.get(one, 0) + 1
            if said == "ok":
                self._open[other] = self.names[one] = file
                self._synced[file] = False
        elif what == "write":
            self._synced[self._open[other]] = False
        elif what == "sync" and other == self._folder:
            self._since = [] if said == "ok" else self._since
        elif what == "sync":
            self._synced[self._open[other]] = said == "ok"
        elif what == "close":
            del self._open[other]
        elif what == "rename" and said == "ok":
            self.names[other] = self.names.pop(one)
        elif what == "unlink" and said == "ok":
            del self.names[other]
        self._since.append(dict(self.names))

    def after_a_cut(self, name: str) -> set[str]:
        """The files, or nothing, that `name` may be; one that is not whole is `torn`."""
        found = {names.get(name, "") for names in self._since}
        return {file if not file or self._synced[file] else "torn" for file in found}


def _main(work: Path, before: list[list[str]], group: list[list[str]]) -> None:
    from isthmus.server.resolvers import DirectoryResolver

    own = ctypes.CDLL(None)
    own.calls_seen.restype = ctypes.c_char_p
    out = []
    number = 0
    while True:
        resolver = DirectoryResolver(work / f"{number}")
        resolver.save_all((key, token) for key, token in before)
        own.calls_watch(number)
        found = resolver.save_all((key, token) for key, token in group)
        calls = [line.split() for line in own.calls_seen().decode().splitlines()]
        errors = ["" if error is None else str(error) for error in found]
        left = {path.name: path.read_text() for path in (work / f"{number}").iterdir()}
        out.append([calls, errors, str(resolver._lock), left])
        resolver.close()
        if not any(words[-1] == "failed" for words in calls):
            break
        number += 1
    print(json.dumps(out))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3]))
