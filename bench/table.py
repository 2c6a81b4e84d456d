"""A result as Markdown: one line a row, one table for the curves."""

from bench.rows import LEFT_OUT
from bench.summary import KINDS, Summary

HEAD = (
    "| case | isthmus | nats-server | unit | ratio | budget | holds | server CPU µs/msg "
    "| p50/p99 µs | generator | peak MB |\n|---|--:|--:|---|--:|--:|---|--:|--:|--:|--:|"
)
NOTHING = "–"


def number(value: object) -> str:
    """Three digits that matter, thousands apart."""
    if not isinstance(value, int | float):
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def line(row: Summary) -> str:
    """One row of the table."""
    ours, theirs = (row.get(kind) or {} for kind in KINDS)
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    if not ours and not theirs:
        return f"| {row['title']} |  |  |  |  | {_bound(row)} | {_holds(row)} | | | | |"

    def both(key: str) -> str:
        if key not in ours and key not in theirs:
            return NOTHING
        return f"{number(ours.get(key))} / {number(theirs.get(key))}"

    times = [
        f"{number(who.get('p50_us'))}/{number(who.get('p99_us'))}"
        for who in (ours, theirs)
        if "p50_us" in who
    ]
    share = f"{ours['client']:.0%}" if "client" in ours else NOTHING
    if row["client_bound"]:
        share += " *client-bound*"
    ratio = row["ratio"]
    return (
        f"| {row['title']} | {number(ours.get('value'))} | {number(theirs.get('value'))} "
        f"| {row['unit']} | {NOTHING if ratio is None else number(ratio)} | {_bound(row)} "
        f"| {_holds(row)} | {both('cpu_us')} | {' · '.join(times) or NOTHING} | {share} "
        f"| {both('peak_mb')} |"
    )


def _bound(row: Summary) -> str:
    bound = row["bound"]
    assert isinstance(bound, dict)
    sign = "≤" if bound["most"] else "≥"
    if bound["ratio"] is not None:
        return f"{sign} {bound['ratio']:g}×"
    return f"{sign} {bound['own']:g} {row['unit']}"


def _holds(row: Summary) -> str:
    if row["lacking"]:
        return f"not there yet: {row['lacking']}"
    failures = row["failures"]
    assert isinstance(failures, dict)
    said = {True: "yes", False: "**no**", None: NOTHING}[row["holds"]]  # type: ignore[index]
    return "; ".join([said, *(f"{kind} failed: {why}" for kind, why in failures.items())])


def curves(found: list[Summary]) -> str:
    """Server CPU per message at each point."""
    out = [
        "| server CPU µs/msg | points | isthmus | nats-server | last / first | budget | holds |",
        "|---|---|---|---|--:|--:|---|",
    ]
    for curve in found:
        points, flat, failures = curve["points"], curve["flat"], curve["failures"]
        assert isinstance(points, list)
        assert isinstance(flat, dict)
        assert isinstance(failures, dict)
        costs = [", ".join(number(point.get(kind)) for point in points) for kind in KINDS]
        both = " / ".join(number(flat.get(kind)) for kind in KINDS)
        places = ", ".join(f"{point['at']:,}" for point in points)
        words = ["yes" if curve["holds"] else "**no**"]
        words += [f"{where} failed: {why}" for where, why in failures.items()]
        out.append(
            f"| {curve['title']} | {places} "
            f"| {costs[0]} | {costs[1]} | {both} | ≤ {curve['own']:g} | {'; '.join(words)} |"
        )
    return "\n".join(out)


def notes(result: Summary) -> str:
    """What the rows say beside their figures, and what is left out."""
    out = []
    rows = result["rows"]
    assert isinstance(rows, list)
    for row in rows:
        said = [
            f"{kind}: {row[kind]['note']}" for kind in KINDS if (row.get(kind) or {}).get("note")
        ]
        if said:
            out.append(f"- {row['title']}: {'; '.join(said)}")
    out += [f"- left out: {what} ({why})" for what, why in LEFT_OUT.items()]
    return "\n".join(out)


def whole(result: Summary) -> str:
    """Everything, as the page shows it."""
    rows, found = result["rows"], result["curves"]
    assert isinstance(rows, list)
    assert isinstance(found, list)
    parts = ["\n".join([HEAD, *(line(row) for row in rows)])] if rows else []
    parts += [notes(result)] if notes(result) else []
    parts += [curves(found)] if found else []
    return "\n\n".join(parts)
