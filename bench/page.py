"""docs/internals/performance.md: the measured part, between two marks, and its pictures."""

from pathlib import Path

from bench import pictures, table
from bench.summary import Summary

FOLDER = Path(__file__).parent.parent / "docs" / "internals"
PAGE = FOLDER / "performance.md"
BEGIN, END = "<!-- measured: written by make bench -->", "<!-- end of what was measured -->"


def machine_line(result: Summary) -> str:
    """Where and how, in one line."""
    machine = result["machine"]
    assert isinstance(machine, dict)
    runs = result.get("runs", 1)
    often = f"{runs} runs of {result['rounds']}" if runs != 1 else f"{result['rounds']}"
    return (
        f"{machine['cores']} cores ({machine['processor']}), {machine['system']}, "
        f"Python {machine['python']}; medians of {often} rounds, A B A B; load average at the "
        f"start {machine['load']}; {machine['when']}"
    )


def write(result: Summary) -> None:
    """Replace what stands between the marks, and the pictures beside the page."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(
            f"bench: {PAGE} has no place for results: it needs the lines {BEGIN} {END}"
        )
    rows, curves = result["rows"], result["curves"]
    assert isinstance(rows, list)
    assert isinstance(curves, list)
    parts = [f"Measured on {machine_line(result)}.", table.whole(result)]
    for name, drawn, what in (
        ("performance-rows.svg", pictures.bars(rows) if rows else "", "each row beside its budget"),
        ("performance-curves.svg", pictures.panels(curves) if curves else "", "cost as it grows"),
    ):
        if drawn:
            (FOLDER / name).write_text(drawn)
            parts.append(f"![{what}]({name})")
    PAGE.write_text(before + BEGIN + "\n\n" + "\n\n".join(parts) + "\n\n" + END + after)
