"""How `nats sub` shows a message: as lines, as its body alone, through a program, or in a file.

Owns the printed forms and the file of `--dump`. Knows neither where a message comes from nor when
the run ends: whoever received it says what stands in its first line.
"""

import base64
import os
from pathlib import Path

from nats.aio.msg import Msg

from isthmus.base.values import Value, format_duration, to_json
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.bodies import header_lines, print_body, print_line
from isthmus.cli.nats.formats import stamp_time
from isthmus.cli.nats.programs import run_program, split_command
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.templates import render

_DOT_EVERY = 100


class Style(Value):
    """The flags about showing."""

    raw: bool = False
    headers_only: bool = False
    subjects_only: bool = False
    timestamp: bool = False
    delta_time: bool = False
    translate: str = ""
    dump: str = ""

    @property
    def quiet(self) -> bool:
        """True if nothing but messages may be printed."""
        return self.raw or bool(self.dump)


class Arrival(Value):
    """One message, and what is known of it: its number in this run, in its stream, its time."""

    message: Msg
    number: int
    title: str  # `Received on "x"`
    moment_ns: int
    seq: int = 0
    stream: str = ""
    suffix: str = ""  # of its file, `_reply` for the reply of a request


class Printer:
    """Shows the messages of one run."""

    def __init__(self, session: Session, style: Style) -> None:
        self._session = session
        self._style = style
        self._started_ns = session.wall_ns()
        self._dumped = 0
        if style.translate:
            split_command(style.translate)
        if style.dump and style.dump != "-":
            try:
                Path(style.dump).mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise CommandError(f"--dump {style.dump}: {error.strerror}") from None

    async def show(self, arrival: Arrival) -> None:
        """Print or store one message."""
        if self._style.dump:
            self._dump(arrival)
        elif self._style.raw:
            await self._raw(arrival)
        else:
            await self._lines(arrival)
        self._session.streams.flush()

    async def _raw(self, arrival: Arrival) -> None:
        body = await self._body(arrival)
        if body.endswith(b"\n"):
            self._session.streams.out_bytes(body)
        else:
            print_line(self._session.streams, body or b"nil body")

    async def _lines(self, arrival: Arrival) -> None:
        style, streams = self._style, self._session.streams
        moment = ""
        if style.timestamp:
            moment = f" @ {stamp_time(arrival.moment_ns)}"
        elif style.delta_time:
            moment = f" @ {format_duration(max(0, arrival.moment_ns - self._started_ns))}"
        streams.out(f"[#{arrival.number}]{moment} {arrival.title}")
        if style.subjects_only:
            return
        lines = header_lines(arrival.message.headers)
        for line in lines:
            streams.out(line)
        if lines:
            streams.out()
        if not style.headers_only:
            print_body(streams, await self._body(arrival))

    async def _body(self, arrival: Arrival) -> bytes:
        if not self._style.translate:
            return arrival.message.data
        return await translated(
            self._style.translate,
            arrival.message.data,
            subject=arrival.message.subject,
            stream=arrival.stream,
        )

    def _dump(self, arrival: Arrival) -> None:
        message, streams = arrival.message, self._session.streams
        headers = {key: [value] for key, value in (message.headers or {}).items()}
        document = to_json(
            {
                "Subject": message.subject,
                "Reply": message.reply,
                "Header": headers or None,
                "Data": base64.b64encode(message.data).decode(),
                "Sub": None,
            }
        )
        if self._style.dump == "-":
            streams.out_bytes(document + b"\x00")
            return
        name = f"{arrival.seq or arrival.number}{arrival.suffix}.json"
        _write(Path(self._style.dump) / name, document)
        self._dumped += 1
        if self._dumped % _DOT_EVERY == 0:
            streams.stdout.write(".")


def _write(path: Path, document: bytes) -> None:
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(document)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


async def translated(command: str, body: bytes, *, subject: str, stream: str = "") -> bytes:
    """What `command` makes of a body; if it fails, what it printed and why, as the body."""

    def fill(word: str) -> str:
        return render(word, count=0, wall_ns=0, extra={"Subject": subject, "Stream": stream})

    output, problem = await run_program(split_command(command, fill), body)
    if not problem:
        return output
    said = output.decode(errors="backslashreplace")
    return f'"{said}"\nError while translating msg body: {problem}\n'.encode()
