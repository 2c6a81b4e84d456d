"""Metadata of streams and consumers, and the three keys of it that belong to the server.

Stored: the API level the asset needs, whatever the client said. Shown only: the version and level
of the server that answers. Keys are kept in bytewise order, as the wire shows them.
"""

from isthmus.base.constants import API_LEVEL, SERVER_VERSION

SIZE_MAX = 128 * 1024  # bytes of keys and values together, the server's own included
PAIRS_MAX = 1000  # the original knows only the size

_REQUIRED_LEVEL = "_nats.req.level"
_SERVER_VERSION = "_nats.ver"
_SERVER_LEVEL = "_nats.level"
_SHOWN_ONLY = {_SERVER_VERSION, _SERVER_LEVEL}
_OWN = {_REQUIRED_LEVEL, *_SHOWN_ONLY}


def with_required_level(metadata: dict[str, str], level: int) -> dict[str, str]:
    """What is stored: the client's pairs and the level the asset needs.

    Too many pairs stay as they are: they are refused when it is their turn.
    """
    if len(metadata) > PAIRS_MAX:
        return metadata
    kept = {key: text for key, text in metadata.items() if key not in _SHOWN_ONLY}
    return dict(sorted({**kept, _REQUIRED_LEVEL: str(level)}.items()))


def with_server(metadata: dict[str, str]) -> dict[str, str]:
    """What is shown: the stored pairs, the server's version and level."""
    own = {_SERVER_VERSION: SERVER_VERSION, _SERVER_LEVEL: str(API_LEVEL)}
    return dict(sorted({**metadata, **own}.items()))


def of_client(metadata: dict[str, str]) -> dict[str, str]:
    """The pairs that count when two configurations are compared: all but the server's own."""
    return {key: text for key, text in metadata.items() if key not in _OWN}


def size(metadata: dict[str, str]) -> int:
    """Bytes of all keys and values."""
    return len("".join(metadata).encode()) + len("".join(metadata.values()).encode())
