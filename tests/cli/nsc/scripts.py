"""Shell-like scripts: command lines and exactly what they print.

    $ nsc add account A
    [ OK ] …
    $ nsc add account A
    Error: the account "A" already exists
    [exit 1]

Clock and random bytes are fixed, so keys and tokens are the same in every run. `$ cat FILE` shows a
file of the working folder, `$ ls` all files of the home; `## ` starts a remark.
`python tests/cli/nsc/scripts.py` writes the scripts anew from what the commands print now: read the
difference before you commit it.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent.parent
SCRIPTS = sorted(HERE.glob("nsc_*.script"))


def play(script: str, folder: Path) -> str:
    """The script with what its commands print now."""
    from support.nsc import Nsc

    nsc = Nsc(folder)
    lines: list[str] = []
    for line in script.splitlines():
        if line.startswith("## "):
            lines += ["", line]
        elif line.startswith("$ "):
            lines += [line, *_run(nsc, line[2:])]
    return "\n".join(lines).strip("\n") + "\n"


def _run(nsc, line: str) -> list[str]:
    program, _, rest = line.partition(" ")
    if program == "cat":
        return (nsc.work / rest).read_text().splitlines()
    if program == "ls":
        return [
            f"{mode:03o} {path.removeprefix('home/')}"
            for path, (mode, _) in nsc.tree().items()
            if path.startswith("home/") and (nsc.folder / path).is_file()
        ]
    assert program == "nsc", line
    done = nsc(rest)
    text = (done.out + done.err).replace(str(nsc.folder), "/tmp")
    out = [part.rstrip() for part in text.rstrip("\n").splitlines()]
    return out + ([f"[exit {done.code}]"] if done.code else [])


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    for path in SCRIPTS:
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(play(path.read_text(), Path(folder)))
        print(path.name)
