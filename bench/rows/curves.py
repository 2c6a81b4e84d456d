"""Cost per message as something grows: server CPU at each point, flat if it does not follow.

A curve's value is the cost at the last point over the cost at the first: 1 is flat. Every point is
a fresh server. The figures of the points are kept for the picture.
"""

from collections.abc import Callable

from bench.lab import Figures, Lab
from bench.rows.jetstream import consumer, settings
from bench.rows.row import Curve
from bench.tenants import STREAM

FLAT = 1.5
ROUNDS = 2

Point = Callable[[Lab, int], Figures]


def _connections(lab: Lab, count: int) -> Figures:
    lab.start()
    with lab.held("idle", n=count):
        return lab.measured("deliver", n=1_000_000, size=128)


def _subscriptions(lab: Lab, count: int) -> Figures:
    lab.start()
    with lab.held("subscribe", n=count, prefix="bench.other"):
        return lab.measured("deliver", n=1_000_000, size=128)


def _subjects(lab: Lab, count: int) -> Figures:
    """Messages go round `count` subjects that are all there already."""
    lab.start(settings())
    lab.client().api(
        f"STREAM.CREATE.{STREAM}",
        {
            "name": STREAM,
            "subjects": ["bench.>"],
            "storage": "memory",
            "max_msgs_per_subject": 1,
        },
    )
    where = {"size": 128, "window": 1000, "subject": "bench.s", "subjects": count}
    lab.load("jspublish", n=count, **where)
    return lab.measured("jspublish", n=300_000, **where)


def _streams(lab: Lab, count: int) -> Figures:
    """Messages go round `count` streams."""
    lab.start(settings())
    client = lab.client()
    for number in range(count):
        config = {"name": f"S{number}", "subjects": [f"bench.{number}"], "storage": "file"}
        client.api(f"STREAM.CREATE.S{number}", config)
    subject = "bench" if count > 1 else "bench.0"
    return lab.measured(
        "jspublish", n=200_000, size=128, window=1000, subject=subject, subjects=count
    )


def _consumers(lab: Lab, count: int) -> Figures:
    """Batches of 100 go round `count` consumers of one stream, which stands full."""
    lab.start(settings())
    client = lab.client()
    config = {"name": STREAM, "subjects": ["bench.>"], "storage": "file"}
    client.api(f"STREAM.CREATE.{STREAM}", config)
    lab.load("jspublish", n=200_000, size=128, window=1000)
    for number in range(count):
        client.api(f"CONSUMER.DURABLE.CREATE.{STREAM}.C{number}", consumer(f"C{number}"))
    name = "C" if count > 1 else "C0"
    subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{name}"
    return lab.measured("pull", n=200_000, batch=100, next=subject, consumers=count)


def _curve(axis: str, title: str, points: tuple[int, ...], run: Point) -> Curve:
    return Curve(f"flat-{axis}", f"{title}, by {axis}", axis, points, run, FLAT, ROUNDS)


CURVES = [
    _curve("connections", "publish → 1 subscriber", (10, 1000, 10_000), _connections),
    _curve("subscriptions", "publish → 1 subscriber", (10, 10_000, 1_000_000), _subscriptions),
    _curve("subjects", "JetStream publish, memory", (10, 10_000, 1_000_000), _subjects),
    _curve("streams", "JetStream publish, file", (1, 100, 1000), _streams),
    _curve("consumers", "pull + ack, batches of 100", (1, 100, 1000), _consumers),
]
