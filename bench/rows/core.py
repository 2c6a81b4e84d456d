"""Core messaging: publish, deliver, request; within an account and across."""

from bench.lab import Figures, Lab
from bench.rows.row import Row, rate, rate_in_accounts
from bench.tenants import Tenants


def _publish(lab: Lab) -> Figures:
    lab.start()
    return lab.measured("publish", n=6_000_000, size=16)


def _deliver(lab: Lab, n: int = 2_000_000, **arguments: object) -> Figures:
    lab.start()
    return lab.measured("deliver", n=n, size=128, **arguments)


def _stream_import(lab: Lab, tenants: Tenants) -> Figures:
    lab.start(tenants=tenants)
    return lab.measured(
        "deliver",
        n=1_500_000,
        size=128,
        subject="bench.events.a",
        pattern="C.events.*",
        auth=tenants.auth_c,
        auth2=tenants.auth_b,
    )


def _request(lab: Lab, tenants: Tenants | None = None) -> Figures:
    lab.start(tenants=tenants)
    who: dict[str, object] = {}
    if tenants is not None:
        who = {"subject": "svc.echo", "auth": tenants.auth_b, "auth2": tenants.auth_c}
    figures = lab.measured("request", n=20_000, size=16, **who)
    figures.value = figures.p50_us or 0
    return figures


CORE = [
    rate("publish", "publish 16 B, no interest", 2, _publish),
    rate("deliver", "publish → 1 subscriber, 128 B", 3, _deliver),
    rate(
        "deliver-wildcard",
        "publish → wildcard subscriber, 128 B",
        3,
        lambda lab: _deliver(lab, pattern="bench.*"),
    ),
    rate(
        "fan-out",
        "fan-out to 10, 128 B (deliveries)",
        3,
        lambda lab: _deliver(lab, n=400_000, subs=10),
    ),
    rate(
        "headers",
        "HPUB with headers → 1 subscriber, 128 B",
        3,
        lambda lab: _deliver(lab, n=1_500_000, header=1),
    ),
    Row(
        "request",
        "request/reply, one at a time, p50",
        "µs",
        _request,
        ratio=0.65,
        most=True,
    ),
    Row(
        "request-across",
        "request/reply across accounts, p50",
        "µs",
        _request,
        ratio=0.65,
        most=True,
        tenants=True,
    ),
    rate_in_accounts(
        "stream-import",
        "stream import across accounts, 128 B",
        3,
        _stream_import,
    ),
]
