"""Checks for monitoring systems, and their formats."""

import json
import re

import pytest

from isthmus.cli.nats.checks import Check, Metric


def metric(value: float, warning: float = 0, critical: float = 0, unit: str = "") -> Metric:
    return Metric(
        name="m", value=value, about="about it", warning=warning, critical=critical, unit=unit
    )


@pytest.mark.parametrize(
    ("value", "warning", "critical", "state"),
    [
        (5, 0, 0, "OK"),
        (5, 10, 20, "OK"),
        (10, 10, 20, "WARNING"),
        (20, 10, 20, "CRITICAL"),
        (5, 10, 3, "WARNING"),
        (3, 10, 3, "CRITICAL"),
        (11, 10, 3, "OK"),
        (7, 0, 7, "CRITICAL"),
    ],
)
def test_limits_are_upper_or_lower_ones(value, warning, critical, state):
    check = Check("suite", "name")
    check.limit(metric(value, warning, critical), "text")
    assert check.state == state


def test_the_line_of_nagios():
    check = Check("suite", "name")
    check.ok("fine")
    check.limit(metric(1.5, 0, 1, "s"), "slow")
    check.metrics.append(metric(3))
    line = check.render("nagios", "ns")
    assert line == "CRITICAL name Crit:slow OK:fine | m=1.5000s;;1.0000 m=3"
    assert check.code == 2


def test_prometheus_and_json():
    check = Check("suite", "name")
    check.limit(metric(2, 1, 5), "much")
    assert check.render("prometheus", "ns").splitlines() == [
        "# HELP ns_suite_m about it",
        "# TYPE ns_suite_m gauge",
        'ns_suite_m{item="name"} 2',
        "# HELP ns_suite_status_code Nagios compatible status code for suite",
        "# TYPE ns_suite_status_code gauge",
        'ns_suite_status_code{item="name",status="WARNING"} 1',
    ]
    assert check.document() == {
        "status": "WARNING",
        "check_suite": "suite",
        "check_name": "name",
        "warning": ["much"],
        "perf_data": [{"name": "m", "value": 2, "warning": 1, "critical": 5}],
    }


GENEROUS = ("--connect-warn=1m", "--rtt-warn=1m", "--req-warn=1m")
GENEROUS += ("--connect-critical=2m", "--rtt-critical=2m", "--req-critical=2m")


def test_a_server_that_answers(nats):
    line = ("server", "check", "connection", *GENEROUS)
    out = nats.ok(*line)
    assert re.fullmatch(
        r"OK Connection OK:connected to nats://127\.0\.0\.1:\d+ in \S+ OK:rtt time \S+ "
        r"OK:round trip took [0-9.]+s \| connect_time=[0-9.]+s;60\.0000;120\.0000 "
        r"rtt=[0-9.]+s;60\.0000;120\.0000 request_time=[0-9.]+s;60\.0000;120\.0000\n",
        out,
    )
    assert json.loads(nats.ok(*line, "--format", "json"))["status"] == "OK"
    assert nats.ok(*line, "--format", "text").startswith("Connection: OK\n\nStatus Detail\n\n╭")


def test_a_server_that_is_not_there(tool, tmp_path):
    line = ("server", "check", "connection", "-s", "nats://127.0.0.1:1")
    done = tool(*line)
    assert (done.code, done.err) == (2, "")
    said = "CRITICAL Connection Crit:connection failed: nats: no servers available for connection\n"
    assert done.out == said
    path = tmp_path / "result"
    assert tool(*line, "--outfile", str(path)).out == ""
    assert path.read_text() == said
    assert tool(*line, "--format", "prometheus").code == 0


def test_a_streams_messages_are_counted(nats):
    nats.ok("stream", "add", "S", "--subjects", "s.>", "--defaults")
    for subject in ("s.a", "s.b"):
        nats.ok("pub", "-J", subject, "x")
    line = ("server", "check", "stream", "--stream", "S")
    assert nats.ok(*line) == "OK S OK:0 sources | sources=0\n"
    done = nats(*line, "--msgs-warn", "2", "--msgs-critical", "5")
    assert done.code == 1
    assert done.out == "WARNING S Warn:2 messages OK:0 sources | messages=2;2;5 sources=0\n"
    assert nats(*line, "--subjects-critical", "2").code == 2
    done = nats("server", "check", "stream", "--stream", "NO")
    said = "CRITICAL NO Crit:could not load info: stream not found (10059)\n"
    assert (done.code, done.out) == (2, said)
