"""Server addresses as people give them: `host`, `host:port`, `nats://user:password@host:port`.

Pure text. Invariant: an address in a message shows neither user nor password.
"""

from urllib.parse import urlsplit

from isthmus.cli.groups import CommandError

DEFAULT_PORT = 4222


def server_url(url: str) -> str:
    """The whole URL of a server, scheme and port included."""
    scheme, _, rest = url.rpartition("://")
    if (scheme or "nats") not in {"nats", "tls"}:
        raise CommandError(f'cannot use server "{_redacted(url)}": the scheme is nats or tls')
    try:
        parts = urlsplit(f"{scheme or 'nats'}://{rest}")
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise CommandError(f'cannot read server "{_redacted(url)}": {error}') from None
    if not parts.hostname:
        raise CommandError(f'cannot read server "{_redacted(url)}": no host')
    user = parts.netloc.rpartition("@")[0]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{user}{'@' if user else ''}{host}:{port}"


def without_user(url: str) -> str:
    """The URL without who connects."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _redacted(url: str) -> str:
    before, at, host = url.rpartition("@")
    return f"{before.rpartition('//')[0]}//…@{host}" if at else url
