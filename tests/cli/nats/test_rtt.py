import json
import re


def test_each_server_with_its_addresses(nats):
    url = nats.environ["NATS_URL"]
    out = nats.ok("rtt", "2")
    assert re.fullmatch(rf"{url}:\n\n   {url}: [0-9.]+(µs|ms)\n\n", out)


def test_json(nats):
    (target,) = json.loads(nats.ok("rtt", "--json", "1"))
    assert target["url"] == nats.environ["NATS_URL"]
    (result,) = target["results"]
    assert list(result) == ["time", "address", "rtt", "url"]
    assert result["rtt"] > 0


def test_a_name_is_measured_at_its_addresses(nats):
    url = nats.environ["NATS_URL"].replace("127.0.0.1", "localhost")
    assert f"   {nats.environ['NATS_URL']}: " in nats.ok("rtt", "1", "-s", url)


def test_one_that_fails_does_not_hide_the_other(nats):
    done = nats("rtt", "1", "-s", f"nats://127.0.0.1:1,{nats.environ['NATS_URL']}")
    assert done.code == 0
    assert "Failed to compute rtt for nats://127.0.0.1:1: nats: no servers available" in done.err
    assert f"   {nats.environ['NATS_URL']}: " in done.out


def test_the_number_of_measurements_is_a_number(tool):
    assert "below 1" in tool.fails("rtt", "0", code=2)
