"""The metric of a measured service request: which requests ask for one, and what it says.

Owner of a compiled `Latency`: told of ended samples in batches, publishes one message for each in
the exporting account. A request asks for it by the headers of a tracing system that it carries.

        service   time until the answer, without the way to the responder and back
        total     service, and the round trips of both sides
        system    0: time inside the server is below the clock of a turn
"""

import hashlib

import msgspec

from isthmus.base.nuid import ALPHABET, make_nuid
from isthmus.base.ports import Entropy
from isthmus.base.values import escape_json, format_time
from isthmus.core.latency import Sample
from isthmus.core.router import AccountCore, publish
from isthmus.core.turn import Turn

METRIC = "io.nats.server.metric.v1.service_latency"
DESCRIPTIONS = {
    400: "Bad Request",
    408: "Request Timeout",
    503: "Service Unavailable",
    504: "Service Timeout",
}
ANSWERED = 200
_FLAGS_MAX = 0x7F

Headers = dict[str, list[str]]


class _Client(msgspec.Struct):
    rtt: int = 0


def server_mark(server_name: str) -> bytes:
    """What the `_R_` subject of a measured request ends with: a hash of the server, and `T`."""
    digest = hashlib.sha256(server_name.encode()).digest()[:8]
    return f".{''.join(ALPHABET[byte % len(ALPHABET)] for byte in digest)}.T".encode()


class Meter:
    """What becomes of the samples of one export. `entropy` is for the metrics' ids."""

    def __init__(self, exporter: AccountCore, subject: str, entropy: Entropy) -> None:
        self.subject = subject.encode()
        self._exporter = exporter
        self._entropy = entropy

    def traced(self, header: bytes) -> Headers | None:
        """The headers that ask for a measurement, or None."""
        return traced(header)

    def measured(self, samples: list[Sample], turn: Turn) -> None:
        """Publish one metric for each sample."""
        for sample in samples:
            document = make_metric(sample, make_nuid(self._entropy), turn.now_ns)
            publish(self._exporter, self.subject, document, turn)


def make_metric(sample: Sample, name: str, now_ns: int) -> bytes:
    """The metric of one request."""
    requester_rtt_ns, responder_rtt_ns = _rtt_ns(sample.requester), _rtt_ns(sample.responder)
    service_ns = total_ns = 0
    if sample.status == ANSWERED:
        service_ns = max(sample.ended_ns - sample.asked_ns - responder_rtt_ns, 0)
        total_ns = service_ns + requester_rtt_ns + responder_rtt_ns
    fields: dict[str, object] = {
        "type": METRIC,
        "id": name,
        "timestamp": format_time(now_ns),
        "status": sample.status,
        "description": DESCRIPTIONS.get(sample.status),
        "requestor": _raw(sample.requester),
        "responder": _raw(sample.responder),
        "header": sample.header,
        "start": format_time(sample.asked_ns - requester_rtt_ns),
        "service": service_ns,
        "system": 0,
        "total": total_ns,
    }
    present = {key: value for key, value in fields.items() if value is not None}
    return escape_json(msgspec.json.encode(present))


def traced(block: bytes) -> Headers | None:
    """What of a header block asks for a measurement: Jaeger, Zipkin (B3) or W3C, in this order."""
    headers = _canonical(block)
    if "Uber-Trace-Id" in headers:
        flags = headers["Uber-Trace-Id"][0].split(":")
        if len(flags) == 4 and len(flags[3]) in {1, 2} and _odd(flags[3]):
            return _pick(headers, "Uber-Trace-Id", "Uberctx-")
        return None
    sampled = headers.get("X-B3-Sampled", [""])[0]
    if sampled == "1" or (sampled != "0" and "X-B3-Traceid" in headers):
        return _pick(headers, "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled")
    if sampled == "0":
        return None
    if "B3" in headers:
        parts = headers["B3"][0].split("-")
        denied = parts[0] == "0" if len(parts) == 1 else len(parts) > 2 and parts[2] == "0"
        return None if denied else _pick(headers, "B3")
    if "Traceparent" in headers:
        parts = headers["Traceparent"][0].split("-")
        if len(parts) == 4 and len(parts[3]) == 2 and _odd(parts[3], _FLAGS_MAX):
            return _pick(headers, "Traceparent", "Tracestate")
    return None


def _odd(text: str, most: int = 0xFF) -> bool:
    """True if the hexadecimal flags have the lowest bit, which says "sampled"."""
    try:
        flags = int(text, 16)
    except ValueError:
        return False
    return 0 <= flags <= most and flags % 2 == 1


def _pick(headers: Headers, *names: str) -> Headers:
    """These headers, and for a name that ends with `-` all that begin so, by name."""
    return {
        key: headers[key]
        for key in sorted(headers)
        if any(key == name or (name[-1] == "-" and key.startswith(name)) for name in names)
    }


def _canonical(block: bytes) -> Headers:
    """All values by key, each word of a key with a capital."""
    out: Headers = {}
    for line in block.split(b"\r\n")[1:]:
        key, colon, value = line.partition(b":")
        if colon and key and b" " not in key:
            name = "-".join(word.capitalize() for word in key.decode("utf-8", "replace").split("-"))
            out.setdefault(name, []).append(value.strip(b" \t").decode("utf-8", "replace"))
    return out


def _rtt_ns(client: bytes) -> int:
    return msgspec.json.decode(client, type=_Client).rtt if client else 0


def _raw(document: bytes) -> msgspec.Raw | None:
    return msgspec.Raw(document) if document else None
