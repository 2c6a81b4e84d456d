import pytest

from isthmus.cli.nsc.report import Report


def made(ok=0, warnings=0, errors=0) -> Report:
    report = Report()
    for _ in range(ok):
        report.ok("done")
    for _ in range(warnings):
        report.warn("but")
    for _ in range(errors):
        report.error("not")
    return report


def test_lines_say_how_it_went():
    assert made(1, 1, 1).lines() == ["[ OK ] done", "[WARN] but", "[ERR ] not"]


def test_details_are_indented_below_the_worst_of_them():
    report = Report()
    outer = report.section("push")
    inner = outer.section("push A")
    inner.ok("pushed")
    inner.server("line one\n\nline two")
    inner.error("failed")
    assert report.lines() == [
        "[ERR ] push:",
        "       [ERR ] push A:",
        "              [ OK ] pushed",
        "              > line one",
        "              > line two",
        "              [ERR ] failed",
    ]
    assert report.failed


@pytest.mark.parametrize(
    ("ok", "warnings", "errors", "summary"),
    [
        (0, 0, 0, ""),
        (1, 0, 0, ""),
        (2, 0, 0, "all jobs succeeded"),
        (0, 1, 0, ""),
        (0, 2, 0, "all jobs had warnings"),
        (1, 1, 0, "1 job succeeded - 1 have warnings"),
        (2, 1, 0, "2 jobs succeeded - 1 have warnings"),
        (0, 0, 1, "all jobs failed"),
        (2, 0, 1, "1 job failed - 2 jobs succeeded and 0 had warnings"),
        (1, 3, 2, "2 jobs failed - 1 job succeeded and 3 had warnings"),
    ],
)
def test_the_summary_counts_jobs(ok, warnings, errors, summary):
    assert made(ok, warnings, errors).summary() == summary


def test_what_a_server_said_is_no_job():
    report = made(1)
    report.server("hello")
    assert report.summary() == ""
