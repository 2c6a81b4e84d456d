"""From the flags of `nats stream add` to a stream's configuration.

Owns what each flag means, what `--defaults` answers, and which flags may stand beside `--config`.
Options that have a field of the configuration as their name are that field; the server checks it.
"""

from typing import Any

import msgspec

from isthmus.base.values import NS_PER_S, Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import require_name, saying
from isthmus.cli.nats.config_files import load_config, split_list
from isthmus.cli.nats.records import (
    ConsumerLimits,
    Placement,
    Republish,
    StreamConfig,
    StreamSource,
    SubjectTransform,
)
from isthmus.cli.nats.session import Session

_DUPLICATE_WINDOW_NS = 120 * NS_PER_S
_STORAGE = {"f": "file", "m": "memory"}
_RETENTION = {"workq": "workqueue", "work": "workqueue"}

# What the original asks for, one by one, where `--defaults` does not answer.
_ASKED = (
    *("storage", "num_replicas", "retention", "discard", "max_msgs", "max_msgs_per_subject"),
    *("max_bytes", "max_age", "max_msg_size", "duplicate_window"),
)
_FLAG_NAMES = {
    "num_replicas": "--replicas",
    "duplicate_window": "--dupe-window",
    "origins": "--source",
}
_WITH_CONFIG = ("subjects", "tag", "cluster", "description", "num_replicas")


class _Source(StreamSource, omit_defaults=True, forbid_unknown_fields=True):
    """The same as text, in which a mistyped field is not passed over."""


class Options(Value):
    """The flags; None where nothing was said."""

    stream: str | None = None
    config: str | None = None
    defaults: bool = False
    as_json: bool = False
    subjects: tuple[str, ...] = ()
    description: str | None = None
    storage: str | None = None
    compression: str | None = None
    num_replicas: int | None = None
    tag: tuple[str, ...] = ()
    cluster: str | None = None
    ack: bool | None = None
    retention: str | None = None
    discard: str | None = None
    discard_new_per_subject: bool | None = None
    first_seq: int | None = None
    max_age: int | None = None
    max_bytes: int | None = None
    max_consumers: int | None = None
    max_msg_size: int | None = None
    max_msgs: int | None = None
    max_msgs_per_subject: int | None = None
    duplicate_window: int | None = None
    allow_atomic: bool | None = None
    allow_batched: bool | None = None
    allow_msg_counter: bool | None = None
    allow_rollup_hdrs: bool | None = None
    deny_delete: bool | None = None
    deny_purge: bool | None = None
    allow_direct: bool | None = None
    allow_msg_ttl: bool | None = None
    allow_msg_schedules: bool | None = None
    subject_delete_marker_ttl: int | None = None
    transform_source: str | None = None
    transform_destination: str | None = None
    republish_source: str | None = None
    republish_destination: str | None = None
    republish_headers: bool | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    mirror: str | None = None
    origins: tuple[str, ...] = ()
    limit_consumer_inactive: int | None = None
    limit_consumer_max_pending: int | None = None
    persist_mode: str | None = None


def stream_config(options: Options, session: Session) -> StreamConfig:
    """The configuration that the flags or the file describe."""
    config = _from_file(options, session) if options.config else _from_flags(options)
    if not config.name:
        raise CommandError("invalid input: no Stream name supplied")
    with saying("could not create Stream: "):
        require_name("stream", config.name)
    return config


def changed_config(options: Options, config: StreamConfig) -> StreamConfig:
    """`config` with what the flags say."""
    fields = _said(options) | _pairs(options)
    fields.pop("name", None)
    if options.ack is not None:
        fields["no_ack"] = not options.ack
    placement = _placement(options, config.placement)
    return msgspec.structs.replace(config, **fields, placement=placement)


def _said(options: Options) -> dict[str, Any]:
    """The fields of the configuration that flags name directly."""
    fields = {
        name: value
        for name in StreamConfig.__struct_fields__
        if (value := getattr(options, name, None)) is not None and value != ()
    }
    if options.mirror is not None:
        fields["mirror"] = parse_source(options.mirror, "--mirror")
    if options.origins:
        fields["sources"] = [parse_source(text, "--source") for text in options.origins]
    if options.subjects:
        fields["subjects"] = split_list(options.subjects)
    if options.metadata:
        fields["metadata"] = dict(options.metadata)
    if "storage" in fields:
        fields["storage"] = _STORAGE.get(fields["storage"], fields["storage"])
    if "retention" in fields:
        fields["retention"] = _RETENTION.get(fields["retention"], fields["retention"])
    return fields


def _from_file(options: Options, session: Session) -> StreamConfig:
    assert options.config
    silent = {"stream", "config", "defaults", "as_json", *_WITH_CONFIG}
    for field in Options.__struct_fields__:
        if field not in silent and getattr(options, field) not in {None, ()}:
            raise CommandError(
                f"{_flag(field)} cannot be given with --config",
                hint="with a file: --subjects --tag --cluster --description --replicas",
            )
    config = load_config(options.config, StreamConfig, session.log)
    fields = {name: value for name, value in _said(options).items() if name in _WITH_CONFIG}
    if options.stream:
        fields["name"] = options.stream
    return msgspec.structs.replace(
        config, **fields, placement=_placement(options, config.placement)
    )


def _from_flags(options: Options) -> StreamConfig:
    if not options.stream:
        raise CommandError("invalid input: no Stream name supplied")
    fields = _said(options)
    copies = options.mirror is not None or bool(options.origins)
    asked = [*(() if copies else ["subjects"]), *(() if options.defaults else _ASKED)]
    if options.mirror is not None and "duplicate_window" in asked:
        asked.remove("duplicate_window")  # a mirror drops no duplicates
    missing = [_flag(name) for name in asked if name not in fields]
    if missing:
        raise CommandError(
            f"invalid input: no value for {', '.join(missing)}",
            hint="--defaults answers all but --subjects; --config takes a file",
        )
    fields |= _pairs(options)
    window_ns = 0 if options.mirror is not None else _DUPLICATE_WINDOW_NS
    if fields.get("max_age"):
        window_ns = min(window_ns, fields["max_age"])
    unlimited = dict.fromkeys(
        ("max_consumers", "max_msgs", "max_msgs_per_subject", "max_bytes", "max_msg_size"), -1
    )
    defaults = {"num_replicas": 1, "allow_direct": True, "duplicate_window": window_ns, **unlimited}
    return StreamConfig(
        **{"name": options.stream, **defaults, **fields},
        no_ack=options.ack is False,
        placement=_placement(options, None),
        consumer_limits=ConsumerLimits(
            inactive_threshold=options.limit_consumer_inactive or 0,
            max_ack_pending=options.limit_consumer_max_pending or 0,
        ),
    )


def parse_source(text: str, flag: str) -> StreamSource:
    """A stream to copy from: its name, or an object with the fields that the API knows."""
    if not text.lstrip().startswith("{"):
        return StreamSource(name=text)
    try:
        source = msgspec.json.decode(text, type=_Source)
    except msgspec.MsgspecError as error:
        raise CommandError(f"invalid input: {flag}: {error}") from None
    if not source.name:
        raise CommandError(f"invalid input: {flag}: name is required")
    return StreamSource(**msgspec.structs.asdict(source))


def _pairs(options: Options) -> dict[str, Any]:
    """The fields that two flags name together."""
    if (options.transform_source is None) != (options.transform_destination is None):
        raise CommandError("--transform-source and --transform-destination are given together")
    if (options.republish_source is None) != (options.republish_destination is None):
        raise CommandError("--republish-source and --republish-destination are given together")
    fields: dict[str, Any] = {}
    if options.transform_destination is not None:
        fields["subject_transform"] = SubjectTransform(
            src=options.transform_source or "", dest=options.transform_destination
        )
    if options.republish_destination is not None:
        fields["republish"] = Republish(
            src=options.republish_source or "",
            dest=options.republish_destination,
            headers_only=bool(options.republish_headers),
        )
    return fields


def _placement(options: Options, saved: Placement | None) -> Placement | None:
    if not options.cluster and not options.tag:
        return saved
    return Placement(
        cluster=options.cluster or (saved.cluster if saved else ""), tags=list(options.tag)
    )


def _flag(field: str) -> str:
    return _FLAG_NAMES.get(field) or "--" + field.replace("_", "-")
