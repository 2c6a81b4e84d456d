def test_it_is_gone_and_nothing_is_said(restock):
    assert restock.ok("consumer", "rm", "RESTOCK", "C1", "-f") == ""
    assert restock.ok("consumer", "ls", "RESTOCK") == "No Consumers defined\n"


def test_without_a_terminal_force_is_needed(restock):
    assert "without a terminal" in restock.fails("consumer", "rm", "RESTOCK", "C1")
    assert restock.ok("consumer", "ls", "RESTOCK", "-n") == "C1\n"


def test_force_needs_both_names(tool):
    said = tool.fails("consumer", "rm", "RESTOCK", "-f", code=2)
    assert said == "--force requires a stream and consumer name"


def test_an_unknown_consumer(restock):
    said = restock.fails("consumer", "rm", "RESTOCK", "NOPE", "-f")
    assert said == "consumer not found (10014)"
