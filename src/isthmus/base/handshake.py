"""The two JSON documents of the protocol: INFO, which the server sends, and CONNECT, the answer.

Field order is the wire's, as nats-server 2.15.1 writes it; a field that is false, zero or empty is
left out. Absent CONNECT fields have the server's defaults, so `CONNECT {}` is verbose and pedantic.
"""

from __future__ import annotations

import msgspec

from isthmus.base.errors import ProtocolError


class ServerInfo(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """INFO of a client connection."""

    server_id: str
    server_name: str
    version: str
    proto: int
    git_commit: str = ""
    go: str
    host: str
    port: int
    headers: bool
    auth_required: bool = False
    tls_required: bool = False
    tls_verify: bool = False
    tls_available: bool = False
    max_payload: int
    jetstream: bool = False
    client_id: int = 0
    client_ip: str = ""
    nonce: str = ""
    cluster: str = ""
    domain: str = ""
    connect_urls: tuple[str, ...] = ()
    ldm: bool = False
    connect_info: bool = False
    remote_account: str = ""
    acc_is_sys: bool = False
    api_lvl: int = 0
    xkey: str = ""

    def line(self) -> bytes:
        """The protocol line, with the blank that the real server puts before its end."""
        return b"INFO " + msgspec.json.encode(self) + b" \r\n"


class ConnectInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says about itself. Unknown fields are ignored."""

    verbose: bool = True
    pedantic: bool = True
    echo: bool = True
    tls_required: bool = False
    jwt: str = ""
    sig: str = ""
    nkey: str = ""
    auth_token: str = ""
    user: str = ""
    password: str = msgspec.field(default="", name="pass")
    name: str = ""
    lang: str = ""
    version: str = ""
    protocol: int = 0
    headers: bool = False
    no_responders: bool = False
    account: str = ""
    new_account: bool = False

    def __repr__(self) -> str:
        """Name the client, never its secrets."""
        return f"ConnectInfo(name={self.name!r}, lang={self.lang!r}, version={self.version!r})"


_DECODER = msgspec.json.Decoder(ConnectInfo)


def parse_connect(text: bytes) -> ConnectInfo:
    """The argument of CONNECT. Raises `ProtocolError`: malformed JSON closes without a word."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError("", reason="Protocol Violation") from error
