"""The page of results and its pictures."""

import xml.etree.ElementTree as ET

import pytest
from bench.lab import Figures
from bench.rows.row import Row
from bench.summary import KINDS, summarise

from bench import page, pictures, table


def rows():
    out = []
    for name, most, ours, theirs in (("fast <&>", False, 6.0, 2.0), ("late", True, 90.0, 100.0)):
        made = Row(name, name, "x", lambda *_: Figures(0), ratio=0.65 if most else 2.0, most=most)
        out.append(summarise(made, {KINDS[0]: [Figures(ours)], KINDS[1]: [Figures(theirs)]}, {}))
    return out


def test_a_line_says_whether_the_budget_holds():
    lines = [table.line(row) for row in rows()]
    assert [line.split(" | ")[4:7] for line in lines] == [
        ["3.00", "≥ 2\u00d7", "yes"],
        ["0.90", "≤ 0.65\u00d7", "**no**"],
    ]


def test_pictures_are_well_formed():
    drawn = ET.fromstring(pictures.bars(rows()))
    assert any("fast <&>" in (node.text or "") for node in drawn.iter())


def test_a_page_without_a_place_for_results_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    page.PAGE.write_text("nothing here")
    with pytest.raises(SystemExit, match="has no place for results"):
        page.write({"rows": [], "curves": [], "machine": {}, "rounds": 1})
    assert page.PAGE.read_text() == "nothing here"
