"""The three forms of CONSUMER.CREATE: what the subject says, and whether the body agrees.

    $JS.API.CONSUMER.CREATE.S                named by its config, or generated; never durable
    $JS.API.CONSUMER.CREATE.S.C[.filter…]    named C; durable if the config says so
    $JS.API.CONSUMER.DURABLE.CREATE.S.C      durable, named C

Knows no stream and no consumer: whether they exist is asked afterwards.
"""

from msgspec.structs import replace

from isthmus.base.values import Value
from isthmus.jetstream import errors
from isthmus.jetstream.consumer_config import ConsumerConfig, ConsumerCreateRequest

_CREATE = "$JS.API.CONSUMER.CREATE."
_DURABLE_CREATE = "$JS.API.CONSUMER.DURABLE.CREATE."


class CreateSubject(Value):
    """What the subject of a create request says."""

    stream: str
    name: str = ""  # empty in the form without one
    filter_subject: str = ""
    durable: bool = False  # the form that must name a durable


def parse_create_subject(subject: str) -> CreateSubject:
    """The parts of `subject`, which is one of the three forms."""
    if subject.startswith(_DURABLE_CREATE):
        stream, name = subject[len(_DURABLE_CREATE) :].split(".")
        return CreateSubject(stream=stream, name=name, durable=True)
    assert subject.startswith(_CREATE), subject
    stream, _, rest = subject[len(_CREATE) :].partition(".")
    name, _, filter_subject = rest.partition(".")
    return CreateSubject(stream=stream, name=name, filter_subject=filter_subject)


def require_agreement(subject: CreateSubject, request: ConsumerCreateRequest) -> ConsumerConfig:
    """The config to create, its name set; raises where body and subject contradict each other."""
    config = request.config
    if request.stream_name != subject.stream:
        raise errors.make(errors.STREAM_DOES_NOT_MATCH_SUBJECT)
    name = subject.name or config.name
    if "/" in name or "\\" in name:
        raise errors.make(errors.CONSUMER_NAME_PATH_SEPARATOR)
    if subject.durable and not config.durable_name:
        raise errors.make(errors.DURABLE_NAME_MISSING)
    if subject.name and config.durable_name not in {"", subject.name}:
        raise errors.make(errors.DURABLE_DOES_NOT_MATCH_SUBJECT)
    if not subject.name and config.durable_name:
        raise errors.make(errors.EPHEMERAL_WITH_DURABLE_NAME)
    if subject.filter_subject and config.filter_subjects:
        raise errors.make(errors.FILTERS_WITH_FILTER_SUBJECT)
    if subject.filter_subject and config.filter_subject != subject.filter_subject:
        raise errors.make(errors.CREATE_FILTER_MISMATCH)
    if config.num_replicas > 1:
        raise errors.make(errors.REPLICAS_NOT_SUPPORTED)
    return replace(config, name=name)
