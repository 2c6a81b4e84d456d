"""What went wrong between the tool and a server, in one line each.

Owns the words for nats-py's errors, sockets and TLS: the original's, where it has some.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence

from nats import errors

_NO_SERVERS = "nats: no servers available for connection"


def worst(failures: Sequence[Exception]) -> str:
    """What to say of all attempts: the last that is more than a refused connection."""
    telling = [error for error in failures if not isinstance(error, ConnectionRefusedError)]
    return in_words(telling[-1]) if telling else _NO_SERVERS


def in_words(error: BaseException) -> str:
    """One line for a failure of nats-py, a socket or TLS, in the original's words if it has any."""
    if isinstance(error, ConnectionRefusedError | errors.NoServersError):
        return _NO_SERVERS
    if isinstance(error, errors.Error):
        text = str(error) or type(error).__name__
        prefix, quote, rest = text.partition("nats: '")
        return f"nats: {rest.rstrip().removesuffix(chr(39))}" if quote and not prefix else text
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"tls: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: {error.strerror or 'no such host'}"
    if isinstance(error, asyncio.TimeoutError):
        return "nats: timeout"
    if isinstance(error, OSError):
        return f"dial tcp: {error.strerror or error}"
    return str(error)
