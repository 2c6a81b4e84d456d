import json


def test_the_view_of_a_pull_consumer(restock):
    out = restock.ok("consumer", "info", "RESTOCK", "C1")
    assert out.startswith("Information for Consumer RESTOCK > C1 created ")
    lines = out.splitlines()
    for row in (
        "                    Name: C1",
        "               Pull Mode: true",
        "          Deliver Policy: All",
        "              Ack Policy: Explicit",
        "                Ack Wait: 30.00s",
        "           Replay Policy: Instant",
        "         Max Ack Pending: 1,000",
        "       Max Waiting Pulls: 512",
        "  Last Delivered Message: Consumer sequence: 0 Stream sequence: 0",
        "        Outstanding Acks: 0 out of maximum 1,000",
        "    Unprocessed Messages: 3",
        "           Waiting Pulls: 0 of maximum 512",
    ):
        assert row in lines


def test_positions_move_with_deliveries_and_acks(restock):
    restock.ok("consumer", "next", "RESTOCK", "C1")
    out = restock.ok("consumer", "info", "RESTOCK", "C1")
    assert "Last Delivered Message: Consumer sequence: 1 Stream sequence: 1 Last delivery: " in out
    assert "Acknowledgment Floor: Consumer sequence: 1 Stream sequence: 1 Last Ack: " in out
    assert "    Unprocessed Messages: 2\n" in out


def test_json_has_the_fields_of_the_original_in_order(restock):
    found = json.loads(restock.ok("consumer", "info", "RESTOCK", "C1", "-j"))
    assert list(found)[:6] == [
        "stream_name",
        "name",
        "config",
        "created",
        "delivered",
        "ack_floor",
    ]
    assert found["num_pending"] == 3
    assert "type" not in found


def test_unknown_names_are_told_apart(restock):
    assert restock.fails("consumer", "info", "RESTOCK", "NOPE") == (
        'could not select Consumer: unknown consumer "NOPE": consumer not found (10014)'
    )
    assert restock.fails("consumer", "info", "NOPE", "NOPE") == (
        'could not select Consumer: unknown stream "NOPE": stream not found (10059)'
    )


def test_missing_names_are_said(nats):
    assert nats.fails("consumer", "info") == "could not select Stream: no Stream name supplied"
    assert nats.fails("consumer", "info", "S") == (
        "could not select Consumer: no Consumer name supplied"
    )
