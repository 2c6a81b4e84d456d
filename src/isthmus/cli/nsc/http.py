"""One HTTP request to an account server, or for a token somebody published.

Owns the bounds: five seconds, two mebibytes. Knows no store and no tokens. The client is the
standard library's, imported when it is used; a status other than 2xx is an answer, not an error.
"""

from isthmus.base.values import Value

TIMEOUT_S = 5.0
BODY_BYTES_MAX = 2 * 1024 * 1024
_JWT = "application/jwt"


class HttpError(Exception):
    """There was no answer: one line says why."""


class Answer(Value):
    """What the server said."""

    status: int
    reason: str
    body: bytes

    @property
    def found(self) -> bool:
        """True if the body is what was asked for."""
        return self.status == 200

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace").strip()


def is_http(url: str) -> bool:
    """True for the URLs this module can ask."""
    return url.lower().startswith(("http://", "https://"))


def get(url: str) -> Answer:
    """Fetch what is at `url`."""
    return _ask(url, None)


def post_token(url: str, token: str) -> Answer:
    """Hand in a token."""
    return _ask(url, token.encode())


def _ask(url: str, body: bytes | None) -> Answer:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    headers = {} if body is None else {"Content-Type": _JWT}
    try:
        request = Request(url, data=body, headers=headers)  # noqa: S310 - is_http was asked first
        with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - likewise
            return _answer(response.status, response.reason, response.read(BODY_BYTES_MAX + 1))
    except HTTPError as error:
        return _answer(error.code, error.reason, error.read(BODY_BYTES_MAX + 1))
    except URLError as error:
        raise HttpError(_reason(error.reason)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise HttpError(_reason(error)) from None


def _answer(status: int, reason: str, body: bytes) -> Answer:
    if len(body) > BODY_BYTES_MAX:
        raise HttpError(f"the answer is longer than {BODY_BYTES_MAX} bytes")
    return Answer(status=status, reason=reason, body=body)


def _reason(error: object) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
