"""What an edit would change: the differing fields of two configurations, old and new.

Pure text.
"""

from isthmus.base.values import Value, to_json
from isthmus.cli.nats.records import HIDDEN_METADATA, ConsumerConfig, StreamConfig


def differences(old: StreamConfig | ConsumerConfig, new: StreamConfig | ConsumerConfig) -> str:
    """A line for each old and each new value; empty if nothing differs."""
    lines = []
    for field in old.__struct_fields__:
        before, after = _visible(getattr(old, field)), _visible(getattr(new, field))
        if before != after:
            lines += [f"- {field}: {_text(before)}", f"+ {field}: {_text(after)}"]
    return "\n".join(["Differences (-old +new):", *lines]) if lines else ""


def _visible(value: object) -> object:
    """Metadata without the server's own keys; anything else as it is."""
    if not isinstance(value, dict):
        return value
    return {key: text for key, text in value.items() if not key.startswith(HIDDEN_METADATA)}


def _text(value: object) -> str:
    if isinstance(value, Value | dict | list | bool) or value is None:
        return to_json(value).decode()
    return str(value) if value != "" else '""'
