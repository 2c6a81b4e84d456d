"""Flags that several verbs have, with the same meaning in each.

Owns `--start`, `--expiry`, `--tag`, `--rm-tag`, `-a` and what they do to claims. Knows no verb.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.flags import flag, lists
from isthmus.cli.nsc.moments import format_distance, format_moment, parse_moment_s
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.surroundings import Surroundings
from isthmus.identity.claims import Claims

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=Claims)
_FORM = "yyyy-mm-dd, or a distance from now in m, h, d, w, M(onths), y; 0 is none"


def account_flag(command: F) -> F:
    """`-a`: the account, by name or public key; the current one if not given."""
    decorated: F = flag("-a", "--account", help="account: name or public key", default="")(command)
    return decorated


def moment_flags(command: F) -> F:
    """`--start` and `--expiry`."""
    command = flag("--expiry", help=f"valid until: {_FORM}")(command)
    decorated: F = flag("--start", help=f"valid from: {_FORM}")(command)
    return decorated


def tag_flags(command: F) -> F:
    """`--tag` and `--rm-tag`."""
    command = lists("--rm-tag", help="tags to remove")(command)
    decorated: F = lists("--tag", help="tags to add")(command)
    return decorated


def with_moments(claims: C, start: str | None, expiry: str | None, surroundings: Surroundings) -> C:
    """`claims` valid from `start` until `expiry`; None leaves what is there."""
    changes: dict[str, int] = {}
    for name, field, text in (("start", "not_before_s", start), ("expiry", "expires_s", expiry)):
        if text is not None:
            try:
                changes[field] = parse_moment_s(name, text, surroundings.now_s, surroundings.zone)
            except ValueError as error:
                raise CommandError(str(error)) from None
    changed = msgspec.structs.replace(claims, **changes)
    if 0 < changed.expires_s <= changed.not_before_s:
        raise CommandError(
            f"it would expire ({format_moment(changed.expires_s)}) before it is valid"
            f" ({format_moment(changed.not_before_s)})"
        )
    return changed


def report_moments(before: Claims, after: Claims, now_s: int, report: Report) -> None:
    """The lines about changed validity."""
    if after.not_before_s != before.not_before_s:
        report.ok(
            f"changed jwt valid start to {_moment(after.not_before_s, now_s)}"
            if after.not_before_s
            else "changed jwt start to not have a start date"
        )
    if after.expires_s != before.expires_s:
        report.ok(
            f"changed jwt expiry to {_moment(after.expires_s, now_s)}"
            if after.expires_s
            else "changed jwt expiry to never expire"
        )


def with_tags(
    before: tuple[str, ...], added: tuple[str, ...], removed: tuple[str, ...], report: Report
) -> tuple[str, ...]:
    """Tags are lower case and sorted; each change is a line of the report."""
    tags = dict.fromkeys(before)
    for tag in added:
        tags[tag.strip().lower()] = None
        report.ok(f"added tag {quote(tag.strip().lower())}")
    for tag in removed:
        tags.pop(tag.strip().lower(), None)
        report.ok(f"removed tag {quote(tag.strip().lower())}")
    return tuple(sorted(tags))


def _moment(moment_s: int, now_s: int) -> str:
    return f"{format_moment(moment_s)} - {format_distance(moment_s, now_s)}"
