"""How `list operators`, `accounts` and `users` print: a table or JSON, the current one in bold."""

import msgspec

from isthmus.base.values import Value
from isthmus.cli.nsc.report import Report
from isthmus.cli.tables import ascii_table

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


def _bold(text: str, current: bool) -> str:
    return f"{_BOLD}{text}{_PLAIN}" if current else text
