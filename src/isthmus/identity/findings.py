"""What is wrong with a set of claims, as values.

A finding has a severity and one line of text. The texts are those of the original library, since
people and scripts know them. Knows no rule: the rules are in the `*_rules` modules.
"""

import enum
from collections.abc import Iterable, Iterator

from isthmus.base.values import Value


class Severity(enum.Enum):
    """How bad it is: whether claims with such a finding may be used."""

    ERROR = "error"  # never
    TIME_CHECK = "time check"  # not now
    WARNING = "warning"  # yes, but


class Finding(Value):
    """One thing that is wrong."""

    severity: Severity
    text: str


Findings = Iterator[Finding]


def error(text: str) -> Finding:
    """What makes claims useless."""
    return Finding(severity=Severity.ERROR, text=text)


def warning(text: str) -> Finding:
    """What works, but should be otherwise."""
    return Finding(severity=Severity.WARNING, text=text)


def check_times(expires_s: int, not_before_s: int, now_s: int) -> Findings:
    """Whether it is too late or too early."""
    if 0 < expires_s < now_s:
        yield Finding(severity=Severity.TIME_CHECK, text="claim is expired")
    if not_before_s > now_s:
        yield Finding(severity=Severity.TIME_CHECK, text="claim is not yet valid")


def blocking(findings: Iterable[Finding], *, now: bool = False) -> list[Finding]:
    """The findings that forbid use: errors, and with `now` also what only the time is against."""
    stop = {Severity.ERROR, Severity.TIME_CHECK} if now else {Severity.ERROR}
    return [finding for finding in findings if finding.severity in stop]
