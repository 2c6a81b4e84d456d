import pytest

from isthmus.base.errors import JetStreamError
from isthmus.jetstream import extent
from isthmus.jetstream.consumer_config import ConsumerConfig
from isthmus.jetstream.stream_config import (
    Placement,
    StreamConfig,
    StreamSource,
    SubjectTransform,
)

LITERALS = tuple(f"s.{number}" for number in range(1001))
WILD = tuple(f"s.{number}.*" for number in range(501))
SOURCES = tuple(StreamSource(name=f"n{number}") for number in range(257))
TRANSFORMS = (SubjectTransform(src="a", dest="b"),) * 33
PAIRS = {f"k{number}": "" for number in range(1001)}


def source(transforms):
    return StreamSource(name="n", subject_transforms=TRANSFORMS[:transforms])


@pytest.mark.parametrize(
    ("most", "more", "text"),
    [
        ({"subjects": LITERALS[1:]}, {"subjects": LITERALS}, "1000 subjects"),
        ({"subjects": WILD[1:]}, {"subjects": WILD}, "1500 tokens in subjects with wildcards"),
        ({"sources": SOURCES[1:]}, {"sources": SOURCES}, "256 sources"),
        ({"mirror": source(32)}, {"mirror": source(33)}, "32 subject transforms of a source"),
        (
            {"sources": (source(16),) * 4},
            {"sources": (source(16),) * 5},
            "1024 pairs of subject transforms",
        ),
        (
            {"placement": Placement(tags=("t",) * 1000)},
            {"placement": Placement(tags=("t",) * 1001)},
            "1000 placement tags",
        ),
        ({"metadata": {}}, {"metadata": PAIRS}, "1000 metadata keys"),
    ],
)
def test_a_stream_lists_so_much_and_no_more(most, more, text):
    extent.require_stream(StreamConfig(**most))
    with pytest.raises(JetStreamError, match=f"^more than {text}"):
        extent.require_stream(StreamConfig(**more))


@pytest.mark.parametrize(
    ("most", "more", "text"),
    [
        ({"backoff_ns": (1,) * 1000}, {"backoff_ns": (1,) * 1001}, "1000 back-offs"),
        (
            {"filter_subjects": LITERALS[1:]},
            {"filter_subjects": LITERALS},
            "1000 filter subjects",
        ),
        (
            {"filter_subjects": WILD[1:]},
            {"filter_subjects": WILD},
            "1500 tokens in filter subjects with wildcards",
        ),
        (
            {"priority_groups": ("g",) * 1000},
            {"priority_groups": ("g",) * 1001},
            "1000 priority groups",
        ),
    ],
)
def test_a_consumer_lists_so_much_and_no_more(most, more, text):
    extent.require_consumer(ConsumerConfig(**most))
    with pytest.raises(JetStreamError, match=f"^more than {text}"):
        extent.require_consumer(ConsumerConfig(**more))


def test_one_subject_may_have_as_many_tokens_as_a_subject_may():
    extent.require_stream(StreamConfig(subjects=("*." * 4000 + "*",)))


def test_metadata_has_so_many_keys():
    extent.require_metadata(dict(list(PAIRS.items())[1:]))
    with pytest.raises(JetStreamError, match=r"^more than 1000 metadata keys"):
        extent.require_metadata(PAIRS)
