import json


def test_consumers_stand_in_a_table(restock):
    restock.ok("consumer", "next", "RESTOCK", "C1", "--no-ack")
    lines = restock.ok("consumer", "ls", "RESTOCK").splitlines()
    assert lines[1].strip("│").strip() == "Consumers"
    assert [cell.strip() for cell in lines[3].strip("│").split("│")] == [
        "Name",
        "Description",
        "Created",
        "Ack Pending",
        "Unprocessed",
        "Last Delivery",
    ]
    cells = lines[5].strip("│").split("│")
    assert cells[3] == "           1 "  # numbers stand right
    assert [cell.strip() for cell in cells[:2] + cells[3:5]] == ["C1", "", "1", "2"]
    assert lines[-2:] == ["", ""]


def test_names_and_json(restock):
    restock.ok("consumer", "add", "RESTOCK", "A", "--pull", "--defaults")
    assert restock.ok("consumer", "ls", "RESTOCK", "-n") == "A\nC1\n"
    assert json.loads(restock.ok("consumer", "ls", "RESTOCK", "-j")) == ["A", "C1"]


def test_none(nats):
    nats.ok("stream", "add", "S", "--subjects", "s", "--defaults")
    assert nats.ok("consumer", "ls", "S") == "No Consumers defined\n"
    assert nats.ok("consumer", "ls", "S", "-j") == "null\n"


def test_an_unknown_stream(nats):
    assert (
        nats.fails("consumer", "ls", "NOPE") == "could not select Stream: stream not found (10059)"
    )
