"""What an account's token allows, and the error over each limit: the same on both servers.

Every case is asked of both; equal answers are required, so the table names only what is tried and
a part of what must be said.
"""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from isthmus.base.values import NS_PER_S
from isthmus.identity.claims import UNLIMITED_ACCOUNT, Export, Import, JetStreamLimits
from isthmus.identity.nkeys import KeyPair, Kind
from support.both import KINDS, masked
from support.operator_mode import SignedClient, account_token, config, system_client, user_token
from support.servers import ServerProcess
from support.tokens import key

pytestmark = [pytest.mark.real, pytest.mark.oracle]

USER = key(Kind.USER, "limited")
OTHER = key(Kind.ACCOUNT, "limits-other")
STORING = replace(UNLIMITED_ACCOUNT, memory_bytes=-1, disk_bytes=-1, streams=-1, consumers=-1)
EXPORTS = tuple(Export(name=name, subject=name, type="service") for name in ("x.a", "z.>"))
IMPORTS = tuple(
    Import(name=name, subject=name, account=OTHER.public_key, type="service", local_subject=name)
    for name in ("y.a", "y.b")
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory) -> Iterator[list[ServerProcess]]:
    """Ours and the real one, both taking pushes."""
    made = []
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        resolver = f'{{ type: full, dir: "{folder}/jwt" }}'
        flags = ("-js", "-sd", f"{folder}/store")
        server = ServerProcess(kind, folder, *flags, config=config({}, resolver=resolver))
        made.append(server.start())
    yield made
    for server in made:
        server.stop()


class Limited:
    """An account with these limits on one server."""

    def __init__(self, server: ServerProcess, account: KeyPair, **body: object) -> None:
        self.port = server.port
        self.account = account
        token = account_token(account, now_ns=time.time_ns(), **body)
        with system_client(self.port) as system:
            [answer] = system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
        found = json.loads(answer.payload)
        self.pushed = str(found.get("data") or found["error"])

    def connect(self) -> SignedClient:
        now_ns = time.time_ns() // NS_PER_S * NS_PER_S
        return SignedClient(self.port, user_token(USER, self.account, now_ns=now_ns), USER)

    def api(self, verb: str, body: object) -> bytes:
        with self.connect() as client:
            [answer] = client.request(f"$JS.API.{verb}", json.dumps(body).encode())
        return masked(answer.payload)


@pytest.fixture
def both(servers, request) -> Callable[..., str]:
    """`both(ask, **body)`: what `ask` gets of an account on either server, as text."""
    account = key(Kind.ACCOUNT, f"limits-{request.node.name}")

    def compare(ask: Callable[[Limited], object], **body: object) -> str:
        ours, real = (str(ask(Limited(server, account, **body))) for server in servers)
        assert ours == real
        return ours

    return compare


@pytest.mark.parametrize(
    ("limits", "body", "said"),
    [
        ({"exports": 1}, {"exports": EXPORTS}, "more exports than allowed by the operator"),
        ({"exports": 2}, {"exports": EXPORTS}, "jwt updated"),
        ({"imports": 1}, {"imports": IMPORTS}, "more imports than allowed by the operator"),
        ({"wildcards": False}, {"exports": EXPORTS}, "jwt updated"),
    ],
)
def test_a_push_over_a_limit_is_refused(both, limits, body, said):
    limited = replace(UNLIMITED_ACCOUNT, **limits)
    assert said in both(lambda one: one.pushed, limits=limited, **body)


def test_no_connection_is_none(both):
    limits = replace(UNLIMITED_ACCOUNT, connections=0)
    said = both(lambda one: one.connect().error, limits=limits)
    assert said == "-ERR 'maximum account active connections exceeded'"


def test_the_second_connection_of_one_is_too_many(both):
    def ask(one: Limited) -> list[str]:
        with one.connect() as first, one.connect() as second:
            return [first.error, second.error]

    said = both(ask, limits=replace(UNLIMITED_ACCOUNT, connections=1))
    assert said.count("maximum account active connections exceeded") == 1


def test_a_subscription_too_many(both):
    def ask(one: Limited) -> list[str]:
        with one.connect() as client:
            return [client.subscribe("a"), client.subscribe("b"), client.subscribe("c")]

    said = both(ask, limits=replace(UNLIMITED_ACCOUNT, subs=2))
    assert said == "['', '', \"-ERR 'maximum subscriptions exceeded'\"]"


def test_a_payload_too_large(both):
    def ask(one: Limited) -> list[str]:
        with one.connect() as client:
            return [client.publish("a", bytes(8)), client.publish("a", bytes(9))]

    said = both(ask, limits=replace(UNLIMITED_ACCOUNT, payload=8))
    assert "Maximum Payload Violation" in said


R1 = JetStreamLimits(memory_bytes=-1, disk_bytes=-1, streams=1, consumers=-1)


@pytest.mark.parametrize(
    ("limits", "streams", "code"),
    [
        ({}, [{}, {}], 0),
        ({"streams": 1}, [{}, {}], 10027),
        ({"disk_bytes": 1000}, [{"max_bytes": 2000}], 10047),
        ({"disk_bytes": 3000}, [{"max_bytes": 2000}, {"max_bytes": 2000}], 10047),
        ({"memory_bytes": 1000}, [{"max_bytes": 2000, "storage": "memory"}], 10028),
        ({"memory_bytes": 0}, [{"storage": "memory"}], 10028),
        ({"disk_bytes": 0}, [{}], 10047),
        ({"bytes_required": True}, [{}], 10113),
        ({"bytes_required": True}, [{"max_bytes": 100}], 0),
        ({"disk_stream_bytes_max": 1000}, [{"max_bytes": 2000}], 10122),
        ({"disk_stream_bytes_max": 1000}, [{}], 0),
        ({"memory_stream_bytes_max": 9}, [{"max_bytes": 10, "storage": "memory"}], 10122),
        ({"tiers": {"R1": R1}}, [{}, {}], 10027),
    ],
)
def test_streams_over_a_limit(both, limits, streams, code):
    def ask(one: Limited) -> list[bytes]:
        return [
            one.api(f"STREAM.CREATE.S{at}", {"name": f"S{at}", "subjects": [f"s{at}"]} | more)
            for at, more in enumerate(streams)
        ]

    base = UNLIMITED_ACCOUNT if "tiers" in limits else STORING
    said = both(ask, limits=replace(base, **limits))
    assert (f'"err_code":{code},' in said) == bool(code), said


@pytest.mark.parametrize(
    ("limits", "consumers", "code"),
    [
        ({"consumers": 1}, [{}, {}], 10026),
        ({"ack_pending_max": 5}, [{"max_ack_pending": 6}], 10121),
        ({"ack_pending_max": 5}, [{"max_ack_pending": 5}], 0),
    ],
)
def test_consumers_over_a_limit(both, limits, consumers, code):
    def ask(one: Limited) -> list[bytes]:
        one.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]})
        out = []
        for at, more in enumerate(consumers):
            config = {"durable_name": f"C{at}", "ack_policy": "explicit"} | more
            body = {"stream_name": "S", "config": config}
            out.append(one.api(f"CONSUMER.DURABLE.CREATE.S.C{at}", body))
        return out

    said = both(ask, limits=replace(STORING, **limits))
    assert (f'"err_code":{code},' in said) == bool(code), said


ROOMY = JetStreamLimits(memory_bytes=10**7, disk_bytes=10**8, streams=5, consumers=7)
NARROW = replace(ROOMY, ack_pending_max=9, memory_stream_bytes_max=10**6)
UNNAMED = JetStreamLimits(memory_bytes=-1, disk_bytes=-1)


@pytest.mark.parametrize(
    "tiers",
    [{}, {"R1": ROOMY}, {"R1": NARROW, "R3": ROOMY}, {"R3": ROOMY}, {"R1": UNNAMED, "R2": NARROW}],
    ids="-".join,
)
def test_the_usage_and_limits_of_each_tier_are_told(both, tiers):
    """In `$JS.API.INFO`: fresh, in use, and when the tier in use is taken away."""
    limits = replace(UNLIMITED_ACCOUNT, tiers=tiers) if tiers else STORING

    def ask(one: Limited) -> list[bytes]:
        told = [one.api("INFO", "")]
        for number, storage in enumerate(("file", "memory")):
            config = {"name": storage, "subjects": [storage], "storage": storage}
            told.append(one.api(f"STREAM.CREATE.{storage}", config | {"max_bytes": 5000 + number}))
        config = {"stream_name": "file", "config": {"durable_name": "C", "ack_policy": "explicit"}}
        told.append(one.api("CONSUMER.DURABLE.CREATE.file.C", config))
        with one.connect() as client:
            for subject in ("file", "memory"):
                client.request(subject, b"hello")
        told.append(one.api("INFO", ""))
        if tiers:  # a stream stays in the tier in which it was made
            Limited(one, one.account, limits=replace(UNLIMITED_ACCOUNT, tiers={"R3": ROOMY}))
            told.append(one.api("INFO", ""))
        return told

    said = both(ask, limits=limits)
    assert ('"tiers":{"R' in said.split("stream_create_response")[0]) == bool(tiers)
