"""Key-value buckets, verb by verb."""

import json

import pytest

from isthmus.cli.nats.kv_view import short_value


@pytest.fixture
def kv(nats):
    """The tool, and a bucket that keeps three values of a key."""
    nats.ok("kv", "add", "CFG", "--history", "3")
    return nats


def test_a_new_bucket_is_shown(nats):
    out = nats.ok("kv", "add", "CFG")
    head, _, rest = out.partition("\n\nConfiguration:\n\n")
    assert head.startswith("Information for Key-Value Store Bucket CFG created 20")
    rows, _, cluster = rest.partition("\n\nCluster Information:\n\n")
    assert rows.splitlines() == [
        "            Bucket Name: CFG",
        "           History Kept: 1",
        "          Values Stored: 0",
        "             Compressed: false",
        "  Per-Key TTL Supported: false",
        "     Backing Store Kind: JetStream",
        "            Bucket Size: 0 B",
        "    Maximum Bucket Size: unlimited",
        "     Maximum Value Size: unlimited",
        "            Maximum Age: unlimited",
        "       JetStream Stream: KV_CFG",
        "                Storage: File",
    ]
    assert cluster.startswith("                   Name: \n                 Leader: ")
    assert nats.ok("kv", "info", "CFG") == out


def test_its_stream_is_a_bucket_for_every_client(nats):
    nats.ok(
        *("kv", "add", "BIG", "--history", "5", "--ttl", "1m", "--description", "desc"),
        *("--max-value-size", "1K", "--max-bucket-size", "1M", "--storage", "memory"),
        *("--metadata", "a=b", "--marker-ttl", "10s"),
        *("--republish-source", ">", "--republish-destination", "rp.>"),
    )
    config = json.loads(nats.ok("stream", "info", "KV_BIG", "-j"))["config"]
    expected = {
        "subjects": ["$KV.BIG.>"],
        "description": "desc",
        "max_msgs_per_subject": 5,
        "max_bytes": 2**20,
        "max_msg_size": 1024,
        "max_age": 60 * 10**9,
        "duplicate_window": 60 * 10**9,
        "storage": "memory",
        "discard": "new",
        "deny_delete": True,
        "allow_rollup_hdrs": True,
        "allow_direct": True,
        "allow_msg_ttl": True,
        "subject_delete_marker_ttl": 10 * 10**9,
        "republish": {"src": ">", "dest": "rp.>"},
    }
    assert {key: config[key] for key in expected} == expected
    assert config["metadata"]["a"] == "b"
    out = nats.ok("kv", "info", "BIG")
    assert "Limit Marker TTL: 10.00s\n" in out
    assert "Republishing: > to rp.>\n" in out
    assert "Metadata:\n\n                      a: b\n" in out


def test_values_are_compressed(nats):
    assert "Compressed: true\n" in nats.ok("kv", "add", "B", "--compress")


def test_a_bucket_is_changed(kv):
    out = kv.ok("kv", "edit", "CFG", "--history", "5", "--description", "new")
    assert "History Kept: 5\n" in out
    assert "Description: new\n" in out


def test_a_value_is_written_and_read(kv):
    assert kv.ok("kv", "put", "CFG", "db.host", "10.0.0.7") == "10.0.0.7\n"
    out = kv.ok("kv", "get", "CFG", "db.host")
    head, *rest = out.split("\n")
    assert head.startswith("CFG > db.host revision: 1 created @ 20")
    assert rest == ["", "10.0.0.7", "", ""]
    assert kv.ok("kv", "get", "CFG", "db.host", "--raw") == "10.0.0.7"


def test_a_value_comes_from_the_input(kv):
    assert kv.ok("kv", "put", "CFG", "k", stdin="piped") == "\n"
    assert kv.ok("kv", "get", "CFG", "k", "--raw") == "piped"


def test_a_long_value_is_shown_in_part(kv):
    kv.ok("kv", "put", "CFG", "k", "x" * 1234)
    out = kv.ok("kv", "get", "CFG", "k")
    assert "\n\nShowing first 120 bytes of 1,234, use --raw for full data\n\n" in out
    assert out.endswith("\n\n" + "x" * 120 + "\n\n")


def test_create_wants_a_key_without_value(kv):
    assert kv.ok("kv", "create", "CFG", "k", "one") == "one\n"
    said = kv.fails("kv", "create", "CFG", "k", "two")
    assert said == (
        "nats: nats: API error: code=400 err_code=10071 "
        "description=wrong last sequence: 1: key exists"
    )
    kv.ok("kv", "del", "CFG", "k", "-f")
    assert kv.ok("kv", "create", "CFG", "k", "three") == "three\n"
    assert kv.ok("kv", "get", "CFG", "k", "--raw") == "three"


def test_update_wants_the_last_revision(kv):
    kv.ok("kv", "put", "CFG", "k", "one")
    assert kv.ok("kv", "update", "CFG", "k", "two", "1") == "two\n"
    said = kv.fails("kv", "update", "CFG", "k", "three", "1")
    assert "description=wrong last sequence: 2" in said
    assert kv.ok("kv", "get", "CFG", "k", "--raw") == "two"
    assert kv.ok("kv", "get", "CFG", "k", "--raw", "--revision", "1") == "one"


def test_what_is_deleted_is_not_found(kv):
    kv.ok("kv", "put", "CFG", "k", "one")
    assert kv.ok("kv", "del", "CFG", "k", "-f") == ""
    assert kv.fails("kv", "get", "CFG", "k") == "nats: key not found"
    assert kv.fails("kv", "get", "CFG", "other") == "nats: key not found"


def test_the_history_shows_each_revision(kv):
    kv.ok("kv", "put", "CFG", "k", "one")
    kv.ok("kv", "del", "CFG", "k", "-f")
    kv.ok("kv", "put", "CFG", "k", "three")
    lines = kv.ok("kv", "history", "CFG", "k").splitlines()
    assert "History for CFG > k" in lines[1]
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines[5:8]]
    assert [row[:3] + row[4:] for row in cells] == [
        ["k", "1", "PUT", "3", "one"],
        ["k", "2", "DELETE", "0", ""],
        ["k", "3", "PUT", "5", "three"],
    ]
    assert kv.fails("kv", "history", "CFG", "nope") == "nats: key not found"


def test_a_purge_leaves_one_marker(kv):
    for value in ("one", "two"):
        kv.ok("kv", "put", "CFG", "k", value)
    kv.ok("kv", "purge", "CFG", "k", "-f")
    out = kv.ok("kv", "history", "CFG", "k")
    assert "│ PURGE │" in out
    assert "PUT" not in out


def test_an_old_value_is_written_again(kv):
    for value in ("one", "two"):
        kv.ok("kv", "put", "CFG", "k", value)
    assert kv.ok("kv", "revert", "CFG", "k", "1", "--force").count("PUT") == 3
    assert kv.ok("kv", "get", "CFG", "k", "--raw") == "one"
    kv.ok("kv", "add", "ONE")
    said = kv.fails("kv", "revert", "ONE", "k", "1", "--force")
    assert said == "cannot revert key in a bucket where history=1"


def test_keys_are_listed(kv):
    assert kv.ok("kv", "ls", "CFG") == "No keys found in bucket\n"
    for key in ("a", "db.host", "gone"):
        kv.ok("kv", "put", "CFG", key, f"value of {key}")
    kv.ok("kv", "del", "CFG", "gone", "-f")
    assert kv.ok("kv", "ls", "CFG") == "a\ndb.host\n"
    assert kv.ok("kv", "ls", "CFG", "db.*") == "db.host\n"
    table = kv.ok("kv", "ls", "CFG", "-v", "--display-value")
    assert "Contents for bucket 'CFG'" in table
    assert "│ value of db.host │" in table
    assert "value" not in kv.ok("kv", "ls", "CFG", "-v")


def test_buckets_are_listed(nats):
    assert nats.ok("kv", "ls") == "No Key-Value buckets found\n"
    nats.ok("stream", "add", "S", "--subjects", "s", "--defaults")
    nats.ok("kv", "add", "B")
    nats.ok("kv", "add", "A")
    assert nats.ok("kv", "ls", "-n") == "A\nB\n"
    table = nats.ok("kv", "ls")
    assert "Key-Value Buckets" in table
    assert "│ A      │" in table


def test_changes_are_watched(kv):
    kv.ok("kv", "put", "CFG", "old", "value")
    watching = kv.later("--timeout", "5s", "kv", "watch", "CFG")
    watching.wait_until("PUT CFG > old: value\n")
    kv.ok("kv", "put", "CFG", "k", "one")
    kv.ok("kv", "del", "CFG", "k", "-f")
    kv.ok("kv", "purge", "CFG", "old", "-f")
    watching.wait_until("PURGE CFG > old\n")
    lines = [line.partition("] ")[2] for line in watching.out.splitlines()]
    assert lines == [
        "PUT CFG > old: value",
        "PUT CFG > k: one",
        "DELETE CFG > k",
        "PURGE CFG > old",
    ]
    kv.ok("kv", "del", "CFG", "-f")
    assert "stream not found" in watching.done().err


def test_a_watch_begins_where_it_is_told(kv):
    for value in ("one", "two", "three"):
        kv.ok("kv", "put", "CFG", "k", value)
    runs = [
        (kv.later("kv", "watch", "CFG", "--history"), ["one", "two", "three", "end"]),
        (kv.later("kv", "watch", "CFG", "--revision", "2"), ["two", "three", "end"]),
    ]
    for watching, _ in runs:
        watching.wait_until("three\n")
    kv.ok("kv", "put", "CFG", "k", "end")
    for watching, expected in runs:
        watching.wait_until("end\n")
        assert [line.rpartition(" ")[2] for line in watching.out.splitlines()] == expected
    kv.ok("kv", "del", "CFG", "-f")
    for watching, _ in runs:
        watching.done()


def test_young_markers_survive_compaction(kv):
    for value in ("one", "two"):
        kv.ok("kv", "put", "CFG", "k", value)
    kv.ok("kv", "del", "CFG", "k", "-f")
    kv.ok("kv", "compact", "CFG", "-f")
    out = kv.ok("kv", "history", "CFG", "k")
    assert "DELETE" in out
    assert "PUT" not in out


def test_a_bucket_is_deleted(kv):
    kv.ok("kv", "del", "CFG", "-f")
    assert kv.fails("kv", "info", "CFG") == "nats: bucket not found"


@pytest.mark.parametrize(
    "line",
    [
        "kv get NO k",
        "kv put NO k v",
        "kv del NO -f",
        "kv del NO k -f",
        "kv edit NO --history 2",
        "kv history NO k",
        "kv watch NO",
    ],
)
def test_a_bucket_that_is_not_there(nats, line):
    assert nats.fails(*line.split()) == "nats: bucket not found"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (("add", "a.b"), "nats: invalid bucket name"),
        (("add", "B", "--history", "65"), "history: must be less than or equal to 64"),
        (("add", "B", "--history", "0"), "history: must be greater than or equal to 1"),
        (("put", "B", "a b", "x"), "nats: invalid key"),
        (("get", "B", ".."), "nats: invalid key"),
        (("get", "B", "k.*"), "nats: invalid key"),
        (("info",), "cannot prompt for user input without a terminal"),
    ],
)
def test_bad_names_are_refused_before_connecting(tool, line, problem):
    assert tool.fails("kv", *line) == problem


def test_deleting_asks_first(kv):
    kv.ok("kv", "put", "CFG", "k", "one")
    for line in ("del CFG k", "purge CFG k", "del CFG", "compact CFG"):
        assert "without a terminal" in kv.fails("kv", *line.split())
    assert kv.ok("kv", "get", "CFG", "k", "--raw") == "one"


def test_a_name_in_use_is_said(kv):
    said = kv.fails("kv", "add", "CFG")
    assert said.startswith("nats: bucket name already in use: CFG: stream name already in use")


def test_values_in_a_table():
    assert short_value(b"plain") == "plain"
    assert short_value(b"\x00\xff") == "AP8="
    assert short_value(b"a" * 20 + b"b" * 30) == "a" * 15 + "..." + "b" * 15
