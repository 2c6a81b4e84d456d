"""What an HTTP request gets: status, kind of content, bytes.

Owns no connection and no document: `routes` makes answers, `conversation` sends them. A body may be
longer than anybody wants to hold: then it is made piece by piece, as fast as it is taken.
"""

from collections.abc import Generator

from isthmus.base.values import Value

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"

Pieces = Generator[bytes, None, None]  # of a text; each is made by one slice of work


class Answer(Value):
    """What to send back."""

    status: int
    content_type: str
    body: bytes | Pieces
