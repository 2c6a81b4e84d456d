"""The difference between two configurations, and which differences a running server can take.

Owns the list of options that can change while the server runs, and the words of the log for it.
Knows no server: `Reload.of` compares values, the caller applies them.
"""

import msgspec

from isthmus.base.errors import UsageError
from isthmus.base.values import Value, format_duration
from isthmus.config import Options

RELOADABLE = frozenset(
    {
        "debug",
        "trace",
        "trace_verbose",
        "logtime",
        "logtime_utc",
        "log_file",
        "max_traced_message",
        "max_connections",
        "ping_interval_ns",
        "ping_max",
        "write_deadline_ns",
        "lame_duck_duration_ns",
        "lame_duck_grace_ns",
    }
)
_UNSAID = frozenset({"config_file", "config_digest"})  # of the file, not of the server
_OPTION_NAMES = {
    "ping_interval_ns": "ping_interval",
    "write_deadline_ns": "write_deadline",
    "lame_duck_duration_ns": "lame_duck_duration",
    "lame_duck_grace_ns": "lame_duck_grace_period",
    "max_traced_message": "max_traced_msg_len",
}


class Reload(Value):
    """What changes, one log line for each option."""

    options: Options
    lines: tuple[str, ...]

    @classmethod
    def of(cls, old: Options, new: Options) -> "Reload":
        """From `old` to `new`; raise `UsageError` if that needs a restart."""
        lines = []
        for field in msgspec.structs.fields(Options):
            before, after = getattr(old, field.name), getattr(new, field.name)
            if before == after or field.name in _UNSAID:
                continue
            name = _OPTION_NAMES.get(field.name, field.name)
            if field.name not in RELOADABLE:
                detail = ""
                if isinstance(before, (str, int)):  # anything richer may hold secrets
                    detail = f": old={_shown(field.name, before)}, new={_shown(field.name, after)}"
                raise UsageError(f"config reload not supported for {name}{detail}")
            lines.append(f"Reloaded: {name} = {_shown(field.name, after)}")
        return cls(options=new, lines=tuple(lines))


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if name.endswith("_ns") and isinstance(value, int):
        return format_duration(value)
    return str(value)
