"""JetStream: acknowledged publishing, pulling, being pushed to, direct gets."""

import json
from collections.abc import Callable

from bench.lab import Figures, Lab
from bench.rows.row import Row, rate, rate_in_accounts
from bench.tenants import CONSUMER, STREAM, Tenants

FILLED = 300_000
NEXT = f"CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}"
ACK_WAIT_NS = 60_000_000_000


def settings(sync: str = "") -> str:
    """JetStream with the default sync of each server, or the same for both."""
    text = f', sync_interval: "{sync}"' if sync else ""
    return f'jetstream {{ store_dir: "./store"{text} }}\n'


def create_stream(lab: Lab, storage: str = "file", **config: object) -> None:
    """The stream of every row here."""
    lab.client().api(
        f"STREAM.CREATE.{STREAM}",
        {"name": STREAM, "subjects": ["bench.>"], "storage": storage} | config,
    )


def consumer(name: str, **config: object) -> dict[str, object]:
    """The body of a request that makes a consumer with explicit acknowledgement."""
    made: dict[str, object] = {
        "durable_name": name,
        "ack_policy": "explicit",
        "max_ack_pending": 20_000,
        "ack_wait": ACK_WAIT_NS,
    }
    return {"stream_name": STREAM, "config": made | config}


def _publish(lab: Lab, n: int, window: int, *, storage: str = "file", sync: str = "") -> Figures:
    lab.start(settings(sync))
    create_stream(lab, storage)
    return lab.measured("jspublish", n=n, size=128, window=window)


def _filled(lab: Lab, tenants: Tenants | None = None, n: int = FILLED) -> None:
    """A server with a stream full of messages and a durable pull consumer."""
    lab.start(settings(), tenants)
    auth = tenants.auth_c if tenants else None
    client = lab.client(auth)
    client.api(
        f"STREAM.CREATE.{STREAM}", {"name": STREAM, "subjects": ["bench.>"], "storage": "file"}
    )
    client.api(f"CONSUMER.DURABLE.CREATE.{STREAM}.{CONSUMER}", consumer(CONSUMER))
    lab.load("jspublish", n=n, size=128, window=1000, auth=auth or "")


def _pull(lab: Lab) -> Figures:
    _filled(lab)
    return lab.measured("pull", n=FILLED, batch=500, next=f"$JS.API.{NEXT}")


def _pull_across(lab: Lab, tenants: Tenants) -> Figures:
    _filled(lab, tenants)
    return lab.measured("pull", n=FILLED, batch=500, next=f"C.API.{NEXT}", auth=tenants.auth_b)


def _pull_one(lab: Lab) -> Figures:
    _filled(lab, n=20_000)
    return lab.measured("pull", n=20_000, batch=1, next=f"$JS.API.{NEXT}")


def _push(lab: Lab) -> Figures:
    _filled(lab)
    body = consumer("P1", deliver_subject="_PUSH.load")
    create = f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.P1"
    return lab.measured("push", n=FILLED, create=create, config=json.dumps(body))


def _get(clients: int) -> Callable[[Lab], Figures]:
    subject = f"$JS.API.DIRECT.GET.{STREAM}.bench.key"

    def run(lab: Lab) -> Figures:
        lab.start(settings())
        create_stream(lab, allow_direct=True, max_msgs_per_subject=1)
        lab.load("jspublish", n=1000, size=128, window=100, subjects=1000)
        lab.load("jspublish", n=1, size=128, window=1, subject="bench.key")
        n = 20_000 if clients == 1 else 60_000
        return lab.measured("request", n=n, size=0, subject=subject, serve="", clients=clients)

    return run


JETSTREAM: list[Row] = [
    rate(
        "js-file",
        "JetStream publish, file, 128 B, 1000 in flight (ours synced, theirs not)",
        2,
        lambda lab: _publish(lab, 300_000, 1000),
    ),
    rate(
        "js-file-always",
        "the same, both synced",
        100,
        lambda lab: _publish(lab, 300_000 if lab.ours else 20_000, 1000, sync="always"),
    ),
    rate(
        "js-memory",
        "JetStream publish, memory, 128 B",
        3,
        lambda lab: _publish(lab, 600_000, 1000, storage="memory"),
    ),
    rate(
        "js-one",
        "JetStream publish, one at a time, both synced",
        1,
        lambda lab: _publish(lab, 6_000, 1, sync="always"),
    ),
    rate(
        "js-ten",
        "JetStream publish, 10 in flight, both synced",
        3,
        lambda lab: _publish(lab, 15_000, 10, sync="always"),
    ),
    rate("pull", "pull + ack, batches of 500, 128 B", 3, _pull),
    rate_in_accounts("pull-across", "pull + ack across accounts, batches of 500", 4, _pull_across),
    rate("pull-one", "pull + ack, one at a time", 1.5, _pull_one),
    rate("push", "push consumer, 128 B, ack", 3, _push),
    rate("get-one", "direct get (KV get), one at a time", 1.5, _get(1)),
    rate("get-16", "direct get (KV get), 16 clients", 1.5, _get(16)),
]
