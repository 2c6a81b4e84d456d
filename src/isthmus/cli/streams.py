"""Where a command reads from and prints to.

Owns the three text streams of one run and the answer to "is this a terminal". Knows no command and
no layout (`tables.py` has those). Invariant: a command prints through its `Streams` and nothing
else, so a test that hands in its own sees every byte.
"""

import io
import sys
from typing import Any, TextIO

import msgspec

from isthmus.base.values import to_json


class Streams:
    """Input, output and error of one run. Reports go to `out`, complaints to `err`."""

    def __init__(self, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr

    @classmethod
    def of_process(cls) -> "Streams":
        """The streams of this process."""
        return cls(sys.stdin, sys.stdout, sys.stderr)

    @property
    def is_terminal(self) -> bool:
        """True if a person can be asked: both input and output are terminals."""
        return self.stdin.isatty() and self.stdout.isatty()

    def out(self, text: str = "") -> None:
        """Print one or more lines of the report."""
        self.stdout.write(text + "\n")

    def err(self, text: str = "") -> None:
        """Print one or more lines that are not the report: errors, hints, progress."""
        self.stderr.write(text + "\n")

    def json(self, value: Any) -> None:
        """Print `value` as one line of JSON."""
        self.out(to_json(value).decode())

    def json_pretty(self, value: Any, *, indent: int = 2) -> None:
        """Print `value` as indented JSON."""
        self.out(msgspec.json.format(to_json(value), indent=indent).decode())

    def out_bytes(self, data: bytes) -> None:
        """Write a message body as it is, after what was printed before it."""
        self.stdout.flush()
        raw = getattr(self.stdout, "buffer", None)
        if raw is None:
            self.stdout.write(data.decode(errors="backslashreplace"))
        else:
            raw.write(data)
            raw.flush()

    def read_bytes(self) -> bytes:
        """All of the input."""
        raw = getattr(self.stdin, "buffer", None)
        return self.stdin.read().encode() if raw is None else raw.read()

    def flush(self) -> None:
        """Hand everything to the operating system, the report first."""
        self.stdout.flush()
        self.stderr.flush()


class RecordedStreams(Streams):
    """Streams in memory, for tests and for commands that run commands."""

    def __init__(self, stdin: str = "") -> None:
        self.recorded_out = io.StringIO()
        self.recorded_err = io.StringIO()
        super().__init__(io.StringIO(stdin), self.recorded_out, self.recorded_err)

    @property
    def out_text(self) -> str:
        """What was printed as the report."""
        return self.recorded_out.getvalue()

    @property
    def err_text(self) -> str:
        """What was printed beside it."""
        return self.recorded_err.getvalue()
