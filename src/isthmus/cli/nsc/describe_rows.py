"""Rows that the tables of several kinds of claims share.

Pure: claims in, rows out. A list takes one row per item, its name standing in the first.
"""

from collections.abc import Iterable, Sequence

from isthmus.base.values import format_duration
from isthmus.cli.nsc.moments import format_moment
from isthmus.cli.nsc.sizes import format_bytes
from isthmus.cli.tables import SEPARATOR, Row, ascii_table
from isthmus.identity.claims import Claims, Permissions, UserLimits, UserScope

RULE = SEPARATOR


def listed(name: str, values: Iterable[str]) -> list[Row]:
    """One row per value."""
    return [(name if position == 0 else "", value) for position, value in enumerate(values)]


def head_rows(
    claims: Claims, kind: str, tags: Sequence[str], issuer_account: str = ""
) -> list[Row]:
    """Who it is, who said so, and until when."""
    rows: list[Row] = [
        ("Name", claims.name),
        (f"{kind} ID", claims.subject),
        ("Issuer ID", claims.issuer),
    ]
    if issuer_account:
        rows.append(("Issuer Account", issuer_account))
    rows += [
        ("Issued", format_moment(claims.issued_s)),
        ("Expires", format_moment(claims.expires_s)),
    ]
    return rows + listed("Tags", tags)


def permission_rows(permissions: Permissions, before: Row | None = None) -> list[Row]:
    """Subjects and answers. `before` stands in front of the subjects, if there are any."""
    subjects = [
        *listed("Pub Allow", permissions.pub.allow),
        *listed("Pub Deny", permissions.pub.deny),
        *listed("Sub Allow", permissions.sub.allow),
        *listed("Sub Deny", permissions.sub.deny),
    ]
    rows: list[Row] = [before] if subjects and before is not None else []
    rows += subjects
    if permissions.resp is None:
        return [*rows, ("Response Permissions", "Not Set")]
    return [
        *rows,
        ("Max Responses", str(permissions.resp.messages_max)),
        ("Response Permission TTL", format_duration(permissions.resp.lifetime_ns)),
    ]


def user_limit_rows(limits: UserLimits) -> list[Row]:
    """How much, from where and when."""
    sources = limits.sources.split(",") if isinstance(limits.sources, str) else limits.sources
    sources = [source for source in sources if source]
    windows = [f"{window.start}-{window.end}" for window in limits.times]
    return [
        ("Max Msg Payload", _user_bytes(limits.payload)),
        ("Max Data", _user_bytes(limits.data)),
        ("Max Subs", "Unlimited" if limits.subs < 0 else str(limits.subs)),
        ("Network Src", f"[{' '.join(sources)}]" if sources else "Any"),
        *(listed("Time", windows) or [("Time", "Any")]),
    ]


def connection_rows(limits: UserLimits) -> list[Row]:
    """Kinds of connections, if not all."""
    if not limits.connection_types:
        return []
    return [RULE, *listed("Allowed Connection Types", limits.connection_types)]


def scope_table(scope: UserScope) -> str:
    """What every user of a scoped signing key gets."""
    limits = scope.template
    return ascii_table(
        "Scoped Signing Key - Details",
        [],
        [
            ("Key", scope.key),
            ("Role", scope.role),
            ("Description", scope.description),
            RULE,
            *permission_rows(limits.permissions),
            *user_limit_rows(limits),
            ("Bearer Token", yes_no(limits.bearer_token)),
            *connection_rows(limits),
        ],
    )


def yes_no(value: bool) -> str:
    """`Yes` or `No`."""
    return "Yes" if value else "No"


def _user_bytes(count: int) -> str:
    return "Unlimited" if count < 0 else f"{count} bytes (≈{format_bytes(count)})"
