def test_it_is_gone_and_nothing_is_said(restock):
    assert restock.ok("stream", "rm", "RESTOCK", "-f") == ""
    assert restock.ok("stream", "ls") == "No Streams defined\n"


def test_without_a_terminal_force_is_needed(restock):
    assert "without a terminal" in restock.fails("stream", "rm", "RESTOCK")
    assert restock.ok("stream", "ls", "-n") == "RESTOCK\n"


def test_force_needs_a_name(tool):
    assert tool.fails("stream", "rm", "-f", code=2) == "--force requires a stream name"


def test_an_unknown_stream(nats):
    assert nats.fails("stream", "rm", "NOPE", "-f") == "stream not found (10059)"
    assert 'unknown stream "NOPE"' in nats.fails("stream", "rm", "NOPE")
