import pytest

from isthmus.base.errors import JetStreamError
from isthmus.jetstream import api, errors
from isthmus.jetstream.consumer_config import ConsumerCreateRequest
from isthmus.jetstream.requests import NoBody, StreamInfoRequest, StreamNamesRequest
from isthmus.jetstream.service import Service
from isthmus.jetstream.stream_config import StreamConfigRequest


def endpoint_of(verb):
    found = api.find(f"$JS.API.{verb}")
    assert found is not None, verb
    return found[0]


def refusal(call, *args):
    with pytest.raises(JetStreamError) as found:
        call(*args)
    return found.value.err_code, found.value.description


@pytest.mark.parametrize(
    ("verb", "answer", "names"),
    [
        ("INFO", "account_info", []),
        ("STREAM.CREATE.S", "stream_create", ["S"]),
        ("STREAM.NAMES", "stream_names", []),
        ("STREAM.MSG.GET.S", "stream_msg_get", ["S"]),
        ("CONSUMER.CREATE.S", "consumer_create", ["S"]),
        ("CONSUMER.CREATE.S.C", "consumer_create", ["S", "C"]),
        ("CONSUMER.CREATE.S.C.a.*.>", "consumer_create", ["S", "C", "a", "*", ">"]),
        ("CONSUMER.DURABLE.CREATE.S.C", "consumer_create", ["S", "C"]),
        ("CONSUMER.INFO.S.C", "consumer_info", ["S", "C"]),
        ("STREAM.INFO.CREATE", "stream_info", ["CREATE"]),
    ],
)
def test_a_subject_is_an_endpoint_and_names(verb, answer, names):
    endpoint, found = api.find(f"$JS.API.{verb}")
    assert endpoint.answer == answer
    assert endpoint.type == f"io.nats.jetstream.api.v1.{answer}_response"
    assert found == names


@pytest.mark.parametrize("verb", [
    "", "INFO.X", "FOO", "STREAM", "STREAM.INFO", "STREAM.INFO.A.B", "STREAM.NAMES.X",
    "CONSUMER.CREATE", "CONSUMER.DURABLE.CREATE.S", "CONSUMER.DURABLE.CREATE.S.C.f",
    "CONSUMER.MSG.NEXT.S.C", "DIRECT.GET.S",
])  # fmt: skip
def test_other_subjects_are_no_endpoints(verb):
    assert api.find(f"$JS.API.{verb}") is None


def test_every_endpoint_reads_its_own_request():
    assert isinstance(
        api.read(endpoint_of("STREAM.CREATE.S"), b'{"name":"S"}'), StreamConfigRequest
    )
    request = api.read(endpoint_of("CONSUMER.CREATE.S"), b'{"stream_name":"S"}')
    assert request == ConsumerCreateRequest(stream_name="S")
    assert api.read(endpoint_of("INFO"), b"{bad") == NoBody()


@pytest.mark.parametrize("body", [b"", b"x", b'"{}"', b" 5"])
def test_an_optional_body_that_is_no_document_counts_as_absent(body):
    assert api.read(endpoint_of("STREAM.NAMES"), body) == StreamNamesRequest()


def test_an_optional_body_that_looks_like_a_document_must_be_one():
    assert api.read(endpoint_of("STREAM.INFO.S"), b'\n{"offset":3}') == StreamInfoRequest(offset=3)
    code, text = refusal(api.read, endpoint_of("STREAM.INFO.S"), b" {")
    assert (code, text) == (10025, "invalid JSON: unexpected EOF")


@pytest.mark.parametrize("body", [b"", b"{}", b" { } "])
def test_an_empty_body_may_be_an_object_without_members(body):
    assert api.read(endpoint_of("STREAM.DELETE.S"), body) == NoBody()


@pytest.mark.parametrize("body", [b" ", b'{"a":1}', b"[]", b"null", b"{}{}", b"x"])
def test_any_other_body_is_not_empty(body):
    code, text = refusal(api.read, endpoint_of("STREAM.DELETE.S"), body)
    assert (code, text) == (10038, "expected an empty request payload")


def test_a_required_body_must_have_members():
    for body in (b"", b"{}"):
        assert refusal(api.read, endpoint_of("STREAM.MSG.GET.S"), body)[0] == 10003


def test_the_place_of_what_is_not_json_is_told():
    code, text = refusal(api.read, endpoint_of("STREAM.CREATE.X1"), b"{bad")
    assert code == 10025
    assert text == (
        "invalid JSON: invalid character 'b' looking for beginning of object key string at offset 2"
    )


def test_unknown_fields_are_refused_unless_lenient():
    endpoint = endpoint_of("STREAM.CREATE.X1")
    code, text = refusal(api.read, endpoint, b'{"name":"X1","foo":1}')
    assert (code, text) == (10025, 'invalid JSON: json: unknown field "foo"')
    assert api.read(endpoint, b'{"name":"X1","foo":1}', strict=False).name == "X1"


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("STREAM.PURGE.S", b'{"seq":3,"keep":3}'),
        ("STREAM.MSG.GET.S", b'{"seq":1,"last_by_subj":"x"}'),
        ("STREAM.MSG.GET.S", b'{"seq":1,"start_time":"2020-01-01T00:00:00Z"}'),
        ("STREAM.MSG.GET.S", b'{"last_by_subj":"x","next_by_subj":"y"}'),
        ("STREAM.MSG.GET.S", b'{"seq":1,"batch":2}'),
        ("STREAM.MSG.GET.S", b'{"no_hdr":true}'),
    ],
)
def test_combinations_that_exclude_each_other_are_bad_requests(verb, body):
    assert refusal(api.read, endpoint_of(verb), body) == (10003, "bad request")


@pytest.mark.parametrize("body", [
    b'{"seq":3}', b'{"last_by_subj":"orders.*"}', b'{"next_by_subj":"a","seq":2}',
    b'{"next_by_subj":"a","start_time":"2020-01-01T00:00:00Z"}', b'{"seq":3,"no_hdr":true}',
])  # fmt: skip
def test_one_way_to_choose_a_message_is_fine(body):
    api.read(endpoint_of("STREAM.MSG.GET.S"), body)


def test_every_endpoint_is_carried_out():
    assert all(hasattr(Service, endpoint.handler) for endpoint in api.ENDPOINTS)


@pytest.mark.parametrize("level", ["", " ", "0", "5", "-1", "+5", "05"])
def test_a_level_we_have_is_enough(level):
    api.require_level(level)


@pytest.mark.parametrize("level", ["6", "x", "5.0", "1_0", "\u0665"])
def test_a_level_above_ours_or_no_number_is_refused(level):
    assert refusal(api.require_level, level)[0] == 10185


@pytest.mark.parametrize(
    ("verb", "error", "answer"),
    [
        (
            "STREAM.CREATE.X", errors.make(errors.STREAM_NAME_IN_USE),
            (b'{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,'
            b'"err_code":10058,"description":"stream name already in use with a different '
            b'configuration"}}'),
        ),
        (
            "STREAM.INFO.NOPE", errors.make(errors.STREAM_NOT_FOUND),
            (b'{"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":404,'
            b'"err_code":10059,"description":"stream not found"},"total":0,"offset":0,"limit":0}'),
        ),
        (
            "STREAM.NAMES", errors.make(errors.NOT_ENABLED_FOR_ACCOUNT),
            (b'{"type":"io.nats.jetstream.api.v1.stream_names_response","error":{"code":503,'
            b'"err_code":10039,"description":"JetStream not enabled for account"},"total":0,'
            b'"offset":0,"limit":0,"streams":null}'),
        ),
        (
            "STREAM.LIST", errors.make(errors.NOT_ENABLED_FOR_ACCOUNT),
            (b'{"type":"io.nats.jetstream.api.v1.stream_list_response","error":{"code":503,'
            b'"err_code":10039,"description":"JetStream not enabled for account"},"total":0,'
            b'"offset":0,"limit":0,"streams":[]}'),
        ),
        (
            "CONSUMER.NAMES.NOPE", errors.make(errors.STREAM_NOT_FOUND),
            (b'{"type":"io.nats.jetstream.api.v1.consumer_names_response","error":{"code":404,'
            b'"err_code":10059,"description":"stream not found"},"total":0,"offset":0,"limit":0,'
            b'"consumers":[]}'),
        ),
        (
            "STREAM.PURGE.DENY", errors.make(
                errors.STREAM_PURGE_FAILED, err="stream purge not permitted"),
            (b'{"type":"io.nats.jetstream.api.v1.stream_purge_response","error":{"code":500,'
            b'"err_code":10110,"description":"stream purge not permitted"},"purged":0}'),
        ),
        (
            "CONSUMER.PAUSE.X.Y", errors.make(errors.STREAM_NOT_FOUND),
            (b'{"type":"io.nats.jetstream.api.v1.consumer_pause_response","error":{"code":404,'
            b'"err_code":10059,"description":"stream not found"},"paused":false,'
            b'"pause_until":"0001-01-01T00:00:00Z"}'),
        ),
        (
            "STREAM.UPDATE.S", errors.make(errors.REPLICAS_NOT_SUPPORTED),
            (b'{"type":"io.nats.jetstream.api.v1.stream_update_response","error":{"code":500,'
            b'"err_code":10074,"description":"replicas \\u003e 1 not supported in non-clustered '
            b'mode"}}'),
        ),
    ],
)  # fmt: skip
def test_an_error_keeps_the_fields_that_are_always_printed(verb, error, answer):
    assert api.refuse(endpoint_of(verb), error) == answer
