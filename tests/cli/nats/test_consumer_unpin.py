"""Priority groups by flags, and a pinned client that makes room for another."""

import json

import pytest

from isthmus.cli.nats.consumer_unpin import pinned_group
from isthmus.cli.nats.records import ConsumerConfig, ConsumerInfo, Position, PriorityGroup
from support.raw import RawClient

PULL = b'{"group":"G","expires":20000000000}'


@pytest.fixture
def stream(nats):
    nats.ok("stream", "add", "S", "--subjects", "s.>", "--defaults")
    nats.ok("pub", "-J", "s.1", "one")
    return nats


@pytest.fixture
def client(server):
    with RawClient(server.port) as client:
        client.send(b"UNSUB 1\r\nSUB here.> 2\r\n")  # the tool has inboxes too
        client.settle()
        yield client


def config_of(nats, consumer="C"):
    return json.loads(nats.ok("consumer", "info", "S", consumer, "-j"))["config"]


def add(nats, *flags):
    return nats.ok("consumer", "add", "S", "C", "--pull", "--defaults", *flags)


def pinned(client):
    """Somebody gets a message and is pinned; the id that says so."""
    client.publish("$JS.API.CONSUMER.MSG.NEXT.S.C", PULL, reply="here.pinned")
    message = client.message()
    assert message.payload == b"one"
    return message.header.decode().partition("Nats-Pin-Id: ")[2].split("\r\n")[0]


def test_a_pinned_client_makes_room(stream, client):
    add(stream, "--pinned-groups", "G")
    pin = pinned(client)
    assert f"Priority Groups: G: {pin} since 20" in stream.ok("consumer", "info", "S", "C")
    assert stream.ok("consumer", "find", "S", "--pinned") == "C\n"
    assert "without a terminal" in stream.fails("consumer", "unpin", "S", "C", "G")
    [state] = json.loads(stream.ok("consumer", "info", "S", "C", "-j"))["priority_groups"]
    assert (state["group"], state["pinned_client_id"]) == ("G", pin)
    said = stream.ok("consumer", "unpin", "S", "C", "G", "-f")
    assert said == f"Unpinned client {pin} from Priority Group S > C > G\n"
    assert "Priority Groups: G: no pinned client\n" in stream.ok("consumer", "state", "S", "C")
    assert stream.ok("consumer", "find", "S", "--pinned") == ""
    said = stream.fails("consumer", "unpin", "S", "C", "-f")
    assert said == "no client is pinned in Priority Group S > C > G"


def test_the_only_group_needs_no_name_and_a_person_is_asked(stream, client):
    add(stream, "--pinned-groups", "G")
    pin = pinned(client)
    stream.terminal = True
    question = f"? Really unpin client {pin} from Priority Group S > C > G (y/N) "
    assert stream.ok("consumer", "unpin", "S", "C", stdin="n\n") == question
    said = stream.ok("consumer", "unpin", "S", "C", stdin="y\n")
    assert said.endswith(f"Unpinned client {pin} from Priority Group S > C > G\n")


def test_where_nobody_can_be_unpinned(stream):
    add(stream)
    said = stream.fails("consumer", "unpin", "S", "C", "G", "-f")
    assert said == "consumer S > C has no pinned clients: its priority policy is none"
    said = stream.fails("consumer", "unpin", "S", "NOPE", "G", "-f")
    assert said.startswith('could not select Consumer: unknown consumer "NOPE"')
    stream.ok("consumer", "rm", "S", "C", "-f")
    add(stream, "--pinned-groups", "G,H")
    said = stream.fails("consumer", "unpin", "S", "C", "X", "-f")
    assert said == 'unknown Priority Group "X": S > C has G, H'
    assert stream.fails("consumer", "unpin", "S", "C", "-f") == "no Priority Group supplied"


def test_the_groups_of_a_consumer_share_one_pin():
    info = ConsumerInfo(
        stream_name="S",
        name="C",
        config=ConsumerConfig(priority_policy="pinned_client", priority_groups=["G", "H"]),
        created="",
        delivered=Position(),
        ack_floor=Position(),
        priority_groups=[PriorityGroup(group="G", pinned_client_id="p")],
    )
    assert pinned_group(info, "H") == PriorityGroup(group="H", pinned_client_id="p")


@pytest.mark.parametrize(
    ("flags", "policy", "groups", "timeout_s"),
    [
        ("--pinned-groups G --pinned-groups H", "pinned_client", ["G", "H"], 120),
        ("--pinned-groups G,H --pinned-ttl 5s", "pinned_client", ["G", "H"], 5),
        ("--overflow-groups G", "overflow", ["G"], 0),
        ("--prioritized-groups G", "prioritized", ["G"], 0),
    ],
)
def test_each_kind_of_groups_is_its_policy(stream, flags, policy, groups, timeout_s):
    out = add(stream, *flags.split())
    found = config_of(stream)
    assert (found["priority_policy"], found["priority_groups"]) == (policy, groups)
    assert found.get("priority_timeout", 0) == timeout_s * 10**9
    assert f"Priority Policy: {policy}\n" in out
    assert (f"Pinned TTL: {'2m0s' if timeout_s > 60 else '5.00s'}" in out) == bool(timeout_s)
    stream.ok("consumer", "copy", "S", "C", "D", "--overflow-groups", "Z")
    found = config_of(stream, "D")
    assert (found["priority_policy"], found["priority_groups"]) == ("overflow", ["Z"])
    assert "priority_timeout" not in found


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("--pinned-groups G --overflow-groups H", "a consumer has priority groups of one kind: "),
        ("--pinned-ttl 5s", "--pinned-ttl is for --pinned-groups"),
        ("--overflow-groups G --pinned-ttl 5s", "--pinned-ttl is for --pinned-groups"),
    ],
)
def test_what_does_not_go_together_is_said_before_connecting(tool, line, problem):
    said = tool.fails("consumer", "add", "S", "C", "--pull", "--defaults", *line.split())
    assert said.startswith(problem)


def test_a_groups_name_is_checked_by_the_server(stream):
    line = ("consumer", "add", "S", "C", "--pull", "--defaults", "--overflow-groups", "a.b")
    said = stream.fails(*line)
    assert said.startswith("Consumer creation failed: ")
    assert said.endswith("(10162)")
