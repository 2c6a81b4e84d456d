"""Results as SVG, written by hand: bars of how many times better, and a panel for each curve.

Plain text out, no library. Colours are told apart without hue too: ours is filled, theirs is not.
"""

import math
from html import escape

from bench.summary import KINDS, Summary

OURS, THEIRS, INK, FAINT = "#0b6e99", "#b5651d", "#222", "#bbb"
FONT = 'font-family="system-ui, sans-serif" font-size="12"'
LABEL_PX, BAR_PX, ROW_PX, TOP_PX = 400, 330, 22, 34
PANEL_PX, PANEL_TALL_PX, PANEL_GAP_PX = 215, 130, 30


def _svg(width: float, height: float, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" {FONT}>'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>\n"])


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = INK) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {where}>{escape(text)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _bar(x: float, y: float, width: float, colour: str) -> str:
    size = f'width="{width:.1f}" height="{ROW_PX - 8}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}"/>'


def bars(rows: list[Summary]) -> str:
    """How many times better than nats-server each row is (log scale), a tick where it must be."""
    shown = [row for row in rows if row["ratio"] and row["bound"]["ratio"] is not None]  # type: ignore[index]
    better = [_better(row["ratio"], row) for row in shown]
    wanted = [_better(row["bound"]["ratio"], row) for row in shown]  # type: ignore[index]
    low, high = min([0.5, *better, *wanted]), max([2.0, *better, *wanted])

    def at(value: float) -> float:
        share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return LABEL_PX + share * BAR_PX

    bottom = TOP_PX + ROW_PX * len(shown)
    parts = [_text(LABEL_PX, 14, "times better than nats-server; tick: the budget", "start")]
    for mark in (0.5, 1, 2, 3, 5, 10, 20, 50, 100):
        if low <= mark <= high:
            parts += [
                _line(at(mark), TOP_PX - 4, at(mark), bottom, INK if mark == 1 else FAINT),
                _text(at(mark), TOP_PX - 8, f"{mark:g}", "middle"),
            ]
    for number, row in enumerate(shown):
        y = TOP_PX + ROW_PX * number
        begin, end = sorted((at(1), at(better[number])))
        tick = at(wanted[number])
        title = str(row["title"])
        parts += [
            _text(LABEL_PX - 10, y + 15, title if len(title) < 62 else title[:60] + "…", "end"),
            _bar(begin, y + 4, max(end - begin, 1), OURS if row["holds"] else THEIRS),
            _line(tick, y + 1, tick, y + ROW_PX - 1, INK, 2),
            _text(max(end, tick) + 6, y + 15, f"{better[number]:.2f}×"),
        ]
    return _svg(LABEL_PX + BAR_PX + 80, bottom + 10, parts)


def _better(ratio: object, row: Summary) -> float:
    assert isinstance(ratio, int | float)
    bound = row["bound"]
    assert isinstance(bound, dict)
    return 1 / ratio if bound["most"] else float(ratio)


def panels(curves: list[Summary]) -> str:
    """Server CPU per message at each point of each curve."""
    parts = [
        _text(10, 16, "server CPU per message, µs; filled: isthmus, open: nats-server"),
    ]
    for number, curve in enumerate(curves):
        across, down = number % 3, number // 3
        x = 40 + across * (PANEL_PX + PANEL_GAP_PX)
        y = 50 + down * (PANEL_TALL_PX + 60)
        parts += _panel(curve, x, y)
    rows = (len(curves) + 2) // 3
    return _svg(3 * (PANEL_PX + PANEL_GAP_PX) + 30, 50 + rows * (PANEL_TALL_PX + 60), parts)


def _panel(curve: Summary, left: float, top: float) -> list[str]:
    points = curve["points"]
    assert isinstance(points, list)
    highest = max([point[kind] for point in points for kind in KINDS if kind in point] or [1])
    bottom = top + PANEL_TALL_PX
    steps = max(len(points) - 1, 1)

    def where(index: int, cost: float) -> tuple[float, float]:
        return left + 10 + index / steps * (PANEL_PX - 20), bottom - cost / highest * PANEL_TALL_PX

    parts = [
        _text(left, top - 8, str(curve["title"])),
        _line(left, bottom, left + PANEL_PX, bottom, INK),
        _line(left, top, left, bottom, INK),
        _text(left - 4, top + 10, f"{highest:.1f}", "end"),
        _text(left - 4, bottom, "0", "end"),
    ]
    for index, point in enumerate(points):
        parts.append(_text(where(index, 0)[0], bottom + 15, f"{point['at']:,}", "middle"))
    for kind, colour in zip(KINDS, (OURS, THEIRS), strict=True):
        spots = [where(index, point[kind]) for index, point in enumerate(points) if kind in point]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        fill = colour if kind == KINDS[0] else "#fff"
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}"/>'
            for x, y in spots
        ]
    return parts
