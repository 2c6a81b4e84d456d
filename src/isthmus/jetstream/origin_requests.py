"""What a mirror or source asks its origin for, and what it calls things.

Pure functions of configurations: the consumer that is wanted, the API subject that creates it, the
name under which a copy's header tells where it comes from. An origin behind `external` is asked by
its API prefix instead of `$JS.API`, and delivers below its delivery prefix.

    $JS.API.CONSUMER.CREATE.<origin>[.<name>.<filter>]     ext.API.CONSUMER.CREATE.<origin>…
    $JS.S.<8 letters>                                      ext.deliver.S.<8 letters>
"""

from collections.abc import Sequence

from isthmus.base.values import NS_PER_S, Value
from isthmus.core.rewriting import Rewriting
from isthmus.jetstream.acks import account_hash
from isthmus.jetstream.consumer_config import AckPolicy, ConsumerConfig, DeliverPolicy
from isthmus.jetstream.errors import ApiError
from isthmus.jetstream.responses import SequencePair
from isthmus.jetstream.stream_config import StreamSource
from isthmus.jetstream.transforms import make_rewriting

HEARTBEAT_NS = NS_PER_S
SILENCE_NS = 10 * NS_PER_S  # after which the consumer counts as lost, on either side
_ACK_WAIT_NS = 22 * 3600 * NS_PER_S
_API = "$JS.API"
_BETWEEN = "\f"  # of several filters or destinations in an index name


class Start(Value):
    """Where in the origin a copy begins; nothing said: with everything that is there."""

    seq: int = 0
    time: str | None = None


class CreateRequest(Value):
    """The body of CONSUMER.CREATE."""

    stream_name: str
    config: ConsumerConfig
    action: str = ""


class CreatedConfig(Value):
    """What of the consumer's configuration matters."""

    deliver_subject: str = ""
    ack_policy: str = ""


class Created(Value):
    """The answer of the origin's API: where its consumer delivers, and behind which sequence."""

    error: ApiError | None = None
    name: str = ""
    delivered: SequencePair = SequencePair()
    reset_seq: int = 0  # of a consumer that was there: where it begins anew
    config: CreatedConfig = CreatedConfig()


def index_name(source: StreamSource) -> str:
    """What tells the sources of a stream apart: origin, filters, destinations, without blanks in
    any of them, since blanks stand between them.
    """
    name = source.name
    if source.external is not None:
        name += f":{account_hash(source.external.api)}"
    if source.consumer is not None:
        name += f":C={account_hash(source.consumer.name)}"
    filters, destinations = source.filter_subject or ">", ">"
    if source.subject_transforms:
        filters = _BETWEEN.join(one.src or ">" for one in source.subject_transforms)
        destinations = _BETWEEN.join(
            "".join(one.dest.split()) or ">" for one in source.subject_transforms
        )
    return f"{name} {filters} {destinations}"


def read_label(text: str) -> tuple[str, int, str]:
    """`(index name, sequence, identity)` of a `Nats-Stream-Source` header; "" if it is none."""
    fields = text.split(" ")
    if len(fields) < 5 or not fields[1].isdecimal():
        return "", 0, ""
    name = f"{fields[0]} {fields[2]} {fields[3]}"
    return name, int(fields[1]), fields[5] if len(fields) > 5 else ""


def label(source: StreamSource) -> tuple[bytes, bytes]:
    """What stands before and behind the sequence in the header of a copy."""
    origin, filters, destinations = index_name(source).split(" ")
    return origin.encode(), f"{filters} {destinations}".encode()


def rewritings(source: StreamSource) -> list[tuple[bytes, Rewriting | None]]:
    """The transforms of a source; one without a destination only filters."""
    return [
        (
            (one.src or ">").encode(),
            make_rewriting(one.src, one.dest) if one.dest else None,
        )
        for one in source.subject_transforms
    ]


def mirror_consumer(place: str) -> str:
    """The name of a mirror's consumer; `place` says stream, account and domain."""
    return f"JS_MIRROR_{account_hash(place)}"


def source_consumer(place: str, source: StreamSource, sources: Sequence[StreamSource]) -> str:
    """The name of a source's consumer, its own one where a stream is a source twice."""
    text = account_hash(place)
    if sum(one.name == source.name for one in sources) > 1:
        text = f"{text} {index_name(source)}"
    return f"JS_SRC_{account_hash(text)}"


def deliver_subject(source: StreamSource, letter: str, token: str) -> str:
    """Where the origin is to deliver to: `letter` M for mirrors, S for sources."""
    prefix = source.external.deliver if source.external is not None else ""
    return f"{prefix or '$JS'}.{letter}.{token}".replace("..", ".")


def consumer_config(
    source: StreamSource, name: str, subject: str, start: Start, metadata: dict[str, str]
) -> ConsumerConfig:
    """The consumer that a copy reads through."""
    policy = DeliverPolicy.ALL
    if start.seq:
        policy = DeliverPolicy.BY_START_SEQUENCE
    elif start.time is not None:
        policy = DeliverPolicy.BY_START_TIME
    filters = tuple(one.src or ">" for one in source.subject_transforms)
    single = source.filter_subject or (filters[0] if len(filters) == 1 else "")
    return ConsumerConfig(
        name=name,
        deliver_subject=subject,
        deliver_policy=policy,
        opt_start_seq=start.seq,
        opt_start_time=start.time,
        ack_policy=AckPolicy.NONE,
        ack_wait_ns=_ACK_WAIT_NS,
        max_deliver=1,
        filter_subject=single,
        filter_subjects=() if single else filters,
        flow_control=True,
        idle_heartbeat_ns=HEARTBEAT_NS,
        inactive_threshold_ns=SILENCE_NS,
        direct=True,
        sourcing=True,
        metadata=metadata,
    )


def create_subject(source: StreamSource, config: ConsumerConfig) -> str:
    """The API subject that creates it."""
    api = source.external.api if source.external is not None else ""
    subject = f"{api or _API}.CONSUMER.CREATE.{source.name}"
    if config.filter_subject:
        subject += f".{config.name}.{config.filter_subject}"
    return subject.replace("..", ".")


def reset_subject(source: StreamSource, name: str) -> str:
    """The API subject by which the consumer `name`, which somebody made, begins anew."""
    api = source.external.api if source.external is not None else ""
    return f"{api or _API}.CONSUMER.RESET.{source.name}.{name}".replace("..", ".")


def delete_subject(source: StreamSource, name: str) -> str:
    """The API subject that deletes the consumer `name`."""
    api = source.external.api if source.external is not None else ""
    return f"{api or _API}.CONSUMER.DELETE.{source.name}.{name}".replace("..", ".")
