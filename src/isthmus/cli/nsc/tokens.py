"""Tokens that people hand to nsc, as a file or a URL.

Owns reading them: a bare token, one between BEGIN and END lines, a creds file. Knows no claims.
"""

from isthmus.base.quoting import back_quote, quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.http import HttpError, get, is_http
from isthmus.cli.nsc.store import Store
from isthmus.identity.creds import find_token

TOKEN_FILE_BYTES_MAX = 2 * 1024 * 1024  # a token has at most 1 MiB


def read_token(store: Store, text: str) -> str:
    """The token in the file or behind the URL `text`."""
    return find_token(read_text(store, text))


def read_text(store: Store, text: str) -> str:
    """The whole content of the file or behind the URL `text`."""
    if is_http(text):
        return _fetched(text)
    path = store.path(text)
    try:
        with path.open("rb") as file:
            content = file.read(TOKEN_FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise CommandError(f"error loading {back_quote(text)}: stat {path}: {reason}") from None
    if len(content) > TOKEN_FILE_BYTES_MAX:
        raise CommandError(f"error loading {back_quote(text)}: the file is too large for a token")
    return content.decode("utf-8", "replace")


def _fetched(url: str) -> str:
    try:
        answer = get(url)
    except HttpError as error:
        raise CommandError(f"error loading {quote(url)}: {error}") from None
    if not answer.found:
        raise CommandError(
            f"error reading response from {quote(url)}: {answer.status} {answer.reason}"
        )
    return answer.text
