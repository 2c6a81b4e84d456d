"""The process itself: connecting, memory, a million subjects, recovery."""

import statistics
import time

from bench.errors import RowError
from bench.lab import Figures, Lab
from bench.rows.jetstream import consumer, create_stream, settings
from bench.rows.row import Row
from bench.tenants import STREAM, Tenants

MILLION = 1_000_000
IDLE = 5_000
FILTERING = 100  # consumers, one after another
SETTLE_S = 0.5  # what a server still frees after the load


def _connect(lab: Lab, tenants: Tenants | None) -> Figures:
    assert tenants is not None
    lab.start(tenants=tenants)
    return lab.measured("connect", n=4_000, clients=16, **tenants.signing)


def _idle(lab: Lab, _: Tenants | None) -> Figures:
    server = lab.start()
    lab.load("idle", n=100)  # what the first connections need anyway
    before = server.memory_mb()
    with lab.held("idle", n=IDLE):
        time.sleep(SETTLE_S)
        after = server.memory_mb()
    return Figures((after - before) * 1024 / IDLE, peak_mb=server.memory_mb("VmHWM"))


def _after_messages(lab: Lab, _: Tenants | None) -> Figures:
    server = lab.start(settings())
    create_stream(lab)
    lab.load("jspublish", n=300_000, size=128, window=1000)
    time.sleep(SETTLE_S)
    return Figures(server.memory_mb(), peak_mb=server.memory_mb("VmHWM"))


def _subjects(lab: Lab, _: Tenants | None) -> Figures:
    server = lab.start(settings())
    create_stream(lab)
    before = server.memory_mb()
    lab.load("jspublish", n=MILLION, size=128, window=1000, subject="bench", subjects=MILLION)
    time.sleep(SETTLE_S)
    after = server.memory_mb()
    each = (after - before) * 1024 * 1024 / MILLION
    return Figures(after, peak_mb=server.memory_mb("VmHWM"), note=f"{each:.0f} B per subject")


def _filtering(lab: Lab, _: Tenants | None) -> Figures:
    server = lab.start(settings())
    create_stream(lab)
    lab.load("jspublish", n=MILLION, size=128, window=1000, subject="bench", subjects=MILLION)
    client = lab.client()
    took_ms = []
    for number in range(FILTERING):
        name = f"F{number}"
        body = consumer(name, filter_subject="bench.*")
        began = time.monotonic()
        made = client.api(f"CONSUMER.DURABLE.CREATE.{STREAM}.{name}", body)
        took_ms.append((time.monotonic() - began) * 1000)
        if made["num_pending"] != MILLION:
            raise RowError(f"the filter selects {made['num_pending']} of {MILLION} messages")
    note = f"median {statistics.median(took_ms):.2f} ms"
    return Figures(max(took_ms), peak_mb=server.memory_mb("VmHWM"), note=note)


def _recovery(lab: Lab, _: Tenants | None) -> Figures:
    server = lab.start(settings())
    create_stream(lab)
    lab.load("jspublish", n=MILLION, size=128, window=1000)
    server.kill()
    began = time.monotonic()
    server.start()
    found = lab.client().api(f"STREAM.INFO.{STREAM}", {})
    took_s = time.monotonic() - began
    state = found["state"]
    assert isinstance(state, dict)
    if state["messages"] != MILLION:
        raise RowError(f"after kill -9 there are {state['messages']} of {MILLION} messages")
    return Figures(took_s, peak_mb=server.memory_mb("VmHWM"))


PROCESS = [
    Row(
        "connect",
        "connect with user JWT and signed nonce, 16 at a time",
        "1/s",
        _connect,
        ratio=0.5,
        tenants=True,
    ),
    Row(
        "memory-stream",
        "memory: process with one stream after 300 k messages",
        "MB",
        _after_messages,
        ratio=1,
        most=True,
    ),
    Row("memory-idle", "memory: idle connection", "kB", _idle, ratio=1, most=True),
    Row(
        "memory-subjects",
        "memory: process with 1 M messages over 1 M subjects",
        "MB",
        _subjects,
        ratio=1,
        most=True,
    ),
    Row(
        "consumer-filter",
        f"slowest of {FILTERING} consumers created with a wildcard filter over 1 M subjects",
        "ms",
        _filtering,
        own=10,
        most=True,
    ),
    Row(
        "recovery",
        "recovery of 1 M messages after kill -9, process start included",
        "s",
        _recovery,
        ratio=1,
        most=True,
    ),
]
