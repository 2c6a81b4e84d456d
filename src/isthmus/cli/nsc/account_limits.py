"""The flags that limit an account, and what they do to its limits.

Owns the numbers (`--conns` …) and the JetStream limits, flat or by tier. -1 is no limit, 0 is none
at all. JetStream is off while both storages are 0; a first JetStream flag sets the others to -1,
except the storages, so that `--js-disk-storage 1G` means what it says.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.flags import INTEGER, NUMBER, flag, switch
from isthmus.cli.nsc.report import Report
from isthmus.identity.claims import NO_LIMIT, AccountLimits, JetStreamLimits

F = TypeVar("F", bound=Callable[..., Any])
_NEW_JETSTREAM = JetStreamLimits(
    streams=NO_LIMIT,
    consumers=NO_LIMIT,
    ack_pending_max=NO_LIMIT,
    memory_stream_bytes_max=NO_LIMIT,
    disk_stream_bytes_max=NO_LIMIT,
)


class LimitFlags(Value):
    """What the flags said; `None` was not given."""

    conns: int | None = None
    leaf_conns: int | None = None
    data: int | None = None
    exports: int | None = None
    imports: int | None = None
    payload: int | None = None
    subscriptions: int | None = None
    wildcard_exports: bool | None = None
    disallow_bearer: bool | None = None
    js_mem_storage: int | None = None
    js_disk_storage: int | None = None
    js_streams: int | None = None
    js_consumer: int | None = None
    js_max_mem_stream: int | None = None
    js_max_disk_stream: int | None = None
    js_max_ack_pending: int | None = None
    js_max_bytes_required: bool | None = None
    js_tier: int | None = None
    rm_js_tier: int | None = None
    js_enable: int | None = None
    js_disable: bool | None = None

    @property
    def jetstream(self) -> list[str]:
        """Names of the JetStream flags that were given."""
        return [
            name
            for name in self.__struct_fields__
            if "js_" in name and getattr(self, name) is not None
        ]


def limit_flags(command: F) -> F:
    """Add the flags to a command."""
    decorators = [
        flag("--conns", type=NUMBER, help="connections"),
        flag("--leaf-conns", type=NUMBER, help="leaf node connections"),
        flag("--data", type=NUMBER, help="bytes (carried, not enforced by servers)"),
        flag("--exports", type=NUMBER, help="exports"),
        flag("--imports", type=NUMBER, help="imports"),
        flag("--payload", type=NUMBER, help="bytes of one message"),
        flag("--subscriptions", type=NUMBER, help="subscriptions of one connection"),
        switch("--wildcard-exports", help="whether exports may have wildcards"),
        switch("--disallow-bearer", help="whether users must prove that they have their key"),
        _js("--js-mem-storage", "--mem-storage", "bytes in memory; 0 is none"),
        _js("--js-disk-storage", "--disk-storage", "bytes on disk; 0 is none"),
        _js("--js-streams", "--streams", "streams"),
        _js("--js-consumer", "--consumer", "consumers"),
        flag("--js-max-mem-stream", type=NUMBER, help="JetStream: bytes of one memory stream"),
        flag("--js-max-disk-stream", type=NUMBER, help="JetStream: bytes of one disk stream"),
        flag("--js-max-ack-pending", type=NUMBER, help="JetStream: unacknowledged per consumer"),
        switch("--js-max-bytes-required", help="JetStream: streams must say how large they get"),
        flag("--js-tier", type=INTEGER, help="which replication tier is meant; 0 is all"),
        flag("--rm-js-tier", type=INTEGER, help="remove the limits of a tier; 0 is the flat ones"),
        flag("--js-enable", type=INTEGER, help="storage without limits for a tier; 0 is all"),
        switch("--js-disable", help="remove all JetStream limits"),
    ]
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def _js(name: str, old: str, help_text: str) -> Any:
    return flag(name, type=NUMBER, old=old, help=f"JetStream: {help_text}")


def apply(flags: LimitFlags, before: AccountLimits, report: Report) -> AccountLimits:
    """`before` as the flags change it; each change is a line of the report."""
    _require_compatible(flags)
    plain = {
        "connections": (flags.conns, "changed max connections to {}"),
        "leaf_nodes": (flags.leaf_conns, "changed leaf node connections to {}"),
        "data": (flags.data, "changed max data to {} bytes"),
        "exports": (flags.exports, "changed max exports to {}"),
        "wildcards": (flags.wildcard_exports, "changed wild card exports to {}"),
        "disallow_bearer": (flags.disallow_bearer, "changed disallow bearer to {}"),
        "imports": (flags.imports, "changed max imports to {}"),
        "payload": (flags.payload, "changed max payload size to {}"),
        "subs": (flags.subscriptions, "changed max subscriptions to {}"),
    }
    changes: dict[str, Any] = {}
    for name, (value, text) in plain.items():
        if value is not None:
            changes[name] = value
            report.ok(text.format(str(value).lower()))
    after = msgspec.structs.replace(before, **changes)
    if not flags.jetstream:
        return after
    if flags.js_disable:
        return _disabled(after, report)
    if flags.rm_js_tier is not None:
        return _without_tier(after, flags.rm_js_tier, report)
    if flags.js_enable is not None:
        return _enabled(after, flags.js_enable, report)
    return _changed(after, flags, report)


def _require_compatible(flags: LimitFlags) -> None:
    for name in ("rm_js_tier", "js_disable", "js_enable"):
        if getattr(flags, name) not in {None, False} and len(flags.jetstream) > 1:
            shown = name.replace("_", "-")
            raise CommandError(f"{shown} is exclusive of all other js options", exit_code=MISUSED)
    for tier in (flags.js_tier, flags.rm_js_tier, flags.js_enable):
        if tier is not None and tier < 0:
            raise CommandError(f"there is no JetStream tier {tier}", exit_code=MISUSED)
    for name in flags.__struct_fields__:
        value = getattr(flags, name)
        if value is not None and value < NO_LIMIT:
            shown = name.replace("_", "-")
            raise CommandError(
                f"--{shown} {value}: -1 is no limit, less is none", exit_code=MISUSED
            )


def tier_title(tier: int) -> str:
    """`global`, or the key of the tier: `R1`."""
    return "global" if tier == 0 else f"R{tier}"


def _flat(limits: AccountLimits, jetstream: JetStreamLimits) -> AccountLimits:
    return msgspec.structs.replace(limits, **msgspec.structs.asdict(jetstream))


def _disabled(limits: AccountLimits, report: Report) -> AccountLimits:
    report.ok("deleted global limit")
    for name in sorted(limits.tiers):
        report.ok(f"deleted tier limit {name}")
    return msgspec.structs.replace(_flat(limits, JetStreamLimits()), tiers={})


def _without_tier(limits: AccountLimits, tier: int, report: Report) -> AccountLimits:
    if tier == 0:
        report.ok("deleted global limit")
        return _flat(limits, JetStreamLimits())
    if not limits.tiers:
        raise CommandError("account doesn't have tier limits")
    if tier_title(tier) not in limits.tiers:
        raise CommandError(f"account doesn't have tier {tier_title(tier)} limit")
    report.ok(f"deleted tier limit {tier_title(tier)}")
    tiers = {name: value for name, value in limits.tiers.items() if name != tier_title(tier)}
    return msgspec.structs.replace(limits, tiers=tiers)


def _enabled(limits: AccountLimits, tier: int, report: Report) -> AccountLimits:
    _require_one_kind(limits, tier)
    before = limits.jetstream if tier == 0 else limits.tiers.get(tier_title(tier))
    if before is not None and (before.memory_bytes or before.disk_bytes):
        raise CommandError(f"jetstream tier {tier_title(tier)} is already enabled")
    report.ok("enabled global limit" if tier == 0 else f"enabled tier limit {tier_title(tier)}")
    return _with_tier(limits, tier, JetStreamLimits(memory_bytes=NO_LIMIT, disk_bytes=NO_LIMIT))


def _changed(limits: AccountLimits, flags: LimitFlags, report: Report) -> AccountLimits:
    tier = flags.js_tier or 0
    if flags.jetstream == ["js_tier"]:
        return limits
    _require_one_kind(limits, tier)
    before = limits.jetstream if tier == 0 else limits.tiers.get(tier_title(tier))
    if before is None or before == JetStreamLimits():
        before = _NEW_JETSTREAM
    numbers = {
        "streams": (flags.js_streams, "max streams"),
        "consumers": (flags.js_consumer, "max consumer"),
        "memory_bytes": (flags.js_mem_storage, "max mem storage"),
        "memory_stream_bytes_max": (flags.js_max_mem_stream, "max memory stream"),
        "disk_bytes": (flags.js_disk_storage, "max disk storage"),
        "disk_stream_bytes_max": (flags.js_max_disk_stream, "max disk stream"),
        "ack_pending_max": (flags.js_max_ack_pending, "max ack pending"),
    }
    changes: dict[str, Any] = {}
    for name, (value, text) in numbers.items():
        if value is not None:
            changes[name] = value
            report.ok(f"changed {tier_title(tier)} {text} to {value}")
    if flags.js_max_bytes_required is not None:
        changes["bytes_required"] = flags.js_max_bytes_required
    return _with_tier(limits, tier, msgspec.structs.replace(before, **changes))


def _with_tier(limits: AccountLimits, tier: int, jetstream: JetStreamLimits) -> AccountLimits:
    if tier == 0:
        return _flat(limits, jetstream)
    return msgspec.structs.replace(limits, tiers=limits.tiers | {tier_title(tier): jetstream})


def _require_one_kind(limits: AccountLimits, tier: int) -> None:
    if tier == 0 and limits.tiers:
        names = ",".join(sorted(limits.tiers))
        raise CommandError(
            f"cannot set a jetstream global limit when a configuration has tiered limits '{names}'"
        )
    if tier and (limits.memory_bytes or limits.disk_bytes):
        raise CommandError(
            "cannot set a jetstream tier limit when a configuration has a global limit"
        )
