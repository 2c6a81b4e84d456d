"""Latency of a request while heavy administration runs: the loop is never blocked."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack

from bench.lab import Figures, Lab
from bench.raw import RawClient
from bench.rows.jetstream import consumer, settings
from bench.rows.row import Row
from bench.tenants import STREAM, Tenants

MILLION = 1_000_000
ACCOUNTS = 10_000
AT_ONCE = 100  # tokens pushed before their answers are read
ADDED_MS_MAX = 10
ROUNDS = 1  # each takes up to a minute
FILTERING = 300  # consumers over a million subjects
QUIET = 20_000  # requests that tell how it is without administration
MANY = 2_000_000


def added(lab: Lab, work: Callable[[], str], who: dict[str, object]) -> Figures:
    """p99.9 of request/reply during `work`, over what it is before; milliseconds."""
    quiet = lab.load("request", n=QUIET, size=16, **who)
    before = lab.server.cpu_s()
    with lab.running("request", n=MANY, size=16, **who) as load:
        began = time.monotonic()
        note = work()
        took_s = time.monotonic() - began
        found = load.finish()
    return Figures(
        max(found["p999_ns"] - quiet["p999_ns"], 0) / 1e6,
        cpu_us=(lab.server.cpu_s() - before) / found["n"] * 1e6,
        peak_mb=lab.server.memory_mb("VmHWM"),
        p50_us=found["p50_ns"] / 1e3,
        p99_us=found["p99_ns"] / 1e3,
        note=f"{note}; {took_s:.1f} s, longest {found['max_ns'] / 1e6:.1f} ms",
    )


def _many_subjects(lab: Lab) -> RawClient:
    """A stream with a million messages, each on a subject of its own."""
    lab.start(settings())
    client = lab.client()
    client.api(f"STREAM.CREATE.{STREAM}", {"name": STREAM, "subjects": ["js.>"], "storage": "file"})
    lab.load("jspublish", n=MILLION, size=128, window=1000, subject="js", subjects=MILLION)
    return client


def _purge(lab: Lab, _: Tenants | None) -> Figures:
    client = _many_subjects(lab)

    def work() -> str:
        answer = client.api(f"STREAM.PURGE.{STREAM}", {})
        time.sleep(0.3)  # what is done after the answer counts too
        return f"{answer['purged']} purged"

    return added(lab, work, {"subject": "load.echo"})


def _consumers(lab: Lab, _: Tenants | None) -> Figures:
    client = _many_subjects(lab)

    def work() -> str:
        for number in range(FILTERING):
            body = consumer(f"F{number}", filter_subject="js.*")
            client.api(f"CONSUMER.DURABLE.CREATE.{STREAM}.F{number}", body)
        return f"{FILTERING} created"

    return added(lab, work, {"subject": "load.echo"})


def _listings(lab: Lab, _: Tenants | None) -> Figures:
    server = lab.start(settings())
    client = lab.client()
    for number in range(1000):
        config = {"name": f"S{number}", "subjects": [f"s{number}.>"], "storage": "memory"}
        client.api(f"STREAM.CREATE.S{number}", config)
    with ExitStack() as stack:
        stack.enter_context(lab.held("subscribe", n=MILLION))

        def work() -> str:
            out = []
            for path in ("/connz?subs=1", "/jsz?accounts=1&streams=1&config=1"):
                status, size = lab.get(path)
                out.append(f"{path.partition('?')[0]} {status}, {size / 1e6:.1f} MB")
            for offset in range(0, 1000, 250):
                body = json.dumps({"offset": offset}).encode()
                client.request("$JS.API.STREAM.LIST", body)
            return ", ".join(out)

        assert server.monitor_port
        return added(lab, work, {"subject": "load.echo"})


def _push(lab: Lab, tenants: Tenants | None) -> Figures:
    assert tenants is not None
    server = lab.start(tenants.config_directory)
    accounts = tenants.accounts(ACCOUNTS)
    system = lab.client(tenants.auth_system)

    def work() -> str:
        accepted = 0
        for at in range(0, ACCOUNTS, AT_ONCE):
            pushed = [
                (f"$SYS.REQ.ACCOUNT.{key}.CLAIMS.UPDATE", token.encode())
                for key, token in accounts[at : at + AT_ONCE]
            ]
            accepted += sum(b'"code":200' in body for body in system.requests(pushed))
        return f"{accepted} of {ACCOUNTS} accounts accepted"

    assert server.port
    who = {"subject": "svc.echo", "auth": tenants.auth_b, "auth2": tenants.auth_c}
    return added(lab, work, dict(who))


def _row(name: str, title: str, run: Callable[[Lab, Tenants | None], Figures]) -> Row:
    title = f"p99.9 of request/reply while {title}: added"
    tenants = name == "while-push"
    return Row(name, title, "ms", run, own=ADDED_MS_MAX, most=True, tenants=tenants, rounds=ROUNDS)


ADMINISTRATION = [
    _row("while-purge", "1 M messages on 1 M subjects are purged", _purge),
    _row("while-filtering", f"{FILTERING} consumers filter 1 M subjects", _consumers),
    _row("while-listing", "1 M subscriptions and 1000 streams are listed", _listings),
    _row("while-push", "10 k accounts are pushed", _push),
]
