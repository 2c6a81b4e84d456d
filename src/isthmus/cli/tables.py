"""Tables as the two tools print them: plain ASCII for nsc, rounded boxes for nats.

Pure text layout; knows no command. A cell is text or a number; every line of one table has the same
width, counted in terminal columns (colour codes count nothing, wide characters two).

    +---------+      ╭─────────╮
    |  Title  |      │  Title  │
    +---+-----+      ├───┬─────┤
    | A | B   |      │ A │   B │      a column that holds only numbers is
    +---+-----+      ├───┼─────┤      right-aligned in the rounded style
    | x | 12  |      │ x │  12 │
    +---+-----+      ╰───┴─────╯
"""

import re
from collections.abc import Sequence
from typing import TypeAlias
from unicodedata import combining, east_asian_width

Cell: TypeAlias = str | int
Row: TypeAlias = Sequence[Cell]

SEPARATOR: Row = ()  # as a row: a rule across the table

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def text_width(text: str) -> int:
    """Terminal columns that `text` takes."""
    plain = _COLOUR.sub("", text)
    if plain.isascii():
        return len(plain)
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in plain
    )


def ascii_table(title: str, headers: Sequence[str], rows: Sequence[Row]) -> str:
    """The table of nsc, without a last newline. A wider title widens the last column."""
    widths = _widths(headers, rows)
    spare = text_width(title) + 2 - _inner(widths)
    if title and spare > 0:
        widths[-1] += spare
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = []
    if title:
        lines += ["+" + "-" * _inner(widths) + "+", "|" + _centred(title, _inner(widths)) + "|"]
    lines.append(rule)
    if headers:
        lines += [_line(headers, widths, "|"), rule]
    lines += [_line(row, widths, "|") if row else rule for row in rows]
    lines.append(rule)
    return "\n".join(lines)


def rounded_table(title: str, headers: Sequence[str], rows: Sequence[Row], footer: Row = ()) -> str:
    """The table of the nats tool, without a last newline. A wider title is wrapped."""
    widths = _widths(headers, [*rows, footer])
    right = [
        any(len(row) > column for row in rows)
        and all(isinstance(row[column], int) for row in rows if row)
        for column in range(len(widths))
    ]

    def rule(left: str, middle: str, end: str) -> str:
        return left + middle.join("─" * (width + 2) for width in widths) + end

    lines = []
    if title:
        inner = _inner(widths)
        lines.append("╭" + "─" * inner + "╮")
        lines += ["│" + _centred_left(part, inner) + "│" for part in _wrapped(title, inner - 2)]
        lines.append(rule("├", "┬", "┤"))
    else:
        lines.append(rule("╭", "┬", "╮"))
    if headers:
        lines += [_line(headers, widths, "│", right), rule("├", "┼", "┤")]
    lines += [_line(row, widths, "│", right) if row else rule("├", "┼", "┤") for row in rows]
    if footer:
        lines += [rule("├", "┼", "┤"), _line(footer, widths, "│", right)]
    lines.append(rule("╰", "┴", "╯"))
    return "\n".join(lines)


def _widths(headers: Sequence[str], rows: Sequence[Row]) -> list[int]:
    columns = max([len(headers), *(len(row) for row in rows)], default=0) or 1
    widths = [0] * columns
    for row in [headers, *rows]:
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], text_width(str(cell)))
    return widths


def _inner(widths: Sequence[int]) -> int:
    return sum(widths) + 3 * len(widths) - 1


def _line(row: Row, widths: Sequence[int], bar: str, right: Sequence[bool] = ()) -> str:
    cells = []
    for column, width in enumerate(widths):
        text = str(row[column]) if column < len(row) else ""
        space = " " * (width - text_width(text))
        cells.append(space + text if right and right[column] else text + space)
    return f"{bar} " + f" {bar} ".join(cells) + f" {bar}"


def _centred(text: str, width: int) -> str:
    space = width - text_width(text)
    return " " * (space // 2) + text + " " * (space - space // 2)


def _centred_left(text: str, width: int) -> str:
    space = width - text_width(text)
    return " " * (space - space // 2) + text + " " * (space // 2)


def _wrapped(text: str, width: int) -> list[str]:
    if text_width(text) <= width or width < 1:
        return [text]
    return [text[start : start + width] for start in range(0, len(text), width)]
