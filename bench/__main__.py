"""Run rows on both servers in turn (A B A B …), print the table, keep the figures as JSON.

    python -m bench [--rows deliver,pull] [--rounds 5] [--json FILE] [--write]
    python -m bench --report bench-results/a.json bench-results/b.json --write

Each run starts a fresh server, loads it with the same generator (C, compiled now from
`bench/load`); a row quotes medians. `generator` is the generator's own share of a core: over 80 %
the row is marked *client-bound*, since then the generator is what was measured. A row that fails
says why and does not stop the others. `--report` takes the medians of earlier runs instead of
measuring; `--write` puts table and pictures into docs/internals.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import page, table
from bench.errors import RowError
from bench.generator import Generator
from bench.lab import Figures, Lab
from bench.rows import ROWS, Curve, Row
from bench.summary import KINDS, Runs, Summary, combine, summarise, summarise_curve
from bench.tenants import Tenants

Attempt = Callable[[Lab], Figures]


class Session:
    """One `make bench`: a folder, a generator, and what was found so far."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self._folder = folder
        self._generator = Generator(folder)
        self._rounds = rounds

    def row(self, row: Row) -> Summary:
        """All rounds of a row."""
        runs: Runs = {kind: [] for kind in KINDS}
        failures: dict[str, str] = {}
        if not row.lacking:
            tenants = Tenants() if row.tenants else None
            for _ in range(min(self._rounds, row.rounds)):
                self._round(runs, failures, lambda lab: row.run(lab, tenants))
        return summarise(row, runs, failures)

    def curve(self, curve: Curve) -> Summary:
        """All points of a curve."""
        runs: dict[int, Runs] = {at: {kind: [] for kind in KINDS} for at in curve.points}
        failures: dict[str, str] = {}
        for _ in range(min(self._rounds, curve.rounds)):
            for at in curve.points:
                self._round(runs[at], failures, lambda lab, at=at: curve.run(lab, at))  # type: ignore[misc]
        return summarise_curve(curve, runs, failures)

    def _round(self, runs: Runs, failures: dict[str, str], attempt: Attempt) -> None:
        """Both servers once; one that failed is not tried again."""
        for kind in KINDS:
            if kind in failures:
                continue
            try:
                with Lab(kind, self._folder, self._generator) as lab:
                    runs[kind].append(attempt(lab))
            except Exception as error:  # noqa: BLE001 — whatever it is, the other rows go on
                failures[kind] = str(error) if isinstance(error, RowError) else repr(error)


def machine() -> dict[str, object]:
    """Where this was measured."""
    model = ""
    for text in Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            model = text.partition(":")[2].strip()
            break
    return {
        "cores": os.cpu_count(),
        "processor": model,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "when": time.strftime("%Y-%m-%d"),
    }


def measure(wanted: list[Row | Curve], rounds: int, path: Path) -> Summary:
    """Run the rows; the JSON is up to date after each."""
    began = time.monotonic()
    rows: list[Summary] = []
    curves: list[Summary] = []
    result: Summary = {"machine": machine(), "rounds": rounds, "rows": rows, "curves": curves}
    folder = Path(tempfile.mkdtemp(prefix="isthmus-bench-"))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        session = Session(folder, rounds)
        print(page.machine_line(result))
        print(table.HEAD, flush=True)
        for row in wanted:
            if isinstance(row, Row):
                rows.append(session.row(row))
                print(table.line(rows[-1]), flush=True)
            else:
                curves.append(session.curve(row))
            result["seconds"] = round(time.monotonic() - began)
            path.write_text(json.dumps(result, indent=1) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for part in (table.notes(result), table.curves(curves) if curves else ""):
        if part:
            print(f"\n{part}")
    print(f"\n{result.get('seconds', 0)} s in all; figures in {path}")
    return result


def select(names: str) -> list[Row | Curve]:
    """The rows that `names` lists, separated by commas, in the order of the table; empty: all."""
    wanted = [name for name in names.split(",") if name]
    unknown = set(wanted) - {row.name for row in ROWS}
    if unknown:
        known = ", ".join(row.name for row in ROWS)
        raise SystemExit(f"bench: unknown row {', '.join(sorted(unknown))}; there are {known}")
    return [row for row in ROWS if not wanted or row.name in wanted]


def read(name: str) -> Summary:
    """The figures of an earlier run."""
    try:
        found = json.loads(Path(name).read_text())
    except OSError as error:
        raise SystemExit(f"bench: {name} can not be read: {error.strerror}") from None
    except ValueError as error:
        raise SystemExit(f"bench: {name} holds no figures: {error}") from None
    if not isinstance(found, dict) or not {"machine", "rounds", "rows", "curves"} <= found.keys():
        raise SystemExit(f"bench: {name} holds no figures: it is not what --json writes")
    return found


def main(arguments: list[str] | None = None) -> None:
    """Parse, run, print."""
    assert __doc__
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="", help="names, separated by commas; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each (default 5)")
    parser.add_argument("--json", default="bench-results/latest.json", help="where the figures go")
    parser.add_argument("--report", nargs="+", metavar="FILE", help="measure nothing: take these")
    parser.add_argument("--write", action="store_true", help="table and pictures into the docs")
    parser.add_argument("--list", action="store_true", help="the rows there are")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least one")
    if options.report and options.rows:
        parser.error("--report takes all rows of the files: leave --rows out")
    if options.list:
        for row in ROWS:
            print(f"{row.name:20}{row.title}")
        return
    wanted = select(options.rows)
    if options.report:
        result = combine([read(name) for name in options.report])
        print(table.whole(result))
    else:
        signal.signal(signal.SIGTERM, _stopped)
        result = measure(wanted, options.rounds, Path(options.json))
    if options.write:
        page.write(result)
        print(f"written: {page.PAGE}")


def _stopped(*_: object) -> None:
    raise SystemExit("bench: stopped")


if __name__ == "__main__":
    sys.exit(main())
