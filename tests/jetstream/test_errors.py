import pytest

from isthmus.jetstream import errors


def test_a_row_becomes_the_error_a_response_carries():
    error = errors.make(errors.STREAM_NOT_FOUND)
    assert (error.code, error.err_code) == (404, 10059)
    assert errors.to_api_error(error) == errors.ApiError(
        code=404, err_code=10059, description="stream not found"
    )


def test_placeholders_are_filled_in():
    error = errors.make(errors.MAX_ACK_PENDING_EXCEEDED, limit=50)
    assert error.description == "consumer max ack pending exceeds system limit of 50"
    wrapped = errors.make(errors.STREAM_INVALID_CONFIG, err="max age needs {x}")
    assert (wrapped.code, wrapped.description) == (500, "max age needs {x}")


def test_a_missing_placeholder_is_a_bug():
    with pytest.raises(KeyError):
        errors.make(errors.STREAM_INVALID_CONFIG)


def test_every_row_stands_in_the_table_under_its_own_code():
    names = [name for name in vars(errors) if isinstance(getattr(errors, name), errors.Row)]
    assert len(names) == len(errors.TABLE) == 226
    assert all(code == row.err_code for code, row in errors.TABLE.items())
    assert {row.code for row in errors.TABLE.values()} == {400, 404, 409, 412, 429, 500, 503}
