"""URLs inside claims: what is wrong with them, in the words of the original library.

Owns a reading of URLs that refuses what Go's parser refuses, for the few places where a token holds
one. Nothing is ever fetched here.
"""

import re

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.identity.findings import Findings, error

INFO_CHARS_MAX = 8 * 1024
SERVICE_SCHEMES = ("nats", "tls", "ws", "wss")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:\d*)?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BAD_IN_HOST = re.compile(r"[ \"<>\\^`{|}]")


class Url(Value):
    """The parts that rules ask for."""

    scheme: str = ""
    credentials: bool = False
    host: str = ""
    path: str = ""


def parse_url(text: str) -> Url:
    """The parts of a URL; raise `ValueError` with one clear line."""
    if any(char < " " or char == "\x7f" for char in text):
        raise _refused(text, "net/url: invalid control character in URL")
    if text.startswith(":"):
        raise _refused(text, "missing protocol scheme")
    rest = text.partition("#")[0]
    match = _SCHEME.fullmatch(rest)
    scheme, rest = (match[1].lower(), match[2]) if match else ("", rest)
    rest = rest.partition("?")[0]
    if not rest.startswith("/"):
        if not scheme and ":" in rest.partition("/")[0]:
            raise _refused(text, "first path segment in URL cannot contain colon")
        return Url(scheme=scheme, path="" if scheme else _path(text, rest))
    if not rest.startswith("//") or rest.startswith("///"):
        return Url(scheme=scheme, path=_path(text, rest))
    authority, slash, path = rest[2:].partition("/")
    _, at, address = authority.rpartition("@")
    host = _HOST.fullmatch(address)
    if host is None:
        port = quote(":" + address.rpartition(":")[2])
        raise _refused(text, f"invalid port {port} after host")
    wrong = _BAD_IN_HOST.search(host[1])
    if wrong:
        raise _refused(text, f"invalid character {quote(wrong[0])} in host name")
    _path(text, authority)
    return Url(
        scheme=scheme,
        credentials=bool(at),
        host=host[1].strip("[]"),
        path=_path(text, slash + path),
    )


def _path(text: str, part: str) -> str:
    wrong = _BAD_ESCAPE.search(part)
    if wrong:
        escape = quote(part[wrong.start() : wrong.start() + 3])
        raise _refused(text, f"invalid URL escape {escape}")
    return part


def _refused(text: str, why: str) -> ValueError:
    return ValueError(f"parse {quote(text)}: {why}")


def check_info(description: str, info_url: str) -> Findings:
    """The two texts that people may read about an account or an export."""
    if len(description.encode()) > INFO_CHARS_MAX:
        yield error("Description is too long")
    if not info_url:
        return
    if len(info_url.encode()) > INFO_CHARS_MAX:
        yield error("Info URL is too long")
    try:
        url = parse_url(info_url)
    except ValueError as complaint:
        yield error(f"error parsing info url: {complaint}")
        return
    if not url.host or not url.scheme:
        yield error("error parsing info url: no hostname or scheme")


def check_account_server_url(text: str) -> Findings:
    """Where account tokens are fetched from: anything with a scheme."""
    if not text:
        return
    try:
        url = parse_url(text)
    except ValueError as complaint:
        yield error(f"error parsing account server url: {complaint}")
        return
    if not url.scheme:
        yield error(f"account server url {quote(text)} requires a protocol")


def check_service_url(text: str) -> Findings:
    """Where tools connect to: a NATS scheme, a host, and no more."""
    if not text:
        return
    name = quote(text)
    try:
        url = parse_url(text)
    except ValueError as complaint:
        yield error(f"error parsing operator service url {name}: {complaint}")
        return
    if url.credentials:
        yield error(f"operator service url {name} - credentials are not supported")
    elif url.path:
        yield error(f"operator service url {name} - paths are not supported")
    elif url.scheme not in SERVICE_SCHEMES:
        yield error(
            f"operator service url {name} - protocol not supported"
            " (only 'nats', 'tls', 'ws', 'wss' only)"
        )
