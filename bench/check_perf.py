"""Instructions per message of five paths, beside the commit this branch left main at.

    python -m bench.check_perf [--base COMMIT] [--tolerance 3]        (make check-perf)

Counts with callgrind: exact and the same on a busy machine, so a few per cent are a finding. A path
(`tests/bench/micro_paths.py`) is played with N and with 2N batches; the difference by the messages
of N is what one message costs, without start and preparation. The base is exported to `build/perf`,
compiled there once, and measured in the same run with its own paths, or with ours if it has none.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATHS = ("publish", "deliver", "jetstream-publish", "deliver-acknowledge", "crossing")
BATCH = 400  # messages of a batch, as in the paths
BATCHES = 20
TOLERANCE_PERCENT = 3.0
SCRIPT = Path("tests/bench/micro_paths.py")


def git(*words: str) -> str:
    """What git says."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"check-perf: git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def base_commit() -> str:
    """Where this branch left main; before the last commit if it did not leave."""
    head, base = git("rev-parse", "HEAD"), git("merge-base", "HEAD", "main")
    if head != base or git("status", "--porcelain", "--", "src"):
        return base
    return git("rev-parse", "HEAD^")


def build(commit: str) -> Path:
    """The commit's tree, compiled; kept for the next time, others removed."""
    folder = ROOT / "build" / "perf"
    tree = folder / commit
    built = tree / ".built"
    if built.exists():
        return tree
    for other in folder.glob("*"):
        if other != tree:
            shutil.rmtree(other)
    tree.mkdir(parents=True, exist_ok=True)
    print(f"compiling {commit[:10]} into {tree.relative_to(ROOT)}", flush=True)
    archive = subprocess.run(
        ["git", "archive", commit, "src", "tests", "setup.py", "pyproject.toml", "README.md"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
    jobs = os.environ.get("JOBS", "2")
    line = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", "-j", jobs]
    cached = os.environ | {"CCACHE_BASEDIR": str(tree)}
    done = subprocess.run(line, cwd=tree, env=cached, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"check-perf: {commit[:10]} does not compile:\n{done.stderr[-2000:]}")
    for extension in (tree / "src/isthmus/core").glob("*.so"):
        extension.touch()
    built.touch()
    return tree


def count(tree: Path, path: str, played: int) -> int:
    """Instructions of one run."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    line = [*valgrind, *played_line(tree, path, played)]
    done = subprocess.run(line, env=environment(tree), capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"check-perf: {path} in {tree}: {done.stderr.strip()[-1000:]}")
    return int(found[1])


def played_line(tree: Path, path: str, played: int) -> list[str]:
    """The command that plays so many batches."""
    script = tree / SCRIPT
    script = script if script.exists() else ROOT / SCRIPT
    return [sys.executable, str(script), path, str(2 * BATCHES), str(played)]


def environment(tree: Path) -> dict[str, str]:
    """Modules come from `tree`, and a run repeats exactly."""
    places = f"{tree / 'src'}{os.pathsep}{tree / 'tests'}"
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {"PYTHONPATH": places, "PYTHONHASHSEED": "0"}


def keep_bytecode(tree: Path) -> None:
    """Play once uncounted: who comes first would be charged with compiling Python's modules."""
    for path in PATHS:
        subprocess.run(played_line(tree, path, 1), env=environment(tree), check=True)


def require_own_modules(tree: Path) -> None:
    """An installed package must not come first."""
    line = [sys.executable, "-c", "import isthmus.core.parser as m; print(m.__file__)"]
    done = subprocess.run(line, env=environment(tree), capture_output=True, text=True, check=False)
    if not done.stdout.startswith(str(tree / "src")):
        raise SystemExit(f"check-perf: not of {tree}: {done.stdout}{done.stderr[-500:]}")


def costs(trees: list[Path]) -> dict[tuple[Path, str], float]:
    """Instructions per message of every path in every tree."""
    runs = [(tree, path, played) for tree in trees for path in PATHS for played in (1, 2)]
    with ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        found = pool.map(lambda run: count(run[0], run[1], run[2] * BATCHES), runs)
        counted = dict(zip(runs, found, strict=True))
    return {
        (tree, path): (counted[tree, path, 2] - counted[tree, path, 1]) / (BATCHES * BATCH)
        for tree in trees
        for path in PATHS
    }


def main() -> int:
    """Measure, compare, say; 1 if a path costs more than the tolerance allows."""
    assert __doc__
    parser = argparse.ArgumentParser(prog="check-perf", description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="", help="a commit; default: where we left main")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE_PERCENT, help="per cent")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        print("check-perf: valgrind is not on this machine; install the package valgrind")
        return 2
    commit = git("rev-parse", options.base) if options.base else base_commit()
    base = build(commit)
    for tree in (base, ROOT):
        require_own_modules(tree)
        keep_bytecode(tree)
    found = costs([base, ROOT])
    print(f"{'instructions per message':28}{commit[:10]:>12}{'here':>12}{'change':>10}")
    worse = []
    for path in PATHS:
        before, here = found[base, path], found[ROOT, path]
        if before <= 0 or here <= 0:
            raise SystemExit(f"check-perf: {path}: {before:.0f} and {here:.0f} cannot be a cost")
        change = (here / before - 1) * 100
        print(f"{path:28}{before:12,.0f}{here:12,.0f}{change:+9.1f}%")
        if change > options.tolerance:
            worse.append(path)
    if worse:
        print(f"check-perf: over {options.tolerance:g} % more: {', '.join(worse)}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
