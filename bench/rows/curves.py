"""Cost per message as something grows: server CPU at each point, flat if it does not follow.

A curve's value is the cost at the last point over the cost at the first: 1 is flat. Every point is
a fresh server. The figures of the points are kept for the picture.
"""

import json
from collections.abc import Callable

from bench.lab import Figures, Lab
from bench.rows.jetstream import consumer, create_stream, settings
from bench.rows.row import Curve
from bench.tenants import CONSUMER, STREAM

FLAT = 1.5
ROUNDS = 1  # each point is a fresh server
NEXT = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}"

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
    lab.settle()
    name = "C" if count > 1 else "C0"
    subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{name}"
    return lab.measured("pull", n=200_000, batch=100, next=subject, consumers=count)


def _one_consumer(lab: Lab, messages: int, *, storage: str = "file", **config: object) -> None:
    """A stream with so many messages, and the durable that reads it."""
    lab.start(settings())
    create_stream(lab, storage)
    if messages:
        lab.load("jspublish", n=messages, size=128, window=1000)
    create = f"CONSUMER.DURABLE.CREATE.{STREAM}.{CONSUMER}"
    lab.client().api(create, consumer(CONSUMER, **config))


def _waiting(**request: object) -> Point:
    """`count` pulls for one message each wait all the time; ten messages at once find ten."""

    def run(lab: Lab, count: int) -> Figures:
        _one_consumer(lab, 0, storage="memory", max_waiting=2 * count)
        body = json.dumps({"batch": 1, "expires": 80_000_000_000} | request)
        where = {"next": NEXT, "request": body, "waiting": count, "burst": 10}
        return lab.measured("waiting", n=100_000, size=128, **where)

    return run


def _unacked(lab: Lab, count: int) -> Figures:
    """`count` messages are delivered and not acknowledged; then 500,000 more, and they are."""
    more = 500_000  # a second of the server's time
    _one_consumer(lab, count + more, max_ack_pending=-1, ack_wait=3600 * 1_000_000_000)
    lab.load("pull", n=count, batch=1000, next=NEXT, ack=0)
    lab.settle()
    return lab.measured("pull", n=more, batch=100, next=NEXT)


def _unseen(lab: Lab, count: int) -> Figures:
    """A consumer that is `count` messages behind gets ahead by some of them."""
    _one_consumer(lab, count, filter_subject="*.a")
    lab.settle()
    return lab.measured("pull", n=20_000, batch=100, next=NEXT)


def _curve(
    axis: str, title: str, points: tuple[int, ...], run: Point, rounds: int = ROUNDS
) -> Curve:
    return Curve(f"flat-{axis}", f"{title}, by {axis}", axis, points, run, FLAT, rounds)


CURVES = [
    _curve("connections", "publish → 1 subscriber", (10, 1000, 10_000), _connections),
    _curve("subscriptions", "publish → 1 subscriber", (10, 10_000, 1_000_000), _subscriptions),
    _curve("subjects", "JetStream publish, memory", (10, 10_000, 1_000_000), _subjects),
    _curve("streams", "JetStream publish, file", (1, 100, 1000), _streams),
    _curve("consumers", "pull + ack, batches of 100", (1, 100, 1000), _consumers),
    _curve("waiting", "publish → waiting pull + ack", (10, 100, 1000), _waiting()),
    _curve(
        "one-shot",
        "publish → waiting pull (no_wait) + ack",
        (10, 100, 1000),
        _waiting(no_wait=True),
    ),
    _curve("unacked", "pull + ack, batches of 100", (1000, 100_000, 1_000_000), _unacked, 3),
    _curve("unseen", "pull + ack, batches of 100", (20_000, 200_000, 1_000_000), _unseen),
]
