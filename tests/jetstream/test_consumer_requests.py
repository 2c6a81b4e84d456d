import pytest

from isthmus.base.errors import JetStreamError
from isthmus.jetstream.consumer_config import ConsumerConfig, ConsumerCreateRequest
from isthmus.jetstream.consumer_requests import (
    CreateSubject,
    parse_create_subject,
    require_agreement,
)

LEGACY, NAMED, DURABLE = "CONSUMER.CREATE.S", "CONSUMER.CREATE.S.C", "CONSUMER.DURABLE.CREATE.S.C"


@pytest.mark.parametrize(
    ("verb", "parts"),
    [
        (LEGACY, CreateSubject(stream="S")),
        (NAMED, CreateSubject(stream="S", name="C")),
        (f"{NAMED}.a.*.>", CreateSubject(stream="S", name="C", filter_subject="a.*.>")),
        (DURABLE, CreateSubject(stream="S", name="C", durable=True)),
    ],
)
def test_the_subject_names_stream_consumer_and_filter(verb, parts):
    assert parse_create_subject(f"$JS.API.{verb}") == parts


def agree(verb, *, stream_name="S", **config):
    request = ConsumerCreateRequest(stream_name=stream_name, config=ConsumerConfig(**config))
    return require_agreement(parse_create_subject(f"$JS.API.{verb}"), request)


@pytest.mark.parametrize(
    ("verb", "config", "name"),
    [
        (LEGACY, {}, ""),
        (LEGACY, {"name": "E"}, "E"),
        (NAMED, {}, "C"),
        (NAMED, {"name": "D"}, "C"),
        (NAMED, {"durable_name": "C", "name": "D"}, "C"),
        (DURABLE, {"durable_name": "C"}, "C"),
        (f"{NAMED}.s.a", {"filter_subject": "s.a"}, "C"),
    ],
)
def test_the_name_is_the_subjects_where_it_has_one(verb, config, name):
    assert agree(verb, **config).name == name


@pytest.mark.parametrize(
    ("verb", "config", "code"),
    [
        (NAMED, {"stream_name": "S2"}, 10056),
        (LEGACY, {"name": "a/b"}, 10127),
        ("CONSUMER.CREATE.S.a\\b", {}, 10127),
        (LEGACY, {"durable_name": "C"}, 10020),
        (NAMED, {"durable_name": "D"}, 10017),
        (DURABLE, {"durable_name": "D"}, 10017),
        (DURABLE, {"name": "C"}, 10018),
        (f"{NAMED}.s.a", {"filter_subject": "s.b"}, 10131),
        (f"{NAMED}.s.a", {}, 10131),
        (f"{NAMED}.s.a", {"filter_subjects": ("s.a",)}, 10137),
        (NAMED, {"num_replicas": 2}, 10074),
    ],
)
def test_what_contradicts_the_subject_is_refused(verb, config, code):
    with pytest.raises(JetStreamError) as refused:
        agree(verb, **config)
    assert refused.value.err_code == code
