"""The protocol of a connection as log lines, for `-V` and `trace: true`.

Owns the splitting of both byte streams into operations and payloads, and the form of the lines. It
stands between a transport and a connection, so nothing of it is in the path of a server that does
not trace. Knows nothing of subjects: it shows what was said, not what became of it.

    transport ── TracedProtocol ──► Connection        <<- [PUB foo 5]
        ▲                              │              <<- MSG_PAYLOAD: ["hello"]
        └────── TracedTransport ◄──────┘              ->> [MSG foo 1 5]

Secrets of a CONNECT are replaced. Invariant: a direction keeps at most `LINE_MAX` bytes of a line
and `SHOWN_MAX` of a payload; one that can not be split any more is not shown any more.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import cast

from isthmus.server.logs import Log, quoted, redact

LINE_MAX = 64 * 1024
SHOWN_MAX = 64 * 1024

_IN, _OUT = "<<-", "->>"
_WITH_PAYLOAD = frozenset({b"PUB", b"HPUB", b"MSG", b"HMSG"})


class Splitter:
    """One direction: bytes in pieces to lines and payloads."""

    def __init__(self, arrow: str, shown_max: int = 0) -> None:
        self._arrow = arrow
        self._shown_max = min(shown_max or SHOWN_MAX, SHOWN_MAX)
        self._line = bytearray()
        self._payload = bytearray()
        self._payload_size = 0
        self._left = 0  # bytes of the payload and its line end that are still to come
        self._lost = False

    def feed(self, data: bytes) -> Iterator[str]:
        """What these bytes complete."""
        start = 0
        while start < len(data) and not self._lost:
            if self._left:
                start = self._take_payload(data, start)
                if not self._left and self._payload_size:
                    yield self._payload_line()
                continue
            end = data.find(b"\n", start) + 1
            self._line += data[start : end or None]
            start = end or len(data)
            if len(self._line) > LINE_MAX:
                self._lost = True
            elif end:
                line = self._line_text(bytes(self._line).strip(b"\r\n"))
                self._line.clear()
                if line:
                    yield line

    def _take_payload(self, data: bytes, start: int) -> int:
        """Take what belongs to the payload; where the rest begins."""
        end = min(len(data), start + self._left)
        visible = max(self._left - 2, 0)  # the line end is not shown
        room = self._shown_max + 1 - len(self._payload)
        self._payload += data[start : min(end, start + visible, start + room)]
        self._left -= end - start
        return end

    def _payload_line(self) -> str:
        shown = quoted(bytes(self._payload), self._shown_max)
        self._payload.clear()
        return f"{self._arrow} MSG_PAYLOAD: [{shown}]"

    def _line_text(self, line: bytes) -> str:
        words = line.split(maxsplit=1)  # at blanks and tabs alike
        verb = words[0].upper() if words else b""
        rest = words[1].rstrip() if len(words) > 1 else b""
        if verb == b"INFO":
            return ""
        if verb == b"CONNECT":
            rest = redact(rest)
        if verb in _WITH_PAYLOAD:
            self._expect(rest)
        if verb == b"+OK":
            verb = b"OK"
        if verb == b"-ERR":
            rest = rest.strip(b"'")
        text = (verb + b" " + rest).strip().decode("utf-8", "backslashreplace")
        return f"{self._arrow} [{text}]" if text else ""

    def _expect(self, arguments: bytes) -> None:
        """The last argument is the size of the payload that follows."""
        words = arguments.split()
        digits = words[-1] if words else b""
        if not digits.isdigit() or len(digits) > 18:
            self._lost = True  # the connection ends here
            return
        self._payload_size = int(digits)
        self._left = self._payload_size + 2


class TracedProtocol(asyncio.BufferedProtocol):
    """A connection whose words are logged while `wanted()`; `who()` names it at the moment."""

    def __init__(
        self,
        inner: asyncio.BufferedProtocol,
        log: Log,
        *,
        who: Callable[[], str],
        wanted: Callable[[], bool],
        shown_max: int = 0,
    ) -> None:
        self._inner = inner
        self._log = log
        self._who = who
        self._wanted = wanted
        self._received = Splitter(_IN, shown_max)
        self._sent = Splitter(_OUT, shown_max)
        self._view = memoryview(b"")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Stand between the connection and its transport."""
        traced = TracedTransport(cast("asyncio.Transport", transport), self._note_sent)
        self._inner.connection_made(cast("asyncio.BaseTransport", traced))

    def get_buffer(self, sizehint: int) -> memoryview:
        """The connection's own, remembered."""
        self._view = memoryview(self._inner.get_buffer(sizehint))
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """First the line, then what comes of it."""
        self._note(self._received.feed(bytes(self._view[:nbytes])))
        self._inner.buffer_updated(nbytes)

    def eof_received(self) -> bool | None:
        """As without a trace."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """As without a trace."""
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """As without a trace."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """As without a trace."""
        self._inner.resume_writing()

    def _note_sent(self, data: bytes) -> None:
        self._note(self._sent.feed(data))

    def _note(self, lines: Iterator[str]) -> None:
        for line in lines:  # consumed even when nobody wants to see them: the splitter must follow
            if self._log.tracing and self._wanted():
                self._log.trace(f"{self._who()} - {line}")


class TracedTransport:
    """A transport that tells what is written.

    It has no socket: what knew the socket would write around it.
    """

    def __init__(
        self,
        inner: asyncio.Transport,
        note: Callable[[bytes], None],
    ) -> None:
        self._inner = inner
        self._note = note

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def get_extra_info(self, name: str, default: object = None) -> object:
        """What the inner one knows, but for the socket."""
        return default if name == "socket" else self._inner.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Note it, and send it."""
        self._note(bytes(data))
        self._inner.write(data)
