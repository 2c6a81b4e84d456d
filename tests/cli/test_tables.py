"""Both table styles, byte for byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.cli.tables import SEPARATOR, ascii_table, rounded_table, text_width

REVOKED = """\
+------------------------------------------------------------------------------------------+
|                  Revoked Accounts for service RESTOCKEVENTS-GRANT-NEXT                   |
+----------------------------------------------------------+-------------------------------+
| Public Key                                               | Revoke Credentials Before     |
+----------------------------------------------------------+-------------------------------+
| AD7T74QPICDLJYKEJQ37RKP2VXUJYUUIHZ7XMGMWFEOZNKVO3VBF46F7 | Fri, 25 Feb 2022 19:20:20 PST |
+----------------------------------------------------------+-------------------------------+"""

WIDE_TITLE = """\
+-----------------+
|  Operator "O"   |
+-----------------+
| No issues found |
+-----------------+"""

ROUNDED = """\
╭──────────────╮
│    Counts    │
├───────┬──────┤
│ Name  │ Sent │
├───────┼──────┤
│ one   │    1 │
│ other │   11 │
╰───────┴──────╯"""


def test_the_published_table_of_nsc():
    assert (
        ascii_table(
            "Revoked Accounts for service RESTOCKEVENTS-GRANT-NEXT",
            ["Public Key", "Revoke Credentials Before"],
            [
                (
                    "AD7T74QPICDLJYKEJQ37RKP2VXUJYUUIHZ7XMGMWFEOZNKVO3VBF46F7",
                    "Fri, 25 Feb 2022 19:20:20 PST",
                )
            ],
        )
        == REVOKED
    )


def test_a_table_without_headers_has_one_rule_below_the_title():
    assert ascii_table('Operator "O"', [], [("No issues found",)]) == WIDE_TITLE


def test_a_long_title_widens_the_last_column():
    lines = ascii_table("A very long title", ["a", "b"], [("1", "2")]).splitlines()
    assert lines[2] == "+---+---------------+"
    assert len({len(line) for line in lines}) == 1


def test_separators_are_rules_also_in_a_row():
    lines = ascii_table("", [], [("a",), SEPARATOR, SEPARATOR, ("b",)]).splitlines()
    assert lines == ["+---+", "| a |", "+---+", "+---+", "| b |", "+---+"]


def test_numbers_are_right_aligned_in_the_rounded_style():
    assert rounded_table("Counts", ["Name", "Sent"], [("one", 1), ("other", 11)]) == ROUNDED


def test_a_rounded_footer_stands_below_a_rule():
    lines = rounded_table("", ["N"], [("a",)], footer=("sum",)).splitlines()
    assert lines[-3:] == ["├─────┤", "│ sum │", "╰─────╯"]


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("\x1b[1mabc\x1b[0m", 3), ("日本", 4), ("e\u0301", 1)]
)
def test_width_counts_terminal_columns(text, width):
    assert text_width(text) == width


CELL = st.one_of(st.integers(), st.text(st.characters(codec="ascii", categories=["L", "N"])))


@given(st.text("abc ", max_size=30), st.lists(st.tuples(CELL, CELL), max_size=4))
def test_every_line_is_equally_wide(title, rows):
    for layout in (ascii_table, rounded_table):
        widths = {len(line) for line in layout(title, ["one", "two"], rows).splitlines()}
        assert len(widths) == 1
