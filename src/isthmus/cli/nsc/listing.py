"""How lists print: names with their keys as a table or JSON, revocations as a table.

Pure layout; knows no store. The current entry stands in bold, rows of revocations are sorted.
"""

from collections.abc import Mapping
from datetime import tzinfo

import msgspec

from isthmus.base.values import Value
from isthmus.cli.nsc.moments import format_rfc1123
from isthmus.cli.nsc.report import Report
from isthmus.cli.tables import ascii_table
from isthmus.identity.revocations import EVERYBODY

_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


class Entry(Value):
    """One line of a list."""

    name: str
    public_key: str


def list_report(title: str, entries: list[Entry], current: str, *, json: bool) -> Report:
    """The list, on the error stream as the original prints it."""
    report = Report()
    if json:
        text = msgspec.json.format(msgspec.json.encode(entries or None), indent=1).decode()
        report.notes.append(text)
        return report
    rows = [
        tuple(_bold(text, entry.name == current) for text in (entry.name, entry.public_key))
        for entry in entries
    ]
    headers = ["Name", "Public Key"] if rows else []
    table = ascii_table(title, headers, rows or [("No entries defined",)])
    report.notes += [*table.splitlines(), ""]
    return report


def revocation_table(
    title: str, revocations: Mapping[str, int], everybody: str, zone: tzinfo | None
) -> str:
    """Whose claims do not count, and until when they were issued; the row for all comes first."""
    rows = [
        (f"* [{everybody}]" if key == EVERYBODY else key, format_rfc1123(at_s, zone))
        for key, at_s in sorted(revocations.items())
    ]
    return ascii_table(title, ["Public Key", "Revoke Credentials Before"], rows) + "\n\n"


def _bold(text: str, current: bool) -> str:
    return f"{_BOLD}{text}{_PLAIN}" if current else text
