"""What a JetStream subject is about: which call, of which stream, of which consumer.

Owns the few subjects of `$JS` that are shared between accounts. Knows no accounts. A wildcard in
the place of a name is no name: the text is empty then.
"""

from isthmus.base import subjects
from isthmus.base.values import Value

NEXT = "CONSUMER.MSG.NEXT"
INFO = "CONSUMER.INFO"
ACK = "ACK"
FLOW_CONTROL = "FC"
API = "$JS.API."
# Calls with a stream, or a stream and a consumer, behind their name; longer names first.
_CALLS = (
    NEXT,
    "CONSUMER.DURABLE.CREATE",
    INFO,
    "CONSUMER.CREATE",
    "CONSUMER.DELETE",
    "CONSUMER.PAUSE",
    "CONSUMER.RESET",
    "CONSUMER.UNPIN",
    "CONSUMER.NAMES",
    "CONSUMER.LIST",
    "STREAM.MSG.GET",
    "STREAM.MSG.DELETE",
    "STREAM.INFO",
    "STREAM.PURGE",
    "STREAM.SNAPSHOT",
    "STREAM.CREATE",
    "STREAM.UPDATE",
    "STREAM.DELETE",
    "DIRECT.GET",
)


class Asset(Value):
    """A call and what it is for. `call` is empty for the API as a whole, or an unknown part."""

    call: str = ""
    stream: str = ""
    consumer: str = ""


def asset_of(subject: str) -> Asset | None:
    """What a subject of `$JS` is about; None for any other subject."""
    tokens = subject.split(".")
    if tokens[0] != "$JS" or len(tokens) < 2:
        return None
    if tokens[1] in {ACK, FLOW_CONTROL}:
        return Asset(call=tokens[1], stream=_name(tokens, 2), consumer=_name(tokens, 3))
    if tokens[1] != "API" and tokens[2:3] == ["API"]:  # $JS.<domain>.API.…
        tokens = [tokens[0], *tokens[2:]]
    if tokens[1] != "API":
        return Asset() if tokens[1] == ">" else None
    rest = ".".join(tokens[2:])
    for call in _CALLS:
        if rest.startswith(f"{call}."):
            behind = rest[len(call) + 1 :].split(".")
            consumer = _name(behind, 1) if call.startswith("CONSUMER") else ""
            return Asset(call=call, stream=_name(behind, 0), consumer=consumer)
    return Asset()


def _name(tokens: list[str], place: int) -> str:
    name = tokens[place] if place < len(tokens) else ""
    return "" if name in {"*", ">"} else name


def answers_often(subject: str) -> bool:
    """True if a request on `subject` may be a pull, which is answered more than once."""
    asset = asset_of(subject)
    if asset is not None and asset.call in {ACK, FLOW_CONTROL}:
        return False
    return subjects.collide(subject, f"$JS.API.{NEXT}.*.*") or subjects.collide(
        subject, f"$JS.*.API.{NEXT}.*.*"
    )


def next_subject(stream: str, consumer: str) -> str:
    """Where messages are pulled from a consumer."""
    return f"{API}{NEXT}.{stream}.{consumer}"


def info_subject(stream: str, consumer: str) -> str:
    """Where a consumer says how it is."""
    return f"{API}{INFO}.{stream}.{consumer}"


def ack_subject(stream: str, consumer: str) -> str:
    """What is shared for the acknowledgements of a consumer."""
    return f"$JS.ACK.{stream}.{consumer}.>"


def ack_form(stream: str, consumer: str) -> str:
    """Every acknowledgement of a consumer, as it is published: five numbers behind the names."""
    return f"$JS.ACK.{stream}.{consumer}.*.*.*.*.*"


def shared_form(subject: str) -> str:
    """`ack_form` as people write it, any other subject as it is."""
    if subject.startswith("$JS.ACK."):
        return subject.replace(".*.*.*.*.*", ".>")
    return subject
