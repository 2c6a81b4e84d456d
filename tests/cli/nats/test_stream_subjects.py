"""Streams counted and searched: subjects, report, find, state."""

import json

import pytest


@pytest.fixture
def orders(nats):
    nats.ok("stream", "add", "S", "--subjects", "orders.>", "--defaults")
    for subject in ("a", "b", "a", "c"):
        nats.ok("pub", "-J", f"orders.{subject}", "x")
    return nats


def test_rare_subjects_stand_first(orders):
    lines = orders.ok("stream", "subjects", "S").splitlines()
    assert lines[1].strip("│ ") == "3 Subjects in stream S"
    assert lines[5:6] == ["│ orders.b │ 1     │ orders.c │ 1     │ orders.a │ 2     │"]


def test_names_json_and_order(orders):
    line = ("stream", "subjects", "S")
    assert orders.ok(*line, "--names") == "orders.b\norders.c\norders.a\n"
    assert orders.ok(*line, "--names", "--sort", "name", "-R") == "orders.c\norders.b\norders.a\n"
    assert json.loads(orders.ok(*line, "-j")) == {"orders.a": 2, "orders.b": 1, "orders.c": 1}
    assert json.loads(orders.ok(*line, "orders.b", "-j")) == {"orders.b": 1}
    assert orders.ok(*line, "nope") == "No subjects found matching nope\n"


def test_long_subjects_stand_in_fewer_columns(orders):
    orders.ok("pub", "-J", "orders." + "x" * 20, "x")
    assert orders.ok("stream", "subjects", "S").splitlines()[3].count("Subject") == 2
    orders.ok("pub", "-J", "orders." + "x" * 40, "x")
    assert orders.ok("stream", "subjects", "S").splitlines()[3].count("Subject") == 1


def test_the_report_shows_all_streams(orders):
    orders.ok("stream", "add", "M", "--subjects", "m", "--storage", "memory", "--defaults")
    orders.ok("consumer", "add", "M", "C", "--pull", "--defaults")
    out = orders.ok("stream", "report")
    assert out.startswith("Obtaining Stream stats\n\n╭")
    assert "Stream Report" in out
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines()[7:9]]
    assert [row[:5] for row in cells] == [
        ["M", "Memory", "", "1", "0"],
        ["S", "File", "", "0", "4"],
    ]
    by_consumers = orders.ok("stream", "report", "-o").splitlines()
    assert by_consumers[7].startswith("│ S ")


def test_a_report_of_nothing(nats):
    assert nats.ok("stream", "report") == "Obtaining Stream stats\n\nNo Streams defined\n"


def test_streams_are_found_by_what_they_are(orders):
    orders.ok("stream", "add", "EMPTY", "--subjects", "e", "--defaults")
    orders.ok("consumer", "add", "EMPTY", "C", "--pull", "--defaults")

    def found(*flags: str) -> list[str]:
        return orders.ok("stream", "find", "-n", *flags).split()

    assert found() == ["EMPTY", "S"]
    assert found("--empty") == ["EMPTY"]
    assert found("--empty", "--invert") == ["S"]
    assert found("--consumers", "0") == ["S"]
    assert found("--subject", "orders.a") == ["S"]
    assert found("--created", "1h") == []
    assert found("--idle", "1ns") == ["EMPTY", "S"]
    assert found("--mirrored") == found("--sourced") == found("--leader", "x") == []
    assert found("--replicas", "1", "--api-level", "0") == ["EMPTY", "S"]
    assert "Streams matching e " in orders.ok("stream", "find", "--subject", "e")


def test_the_state_alone(orders):
    out = orders.ok("stream", "state", "S")
    assert out.startswith("State for Stream S created ")
    assert "            Messages: 4\n" in out
    assert out == orders.ok("stream", "info", "S", "--state")
    assert json.loads(orders.ok("stream", "state", "S", "-j"))["state"]["num_subjects"] == 3
