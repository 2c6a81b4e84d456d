"""The way of messages between two connections."""

import re

from isthmus.cli.nats.latency import percentile


def test_the_way_there_is_measured(nats, tmp_path):
    path = tmp_path / "all.txt"
    done = nats(
        *("latency", "--server-b", nats.environ["NATS_URL"], "--duration", "200ms"),
        *("--rate", "100", "--size", "16", "--histogram", str(path)),
    )
    assert done.code == 0, done
    lines = [line[9:] for line in done.err.splitlines()]
    assert lines[0] == "=" * 30
    assert "Message Payload: 16B" in lines
    assert "Target Duration: 200ms" in lines
    assert "Target Msgs/Sec: 100" in lines
    assert "HDR Percentiles:" in lines
    assert re.search(r"Median Latency : [0-9.]+(µs|ms)", done.err)
    assert "Lost" not in done.err
    found = [int(line) for line in path.read_text().split()]
    assert len(found) == 20
    assert found == sorted(found)
    assert found[0] > 0


def test_from_one_context_to_another(start_server, kind, tool):
    server = start_server(
        kind,
        config="""accounts {
          C: { users: [{user: c, password: c}], exports: [{stream: "news.>"}] }
          B: { users: [{user: b, password: b}],
               imports: [{stream: {account: C, subject: "news.>"}}] }
        }""",
    )
    for name in "bc":
        line = ("context", "add", name, "--server", server.url, "--user", name, "--password", name)
        tool.ok(*line)
    done = tool(
        *("latency", "--context", "c", "--context-b", "b", "--subject", "news.x"),
        *("--duration", "100ms", "--rate", "50"),
    )
    assert done.code == 0, done
    assert "Maximum Latency:" in done.err


def test_nothing_that_arrives_is_an_error(start_server, kind, tool):
    server = start_server(
        kind,
        config="""accounts {
          C: { users: [{user: c, password: c}] }
          B: { users: [{user: b, password: b}] }
        }""",
    )
    for name in "bc":
        line = ("context", "add", name, "--server", server.url, "--user", name, "--password", name)
        tool.ok(*line)
    said = tool.fails(
        *("latency", "--context", "c", "--context-b", "b", "--subject", "x"),
        *("--duration", "20ms", "--rate", "50"),
    )
    assert said == 'no message arrived on "x"'


def test_the_second_server_must_be_there(nats):
    said = nats.fails("latency", "--server-b", "nats://127.0.0.1:1")
    assert said == "second connection failed: nats: no servers available for connection"
    nats.fails("latency", code=2)


def test_percentiles():
    ordered = list(range(1, 101))
    found = [percentile(ordered, percent) for percent in (0, 10, 50, 99, 99.9, 100)]
    assert found == [1, 10, 50, 99, 100, 100]
    assert percentile([7], 50) == 7
