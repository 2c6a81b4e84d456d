"""An account as tables for people: itself, then exports, imports, mappings, scoped keys.

Pure: claims in, text out; names of other accounts come from a function.
"""

from collections.abc import Callable

from isthmus.cli.nsc.describe_rows import (
    RULE,
    head_rows,
    listed,
    permission_rows,
    scope_table,
    yes_no,
)
from isthmus.cli.nsc.moments import format_moment
from isthmus.cli.nsc.sizes import format_bytes
from isthmus.cli.tables import Row, ascii_table
from isthmus.identity.claims import (
    Account,
    AccountClaims,
    AccountLimits,
    Export,
    Import,
    JetStreamLimits,
)
from isthmus.identity.jwt import decode_activation
from isthmus.identity.payload import TokenError


def account_tables(claims: AccountClaims, name_of: Callable[[str], str]) -> list[str]:
    """All tables of an account. `name_of` turns a public key into what people call it."""
    body = claims.nats
    tables = [ascii_table("Account Details", [], _account_rows(claims))]
    if body.exports:
        tables.append(_export_table(body.exports))
        described = [item for item in body.exports if item.description or item.info_url]
        if described:
            tables.append(
                ascii_table(
                    "Exports - Descriptions",
                    ["Name", "Description", "Info Url"],
                    [(item.name, item.description, item.info_url) for item in described],
                )
            )
    if body.imports:
        tables.append(_import_table(body.imports, name_of))
    if body.mappings:
        tables.append(ascii_table("Mappings", ["From", "To", "Weight (%)"], _mapping_rows(body)))
    scopes = [scope for _, scope in sorted(body.scopes.items()) if scope]
    return tables + [scope_table(scope) for scope in scopes]


def _account_rows(claims: AccountClaims) -> list[Row]:
    body = claims.nats
    rows = [*head_rows(claims, "Account", body.tags), RULE]
    if body.description or body.info_url:
        rows += [("Description", body.description)] if body.description else []
        rows += [("Info Url", body.info_url)] if body.info_url else []
        rows.append(RULE)
    if body.signing_keys:
        rows += [*listed("Signing Keys", sorted(body.scopes)), RULE]
    callout = body.authorization
    if callout.auth_users or callout.allowed_accounts or callout.xkey:
        rows += listed("Auth Callout Users", callout.auth_users)
        rows += listed("Allowed Accounts", callout.allowed_accounts)
        rows += [("Encrypt For", callout.xkey)] if callout.xkey else []
        rows.append(RULE)
    rows += [*_limit_rows(body.limits), *permission_rows(body.default_permissions, before=RULE)]
    rows += [RULE, *_jetstream_rows(body.limits), RULE]
    rows += [] if body.imports else [("Imports", "None")]
    rows += [] if body.exports else [("Exports", "None")]
    if body.revocations:
        rows += [RULE, ("Revocations", str(len(body.revocations)))]
    return [*rows, RULE, *_trace_rows(body)]


def _limit_rows(limits: AccountLimits) -> list[Row]:
    return [
        ("Max Connections", _count(limits.connections)),
        ("Max Leaf Node Connections", _count(limits.leaf_nodes, zero="Not Allowed")),
        ("Max Data", _bytes(limits.data)),
        ("Max Exports", _count(limits.exports)),
        ("Max Imports", _count(limits.imports)),
        ("Max Msg Payload", _bytes(limits.payload)),
        ("Max Subscriptions", _count(limits.subs)),
        ("Exports Allows Wildcards", str(limits.wildcards)),
        ("Disallow Bearer Token", str(limits.disallow_bearer)),
    ]


def _jetstream_rows(limits: AccountLimits) -> list[Row]:
    if not limits.has_jetstream:
        return [("Jetstream", "Disabled")]
    if not limits.tiers:
        return [("Jetstream", "Enabled"), *_tier_rows(limits.jetstream)]
    rows: list[Row] = []
    for name, tier in sorted(limits.tiers.items()):
        rows += [RULE] if rows else []
        rows += [("Jetstream Tier", name), *_tier_rows(tier)]
    return rows


def _tier_rows(limits: JetStreamLimits) -> list[Row]:
    required = "required" if limits.bytes_required else "optional"
    pending = limits.ack_pending_max
    return [
        ("Max Disk Storage", _storage(limits.disk_bytes)),
        ("Max Mem Storage", _storage(limits.memory_bytes)),
        ("Max Streams", _count(limits.streams or -1)),
        ("Max Consumers", _count(limits.consumers or -1)),
        ("Max Ack Pending", "Consumer Setting" if pending <= 0 else str(pending)),
        ("Max Bytes", f"{required} (Stream setting)"),
        ("Max Memory Stream", _bytes(limits.memory_stream_bytes_max or -1)),
        ("Max Disk Stream", _bytes(limits.disk_stream_bytes_max or -1)),
    ]


def _trace_rows(body: Account) -> list[Row]:
    if body.trace is None:
        return [("Tracing Context", "Disabled")]
    return [
        ("Tracing Context", "Enabled"),
        ("Subject", body.trace.destination),
        ("Sampling", f"{body.trace.sampling or 100}%"),
    ]


def _export_table(exports: tuple[Export, ...]) -> str:
    headers = [
        "Name",
        "Type",
        "Subject",
        "Account Token Position",
        "Public",
        "Revocations",
        "Tracking",
        "Allow Trace",
    ]
    return ascii_table("Exports", headers, [_export_row(item) for item in exports])


def _export_row(export: Export) -> Row:
    service = export.type == "service"
    kind = export.type.title()
    if service and export.response_type not in {"", "Singleton"}:
        kind += f" [{export.response_type}]"
    tracking = "-" if service else "N/A"
    if export.service_latency:
        sampling = export.service_latency.sampling
        percent = 0 if sampling == "headers" else sampling
        tracking = f"{export.service_latency.results} ({percent}%)"
    return (
        export.name,
        kind,
        export.subject,
        str(export.account_token_position) if export.account_token_position else "-",
        yes_no(not export.token_required),
        str(len(export.revocations)),
        tracking,
        yes_no(export.allow_trace) if service else "N/A",
    )


def _import_table(imports: tuple[Import, ...], name_of: Callable[[str], str]) -> str:
    headers = [
        "Name",
        "Type",
        "Remote",
        "Local",
        "Expires",
        "From Account",
        "Public",
        "Allow Trace",
    ]
    return ascii_table("Imports", headers, [_import_row(item, name_of) for item in imports])


def _import_row(item: Import, name_of: Callable[[str], str]) -> Row:
    service = item.type == "service"
    return (
        item.name,
        item.type.title(),
        item.remote,
        item.local_subject or (item.subject if item.to and service else item.to),
        _token_expiry(item.token),
        name_of(item.account),
        yes_no(not item.token),
        "N/A" if service else yes_no(item.allow_trace),
    )


def _token_expiry(token: str) -> str:
    if not token:
        return ""
    try:
        return format_moment(decode_activation(token).expires_s)
    except TokenError as error:
        return f"error decoding: {error}"


def _mapping_rows(body: Account) -> list[Row]:
    rows: list[Row] = []
    for source, targets in sorted(body.mappings.items()):
        for position, target in enumerate(targets):
            shown = source if position == 0 else ""
            rows.append((shown, target.subject, str(target.weight or 100)))
        rows.append(("", "", f"sum={sum(target.weight or 100 for target in targets)}"))
    return rows


def _count(value: int, *, zero: str = "0") -> str:
    return "Unlimited" if value < 0 else zero if value == 0 else str(value)


def _bytes(value: int) -> str:
    return "Unlimited" if value < 0 else f"{format_bytes(value)} ({value} bytes)"


def _storage(value: int) -> str:
    return "Unlimited" if value < 0 else "Disabled" if value == 0 else format_bytes(value)
