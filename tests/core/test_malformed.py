import pytest

from support.core import World
from support.malformed import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.send[:24]))
@pytest.mark.parametrize("segment", [1 << 20, 1])
def test_it_is_answered_as_by_nats_server(case: Case, segment: int):
    """In one segment, and byte by byte."""
    connection = World().connect()
    heard = b"".join(
        connection.send(case.send[at : at + segment]) for at in range(0, len(case.send), segment)
    )
    assert heard == case.heard
    assert connection.closed == (case.then == "closed")
    if case.then == "open":
        assert connection.send(b"PING\r\n") == b"PONG\r\n"
