"""What is wrong with a configuration, and where.

A finding names the place, what stands there and what would be right. A column counts bytes from
the line's start; on the first line it starts at 0 and on all others at 1, as nats-server counts.
"""

from collections.abc import Sequence

from isthmus.base.errors import UsageError
from isthmus.base.values import Value


class Position(Value):
    """A place in a configuration text. `file` is empty for a text that came from no file."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        place = f"{self.line}:{self.column}"
        return f"{self.file}:{place}" if self.file else place


class Finding(Value):
    """One thing that is wrong; a warning lets the server start, an error does not."""

    text: str
    position: Position | None = None
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.position}: {self.text}" if self.position else self.text


class ConfigError(UsageError):
    """A configuration that cannot be used: one line for each finding."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        assert findings
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = tuple(findings)


def refuse(text: str, position: Position | None = None) -> ConfigError:
    """A `ConfigError` with one finding, to be raised."""
    return ConfigError([Finding(text=text, position=position)])
