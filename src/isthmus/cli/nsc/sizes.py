"""Numbers with units, as flags take them and tables show them.

Pure text. A unit without `i` is a power of 1000 here, unlike in the server's configuration:
`10G` is 10 000 000 000 and `10GiB` is 10 737 418 240.
"""

import re

_NUMBER = re.compile(r"\s*(-?[\d,]*\.?\d*)\s*(.*?)\s*", re.DOTALL)
_LETTERS = "kmgtpe"
_UNITS = (
    {"": 1, "b": 1}
    | {letter + end: 1000 ** (i + 1) for i, letter in enumerate(_LETTERS) for end in ("", "b")}
    | {letter + end: 1024 ** (i + 1) for i, letter in enumerate(_LETTERS) for end in ("i", "ib")}
)
_SHOWN_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_INT64_MAX = (1 << 63) - 1


def parse_number(text: str) -> int:
    """A whole number: digits with `,` between them, decimals, a unit; empty is 0."""
    if not text.strip():
        return 0
    match = _NUMBER.fullmatch(text)
    assert match is not None  # the pattern takes any text
    digits = match[1].replace(",", "")
    if digits in {"", "-", ".", "-."}:
        raise ValueError(f"{text!r} is not a number (examples: -1, 1000, 64kb, 10GiB)")
    unit = _UNITS.get(match[2].lower())
    if unit is None:
        raise ValueError(f"unhandled size name: {match[2]}")
    value = int(digits) * unit if "." not in digits else int(float(digits) * unit)
    if abs(value) > _INT64_MAX:
        raise ValueError(f"{text!r} is too large (at most {_INT64_MAX})")
    return value


def format_bytes(count: int) -> str:
    """A size for people: `7 B`, `1.0 kB`, `10 GB`."""
    if count < 10:
        return f"{count} B"
    power = min(len(str(count)) - 1, 3 * (len(_SHOWN_UNITS) - 1)) // 3
    value = int(count / 1000**power * 10 + 0.5) / 10
    return (
        f"{value:.1f} {_SHOWN_UNITS[power]}" if value < 10 else f"{value:.0f} {_SHOWN_UNITS[power]}"
    )
