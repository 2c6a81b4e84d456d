"""JetStream of an account whose token changes: off, on again, only for replicated streams."""

import json
import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from isthmus.base.values import NS_PER_S
from isthmus.identity.claims import UNLIMITED_ACCOUNT, JetStreamLimits
from isthmus.identity.nkeys import KeyPair, Kind
from support.operator_mode import SignedClient, account_token, config, system_client, user_token
from support.servers import ServerProcess
from support.tokens import key
from support.waiting import wait_for

pytestmark = [pytest.mark.real, pytest.mark.oracle]

USER = key(Kind.USER, "switched")
PLENTY = JetStreamLimits(memory_bytes=-1, disk_bytes=-1, streams=-1, consumers=-1)
OFF = UNLIMITED_ACCOUNT
ON = replace(OFF, memory_bytes=-1, disk_bytes=-1, streams=-1, consumers=-1)
NOT_ENABLED, NO_TIER, NO_CLUSTER = 10039, 10120, 10074


@pytest.fixture(scope="module", params=["isthmus", "real"])
def server(request, tmp_path_factory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("switched")
    resolver = f'{{ type: full, dir: "{folder}/jwt" }}'
    flags = ("-js", "-sd", f"{folder}/store")
    text = config({}, resolver=resolver)
    with ServerProcess(request.param, folder / "run", *flags, config=text) as server:
        yield server


class Tenant:
    """An account whose limits change, and a client of it."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        self.account: KeyPair = key(Kind.ACCOUNT, f"switched-{name}")
        self._system = system_client(server.port)
        self._now_ns = time.time_ns() // NS_PER_S * NS_PER_S
        self.push(ON)
        token = user_token(USER, self.account, now_ns=self._now_ns)
        self.client = SignedClient(server.port, token, USER)
        assert self.client.error == ""

    def push(self, limits: object) -> None:
        self._now_ns += NS_PER_S
        token = account_token(self.account, now_ns=self._now_ns, limits=limits)
        [answer] = self._system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
        assert b'"code":200' in answer.payload, answer.payload

    def ask(self, subject: str, body: object = b"") -> object:
        """The answer's JSON, or its bytes; empty if nobody is there."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        [answer] = self.client.request(subject, payload)
        return json.loads(answer.payload) if answer.payload.startswith(b"{") else answer.payload

    def api(self, verb: str, body: object = b"") -> object:
        return self.ask(f"$JS.API.{verb}", body)

    def code(self, verb: str, body: object = b"") -> int:
        return self.api(verb, body).get("error", {}).get("err_code", 0)

    def make(self) -> None:
        """A stream, one consumer that pushes to `pushed` and one to pull from."""
        assert self.code("STREAM.CREATE.S", {"name": "S", "subjects": ["s"]}) == 0
        push = {"durable_name": "P", "deliver_subject": "pushed", "ack_policy": "none"}
        pull = {"durable_name": "Q", "ack_policy": "explicit"}
        for one in (push, pull):
            body = {"stream_name": "S", "config": one}
            assert self.code(f"CONSUMER.DURABLE.CREATE.S.{one['durable_name']}", body) == 0
        assert self.client.subscribe("pushed") == ""


def test_nothing_is_stored_or_delivered_while_jetstream_is_off(server):
    tenant = Tenant(server, "off")
    tenant.make()
    client = tenant.client
    assert client.publish("s", b"one") == ""
    assert client.message().payload == b"one"  # pushed
    tenant.push(OFF)
    assert tenant.ask("s", b"two") == b""  # nobody there
    for verb in ("INFO", "STREAM.INFO.S", "STREAM.LIST"):
        assert tenant.code(verb) == NOT_ENABLED
    assert tenant.api("CONSUMER.MSG.NEXT.S.Q", {"batch": 1, "no_wait": True}) == b""
    assert tenant.api("DIRECT.GET.S", {"seq": 1}) == b""
    assert client.publish("s", b"three") == ""
    assert client.kept() == []
    tenant.push(ON)
    wait_for(lambda: tenant.code("STREAM.INFO.S") == 0)
    assert tenant.api("STREAM.INFO.S")["state"]["messages"] == 1
    assert tenant.api("CONSUMER.MSG.NEXT.S.Q", {"batch": 1, "no_wait": True}) == b"one"
    client.send_request("s", "acks", b"four")
    assert client.message().payload == b"four"
    assert tenant.api("STREAM.INFO.S")["state"]["messages"] == 2


def test_limits_for_replicated_streams_are_none_for_others(server):
    tenant = Tenant(server, "tier")
    tenant.make()
    tenant.push(replace(OFF, tiers={"R3": PLENTY}))
    assert tenant.code("STREAM.INFO.S") == 0
    limits = tenant.api("INFO")["limits"]
    assert (limits["max_storage"], limits["max_streams"]) == (0, 0)
    for more in ({}, {"storage": "memory"}):
        assert tenant.code("STREAM.CREATE.T", {"name": "T", "subjects": ["t"], **more}) == NO_TIER
    body = {"name": "T", "subjects": ["t"], "num_replicas": 3}
    assert tenant.code("STREAM.CREATE.T", body) == NO_CLUSTER
    body = {"name": "S", "subjects": ["s"], "max_msgs": 5}
    assert tenant.code("STREAM.UPDATE.S", body) == NO_TIER
    body = {"stream_name": "S", "config": {"durable_name": "R", "ack_policy": "explicit"}}
    assert tenant.code("CONSUMER.DURABLE.CREATE.S.R", body) == NO_TIER
    assert tenant.ask("s", b"one") == {
        "error": {
            "code": 400,
            "err_code": NO_TIER,
            "description": "no JetStream default or applicable tiered limit present",
        },
        "stream": "S",
        "seq": 0,
    }
    tenant.push(ON)
    assert tenant.ask("s", b"two") == {"stream": "S", "seq": 1}
