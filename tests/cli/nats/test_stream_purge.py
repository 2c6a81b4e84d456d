import json


def test_everything(restock):
    out = restock.ok("stream", "purge", "RESTOCK", "-f")
    assert out.startswith("Purged 3 messages from RESTOCK\n\nState for Stream RESTOCK created ")
    assert "            Messages: 0\n" in out
    assert "      First Sequence: 4\n" in out


def test_up_to_a_sequence(restock):
    assert restock.ok("stream", "purge", "RESTOCK", "-f", "--seq", "3").startswith("Purged 2 ")


def test_all_but_the_newest(restock):
    assert restock.ok("stream", "purge", "RESTOCK", "-f", "--keep", "1").startswith("Purged 2 ")


def test_one_subject(restock):
    restock.ok("pub", "retail.other", "x", "-J")
    out = restock.ok("stream", "purge", "RESTOCK", "-f", "--subject", "retail.other")
    assert out.startswith("Purged 1 ")


def test_json(restock):
    first, _, rest = restock.ok("stream", "purge", "RESTOCK", "-f", "-j").partition("\n\n")
    assert first == "Purged 3 messages from RESTOCK"
    assert json.loads(rest)["state"]["messages"] == 0


def test_without_a_terminal_force_is_needed(restock):
    said = restock.fails("stream", "purge", "RESTOCK")
    assert said == "could not obtain confirmation: cannot ask for confirmation without a terminal"
    assert "Messages: 3" in restock.ok("stream", "info", "RESTOCK")


def test_sequence_and_keep_exclude_each_other(restock):
    said = restock.fails("stream", "purge", "RESTOCK", "-f", "--seq", "2", "--keep", "1", code=2)
    assert said == "sequence and keep cannot be combined when purging"


def test_an_unknown_stream(nats):
    assert 'unknown stream "NOPE"' in nats.fails("stream", "purge", "NOPE", "-f")
