"""Ten thousand accounts with ten imports each, from a directory resolver."""

from functools import cache

from bench.lab import Figures, Lab
from bench.raw import RawClient
from bench.rows.administration import added
from bench.rows.row import Row
from bench.tenants import Tenants

ACCOUNTS, IMPORTS = 10_000, 10
ROUNDS = 1  # the real server loads them for minutes

made = cache(lambda tenants: tenants.importers(ACCOUNTS, IMPORTS))  # signing them takes seconds


def _use_all(lab: Lab, users: list[str]) -> str:
    """Each account is loaded when its first user comes."""
    for user in users:
        RawClient(lab.server.port, {"jwt": user}).close()
    return f"{len(users)} accounts with {IMPORTS} imports each"


def _start(lab: Lab, tenants: Tenants | None) -> Figures:
    assert tenants is not None
    files, _ = made(tenants)
    server = lab.start(tenants.config_directory, files=files)
    return Figures(server.started_s, peak_mb=server.memory_mb("VmHWM"))


def _memory(lab: Lab, tenants: Tenants | None) -> Figures:
    assert tenants is not None
    files, users = made(tenants)
    server = lab.start(tenants.config_directory, files=files)
    before = server.memory_mb()
    note = _use_all(lab, users)
    return Figures(
        server.memory_mb(),
        peak_mb=server.memory_mb("VmHWM"),
        note=f"{note}; {before:.0f} MB before",
    )


def _latency(lab: Lab, tenants: Tenants | None) -> Figures:
    assert tenants is not None
    files, users = made(tenants)
    lab.start(tenants.config_directory, files=files)
    who = {"subject": "svc.echo", "auth": tenants.auth_b, "auth2": tenants.auth_c}
    return added(lab, lambda: _use_all(lab, users), dict(who))


ACCOUNT_ROWS = [
    Row(
        "accounts-start",
        "start with 10 k accounts in the resolver's directory",
        "s",
        _start,
        ratio=1,
        most=True,
        tenants=True,
    ),
    Row(
        "accounts-memory",
        "memory: 10 k accounts with 10 imports each in use",
        "MB",
        _memory,
        ratio=1,
        most=True,
        tenants=True,
        rounds=ROUNDS,
    ),
    Row(
        "while-load",
        "p99.9 of request/reply while 10 k accounts load: added",
        "ms",
        _latency,
        own=10,
        most=True,
        tenants=True,
        rounds=ROUNDS,
    ),
]
