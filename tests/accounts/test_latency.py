"""What a measured request is reported as, and which requests ask to be measured."""

import json

import pytest

from isthmus.accounts.latency import make_metric, server_mark, traced
from support.core import START_NS

TRACE, SPAN = "80f198ee56343ba864fe8b2a57d3eff7", "e457b5a2e4d86bd1"


class Ended:
    """A sample, as the compiled class shows it."""

    def __init__(self, status: int, **fields: object) -> None:
        self.status = status
        self.asked_ns = START_NS
        self.ended_ns = START_NS + 1000
        self.requester = b'{"acc":"B","rtt":100}'
        self.responder = b""
        self.header = None
        vars(self).update(fields)


def test_an_answer_is_reported_with_its_times():
    sample = Ended(200, responder=b'{"acc":"A","name":"<a>","rtt":30}')
    assert make_metric(sample, "ID", START_NS + 2000) == (
        b'{"type":"io.nats.server.metric.v1.service_latency","id":"ID",'
        b'"timestamp":"2023-11-14T22:13:20.000002Z","status":200,'
        b'"requestor":{"acc":"B","rtt":100},'
        b'"responder":{"acc":"A","name":"\\u003ca\\u003e","rtt":30},'
        b'"start":"2023-11-14T22:13:19.9999999Z","service":970,"system":0,"total":1100}'
    )


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (400, "Bad Request"),
        (408, "Request Timeout"),
        (503, "Service Unavailable"),
        (504, "Service Timeout"),
    ],
)
def test_what_was_not_answered_has_a_reason_and_no_times(status, description):
    document = json.loads(make_metric(Ended(status), "ID", START_NS))
    assert (document["status"], document["description"]) == (status, description)
    assert [document[key] for key in ("service", "system", "total")] == [0, 0, 0]
    assert "responder" not in document
    assert "header" not in document


def test_a_round_trip_longer_than_the_answer_took_is_no_negative_time():
    document = json.loads(make_metric(Ended(200, responder=b'{"rtt":5000}'), "ID", START_NS))
    assert (document["service"], document["total"]) == (0, 5100)


def test_the_mark_is_the_servers():
    assert server_mark("t3") == b".KKEWo3k2.T"


# as the original decides, case by case
@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("X: 1", None),
        ("B3: 0", None),
        ("B3: 1", {"B3": ["1"]}),
        ("B3: d", {"B3": ["d"]}),
        (f"b3: {TRACE}-{SPAN}", {"B3": [f"{TRACE}-{SPAN}"]}),
        (f"B3: {TRACE}-{SPAN}-1-05e3", {"B3": [f"{TRACE}-{SPAN}-1-05e3"]}),
        (f"B3: {TRACE}-{SPAN}-0-05e3", None),
        ("B3: ", {"B3": [""]}),
        ("B3 : 1", None),
        (
            "X-B3-Sampled: 1\r\nX-B3-SpanId: 5\r\nX-B3-ParentSpanId: 6\r\nX-B3-TraceId: 7\r\nO: 1",
            {
                "X-B3-Parentspanid": ["6"],
                "X-B3-Sampled": ["1"],
                "X-B3-Spanid": ["5"],
                "X-B3-Traceid": ["7"],
            },
        ),
        ("x-b3-sampled:1", {"X-B3-Sampled": ["1"]}),
        ("X-B3-Sampled: 0\r\nX-B3-TraceId: 7", None),
        ("X-B3-Sampled: 0\r\nX-B3-Sampled: 1", None),
        ("X-B3-Sampled: true", None),
        ("X-B3-SpanId: 5", None),
        ("X-B3-TraceId: a\r\nX-B3-TraceId: b", {"X-B3-Traceid": ["a", "b"]}),
        ("Uber-Trace-Id: 1:2:3:1", {"Uber-Trace-Id": ["1:2:3:1"]}),
        ("Uber-Trace-Id: 1:2:3:f", {"Uber-Trace-Id": ["1:2:3:f"]}),
        ("Uber-Trace-Id: 1:2:3:02", None),
        ("Uber-Trace-Id: 1:2:3:001", None),
        ("Uber-Trace-Id: 1:2:3:zz", None),
        ("Uber-Trace-Id: 1:2:3", None),
        ("Uber-Trace-Id: 1:2:3:0\r\nB3: 1", None),
        (
            "Uber-Trace-Id: 1:2:3:1\r\nUberctx-a: 1\r\nuberctx-b: 2\r\nB3: 1",
            {"Uber-Trace-Id": ["1:2:3:1"], "Uberctx-A": ["1"], "Uberctx-B": ["2"]},
        ),
        (
            f"Traceparent: 00-{TRACE}-{SPAN}-01\r\nTracestate: a=b\r\nX: 2",
            {"Traceparent": [f"00-{TRACE}-{SPAN}-01"], "Tracestate": ["a=b"]},
        ),
        ("traceparent: a-b-c-11", {"Traceparent": ["a-b-c-11"]}),
        ("Traceparent: a-b-c-02", None),
        ("Traceparent: a-b-c-ff", None),
        ("Traceparent: a-b-c-zz", None),
        ("Traceparent: a-b-c-1", None),
        ("Traceparent: a-b-c-01-x", None),
        ("B3: 0\r\nTraceparent: a-b-c-01", None),
    ],
)
def test_headers_of_tracing_systems_ask_for_a_measurement(header, found):
    assert traced(f"NATS/1.0\r\n{header}\r\n\r\n".encode()) == found
