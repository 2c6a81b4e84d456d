"""A configuration tree into checked options.

Owns the top level and JetStream; accounts, users, operator and resolver have modules of their own.
Reads no file itself: operator tokens come through `read`. Every mistake of the tree is
reported, not only the first. Whether options agree with one another (a `no_auth_user` that exists)
is asked when a server starts: `consistency.py`.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from isthmus.base.values import NS_PER_S, parse_duration_ns
from isthmus.config import grants, operators
from isthmus.config.accounts import accounts, switched_on
from isthmus.config.block import Block, Findings, word
from isthmus.config.errors import ConfigError, Finding, Position
from isthmus.config.mappings import mappings
from isthmus.config.options import (
    AuthorizationOptions,
    JetStreamLimits,
    JetStreamOptions,
    Options,
)
from isthmus.config.parser import Node, Read
from isthmus.config.permissions import permissions, users

LAME_DUCK_LEAST_NS = 30_000_000_000
TIMEOUT_HIGH_S = 60
_LISTEN = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^:]*)):(?P<port>[^:]*)")


def check(entries: Mapping[str, Node], *, file: str, read: Read) -> tuple[Options, list[Finding]]:
    """The options of a tree, and its warnings; raise `ConfigError` if anything is wrong."""
    findings = Findings()
    origin = Position(file=file, line=1, column=0)
    if not entries:
        text = f"{file}: config has no values or is empty"
        findings.warning(text, None)
    block = Block(Node(dict(entries), origin), "", findings)
    options = msgspec.structs.replace(Options(), **_top(block, findings, read))
    _check_together(block, options, findings)
    if findings.errors:
        raise ConfigError(_in_file_order(findings, file))
    return options, _in_file_order(findings, file)


def _in_file_order(findings: Findings, file: str) -> list[Finding]:
    """What concerns the whole first, then this file, then its includes, each from the top."""

    def place(finding: Finding) -> tuple[bool, bool, str, int, int]:
        at = finding.position
        if at is None:
            return (False, False, "", 0, 0)
        return (True, at.file != file, at.file, at.line, at.column)

    return sorted(findings, key=place)


def _top(block: Block, findings: Findings, read: Read) -> dict[str, Any]:
    fields = block.fields()
    fields |= _addresses(block)
    fields |= _lame_duck(block)
    names: set[str] = set()
    fields["authorization"] = _authorization(block, findings, names)
    if " " in fields.get("server_name", ""):
        block.wrong("server_name", "server name cannot contain spaces")
    if "max_connections" in block:
        fields["max_connections"] = block.number("max_connections") or -1
    if "trace_verbose" in block:
        fields["trace_verbose"] = fields["trace"] = bool(block.flag("trace_verbose"))
    accounts_node = block.node("accounts")
    if accounts_node is not None:
        fields["accounts"] = accounts(accounts_node, findings, names)
    fields |= operators.operators(block, read)
    resolver = operators.resolver(block)
    if "resolver" in block:
        fields["resolver"] = resolver
    fields["resolver_preload"] = operators.preload(block, findings)
    fields["mappings"] = mappings(block, findings)
    fields["jetstream"] = _jetstream(block)
    fields["server_metadata"] = _metadata(block, findings)
    return fields


def _addresses(block: Block) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, host_field, port_field in (
        ("listen", "host", "port"),
        ("http", "http_host", "http_port"),
    ):
        address = _address(block, name)
        if address is not None:
            host, port = address
            fields[port_field] = port
            if host:
                fields[host_field] = host
    return fields


def _address(block: Block, name: str) -> tuple[str, int] | None:
    node = block.node(name)
    if node is None:
        return None
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        return "", node.value
    if not isinstance(node.value, str):
        block.wrong(name, f"expected port or host:port, got {word(node.value)}")
        return None
    match = _LISTEN.fullmatch(node.value)
    if match is None:
        block.wrong(name, f'could not parse address string "{node.value}"')
        return None
    try:
        port = int(match["port"])
    except ValueError:
        block.wrong(name, f'could not parse port "{match["port"]}"')
        return None
    if not -1 <= port <= 65535:
        block.wrong(name, f"port {port} is not between 0 and 65535, nor -1 for a free one")
        return None
    return match["v6"] or match["host"] or "", port


def _lame_duck(block: Block) -> dict[str, int]:
    fields = {}
    duration_ns = block.duration_ns("lame_duck_duration")
    if duration_ns is not None:
        fields["lame_duck_duration_ns"] = duration_ns
        if duration_ns < LAME_DUCK_LEAST_NS:
            given = block.text("lame_duck_duration")
            text = f"invalid lame_duck_duration of {given}, minimum is 30 seconds"
            block.wrong("lame_duck_duration", text)
    grace_ns = block.duration_ns("lame_duck_grace_period")
    if grace_ns is not None and grace_ns < 0:
        text = "invalid lame_duck_grace_period, needs to be positive"
        block.wrong("lame_duck_grace_period", text)
    elif grace_ns:
        fields["lame_duck_grace_ns"] = grace_ns
    return fields


# ---------------------------------------------------------------------- who may connect


def _authorization(top: Block, findings: Findings, names: set[str]) -> AuthorizationOptions:
    block = top.block("authorization")
    if block is None:
        return AuthorizationOptions()
    fields = block.fields()
    timeout_ns = _timeout_ns(block)
    if timeout_ns:
        fields["timeout_ns"] = timeout_ns
    authorization = AuthorizationOptions(
        **fields,
        users=users(block, findings, names),
        default_permissions=permissions(block, "default_permissions", findings),
    )
    single = authorization.user or authorization.password
    if single and authorization.token:
        top.wrong("authorization", "Cannot have a user/pass and token")
    elif authorization.password and not authorization.user:
        block.wrong("password", 'a password without a "user" would let everybody in')
    elif "users" in block and authorization.user:
        top.wrong("authorization", "Can not have a single user/pass and a users array")
    elif "users" in block and authorization.token:
        top.wrong("authorization", "Can not have a token and a users array")
    return authorization


def _timeout_ns(block: Block) -> int | None:
    """`timeout`: seconds, with or without a fraction, or a duration."""
    node = block.node("timeout")
    if node is None:
        return None
    match node.value:
        case bool():
            pass
        case int() | float():
            return _timeout_of_seconds(block, node.value)
        case str():
            try:
                return parse_duration_ns(node.value)
            except ValueError as error:
                block.wrong("timeout", f"error parsing authorization config, 'timeout' {error}")
                return None
    block.wrong("timeout", "error parsing authorization config, 'timeout' wrong type")
    return None


def _timeout_of_seconds(block: Block, seconds: float) -> int | None:
    if seconds < 0:
        block.wrong("timeout", "a timeout is not negative")
        return None
    if seconds > TIMEOUT_HIGH_S:
        text = (
            f'invalid use of field "timeout": timeout of {seconds:g} seconds is high; a duration '
            'has a unit and quotes, for example "1m"'
        )
        block.doubt("timeout", text)
    return int(seconds * NS_PER_S)


def _check_together(block: Block, options: Options, findings: Findings) -> None:
    """Accounts with users stand beside no single user or token; grants between accounts fit."""
    authorization = options.authorization
    if any(account.users for account in options.accounts):
        if authorization.user:
            block.wrong("authorization", "Can not have a single user/pass and a users array")
        if authorization.token:
            block.wrong("authorization", "Can not have a token and a users array")
    if not findings.errors:
        for text in grants.problems(options.accounts):
            block.wrong("accounts", text)


# ---------------------------------------------------------------------- the rest


def _jetstream(top: Block) -> JetStreamOptions | None:
    node = top.node("jetstream")
    store_dir = top.text("store_dir") or ""
    if node is None or not isinstance(node.value, dict):
        return JetStreamOptions(store_dir=store_dir) if switched_on(top, "jetstream") else None
    block = top.block("jetstream")
    assert block is not None
    fields = block.fields() | _sync(block)
    inner = block.text("store_dir")
    if inner and store_dir:
        block.wrong("store_dir", "Duplicate 'store_dir' configuration")
    limits = block.block("limits")
    options = JetStreamOptions(
        **fields,
        store_dir=inner or store_dir,
        limits=JetStreamLimits(**limits.fields()) if limits else JetStreamLimits(),
    )
    return None if block.flag("enabled") is False else options


def _sync(block: Block) -> dict[str, Any]:
    node = block.node("sync_interval")
    if node is None:
        return {}
    if isinstance(node.value, str) and node.value.lower() == "always":
        return {"sync_always": True}
    interval_ns = block.duration_ns("sync_interval")
    return {"sync_always": False, "sync_interval_ns": interval_ns} if interval_ns else {}


def _metadata(block: Block, findings: Findings) -> tuple[tuple[str, str], ...]:
    out = []
    for key, node in block.pairs("server_metadata").items():
        if isinstance(node.value, str):
            out.append((key, node.value))
        else:
            text = f"server_metadata: {key} must be a string, not {word(node.value)}"
            findings.error(text, node.position)
    return tuple(out)
