"""Information views: a heading, then labels and values aligned at the colon.

Pure layout; knows neither streams nor consumers. Labels are right-aligned to the longest label of
the whole view plus two columns; an indented part is moved as a whole.

    Information for Stream S created 2026-11-23 03:20:40
                                                              an empty line after the heading
                     Subjects: retail.>
                      Storage: File

    Limits:                                                   a section: an empty line around it

             Maximum Messages: unlimited
"""

from typing import TypeAlias

from isthmus.cli.tables import text_width

_Row: TypeAlias = tuple[str, str, int]  # label, value, indent
_Line: TypeAlias = _Row | str


class Columns:
    """One view, collected row by row."""

    def __init__(self, heading: str) -> None:
        self._heading = heading
        self._lines: list[_Line] = []

    def row(self, label: str, value: object, *, indent: int = 0) -> None:
        """Add a row. Booleans read as Go prints them; a list is joined by commas."""
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, list | tuple):
            text = ", ".join(str(part) for part in value)
        else:
            text = str(value)
        self._lines.append((label, text, indent))

    def row_if(self, label: str, value: object, *, indent: int = 0) -> None:
        """Add a row if there is something to say."""
        if value:
            self.row(label, value, indent=indent)

    def section(self, title: str, *, indent: int = 0) -> None:
        """Begin a section."""
        if self._lines and self._lines[-1] != "":
            self.blank()
        self._lines += [f"{' ' * indent}{title}:", ""]

    def text(self, line: str) -> None:
        """Add a line as it is."""
        self._lines.append(line)

    def blank(self) -> None:
        """Add an empty line."""
        self._lines.append("")

    def render(self) -> str:
        """The whole view, without a last newline."""
        width = 2 + max(
            (text_width(line[0]) for line in self._lines if not isinstance(line, str)), default=0
        )
        out = [self._heading, ""]
        for line in self._lines:
            if isinstance(line, str):
                out.append(line)
                continue
            label, value, indent = line
            space = " " * (indent + width - text_width(label))
            first, *more = value.split("\n")
            out.append(f"{space}{label}: {first}")
            out += [" " * (indent + width + 2) + part for part in more]
        return "\n".join(out)
