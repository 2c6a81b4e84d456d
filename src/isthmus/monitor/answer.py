"""What an HTTP request gets: status, kind of content, bytes.

Owns no connection and no document: `routes` makes answers, `conversation` sends them.
"""

from isthmus.base.values import Value

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


class Answer(Value):
    """What to send back."""

    status: int
    content_type: str
    body: bytes
