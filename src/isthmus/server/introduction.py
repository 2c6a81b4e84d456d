"""What a service import tells the exporter about the client that asks.

    little       account and distance: what every importer tells
    everything   who it is, from where, with what: with `share` on the import

Owns nothing. Knows no import: the compiled client keeps both texts, and a crossing picks one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.base.values import format_time, to_json

if TYPE_CHECKING:
    from isthmus.server.connection import Connection


def introduction(connection: Connection) -> tuple[bytes, bytes]:
    """Little and everything about a connection that has joined an account, as JSON."""
    account, user = connection.account, connection.user
    assert account is not None
    assert user is not None
    info = connection.connect_info
    everything = {
        "start": format_time(connection.started_ns),
        "host": connection.address[0],
        "id": connection.cid,
        "acc": account.name,
        "user": user.name,
        "name": info.name,
        "lang": info.lang,
        "ver": info.version,
        "rtt": connection.rtt_ns,
        "server": connection.host.make_info(connection).server_name,
        "jwt": user.token,
        "issuer_key": user.issuer_key,
        "name_tag": user.name_tag,
        "tags": list(user.tags),
        "kind": "Client",
        "client_type": "nats",
    }
    return (
        to_json({"acc": account.name, "rtt": connection.rtt_ns}),
        to_json({key: value for key, value in everything.items() if value}),
    )
