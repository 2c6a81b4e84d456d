import json


def test_no_streams(nats):
    assert nats.ok("stream", "ls") == "No Streams defined\n"
    assert nats.ok("stream", "ls", "-n") == ""
    assert nats.ok("stream", "ls", "-j") == "null\n"


def test_streams_stand_in_a_table_the_smallest_first(restock):
    restock.ok("stream", "add", "EMPTY", "--subjects", "e", "--defaults", "--description", "None")
    lines = restock.ok("stream", "ls").splitlines()
    assert lines[1].strip("│").strip() == "Streams"
    assert [cell.strip() for cell in lines[3].strip("│").split("│")] == [
        "Name",
        "Description",
        "Created",
        "Messages",
        "Size",
        "Last Message",
    ]
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines[5:7]]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("EMPTY", "None", "0"),
        ("RESTOCK", "", "3"),
    ]
    assert rows[0][5] == "never"
    assert lines[-2:] == ["", ""]


def test_names_and_json(restock):
    restock.ok("stream", "add", "A", "--subjects", "a", "--defaults")
    assert restock.ok("stream", "ls", "--names") == "A\nRESTOCK\n"
    assert json.loads(restock.ok("stream", "ls", "--json")) == ["A", "RESTOCK"]


def test_streams_of_a_subject(restock):
    restock.ok("stream", "add", "A", "--subjects", "a", "--defaults")
    assert "Streams matching retail.item" in restock.ok("stream", "ls", "--subject", "retail.item")
    assert restock.ok("stream", "ls", "--subject", "retail.item", "-n") == "RESTOCK\n"
    assert restock.ok("stream", "ls", "--subject", "nothing") == "No Streams defined\n"


def test_buckets_are_hidden_unless_asked_for(nats):
    nats.ok("stream", "add", "KV_B", "--subjects", "$KV.B.>", "--defaults")
    assert nats.ok("stream", "ls") == ("No Streams defined, pass -a to include system streams\n")
    assert "KV_B" in nats.ok("stream", "ls", "-a")
    assert nats.ok("stream", "ls", "-n") == "KV_B\n"
