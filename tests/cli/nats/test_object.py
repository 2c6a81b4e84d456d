"""Object buckets, verb by verb."""

import json

import pytest

from support.waiting import wait_for


@pytest.fixture
def store(nats):
    """The tool, and an object bucket."""
    nats.ok("object", "add", "OB", "--description", "d", "--metadata", "a=b")
    return nats


@pytest.fixture
def file(tmp_path):
    """A small file."""
    path = tmp_path / "small.txt"
    path.write_text("hello\n")
    return path


def test_a_new_bucket_is_shown(nats):
    out = nats.ok("object", "add", "OB", "--description", "d", "--metadata", "a=b")
    head, _, rest = out.partition("\n\nConfiguration:\n\n")
    assert head.startswith("Information for Object Store Bucket OB created 20")
    assert rest.partition("\n\nCluster Information:\n\n")[0].splitlines() == [
        "          Bucket Name: OB",
        "          Description: d",
        "             Replicas: 1",
        "                  TTL: unlimited",
        "               Sealed: false",
        "                 Size: 0 B",
        "  Maximum Bucket Size: unlimited",
        "              Storage: File",
        "   Backing Store Kind: JetStream",
        "     JetStream Stream: OBJ_OB",
        "             Metadata: a: b",
    ]
    assert nats.ok("object", "info", "OB") == out


def test_its_stream_is_an_object_bucket_for_every_client(nats):
    nats.ok(
        *("object", "add", "B2", "--storage", "memory", "--ttl", "1h", "--max-bucket-size", "1M"),
    )
    config = json.loads(nats.ok("stream", "info", "OBJ_B2", "-j"))["config"]
    expected = {
        "subjects": ["$O.B2.C.>", "$O.B2.M.>"],
        "storage": "memory",
        "max_age": 3600 * 10**9,
        "max_bytes": 2**20,
        "discard": "new",
        "allow_rollup_hdrs": True,
        "allow_direct": True,
    }
    assert {key: config[key] for key in expected} == expected


def test_a_file_is_stored_and_written_again(store, file, tmp_path):
    out = store.ok("object", "put", "OB", str(file), "--name", "small.txt", "-H", "A:1")
    assert out.startswith("\nObject information for OB > small.txt\n\n               Size: 6 B\n")
    digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert f"             Chunks: 1\n             Digest: SHA-256 {digest}\n" in out
    assert "            Headers: A: 1\n" in out
    assert store.ok("object", "info", "OB", "small.txt") == out[1:]
    target = tmp_path / "out.txt"
    said = store.ok("object", "get", "OB", "small.txt", "-O", str(target))
    assert said.startswith(f"Wrote: 6 B to {target} in ")
    assert target.read_text() == "hello\n"


def test_many_chunks(store, tmp_path):
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(range(256)) * 300)
    out = store.ok("object", "put", "OB", str(path), "--name", "big", "--chunk-size", "1000")
    assert "Chunks: 77\n" in out
    target = tmp_path / "again.bin"
    store.ok("object", "get", "OB", "big", "-O", str(target))
    assert target.read_bytes() == path.read_bytes()
    assert sorted(entry.name for entry in tmp_path.glob("*again*")) == ["again.bin"]


def test_an_empty_object(store, tmp_path):
    assert "Size: 0 B\n" in store.ok("object", "put", "OB", "--name", "empty", stdin="")
    target = tmp_path / "empty"
    store.ok("object", "get", "OB", "empty", "-O", str(target))
    assert target.read_bytes() == b""


def test_what_it_replaces_is_gone(store, file):
    line = ("object", "put", "OB", "--name", "n")
    store.ok(*line, stdin="the first content")
    done = store(*line, stdin="x")
    assert done.code == 1
    assert "Object information for OB > n\n" in done.out
    assert "without a terminal" in done.err
    store.ok(*line, "-f", stdin="second")
    # A chunk and its description; the old one goes a moment after the new one is acknowledged.
    wait_for(lambda: messages(store) == 2)


def messages(store) -> int:
    return json.loads(store.ok("stream", "info", "OBJ_OB", "-j"))["state"]["messages"]


def test_a_file_is_not_replaced_unasked(store, file, tmp_path):
    store.ok("object", "put", "OB", "--name", "small.txt", stdin="other")
    said = store.fails("object", "get", "OB", "small.txt", "-O", str(file))
    assert "without a terminal" in said
    assert file.read_text() == "hello\n"
    store.ok("object", "get", "OB", "small.txt", "-O", str(file), "-f")
    assert file.read_text() == "other"


def test_a_damaged_object_is_not_written(store, tmp_path):
    store.ok("object", "put", "OB", "--name", "n", stdin="content")
    store.ok("stream", "purge", "OBJ_OB", "-f", "--subject", "$O.OB.C.>")
    target = tmp_path / "n"
    said = store.fails("object", "get", "OB", "n", "-O", str(target))
    assert said == "nats: received a corrupt object, digests do not match"
    assert not target.exists()


def test_objects_and_buckets_are_listed(store):
    assert store.ok("object", "ls", "OB") == "No entries found\n"
    for name in ("one", "two", "gone"):
        store.ok("object", "put", "OB", "--name", name, stdin=f"this is {name}")
    store.ok("object", "del", "OB", "gone", "-f")
    assert store.ok("object", "ls", "OB", "-n") == "one\ntwo\n"
    table = store.ok("object", "ls", "OB")
    assert "Bucket Contents" in table
    assert "│ one  │ 11 B │ 20" in table
    assert store.ok("object", "ls", "-n") == "OB\n"
    assert "│ OB     │ d           │ 20" in store.ok("object", "ls")


def test_no_buckets(nats):
    assert nats.ok("object", "ls") == "No Object Store buckets found\n"


def test_an_object_is_removed(store):
    store.ok("object", "put", "OB", "--name", "n", stdin="content")
    assert "without a terminal" in store.fails("object", "del", "OB", "n")
    out = store.ok("object", "del", "OB", "n", "-f")
    assert out.startswith("Removed OB > n\nInformation for Object Store Bucket OB created")
    assert store.fails("object", "info", "OB", "n") == "nats: object not found"
    assert store.fails("object", "del", "OB", "n", "-f") == "nats: object not found"


def test_a_bucket_is_removed(store):
    assert "without a terminal" in store.fails("object", "del", "OB")
    assert store.ok("object", "del", "OB", "-f") == ""
    assert store.fails("object", "info", "OB") == "nats: bucket not found"


def test_a_sealed_bucket_takes_nothing(store):
    out = store.ok("object", "seal", "OB", "-f")
    assert out.startswith("OB has been sealed\nInformation for Object Store Bucket OB")
    assert "Sealed: true\n" in out
    said = store.fails("object", "put", "OB", "--name", "n", stdin="content")
    assert "err_code=10109 description=invalid operation on sealed stream" in said


def test_changes_are_watched(store):
    store.ok("object", "put", "OB", "--name", "old", stdin="content")
    watching = store.later("object", "watch", "OB")
    watching.wait_until("PUT OB > old: 7 B bytes in 1 chunks\n")
    store.ok("object", "del", "OB", "old", "-f")
    watching.wait_until("DEL OB > old\n")
    store.ok("object", "del", "OB", "-f")
    watching.done()


def test_a_bucket_is_changed(store):
    assert "Description: new\n" in store.ok("object", "edit", "OB", "--description", "new")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("add a.b", "nats: invalid object-store name"),
        ("put OB", "--name is required when reading from stdin"),
        ("info", "cannot prompt for user input without a terminal"),
    ],
)
def test_bad_input_is_refused_before_connecting(tool, line, problem):
    assert tool.fails("object", *line.split()) == problem


@pytest.mark.parametrize("line", ["info NO", "get NO x", "ls NO", "del NO -f", "seal NO -f"])
def test_a_bucket_that_is_not_there(nats, line):
    assert nats.fails("object", *line.split()) == "nats: bucket not found"
