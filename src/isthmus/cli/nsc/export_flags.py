"""Values that `add export` and `edit export` take alike: response types and sampling."""

from typing import Literal

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.identity.sharing_rules import RESPONSE_TYPES


def require_response_type(text: str) -> None:
    """Refuse what is no response type of a service."""
    if text not in RESPONSE_TYPES:
        raise CommandError(
            f"invalid response type for service: {quote(text)}",
            hint=f"one of: {', '.join(RESPONSE_TYPES)}",
        )


def parse_sampling(text: str) -> int | Literal["headers"]:
    """Per cent of requests, or those whose headers ask for it."""
    if text.lower() in {"", "header", "headers"}:
        return "headers"
    percent = text.removesuffix("%")
    if not percent.isdecimal():
        raise CommandError(f"sampling {quote(text)} is not a number from 1 to 100, nor: header")
    return int(percent) or "headers"
