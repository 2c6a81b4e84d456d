"""Run rows on both servers in turn (A B A B …) and print the table.

    python -m bench [--rows deliver,pull] [--rounds 5] [--json FILE]

Each row starts a fresh server of each kind in every round, loads it with the same generator (C,
compiled now from `bench/load.c`), and quotes medians. `client` is the generator's own share of a
core: over 80 % the row is marked *client-bound*, since then the generator is what was measured.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rows import ROWS, Row
from bench.servers import MeasuredServer
from bench.tenants import Tenants

KINDS = ("isthmus", "nats-server")
CLIENT_BOUND = 0.8


def build_generator(folder: Path) -> Path:
    """Compile the load generator."""
    out = folder / "load"
    source = Path(__file__).parent / "load.c"
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", str(out), str(source)], check=True)
    return out


def measure(generator: Path, row: Row, kind: str, folder: Path, tenants: Tenants | None) -> dict:
    """One run: a fresh server, prepared, loaded; the figures."""
    config = row.config(kind) + (tenants.config if tenants else "")
    server = MeasuredServer(kind, folder / f"{kind}-{row.name}", config)
    try:
        row.prepare(server.port, row, tenants)
        who = {
            "": "",
            "b": json.dumps(tenants.auth_b)[1:-1] if tenants else "",
            "c": json.dumps(tenants.auth_c)[1:-1] if tenants else "",
        }
        if "fill" in row.extra:
            filler = {"n": row.extra["fill"], "size": 128, "window": 1000, "subject": "bench.a"}
            load(generator, server.port, "jspublish", filler, who["c"], who["c"])
        before = server.cpu_s()
        found = load(
            generator, server.port, row.load, row.arguments, who[row.auth[0]], who[row.auth[1]]
        )
        messages = found["n"] * int(row.arguments.get("subs", 1))
        return {
            "value": found[row.measure] * (messages / found["n"] if row.measure == "rate" else 1),
            "p99_ns": found.get("p99_ns"),
            "cpu_us": (server.cpu_s() - before) / messages * 1e6,
            "client": found["cpu"] / found["seconds"],
            "memory_mb": server.peak_memory_mb(),
        }
    finally:
        server.stop()


def load(
    generator: Path, port: int, name: str, arguments: dict[str, object], auth: str, auth2: str
) -> dict:
    """Run the generator; what it printed."""
    line = [str(generator), str(port), name, f"auth={auth}", f"auth2={auth2}"]
    line += [f"{key}={value}" for key, value in arguments.items()]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def summarise(row: Row, runs: dict[str, list[dict]]) -> dict:
    """Medians of both, and their ratio."""
    out: dict = {"name": row.name, "title": row.title, "target": row.target}
    for kind in KINDS:
        for key in ("value", "cpu_us", "client", "memory_mb"):
            out[f"{kind}.{key}"] = statistics.median(run[key] for run in runs[kind])
    out["ratio"] = out["isthmus.value"] / out["nats-server.value"]
    faster = row.measure == "rate"
    out["holds"] = out["ratio"] >= row.target if faster else out["ratio"] <= row.target
    out["client_bound"] = out["isthmus.client"] > CLIENT_BOUND
    out["unit"] = "1/s" if faster else "µs"
    out["runs"] = runs
    return out


def show(result: dict) -> str:
    """One line of the table."""
    scale = 1.0 if result["unit"] == "1/s" else 1e-3
    ours, theirs = result["isthmus.value"] * scale, result["nats-server.value"] * scale
    sign = "≥" if result["unit"] == "1/s" else "≤"
    return (
        f"| {result['title']} | {ours:,.0f} | {theirs:,.0f} | {result['unit']} "
        f"| {result['ratio']:.2f} | {sign} {result['target']:g} "
        f"| {'yes' if result['holds'] else 'no'} "
        f"| {result['isthmus.cpu_us']:.2f} / {result['nats-server.cpu_us']:.2f} "
        f"| {result['isthmus.client']:.0%}{' *client-bound*' if result['client_bound'] else ''} "
        f"| {result['isthmus.memory_mb']:.0f} / {result['nats-server.memory_mb']:.0f} |"
    )


HEAD = (
    "| case | isthmus | nats-server | unit | ratio | budget | holds | server CPU µs/msg "
    "| client | peak MB |\n|---|---|---|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="", help="names, separated by commas; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each (default 5)")
    parser.add_argument("--json", default="bench-results/latest.json", help="where the figures go")
    options = parser.parse_args()
    wanted = [name for name in options.rows.split(",") if name]
    unknown = set(wanted) - {row.name for row in ROWS}
    if unknown:
        known = ", ".join(row.name for row in ROWS)
        raise SystemExit(f"bench: unknown row {', '.join(sorted(unknown))}; there are {known}")
    folder = Path(tempfile.mkdtemp(prefix="isthmus-bench-"))
    results = []
    try:
        generator = build_generator(folder)
        print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(HEAD, flush=True)
        for row in ROWS:
            if wanted and row.name not in wanted:
                continue
            tenants = Tenants() if row.tenants else None
            runs: dict[str, list[dict]] = {kind: [] for kind in KINDS}
            for _ in range(options.rounds):
                for kind in KINDS:
                    runs[kind].append(measure(generator, row, kind, folder, tenants))
            results.append(summarise(row, runs))
            print(show(results[-1]), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    path = Path(options.json)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cores": os.cpu_count(), "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
