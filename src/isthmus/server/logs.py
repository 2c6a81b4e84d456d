"""Log lines, in the form nats-server's have.

    [4711] 2026/01/31 12:00:00.000001 [INF] Server is ready
    [4711] 2026/01/31 12:00:00.000001 [ERR] 127.0.0.1:50124 - cid:7 - authentication error

Owns where lines go (a file, or stderr with colours if it is a terminal) and which levels are
written. Knows nothing of servers; the process id, the clock and the stream come from outside. One
call writes one line in one write, so lines of several processes in one file do not mix. A line that
can not be written (a full disk) is counted in `lost`, never an error of the caller.

Texts are one line: whatever a client sent is escaped before it gets here (`quoted`), and secrets in
a CONNECT are replaced (`redact`).
"""

import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable
from typing import IO

from isthmus.base.errors import UsageError
from isthmus.config import Options

FILE_MODE = 0o640

_COLOURS = {"INF": "32", "DBG": "36", "WRN": "0;93", "ERR": "31", "FTL": "31", "TRC": "33"}
_SECRETS = frozenset({"pass", "auth_token", "nkey", "sig", "proxy_sig"})
_STRING = r'"(?:[^"\\]|\\.)*"'
_FIELD = re.compile(rf"({_STRING})(\s*:\s*)({_STRING}|[^,}}\s]+)".encode())
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNQUOTED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029\udc80-\udcff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Log:
    """Where a server writes what happens. `debugging` and `tracing` say what would be written."""

    def __init__(
        self,
        stream: IO[str] | None = None,
        *,
        path: str = "",
        debug: bool = False,
        trace: bool = False,
        with_time: bool = True,
        utc: bool = False,
        pid: int | None = None,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.debugging = debug
        self.tracing = trace
        self.lost = 0
        self._path = path
        self._with_time = with_time
        self._utc = utc
        self._prefix = f"[{os.getpid() if pid is None else pid}] "
        self._wall_ns = wall_ns
        self._stream = stream or sys.stderr
        self._file = _open(path) if path else -1
        self._second = -1
        self._second_text = ""
        coloured = not path and self._stream.isatty()
        self._labels = {
            level: f"[\x1b[{colour}m{level}\x1b[0m] " if coloured else f"[{level}] "
            for level, colour in _COLOURS.items()
        }

    @classmethod
    def from_options(cls, options: Options) -> "Log":
        """The log that `options` ask for. Raises `UsageError` if the file can not be opened."""
        return cls(
            path=options.log_file,
            debug=options.debug,
            trace=options.trace,
            with_time=options.logtime,
            utc=options.logtime_utc,
        )

    def info(self, text: str) -> None:
        """What an operator wants to know."""
        self._write("INF", text)

    def warn(self, text: str) -> None:
        """What may become a problem."""
        self._write("WRN", text)

    def error(self, text: str, cause: BaseException | None = None) -> None:
        """What went wrong. With `cause`, where in the code it did is a debug line."""
        self._write("ERR", text)
        if cause is not None and self.debugging:
            where = "".join(traceback.format_tb(cause.__traceback__))
            self._write("DBG", where.replace("\n", " | "))

    def fatal(self, text: str) -> None:
        """What ends the server. Ending it is the caller's."""
        self._write("FTL", text)

    def debug(self, text: str) -> None:
        """What a developer wants to know."""
        if self.debugging:
            self._write("DBG", text)

    def trace(self, text: str) -> None:
        """A protocol line or payload. Ask `tracing` before making the text."""
        if self.tracing:
            self._write("TRC", text)

    def reconfigure(self, options: Options) -> None:
        """Take levels, times and file of `options` (a reload)."""
        if options.log_file != self._path:
            file = _open(options.log_file) if options.log_file else -1
            self.close()
            self._file, self._path = file, options.log_file
        self.debugging, self.tracing = options.debug, options.trace
        self._with_time, self._utc = options.logtime, options.logtime_utc

    def reopen(self) -> None:
        """Open the file again by its name, after it was renamed away (SIGUSR1)."""
        if not self._path:
            self.info("File log re-open ignored, not a file logger")
            return
        try:
            file = _open(self._path)
        except UsageError as error:
            self.error(str(error))  # the old file stays open: better there than nowhere
            return
        self.close()
        self._file = file
        self.info("File log re-opened")

    def close(self) -> None:
        """Let go of the file; later lines go to the stream."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, level: str, text: str) -> None:
        line = f"{self._prefix}{self._time()}{self._labels[level]}{_CONTROL.sub(_escaped, text)}\n"
        try:
            if self._file >= 0:
                os.write(self._file, line.encode("utf-8", "replace"))
            else:
                self._stream.write(line)
                self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1

    def _time(self) -> str:
        if not self._with_time:
            return ""
        second, rest_ns = divmod(self._wall_ns(), 1_000_000_000)
        if second != self._second:  # many lines fall into one second
            parts = time.gmtime(second) if self._utc else time.localtime(second)
            self._second = second
            self._second_text = time.strftime("%Y/%m/%d %H:%M:%S", parts)
        return f"{self._second_text}.{rest_ns // 1000:06d} "


def redact(connect: bytes) -> bytes:
    """The JSON of a CONNECT with its secrets replaced; the rest stays as it was sent."""
    return _FIELD.sub(_redacted, connect)


def quoted(data: bytes, most: int = 0) -> str:
    """Bytes of a client as one line of text; at most `most` of them if that is not 0."""
    shown = data[:most] if 0 < most < len(data) else data
    text = _UNQUOTED.sub(_escaped, shown.decode("utf-8", "surrogateescape"))
    return f'"{text}{"..." if len(shown) < len(data) else ""}"'


def _redacted(match: re.Match[bytes]) -> bytes:
    try:
        key = str(json.loads(match[1])).lower()
    except ValueError:
        key = ""
    return match[1] + match[2] + b'"[REDACTED]"' if key in _SECRETS else match[0]


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"error opening file: open {path}: {reason}") from None
