"""The template functions of `pub`, `request` and `reply`: `{{Count}}`, `{{Random 10 100}}` …

Knows the functions, with or without the leading dot, and nothing else of Go's template language: a
text that uses more is sent as it is, and the caller says so.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from isthmus.base.nuid import ALPHABET, make_nuid
from isthmus.base.values import NS_PER_S

_CALL = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_LENGTH_MAX = 10_000_000


class TemplateError(ValueError):
    """A text uses what is not understood here."""


class OsEntropy:
    """Random bytes of the operating system."""

    def bytes(self, count: int, /) -> bytes:
        """`count` random bytes."""
        return secrets.token_bytes(count)


def render(text: str, *, count: int, wall_ns: int, extra: Mapping[str, str] | None = None) -> str:
    """`text` with its calls replaced; `count` is the number of the message.

    `extra` are names that mean something here only, as `Request` does in a reply.
    """
    if "{{" not in text:
        return text
    own = extra or {}

    def value(found: re.Match[str]) -> str:
        name = found[1].removeprefix(".")
        return own[name] if name in own else _value(found[1], count, wall_ns)

    out = _CALL.sub(value, text)
    rest = _CALL.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise TemplateError("unclosed action")
    return out


def _value(call: str, count: int, wall_ns: int) -> str:
    name, *arguments = call.removeprefix(".").split() or [""]
    if name == "Random":
        return _random(arguments)
    if arguments or not name:
        raise TemplateError(f'"{call}" is not understood')
    moment = datetime.fromtimestamp(wall_ns // NS_PER_S, UTC).astimezone()
    known = {
        "Count": str(count),
        "Cnt": str(count),
        "Unix": str(wall_ns // NS_PER_S),
        "UnixNano": str(wall_ns),
        "TimeStamp": moment.isoformat().replace("+00:00", "Z"),
        "Time": f"{int(f'{moment:%I}')}:{moment:%M%p}",
        "ID": make_nuid(OsEntropy()),
    }
    if name not in known:
        raise TemplateError(f'function "{name}" not defined')
    return known[name]


def _random(arguments: list[str]) -> str:
    if len(arguments) != 2 or not all(text.isdigit() for text in arguments):
        raise TemplateError("Random takes two lengths: Random 10 100")
    shortest, longest = int(arguments[0]), int(arguments[1])
    if not shortest <= longest <= _LENGTH_MAX:
        raise TemplateError(
            f"Random {shortest} {longest}: want shortest <= longest <= {_LENGTH_MAX}"
        )
    length = shortest + secrets.randbelow(longest - shortest + 1)
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
