"""Accounts of the configuration file: their users, exports, imports and limits.

Owns what an account block may say. What concerns several accounts at once (may B import what A
exports?) is `grants.py`. Knows no tokens: in operator mode there are no accounts here.
"""

from collections.abc import Iterable
from typing import TypeVar

from isthmus.base import subjects
from isthmus.config.block import Block, Findings, word
from isthmus.config.mappings import mappings
from isthmus.config.options import (
    AccountJetStream,
    AccountLimits,
    AccountOptions,
    ExportOptions,
    ImportOptions,
    LatencyOptions,
    ResponseType,
    StreamOrService,
)
from isthmus.config.parser import Node
from isthmus.config.permissions import permissions, users
from isthmus.identity import nkeys

GLOBAL_ACCOUNT = "$G"  # the account of users without an account

_RESPONSE_TYPES: dict[str, ResponseType] = {
    "single": "singleton",
    "singleton": "singleton",
    "stream": "stream",
    "chunk": "chunked",
    "chunked": "chunked",
}


def accounts(node: Node, findings: Findings, names: set[str]) -> tuple[AccountOptions, ...]:
    """The value of `accounts`: a map of blocks, or an array of names.

    `names` holds the users met so far, who have different names over all accounts.
    """
    if isinstance(node.value, list):
        return _named(node.value, findings)
    if not isinstance(node.value, dict):
        text = f"accounts must be a map or an array of names, not {word(node.value)}"
        findings.error(text, node.position)
        return ()
    out = []
    for name, entry in node.value.items():
        if entry.used:  # a variable that stands between the accounts
            continue
        if not isinstance(entry.value, dict):
            findings.error("Expected map entries for accounts", entry.position)
        elif name == GLOBAL_ACCOUNT:
            findings.error(f'"{name}" is a Reserved Account', entry.position)
        else:
            out.append(_account(name, Block(entry, "account", findings), findings, names))
    return tuple(out)


def _named(elements: list[Node], findings: Findings) -> tuple[AccountOptions, ...]:
    names: dict[str, None] = {}
    for element in elements:
        name = element.value
        if not isinstance(name, str):
            findings.error(f"an account's name is a string, not {word(name)}", element.position)
        elif name == GLOBAL_ACCOUNT:
            findings.error(f'"{name}" is a Reserved Account', element.position)
        elif name in names:
            findings.error(f"Duplicate Account Entry: {name}", element.position)
        else:
            names[name] = None
    return tuple(AccountOptions(name=name) for name in names)


def _account(name: str, block: Block, findings: Findings, names: set[str]) -> AccountOptions:
    account = AccountOptions(
        **block.fields(),
        name=name,
        users=users(block, findings, names),
        default_permissions=permissions(block, "default_permissions", findings),
        exports=_present(_export(entry) for entry in block.blocks("exports")),
        imports=_present(_import(entry) for entry in block.blocks("imports")),
        mappings=mappings(block, findings),
        limits=_limits(block),
        jetstream=_jetstream(block),
    )
    if account.nkey and not nkeys.is_public(account.nkey, nkeys.Kind.ACCOUNT):
        block.wrong("nkey", f'Not a valid public nkey for an account: "{account.nkey}"')
    return account


def _limits(block: Block) -> AccountLimits:
    limits = block.block("limits")
    return AccountLimits(**limits.fields()) if limits else AccountLimits()


def _jetstream(block: Block) -> AccountJetStream | None:
    node = block.node("jetstream")
    if node is not None and isinstance(node.value, dict):
        limits = block.block("jetstream")
        assert limits is not None
        return AccountJetStream(**limits.fields())
    return AccountJetStream() if switched_on(block, "jetstream") else None


def switched_on(block: Block, name: str) -> bool:
    """The value of an option that takes a boolean, `enabled` or `disabled`."""
    node = block.node(name)
    if node is None:
        return False
    match node.value:
        case bool():
            return node.value
        case str() if node.value.lower() in {"enabled", "enable"}:
            return True
        case str() if node.value.lower() in {"disabled", "disable"}:
            return False
        case str():
            text = f"Expected 'enabled' or 'disabled' for string value, got '{node.value}'"
            block.wrong(name, text)
        case _:
            text = f"Expected map, bool or string to define JetStream, got {word(node.value)}"
            block.wrong(name, text)
    return False


# ---------------------------------------------------------------------- exports


def _export(entry: Block) -> ExportOptions | None:
    kind = _kind(entry)
    subject = entry.text(kind) if kind else None
    if not kind or subject is None:
        return None
    if not subjects.valid(subject):
        entry.wrong(kind, f'{kind} export "{subject}" is not a valid subject')
        return None
    if kind == "stream":
        for name, notion in _SERVICE_ONLY.items():
            if name in entry:
                entry.wrong(name, f"Detected {notion} directive on non-service")
    export = ExportOptions(
        **entry.fields(),
        kind=kind,
        subject=subject,
        accounts=_importers(entry),
        response_type=_response_type(entry),
        latency=latency(entry),
    )
    position = export.account_token_position
    if position and subject.split(".")[position - 1 : position] != ["*"]:
        text = f'token {position} of "{subject}" must be "*": it stands for the importing account'
        entry.wrong("account_token_position", text)
    if export.latency is not None and export.response_type != "singleton":
        where = f'"{subject}" on subject "{export.latency.subject}"'
        text = f"Error adding service latency sampling for {where}: bad service response type"
        entry.wrong("latency", text)
    return export


_SERVICE_ONLY = {
    "response_type": "response",
    "response_threshold": "response",
    "latency": "latency",
    "allow_trace": "allow_trace",
}


def _kind(entry: Block) -> StreamOrService | None:
    if "stream" in entry and "service" in entry:
        entry.wrong("service", "an entry is either a stream or a service, not both")
        return None
    if "stream" in entry:
        return "stream"
    if "service" in entry:
        return "service"
    entry.wrong("stream", 'an entry needs "stream" or "service"')
    return None


def _importers(entry: Block) -> tuple[str, ...] | None:
    names = entry.texts("accounts")
    if names == ():
        text = 'an empty list would let every account import; leave "accounts" out for that'
        entry.wrong("accounts", text)
    return names


def _response_type(entry: Block) -> ResponseType:
    text = entry.text("response_type")
    if text is not None and text.lower() not in _RESPONSE_TYPES:
        known = "singleton, stream and chunked"
        entry.wrong("response_type", f'Unknown response type: "{text}"; known are {known}')
    return _RESPONSE_TYPES.get((text or "").lower(), "singleton")


def latency(entry: Block) -> LatencyOptions | None:
    """The `latency` of an export: a subject, or a map."""
    node = entry.node("latency")
    if node is None:
        return None
    if isinstance(node.value, str):
        return LatencyOptions(subject=node.value)
    block = entry.block("latency")
    if block is None:
        return None
    subject = block.text("subject")
    if subject is None:
        entry.wrong("latency", "Latency subject required, but missing")
        return None
    return LatencyOptions(subject=subject, sampling_percent=_sampling(block))


def _sampling(block: Block) -> int:
    node = block.node("sampling")
    if node is None:
        return 100
    text = str(node.value).strip().lower()
    if text == "headers":
        return 0
    digits = text.removesuffix("%")
    percent = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 4 else 0
    if not 1 <= percent <= 100:
        block.wrong("sampling", "bad sampling percentage, should be 1-100")
    return percent


# ---------------------------------------------------------------------- imports


def _import(entry: Block) -> ImportOptions | None:
    kind = _kind(entry)
    source = entry.block(kind) if kind else None
    if not kind or source is None:
        return None
    account, subject = source.text("account"), source.text("subject")
    if not account or not subject:
        entry.wrong(kind, "Expect an account name and a subject")
        return None
    if kind == "service" and "allow_trace" in entry:
        entry.wrong("allow_trace", "Detected allow_trace directive on a non-stream")
    return ImportOptions(
        **entry.fields(),
        kind=kind,
        account=account,
        subject=subject,
        local_subject=_local_subject(entry, kind, subject),
    )


def _local_subject(entry: Block, kind: StreamOrService, subject: str) -> str:
    to, prefix = entry.text("to"), entry.text("prefix")
    if kind == "service":
        if prefix:
            entry.wrong("prefix", 'a service import takes "to", not "prefix"')
        return to or subject
    if to and prefix:
        entry.wrong("to", "Stream import can not have a 'prefix' and a 'to' property")
    if not prefix:
        return to or subject
    if not subjects.literal(prefix):
        text = "stream import prefix can not contain wildcard tokens"
        entry.wrong("prefix", f'Error adding stream import "{subject}": {text}')
    return f"{prefix.removesuffix('.')}.{subject}"


_T = TypeVar("_T")


def _present(values: Iterable[_T | None]) -> tuple[_T, ...]:
    return tuple(value for value in values if value is not None)
