"""Token files that people hand to nsc.

Owns reading them: a bare token, one between BEGIN and END lines, a creds file. Knows no claims.
"""

from isthmus.base.quoting import back_quote
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.store import Store
from isthmus.identity.creds import find_token

TOKEN_FILE_BYTES_MAX = 2 * 1024 * 1024  # a token has at most 1 MiB


def read_token(store: Store, text: str) -> str:
    """The token in the file `text`."""
    if text.startswith(("http://", "https://")):
        raise CommandError(
            "reading a token from a URL is not implemented",
            hint="fetch it, then name the file",
            exit_code=MISUSED,
        )
    path = store.path(text)
    try:
        with path.open("rb") as file:
            content = file.read(TOKEN_FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise CommandError(f"error loading {back_quote(text)}: stat {path}: {reason}") from None
    if len(content) > TOKEN_FILE_BYTES_MAX:
        raise CommandError(f"error loading {back_quote(text)}: the file is too large for a token")
    return find_token(content.decode("utf-8", "replace"))
