"""Stream and consumer configurations from files: `--config FILE`.

Owns reading one JSON document into a config struct, and what is said when it does not fit. A file
holds the configuration itself, or an object whose `config` is it (what `info --json` prints).
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.records import HIDDEN_METADATA, ConsumerConfig, Record, StreamConfig

C = TypeVar("C", StreamConfig, ConsumerConfig)

_ENUMS = {
    "retention": ("limits", "interest", "workqueue"),
    "storage": ("file", "memory"),
    "discard": ("old", "new"),
    "compression": ("none", "s2"),
    "ack_policy": ("none", "all", "explicit", "flow_control"),
    "deliver_policy": (
        *("all", "last", "new", "last_per_subject"),
        *("by_start_sequence", "by_start_time"),
    ),
    "replay_policy": ("instant", "original"),
}


def load_config(path: str, kind: type[C], warn: Callable[[str], None]) -> C:
    """Read a configuration; a key that is none is warned of, not obeyed."""
    try:
        document = msgspec.json.decode(Path(path).read_bytes())
    except OSError as error:
        raise CommandError(f"invalid input: {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"invalid input: {path} holds no JSON: {error}") from None
    if not isinstance(document, dict):
        raise CommandError(f"invalid input: {path} holds no JSON object")
    inner = document.get("config")
    raw = inner if isinstance(inner, dict) else document
    unknown = sorted(set(raw) - set(kind.__struct_fields__))
    if unknown:
        warn(f"{path}: not part of a configuration, left out: {', '.join(unknown)}")
    try:
        config = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise CommandError(f"invalid input: {path}: {error}") from None
    _require_enums(config, path)
    visible = {
        key: value for key, value in config.metadata.items() if not key.startswith(HIDDEN_METADATA)
    }
    return msgspec.structs.replace(config, metadata=visible)


def _require_enums(config: Record, path: str) -> None:
    for field, values in _ENUMS.items():
        value = getattr(config, field, None)
        if value and value not in values:
            raise CommandError(
                f'invalid input: {path}: {field} "{value}" is none of {", ".join(values)}'
            )


def split_list(texts: tuple[str, ...]) -> list[str]:
    """The parts of a list flag: repeated, or separated by commas or blanks."""
    return [part for text in texts for part in text.replace(",", " ").split()]
