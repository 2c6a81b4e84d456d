"""What `nsc explain --json` says, read as its readers do."""

import json

from isthmus.base.values import Value
from sharing.catalogue.fault import Fault
from sharing.catalogue.world import World


class Named(Value):
    """One finding."""

    code: str
    hop: str
    subject: str
    cause: str
    fix: tuple[str, ...]


class Verdict(Value):
    """One explanation."""

    ok: bool
    findings: tuple[Named, ...]
    hops: frozenset[tuple[str, str]]  # names with states: a share has more than one import, say


def explain(world: World, ask: str) -> Verdict:
    """Ask, and check that exit code and answer agree."""
    words = " ".join(f"'{word}'" for word in ask.split())
    done = world(f"explain {words} --json")
    assert done.code in {0, 1}, done
    body = json.loads(done.out)
    assert body["ok"] == (done.code == 0) == (not body["findings"]), body
    findings = tuple(
        Named(**finding | {"fix": tuple(finding["fix"])}) for finding in body["findings"]
    )
    hops = frozenset((hop["hop"], hop["state"]) for hop in body["hops"])
    assert {(finding.hop, "broken") for finding in findings} <= hops, body
    return Verdict(ok=body["ok"], findings=findings, hops=hops)


def require_named(verdict: Verdict, fault: Fault) -> None:
    """The fault is what comes first."""
    assert verdict.findings, "nothing was found"
    first = verdict.findings[0]
    assert first.code in fault.codes, verdict.findings
    assert fault.names in f"{first.cause} {first.subject}", first
    assert "\n" not in first.cause
