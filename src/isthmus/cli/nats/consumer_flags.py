"""From the flags of `nats consumer add` to a consumer's configuration.

Owns what each flag means, what `--defaults` answers, and which flags may stand beside `--config`.
Options that have a field of the configuration as their name are that field; the server checks it.
"""

from typing import Any

import msgspec

from isthmus.base.nuid import make_token
from isthmus.base.values import Value, format_time, parse_duration_ns, parse_time_ns
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import require_name
from isthmus.cli.nats.config_files import load_config, split_list
from isthmus.cli.nats.records import ConsumerConfig
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.templates import OsEntropy

_RANDOM_NAME_LENGTH = 8
MINUTE_NS = 60_000_000_000
_MS_NS = 1_000_000


class Options(Value):
    """The flags; None where nothing was said."""

    stream: str | None = None
    consumer: str | None = None
    config: str | None = None
    defaults: bool = False
    as_json: bool = False
    pull: bool = False
    target: str | None = None
    ephemeral: bool = False
    ack_policy: str | None = None
    rate_limit_bps: int | None = None
    backoff_mode: str | None = None
    backoff_steps: int = 10
    backoff_min: int = MINUTE_NS
    backoff_max: int = 20 * MINUTE_NS
    deliver: str | None = None
    deliver_group: str | None = None
    description: str | None = None
    filters: tuple[str, ...] = ()
    flow_control: bool | None = None
    idle_heartbeat: int | None = None
    headers_only: bool | None = None
    max_deliver: int | None = None
    max_ack_pending: int | None = None
    max_waiting: int | None = None
    max_batch: int | None = None
    max_expires: int | None = None
    max_bytes: int | None = None
    replay_policy: str | None = None
    sample: int | None = None
    ack_wait: int | None = None
    inactive_threshold: int | None = None
    mem_storage: bool | None = None
    num_replicas: int | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    pause: str | None = None
    pinned_groups: tuple[str, ...] = ()
    pinned_ttl: int | None = None
    overflow_groups: tuple[str, ...] = ()
    prioritized_groups: tuple[str, ...] = ()


def consumer_config(options: Options, session: Session) -> ConsumerConfig:
    """The configuration that the flags or the file describe."""
    config = _from_file(options, session) if options.config else _from_flags(options, session)
    name = config.durable_name or config.name or make_token(OsEntropy(), _RANDOM_NAME_LENGTH)
    return msgspec.structs.replace(config, name=require_name("consumer", name))


def _from_file(options: Options, session: Session) -> ConsumerConfig:
    assert options.config
    usable = {"stream", "consumer", "config", "defaults", "as_json", "target", "pull"}
    blank = Options()
    for field in Options.__struct_fields__:
        if field not in usable and getattr(options, field) != getattr(blank, field):
            raise CommandError(f"{_flag(field)} cannot be given with --config")
    config = load_config(options.config, ConsumerConfig, session.log)
    if options.pull and config.deliver_subject:
        raise CommandError(f"{options.config} describes a push consumer: --pull contradicts it")
    fields: dict[str, str] = {}
    if options.consumer:
        fields["name"] = options.consumer
        if config.durable_name or not config.name:
            fields["durable_name"] = options.consumer
    if options.target is not None:
        fields["deliver_subject"] = options.target
    return msgspec.structs.replace(config, **fields)


def _from_flags(options: Options, session: Session) -> ConsumerConfig:
    missing = _missing(options)
    if missing:
        raise CommandError(
            f"invalid input: no value for {', '.join(missing)}",
            hint="--defaults answers what a pull consumer needs; --config takes a file",
        )
    push = bool(options.target)
    if options.rate_limit_bps and not push:
        raise CommandError("rate limits are only possible on Push consumers")
    fields = _said(options)
    fields.setdefault("ack_policy", "none" if push else "explicit")
    fields.setdefault("max_deliver", -1)
    if fields["ack_policy"] == "none":
        fields["max_deliver"] = -1
    if fields.get("max_ack_pending") == -1 and not push:
        fields.pop("max_ack_pending")  # the original's word for the server's default
    if options.consumer:
        fields["name"] = options.consumer
        if not options.ephemeral:
            fields["durable_name"] = options.consumer
    if options.pause:
        fields["pause_until"] = moment(options.pause, session.wall_ns())
    return ConsumerConfig(
        **fields,
        **_filters(options),
        **_start(options.deliver or "all", session.wall_ns()),
        deliver_subject=options.target or "",
    )


def changed_config(options: Options, config: ConsumerConfig) -> ConsumerConfig:
    """`config` with what the flags say."""
    fields = _said(options)
    if options.filters:
        fields |= {"filter_subject": "", "filter_subjects": []} | _filters(options)
    if options.target is not None:
        fields["deliver_subject"] = options.target
    return msgspec.structs.replace(config, **fields)


def _said(options: Options) -> dict[str, Any]:
    """The fields of the configuration that flags name directly."""
    fields: dict[str, Any] = {
        name: value
        for name in ConsumerConfig.__struct_fields__
        if (value := getattr(options, name, None)) is not None and value != ()
    }
    if options.metadata:
        fields["metadata"] = dict(options.metadata)
    if options.sample is not None and options.sample >= 0:
        fields["sample_freq"] = str(options.sample)
    if options.backoff_mode == "linear":
        fields["backoff"] = linear_backoff(
            options.backoff_steps, options.backoff_min, options.backoff_max
        )
    return fields | _groups(options)


def _groups(options: Options) -> dict[str, Any]:
    """The priority policy that the groups of one kind stand for."""
    kinds = {
        "pinned_client": options.pinned_groups,
        "overflow": options.overflow_groups,
        "prioritized": options.prioritized_groups,
    }
    asked = [policy for policy, groups in kinds.items() if groups]
    if len(asked) > 1:
        raise CommandError(
            "a consumer has priority groups of one kind: "
            "--pinned-groups, --overflow-groups or --prioritized-groups"
        )
    if options.pinned_ttl is not None and asked != ["pinned_client"]:
        raise CommandError("--pinned-ttl is for --pinned-groups")
    if not asked:
        return {}
    return {
        "priority_policy": asked[0],
        "priority_groups": split_list(kinds[asked[0]]),
        "priority_timeout": options.pinned_ttl or 0,
    }


def _missing(options: Options) -> list[str]:
    missing = [] if options.consumer or options.ephemeral else ["the consumer's name"]
    if not options.pull and options.target is None:
        missing.append("--pull or --target")
    if not options.defaults:
        asked = ("deliver", "ack_policy", "replay_policy", "filters", "max_deliver")
        missing += [_flag(name) for name in asked if getattr(options, name) in {None, ()}]
    return missing


def _filters(options: Options) -> dict[str, Any]:
    subjects = split_list(options.filters)
    if len(subjects) == 1:
        return {"filter_subject": subjects[0]}
    return {"filter_subjects": subjects} if subjects else {}


def _start(text: str, wall_ns: int) -> dict[str, Any]:
    """Where to begin: a policy's name, a sequence, or how long ago."""
    if text in {"all", "new", "last"}:
        return {"deliver_policy": text}
    if text in {"subject", "last_per_subject"}:
        return {"deliver_policy": "last_per_subject"}
    if text.isdigit():
        return {"deliver_policy": "by_start_sequence", "opt_start_seq": int(text)}
    try:
        ago_ns = parse_duration_ns(text, long_units=True)
    except ValueError:
        raise CommandError(
            f'--deliver "{text}" is none of all, new, last, subject, a sequence, a duration (1h)'
        ) from None
    return {"deliver_policy": "by_start_time", "opt_start_time": format_time(wall_ns - ago_ns)}


def moment(text: str, wall_ns: int, what: str = "--pause") -> str:
    """A time in UTC, or now and so long, as the API spells it."""
    try:
        return format_time(parse_time_ns(text.replace(" ", "T") + "Z"))
    except ValueError:
        pass
    try:
        return format_time(wall_ns + parse_duration_ns(text, long_units=True))
    except ValueError:
        raise CommandError(
            f'{what} "{text}" is neither a time (2026-01-31 12:00:00) nor a duration (1h)'
        ) from None


def linear_backoff(steps: int, least_ns: int, most_ns: int) -> list[int]:
    """`steps` waits in even distance, from `least_ns`, below `most_ns`, in whole milliseconds."""
    if most_ns < least_ns:
        raise CommandError("--backoff-max is below --backoff-min")
    return [
        round((least_ns + (most_ns - least_ns) * step / steps) / _MS_NS) * _MS_NS
        for step in range(steps)
    ]


def _flag(field: str) -> str:
    names = {
        "ack_policy": "--ack",
        "replay_policy": "--replay",
        "filters": "--filter",
        "ack_wait": "--wait",
        "mem_storage": "--memory",
        "num_replicas": "--replicas",
        "idle_heartbeat": "--heartbeat",
        "rate_limit_bps": "--bps",
        "backoff_mode": "--backoff",
        "max_ack_pending": "--max-pending",
        "max_batch": "--max-pull-batch",
        "max_expires": "--max-pull-expire",
        "max_bytes": "--max-pull-bytes",
    }
    return names.get(field) or "--" + field.replace("_", "-")
