"""The command line of `make bench`, without starting a server."""

import json

import pytest
from bench.__main__ import main, select
from bench.rows import ROWS

from bench import page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rows", "deliver,nonsense"], "unknown row nonsense; there are "),
        (["--report", "/nowhere/a.json"], "/nowhere/a.json can not be read: No such file"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(arguments, said):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert said in str(end.value)
    assert "\n" not in str(end.value)


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": []}'])
def test_a_report_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(SystemExit, match="holds no figures"):
        main(["--report", str(path)])


@pytest.mark.parametrize(
    "arguments", [["--rounds", "0"], ["--rounds", "x"], ["--report", "a", "--rows", "deliver"]]
)
def test_misuse_ends_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "bench: error: " in capsys.readouterr().err


def test_rows_are_selected_by_name_in_the_order_of_the_table():
    names = [row.name for row in ROWS]
    assert [row.name for row in select("")] == names
    assert [row.name for row in select(f"{names[5]},{names[2]},")] == [names[2], names[5]]


def test_all_rows_are_listed(capsys):
    main(["--list"])
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == [row.name for row in ROWS]


def result(**value):
    row = {
        "name": "r",
        "title": "a row",
        "unit": "1/s",
        "bound": {"ratio": 2.0, "own": None, "most": False},
        "lacking": "",
        "failures": {},
        "ratio": 0,
        "holds": False,
        "client_bound": False,
    }
    ours = {"value": value["ours"], "note": ""}
    theirs = {"value": value["theirs"], "note": ""}
    return {
        "machine": dict.fromkeys(("cores", "processor", "system", "python", "load", "when"), 2),
        "rounds": 3,
        "seconds": 10,
        "rows": [row | {"isthmus": ours, "nats-server": theirs}],
        "curves": [],
    }  # fmt: skip


def test_a_report_is_the_median_of_medians_and_is_written_into_the_page(
    tmp_path, monkeypatch, capsys
):
    for number, (ours, theirs) in enumerate([(300.0, 100.0), (500.0, 200.0)]):
        (tmp_path / f"{number}.json").write_text(json.dumps(result(ours=ours, theirs=theirs)))
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    page.PAGE.write_text(f"above\n{page.BEGIN}\nwhat was there\n{page.END}\nbelow\n")
    arguments = ["--report", str(tmp_path / "0.json"), str(tmp_path / "1.json"), "--write"]
    main(arguments)
    assert "| a row | 400 | 150 | 1/s | 2.67 | ≥ 2" in capsys.readouterr().out
    written = page.PAGE.read_text()
    assert written.startswith("above\n")
    assert written.endswith("\nbelow\n")
    assert "| a row | 400 | 150 |" in written
    assert "medians of 2 runs of 3 rounds" in written
    assert "what was there" not in written
    main(arguments)
    assert page.PAGE.read_text() == written
