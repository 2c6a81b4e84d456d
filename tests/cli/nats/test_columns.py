from isthmus.cli.nats.columns import Columns


def test_labels_are_right_aligned_to_the_longest_and_two():
    view = Columns("Heading")
    view.row("Name", "x")
    view.row("Description", "y")
    assert view.render() == "Heading\n\n         Name: x\n  Description: y"


def test_a_section_stands_between_empty_lines():
    view = Columns("H")
    view.row("A", 1)
    view.section("State")
    view.row("B", 2)
    assert view.render() == "H\n\n  A: 1\n\nState:\n\n  B: 2"


def test_the_first_section_adds_no_second_empty_line():
    view = Columns("H")
    view.section("State")
    view.row("B", 2)
    assert view.render() == "H\n\nState:\n\n  B: 2"


def test_indented_rows_move_as_a_whole():
    view = Columns("H")
    view.section("Tier", indent=2)
    view.row("Long label", "x", indent=4)
    view.row("A", "y")
    assert view.render() == "H\n\n  Tier:\n\n      Long label: x\n           A: y"


def test_values_read_as_people_write_them():
    view = Columns("H")
    view.row("Yes", True)
    view.row("No", False)
    view.row("List", ["a", "b"])
    view.row_if("Empty", "")
    view.row_if("None", None)
    assert view.render() == "H\n\n   Yes: true\n    No: false\n  List: a, b"


def test_more_lines_stand_under_the_first():
    view = Columns("H")
    view.row("Allow", "a\nb")
    assert view.render() == "H\n\n  Allow: a\n         b"
