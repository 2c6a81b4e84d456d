"""How message bodies and headers are printed, and where the body of a message comes from.

Owns the empty lines around a body, which scripts count. Knows no subject and no connection.
"""

from collections.abc import Iterator, Mapping, Sequence

from isthmus.base.subjects import valid_literal
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.session import Session
from isthmus.cli.streams import Streams


def print_body(streams: Streams, data: bytes) -> None:
    """A body as `request`, `sub` and `stream get` show it: then one or two empty lines."""
    if not data:
        streams.out("nil body\n\n")
        return
    streams.out_bytes(data)
    streams.out("" if data.endswith(b"\n") else "\n\n")


def print_line(streams: Streams, data: bytes) -> None:
    """A body and a newline, nothing else."""
    streams.out_bytes(data)
    streams.out()


def parse_header_flags(texts: Sequence[str]) -> dict[str, str] | None:
    """`K:V` flags as headers; None without any."""
    headers: dict[str, str] = {}
    for text in texts:
        key, colon, value = text.partition(":")
        key, value = key.strip(), value.strip()
        if not colon or not key:
            raise CommandError(f'invalid header "{text}"', hint="a header is NAME:VALUE")
        if key in headers:
            raise CommandError(
                f'header "{key}" is given twice', hint="one value for each name can be sent"
            )
        headers[key] = value
    return headers or None


def header_lines(headers: Mapping[str, str] | None) -> list[str]:
    """`K: V`, one line each."""
    return [f"{key}: {value}" for key, value in (headers or {}).items()]


def bodies(
    session: Session, body: str | None, *, forced: bool, send_on: str, quiet: bool
) -> Iterator[bytes]:
    """The bodies to send: the one given, or what the input holds, whole or line by line.

    A body on the command line never consumes the input, unless that is `forced`.
    """
    streams = session.streams
    if not forced and (body is not None or _input_is_a_lone_terminal(streams)):
        yield (body or "").encode()
        return
    if not quiet:
        session.log("Reading payload from STDIN")
    if send_on == "eof":
        yield streams.read_bytes()
        return
    for line in getattr(streams.stdin, "buffer", streams.stdin):
        text = line if isinstance(line, bytes) else line.encode()
        yield text.removesuffix(b"\n").removesuffix(b"\r")


def _input_is_a_lone_terminal(streams: Streams) -> bool:
    """True if a person sits at the input but the output goes elsewhere: nobody would be asked."""
    return streams.stdin.isatty() and not streams.is_terminal


def require_literal(subject: str) -> str:
    """`subject`, if a message may be sent to it."""
    if not valid_literal(subject):
        raise CommandError(
            "nats: invalid subject",
            hint=f'"{subject}": tokens between dots, without blanks and wildcards',
        )
    return subject
