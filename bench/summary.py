"""From runs to a row of the table: medians of both servers, their ratio, whether it holds.

Everything here is plain data that goes to JSON as it is. A run that failed leaves its reason; a row
holds only if ours ran, and what it is compared with ran too.
"""

import statistics
from dataclasses import asdict, fields

from bench.lab import Figures
from bench.rows.row import Curve, Row

KINDS = ("isthmus", "nats-server")
CLIENT_BOUND = 0.8

Runs = dict[str, list[Figures]]
Summary = dict[str, object]


def medians(runs: list[Figures]) -> dict[str, object]:
    """Each figure's median; the note of the run in the middle."""
    out: dict[str, object] = {}
    for field in fields(Figures):
        found = [getattr(run, field.name) for run in runs]
        if field.name == "note":
            out["note"] = sorted(runs, key=lambda run: run.value)[len(runs) // 2].note
        elif all(value is not None for value in found):
            out[field.name] = statistics.median(found)
    return out


def summarise(row: Row, runs: Runs, failures: dict[str, str]) -> Summary:
    """A row of the table."""
    out: Summary = {
        "name": row.name,
        "title": row.title,
        "unit": row.unit,
        "bound": {"ratio": row.ratio, "own": row.own, "most": row.most},
        "lacking": row.lacking,
        "failures": failures,
        "runs": {kind: [asdict(run) for run in runs[kind]] for kind in KINDS},
    }
    for kind in KINDS:
        if runs[kind]:
            out[kind] = medians(runs[kind])
    return judged(out)


def judged(row: Summary) -> Summary:
    """Add ratio, `holds` (None: cannot be said) and `client_bound`."""
    ours, theirs, bound = row.get("isthmus"), row.get("nats-server"), row["bound"]
    assert isinstance(bound, dict)
    row |= {"ratio": None, "holds": None, "client_bound": False}
    if not isinstance(ours, dict):
        return row | {"holds": None if row["lacking"] else False}
    row["client_bound"] = ours.get("client", 0) > CLIENT_BOUND
    if bound["own"] is not None:
        row["holds"] = _within(ours["value"], bound["own"], bound["most"])
    if isinstance(theirs, dict) and theirs["value"]:
        row["ratio"] = ours["value"] / theirs["value"]
        if bound["ratio"] is not None:
            row["holds"] = _within(row["ratio"], bound["ratio"], bound["most"])
    return row


def _within(value: float, bound: float, most: bool) -> bool:
    return value <= bound if most else value >= bound


def summarise_curve(curve: Curve, runs: dict[int, Runs], failures: dict[str, str]) -> Summary:
    """A curve: CPU per message at each point, and how flat it is."""
    points: list[dict[str, object]] = []
    for at in curve.points:
        point: dict[str, object] = {"at": at}
        for kind in KINDS:
            costs = [run.cpu_us for run in runs[at][kind] if run.cpu_us is not None]
            if costs:
                point[kind] = statistics.median(costs)
        points.append(point)
    out: Summary = {
        "name": curve.name,
        "title": curve.title,
        "axis": curve.axis,
        "own": curve.own,
        "points": points,
        "failures": failures,
    }
    return judged_curve(out)


def judged_curve(curve: Summary) -> Summary:
    """Add `flat`: the last point over the first, for each kind; and whether ours holds."""
    points = curve["points"]
    assert isinstance(points, list)
    flat = {
        kind: points[-1][kind] / points[0][kind]
        for kind in KINDS
        if points[0].get(kind) and points[-1].get(kind)
    }
    own = curve["own"]
    assert isinstance(own, float)
    return curve | {"flat": flat, "holds": flat.get("isthmus", own + 1) <= own}


def combine(results: list[Summary]) -> Summary:
    """Several `make bench` runs as one: the median of their medians, row by row."""
    first = results[0]
    out = dict(first)
    for part in ("rows", "curves"):
        named = [{row["name"]: row for row in result[part]} for result in results]  # type: ignore[attr-defined]
        names = dict.fromkeys(name for rows in named for name in rows)
        out[part] = [_combine_row([rows[name] for rows in named if name in rows]) for name in names]
    out["seconds"] = sum(result["seconds"] for result in results)  # type: ignore[misc]
    out["runs"] = sum(result.get("runs", 1) for result in results)  # type: ignore[misc]
    return out


def _combine_row(rows: list[Summary]) -> Summary:
    out = dict(rows[0])
    out["failures"] = {key: text for row in rows for key, text in row["failures"].items()}  # type: ignore[attr-defined]
    if "points" in out:
        out["points"] = [
            _middle(list(points))
            for points in zip(*(row["points"] for row in rows), strict=True)  # type: ignore[call-overload]
        ]
        return judged_curve(out)
    for kind in KINDS:
        found = [row[kind] for row in rows if kind in row]
        if found:
            out[kind] = _middle(found)  # type: ignore[arg-type]
    return judged(out)


def _middle(found: list[dict[str, object]]) -> dict[str, object]:
    """Key by key; words are the first's, and where a point stands."""
    out = dict(found[0])
    for key, value in out.items():
        if isinstance(value, int | float) and key != "at":
            out[key] = statistics.median(one[key] for one in found if key in one)  # type: ignore[type-var]
    return out
