"""The rows of the performance budget: what is prepared, what the generator does, what must hold."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.raw import RawClient
from bench.tenants import CONSUMER, STREAM, Tenants

JETSTREAM = 'jetstream {{ store_dir: "./store"{sync} }}\n'


@dataclass(frozen=True)
class Row:
    """One line of the table. `measure` says which figure of the generator counts."""

    name: str
    title: str
    target: float  # ours / theirs: at least (rates), or at most (times)
    load: str  # the generator's row
    arguments: dict[str, object]
    measure: str = "rate"  # or "p50_ns"
    config: Callable[[str], str] = lambda kind: ""
    prepare: Callable[[int, "Row", Tenants | None], None] = lambda port, row, tenants: None
    tenants: bool = False
    auth: tuple[str, str] = ("", "")  # who connects: "b", "c"; second connection
    extra: dict[str, object] = field(default_factory=dict)


def _stream(port: int, storage: str, auth: dict[str, str] | None) -> RawClient:
    client = RawClient(port, auth)
    client.api(
        f"STREAM.CREATE.{STREAM}", {"name": STREAM, "subjects": ["bench.>"], "storage": storage}
    )
    return client


def _with_stream(storage: str) -> Callable[[int, Row, Tenants | None], None]:
    def prepare(port: int, row: Row, tenants: Tenants | None) -> None:
        _stream(port, storage, tenants.auth_c if tenants else None).close()

    return prepare


def _with_messages(port: int, row: Row, tenants: Tenants | None) -> None:
    """A stream full of messages and a durable pull consumer."""
    client = _stream(port, "file", tenants.auth_c if tenants else None)
    client.api(
        f"CONSUMER.DURABLE.CREATE.{STREAM}.{CONSUMER}",
        {
            "stream_name": STREAM,
            "config": {
                "durable_name": CONSUMER,
                "ack_policy": "explicit",
                "max_ack_pending": 20000,
                "ack_wait": 60_000_000_000,
            },
        },
    )
    client.close()


def _jetstream(sync: str = "") -> Callable[[str], str]:
    """Default sync of each server, or the same for both."""

    def config(kind: str) -> str:
        return JETSTREAM.format(sync=f", sync_interval: {sync}" if sync else "")

    return config


ROWS = [
    Row("publish", "publish 16 B, no interest", 2.0, "publish", {"n": 5_000_000, "size": 16}),
    Row("deliver", "publish → 1 subscriber, 128 B", 3.0, "deliver", {"n": 2_000_000, "size": 128}),
    Row(
        "deliver-wildcard",
        "publish → wildcard subscriber, 128 B",
        3.0,
        "deliver",
        {"n": 2_000_000, "size": 128, "pattern": "bench.*"},
    ),
    Row(
        "fan-out",
        "fan-out to 10, 128 B (deliveries)",
        3.0,
        "deliver",
        {"n": 300_000, "size": 128, "subs": 10},
    ),
    Row(
        "headers",
        "HPUB with headers → 1 subscriber, 128 B",
        3.0,
        "deliver",
        {"n": 1_000_000, "size": 128, "header": 1},
    ),
    Row(
        "request",
        "request/reply, one at a time, p50",
        0.65,
        "request",
        {"n": 20_000, "size": 16},
        measure="p50_ns",
    ),
    Row(
        "request-across",
        "request/reply across accounts, p50",
        0.65,
        "request",
        {"n": 20_000, "size": 16, "subject": "svc.echo"},
        measure="p50_ns",
        tenants=True,
        auth=("b", "c"),
    ),
    Row(
        "stream-across",
        "stream import across accounts, 128 B",
        3.0,
        "deliver",
        {"n": 1_000_000, "size": 128, "subject": "bench.events.a", "pattern": "C.events.a"},
        tenants=True,
        auth=("c", "b"),
    ),
    Row(
        "js-file",
        "JetStream publish, file, 128 B, 1000 in flight (ours synced, theirs not)",
        2.0,
        "jspublish",
        {"n": 300_000, "size": 128, "window": 1000},
        config=_jetstream(),
        prepare=_with_stream("file"),
    ),
    Row(
        "js-file-always",
        "the same, both synced",
        100.0,
        "jspublish",
        {"n": 20_000, "size": 128, "window": 1000},
        config=_jetstream("always"),
        prepare=_with_stream("file"),
    ),
    Row(
        "js-memory",
        "JetStream publish, memory, 128 B",
        3.0,
        "jspublish",
        {"n": 300_000, "size": 128, "window": 1000},
        config=_jetstream(),
        prepare=_with_stream("memory"),
    ),
    Row(
        "js-one",
        "JetStream publish, one at a time, both synced",
        1.0,
        "jspublish",
        {"n": 5_000, "size": 128, "window": 1},
        config=_jetstream("always"),
        prepare=_with_stream("file"),
    ),
    Row(
        "js-ten",
        "JetStream publish, 10 in flight, both synced",
        3.0,
        "jspublish",
        {"n": 10_000, "size": 128, "window": 10},
        config=_jetstream("always"),
        prepare=_with_stream("file"),
    ),
    Row(
        "pull",
        "pull + ack, batches of 500, 128 B",
        3.0,
        "pull",
        {"n": 300_000, "batch": 500, "next": f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}"},
        config=_jetstream(),
        prepare=_with_messages,
        extra={"fill": 300_000},
    ),
    Row(
        "pull-across",
        "pull + ack across accounts, batches of 500",
        4.0,
        "pull",
        {"n": 300_000, "batch": 500, "next": f"C.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}"},
        config=_jetstream(),
        prepare=_with_messages,
        tenants=True,
        auth=("b", "b"),
        extra={"fill": 300_000},
    ),
    Row(
        "pull-one",
        "pull + ack, one at a time",
        1.5,
        "pull",
        {"n": 20_000, "batch": 1, "next": f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}"},
        config=_jetstream(),
        prepare=_with_messages,
        extra={"fill": 20_000},
    ),
]
