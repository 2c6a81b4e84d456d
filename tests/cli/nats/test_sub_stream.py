"""Reading a stream with `nats sub`."""

import base64
import json
import stat

import pytest

from support.raw import RawClient


@pytest.fixture
def orders(nats):
    """A stream with five messages over three subjects, the last one empty."""
    nats.ok("stream", "add", "S", "--subjects", "orders.>", "--defaults")
    for subject, body in (("a", "one"), ("b", "two"), ("a", "three"), ("b", "four"), ("c", "")):
        header = ("-H", f"N:{body}") if body else ()
        nats.ok("pub", "-J", f"orders.{subject}", body, *header)
    return nats


def seqs(out: str) -> list[int]:
    return [int(part.split(" ")[0]) for part in out.split(" seq: ")[1:]]


def test_all_of_it_with_place_and_time(orders):
    done = orders("sub", "orders.>", "--all", "-T")
    assert done.code == 0, done
    first = done.out.splitlines()[:6]
    title, _, time = first[0].partition(" / time: ")
    received = "[#1] Received JetStream message: stream: S seq: 1 / pending: 4"
    assert title == f"{received} / subject: orders.a"
    assert len(time) == len("2026-11-23 03:20:40")
    assert first[1:] == ["N: one", "", "one", "", ""]
    assert seqs(done.out) == [1, 2, 3, 4, 5]
    assert done.err.endswith(" Subscribing to subject orders.> from first received message \n")
    assert done.out.endswith("nil body\n\n\n")


@pytest.mark.parametrize(
    ("flags", "expected", "said"),
    [
        ("--start-sequence 3", [3, 4, 5], "starting at sequence 3"),
        ("--last", [5], "from last received message"),
        ("--since 1h", [1, 2, 3, 4, 5], "since 1h0m0s"),
        ("--last-per-subject", [3, 4, 5], "for last message per subject"),
    ],
)
def test_where_it_begins(orders, flags, expected, said):
    done = orders("sub", "orders.>", *flags.split(), "-T")
    assert (done.code, seqs(done.out)) == (0, expected)
    assert said in done.err


def test_one_subject_of_a_named_stream(orders):
    out = orders.ok("sub", "orders.b", "--stream", "S", "-T", "--raw")
    assert out == "two\nfour\n"


def test_new_messages_only(orders):
    reading = orders.later("sub", "orders.>", "--new", "--count", "1", "--raw", "--wait", "10s")
    orders_waiting(orders, 1)
    orders.ok("pub", "orders.x", "fresh")
    assert reading.done().out == "fresh\n"


def orders_waiting(nats, consumers: int) -> None:
    """Return when so many readers wait for messages."""
    for _ in range(500):
        names = json.loads(nats.ok("consumer", "ls", "S", "-j")) or []
        waiting = [json.loads(nats.ok("consumer", "info", "S", name, "-j")) for name in names]
        if sum(one["num_waiting"] for one in waiting) >= consumers:
            return
    raise AssertionError("nobody waits")


def test_a_count_ends_it_and_the_reader_is_gone(orders):
    assert seqs(orders.ok("sub", "orders.>", "--all", "--count", "2")) == [1, 2]
    assert orders.ok("consumer", "ls", "S", "-n") == ""


def test_a_silence_ends_it(orders):
    assert seqs(orders.ok("sub", "orders.>", "--all", "--wait", "300ms")) == [1, 2, 3, 4, 5]


def test_an_empty_stream_is_at_its_end_at_once(nats):
    nats.ok("stream", "add", "S", "--subjects", "s", "--defaults")
    assert nats.ok("sub", "--stream", "S", "--all", "-T") == ""


def test_more_messages_than_one_pull_brings(nats):
    nats.ok("stream", "add", "S", "--subjects", "s", "--storage", "memory", "--defaults")
    nats.ok("pub", "s", "{{Count}}", "--count", "700", "-q")
    out = nats.ok("sub", "--stream", "S", "--all", "-T", "--raw")
    assert out.split() == [str(number) for number in range(1, 701)]


def test_ignored_subjects_and_headers_only(orders):
    out = orders.ok("sub", "orders.>", "--all", "-T", "-I", "orders.a", "--headers-only")
    assert seqs(out) == [2, 4, 5]
    assert "Nats-Msg-Size: 3\n" in out
    assert "\ntwo\n" not in out


def test_a_body_goes_through_a_program(orders):
    out = orders.ok("sub", "orders.a", "--all", "-T", "--raw", "--translate", "tr a-z A-Z")
    assert out == "ONE\nTHREE\n"
    out = orders.ok("sub", "orders.c", "--all", "-T", "--translate", "echo {{Subject}} {{Stream}}")
    assert out.endswith("\norders.c S\n\n")
    out = orders.ok("sub", "orders.c", "--all", "-T", "--translate", "false")
    assert out.endswith('""\nError while translating msg body: exit status 1\n\n')


def test_one_file_a_message(orders, tmp_path):
    folder = tmp_path / "dumped"
    assert orders.ok("sub", "orders.>", "--all", "-T", "--dump", str(folder)) == ""
    assert sorted(path.name for path in folder.iterdir()) == [f"{n}.json" for n in range(1, 6)]
    path = folder / "2.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    document = json.loads(path.read_text())
    assert document["Reply"].startswith("$JS.ACK.S.")
    del document["Reply"]
    body = base64.b64encode(b"two").decode()
    header = {"N": ["two"]}
    expected = {"Subject": "orders.b", "Header": header, "Data": body, "Sub": None}
    assert document == expected


def test_a_durable_consumer_goes_on_where_it_was(orders):
    orders.ok("consumer", "add", "S", "C", "--pull", "--defaults")
    line = ("sub", "--stream", "S", "--durable", "C", "--ack", "--raw")
    done = orders(*line, "--count", "2")
    assert (done.code, done.out) == (0, "one\ntwo\n")
    assert orders.ok(*line, "-T") == "three\nfour\nnil body\n"
    info = json.loads(orders.ok("consumer", "info", "S", "C", "-j"))
    assert info["ack_floor"]["stream_seq"] == 5
    assert info["num_ack_pending"] == 0


def test_a_reader_that_the_server_forgot_is_made_again(orders, shared_server):
    reading = orders.later("sub", "orders.>", "--all", "--count", "6", "--raw")
    orders_waiting(orders, 1)
    (name,) = json.loads(orders.ok("consumer", "ls", "S", "-j"))
    with RawClient(shared_server.port) as client:
        assert json.loads(client.api(f"CONSUMER.DELETE.S.{name}"))["success"]
    orders.ok("pub", "-J", "orders.z", "after")
    assert reading.done().out == "one\ntwo\nthree\nfour\nnil body\nafter\n"


def test_by_direct_gets(orders):
    done = orders("sub", "orders.>", "--direct", "-T")
    assert done.code == 0
    assert (
        "[#5] Received JetStream message (direct): stream: S seq 5 / subject: orders.c" in done.out
    )
    assert "\nNats-Sequence: 1\n" in done.out
    assert done.err.endswith(
        " Subscribing to JetStream Stream (direct) holding messages with subject orders.> "
        "starting with the first message received \n"
    )
    last = orders.ok("sub", "orders.>", "--direct", "--last-per-subject", "-T", "--raw")
    assert last == "three\nfour\nnil body\n"
    assert (
        orders.ok("sub", "orders.a", "--direct", "--start-sequence", "2", "-T", "--raw")
        == "three\n"
    )
    assert (
        orders.ok("sub", "orders.a", "--direct", "--since", "1h", "--count", "1", "--raw")
        == "one\n"
    )


def test_a_work_queue_is_read_without_taking_anything_away(nats):
    nats.ok("stream", "add", "W", "--subjects", "w", "--retention", "work", "--defaults")
    nats.ok("pub", "-J", "w", "job")
    assert nats.ok("sub", "w", "--all", "-T", "--raw") == "job\n"
    nats.ok(
        "stream",
        "add",
        "V",
        "--subjects",
        "v",
        "--retention",
        "work",
        "--no-allow-direct",
        "--defaults",
    )
    said = nats.fails("sub", "v", "--all")
    assert said == "cannot enable direct gets: allow_direct is not set to true for stream V"


def test_a_push_consumer_is_listened_to(orders):
    orders.ok(
        *("consumer", "add", "S", "P", "--target", "push.here", "--ack", "explicit", "--defaults"),
        *("--heartbeat", "5s", "--flow-control"),
    )
    out = orders.ok("sub", "--stream", "S", "--durable", "P", "--ack", "--count", "5", "--raw")
    assert out == "one\ntwo\nthree\nfour\nnil body\n"
    info = json.loads(orders.ok("consumer", "info", "S", "P", "-j"))
    assert info["ack_floor"]["stream_seq"] == 5


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("x --durable C --stream S", "cannot specify both subjects and a durable consumer"),
        ("a b --all", "streams subscribe support only 1 subject"),
        ("x --all --queue q", "queue group subscriptions are not supported with JetStream"),
        ("--all -i x", "generating inboxes is not compatible with JetStream subscriptions"),
        ("x --all --match-replies", "cannot enable --match-replies for JetStream streams"),
    ],
)
def test_what_has_no_meaning_is_refused_before_connecting(tool, line, problem):
    assert tool.fails("sub", *line.split()) == problem


@pytest.mark.parametrize("line", ["--all", "--durable C", "x --all --new"])
def test_misuse(tool, line):
    tool.fails("sub", *line.split(), code=2)


def test_what_is_not_there_is_said(nats):
    assert nats.fails("sub", "zzz", "--all") == "no stream found with subject: zzz"
    assert (
        nats.fails("sub", "--stream", "NO", "--all")
        == 'unknown stream "NO": stream not found (10059)'
    )
