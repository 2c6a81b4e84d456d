"""The guide's consumer across accounts, byte for byte, on both servers.

The transcripts were captured on the real server (`docs/reference/accounts.md`, 10.1 and 10.2). C
exports next, ack and info with activation tokens; B imports them, next and info below `ACCTC.API`.
`Cmon` and `Bmon` listen to everything in their account. What differs in every run is masked:
`_R_` subjects, times, round trips.
"""

import json
import re
import time

import msgspec
import pytest

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    Activation,
    Export,
    Import,
    make_activation,
)
from isthmus.identity.nkeys import Kind
from support.operator_mode import SignedClient, account_token, config, user_token
from support.tokens import key

pytestmark = [pytest.mark.oracle]

NOW_NS = int(time.time()) * NS_PER_S
B, C = key(Kind.ACCOUNT, "importer"), key(Kind.ACCOUNT, "exporter")
USER = key(Kind.USER, "user")
NEXT = "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
ACK = "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1"
INFO = "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
B_NEXT, B_INFO = NEXT.replace("$JS", "ACCTC"), INFO.replace("$JS", "ACCTC")
WAIT_S = 5


def tokens() -> dict[str, str]:
    """The account tokens of C and B."""
    offers = (
        (NEXT, "Stream", B_NEXT),
        (f"{ACK}.>", "Singleton", f"{ACK}.>"),
        (INFO, "Singleton", B_INFO),
    )
    exports, imports = [], []
    for subject, response_type, local in offers:
        exports.append(
            Export(
                name=subject,
                subject=subject,
                type="service",
                token_required=True,
                response_type=response_type,
            )
        )
        body = Activation(subject=subject, kind="service")
        token = jwt.encode(make_activation(B.public_key, subject, body), C, NOW_NS)
        imports.append(
            Import(
                name=subject,
                subject=subject,
                account=C.public_key,
                token=token,
                local_subject=local,
                type="service",
            )
        )
    limits = msgspec.structs.replace(
        UNLIMITED_ACCOUNT, memory_bytes=-1, disk_bytes=-1, streams=-1, consumers=-1
    )
    return {
        C.public_key: account_token(
            C, name="C", now_ns=NOW_NS, limits=limits, exports=tuple(exports)
        ),
        B.public_key: account_token(B, name="B", now_ns=NOW_NS, imports=tuple(imports)),
    }


class Line(SignedClient):
    """A connection that shows what it gets as it came, masked."""

    def __init__(self, port, account):
        super().__init__(port, user_token(USER, account, now_ns=NOW_NS, name="user"), USER)
        assert not self.error, self.error
        self.frames: list[str] = []

    def say(self, text: str, payload: str = "") -> None:
        data = f"{text}\r\n"
        if text.startswith("PUB"):
            data += f"{payload}\r\n"
        self._send(data.encode())

    def _read(self) -> str:
        line = self._line().decode()
        words = line.split()
        if words[0] == "PING":
            self._send(b"PONG\r\n")
        if words[0] in {"MSG", "HMSG"}:
            body = self._take(int(words[-1]) + 2)[:-2].decode()
            self.frames.append(mask(f"{' '.join(words)}\n{body}"))
        return line

    def expect(self, *wanted: str) -> None:
        """Exactly these, in any order between subscriptions, and nothing else."""
        ends = time.monotonic() + WAIT_S
        self._socket.settimeout(0.2)
        while len(self.frames) < len(wanted) and time.monotonic() < ends:
            try:
                self._read()
            except TimeoutError:
                continue
        self._socket.settimeout(WAIT_S)
        self._send(b"PING\r\n")
        self._outcome()
        got, self.frames = self.frames, []
        assert sorted(got) == sorted(wanted)


def mask(text: str) -> str:
    text = re.sub(r"_R_\.[0-9A-Za-z]{6}\.[0-9A-Za-z]{6}", "_R_", text)
    text = re.sub(r'\{"acc":"[A-Z2-7]{56}","rtt":\d+\}', "REQUESTER", text)
    text = re.sub(r"^(HMSG .*) \d+ \d+\n(NATS/1.0\r\nNats-Request-Info)", r"\1 N N\n\2", text)
    text = re.sub(r"(\$JS\.ACK\.[^ ]*?\.\d+\.\d+\.\d+)\.\d{19}\.(\d+)", r"\1.T.\2", text)
    if '"type":"io.nats.jetstream.api.v1.consumer_info_response"' in text:
        head, _, body = text.partition("\n")
        document = json.loads(body)
        document["created"] = document["ts"] = "T"
        text = re.sub(r" \d+$", " N", head) + "\n" + json.dumps(document)
    return text


REQUESTED = "NATS/1.0\r\nNats-Request-Info: REQUESTER\r\n\r\n"
SUBJECT = "retail.v1.restock.requested"


def crossed(subject: str, sid: int, reply: str, payload: str) -> str:
    """What C sees of a request of B."""
    return f"HMSG {subject} {sid} {reply + ' ' if reply else ''}N N\n{REQUESTED}{payload}"


def delivered(  # noqa: PLR0917 — the fields of the line, in order
    sid: int, tries: int, seq: int, consumer_seq: int, pending: int, body: str
) -> str:
    reply = f"{ACK}.{tries}.{seq}.{consumer_seq}.T.{pending}"
    return f"MSG {SUBJECT} {sid} {reply} {len(body)}\n{body}"


def ack_subject(seq: int, consumer_seq: int, tries: int = 1) -> str:
    # only the numbers are looked at
    return f"{ACK}.{tries}.{seq}.{consumer_seq}.1795404267976384239.0"


class World:
    """Both accounts, four connections, stream and consumer."""

    def __init__(self, port):
        self.c, self.b = Line(port, C), Line(port, B)
        self.cmon, self.bmon = Line(port, C), Line(port, B)
        # the publisher's inbox is on the monitor's connection as well, as in the transcript
        self.c.say("SUB _INBOX.c.* 1")
        for sid, subject in enumerate(("$JS.ACK.>", "_R_.>", "$JS.API.>", "$none", "_INBOX.>"), 1):
            self.cmon.say(f"SUB {subject} {sid}")
        self.bmon.say("SUB > 1")
        self.b.say("SUB _INBOX.b.* 1")
        for line in (self.c, self.b, self.cmon, self.bmon):
            line.expect()
        self.setup()

    def setup(self):
        with Setup(self) as ask:
            ask(
                "STREAM.CREATE.RESTOCKEVENTS",
                {"name": "RESTOCKEVENTS", "subjects": ["retail.v1.restock.>"], "storage": "file"},
            )
            ask(
                "CONSUMER.DURABLE.CREATE.RESTOCKEVENTS.RESTOCKEVENTS-C1",
                {
                    "stream_name": "RESTOCKEVENTS",
                    "config": {
                        "durable_name": "RESTOCKEVENTS-C1",
                        "ack_policy": "explicit",
                        "max_ack_pending": 100,
                    },
                },
            )

    def publish(self, body, seq):
        """C publishes; only C sees the acknowledgement."""
        self.c.say(f"PUB {SUBJECT} _INBOX.c.pub {len(body)}", body)
        ack = f'{{"stream":"RESTOCKEVENTS","domain":"ngs","seq":{seq}}}'
        self.c.expect(f"MSG _INBOX.c.pub 1 {len(ack)}\n{ack}")
        self.cmon.expect(f"MSG _INBOX.c.pub 5 {len(ack)}\n{ack}")


class Setup:
    """Requests of C whose traffic the monitors forget."""

    def __init__(self, world):
        self._world = world

    def __enter__(self):
        return self._ask

    def _ask(self, subject, body):
        answer = json.loads(self._world.c.request_json(f"$JS.API.{subject}", body))
        assert "error" not in answer, answer

    def __exit__(self, *_):
        time_out = time.monotonic() + WAIT_S
        while time.monotonic() < time_out and len(self._world.cmon.frames) < 4:
            self._world.cmon._send(b"PING\r\n")
            self._world.cmon._outcome()
        for line in (self._world.c, self._world.cmon):
            line.frames.clear()


def request_json(self, subject, body):
    payload = json.dumps(body)
    self.say(f"PUB {subject} _INBOX.c.setup {len(payload)}", payload)
    while not self.frames:
        self._read()
    return self.frames.pop().split("\n", 1)[1]


Line.request_json = request_json


@pytest.fixture
def world(kind, start_server):
    server = start_server(
        kind, config=config(tokens()) + '\njetstream { store_dir: "./store", domain: ngs }\n'
    )
    return World(server.port)


def test_10_1_next_ack_and_info_of_the_guide(world):
    body = "Restock for item 5678 pronto!"
    world.publish(body, 1)

    world.b.say(f"PUB {B_INFO} _INBOX.b.info 0")
    world.cmon.expect(crossed(INFO, 3, "_R_", ""), *(answer := consumer_info(world, "MSG _R_ 2 N")))
    info = answer[0].split("\n", 1)[1]
    world.b.expect(f"MSG _INBOX.b.info 1 N\n{info}")
    world.bmon.expect(f"MSG {B_INFO} 1 _INBOX.b.info 0\n", f"MSG _INBOX.b.info 1 N\n{info}")

    pull = '{"expires":5000000000,"batch":1}'
    world.b.say(f"PUB {B_NEXT} _INBOX.b.next {len(pull)}", pull)
    world.b.expect(delivered(1, 1, 1, 1, 0, body))
    world.cmon.expect(crossed(NEXT, 3, "_R_", pull), delivered(2, 1, 1, 1, 0, body))
    world.bmon.expect(
        f"MSG {B_NEXT} 1 _INBOX.b.next {len(pull)}\n{pull}", delivered(1, 1, 1, 1, 0, body)
    )

    subject = ack_subject(1, 1)
    world.b.say(f"PUB {subject} 4", "+ACK")
    world.cmon.expect(crossed(mask(subject), 1, "", "+ACK"))
    world.bmon.expect(f"MSG {mask(subject)} 1 4\n+ACK")
    world.b.expect()


def consumer_info(world, head):
    """The answer as it must be: the reference's fields in the reference's order."""
    document = {
        "type": "io.nats.jetstream.api.v1.consumer_info_response",
        "stream_name": "RESTOCKEVENTS",
        "name": "RESTOCKEVENTS-C1",
        "created": "T",
        "config": {
            "durable_name": "RESTOCKEVENTS-C1",
            "name": "RESTOCKEVENTS-C1",
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": 30000000000,
            "max_deliver": -1,
            "replay_policy": "instant",
            "max_waiting": 512,
            "max_ack_pending": 100,
            "num_replicas": 0,
            "metadata": {"_nats.level": "5", "_nats.req.level": "0", "_nats.ver": "2.15.1"},
        },
        "delivered": {"consumer_seq": 0, "stream_seq": 0},
        "ack_floor": {"consumer_seq": 0, "stream_seq": 0},
        "num_ack_pending": 0,
        "num_redelivered": 0,
        "num_waiting": 0,
        "num_pending": 1,
        "ts": "T",
    }
    return [f"{head}\n{json.dumps(document)}"]


def test_10_2_batches_acks_and_statuses(world):
    b, bmon, cmon = world.b, world.bmon, world.cmon
    for seq, body in enumerate(("first", "m0", "m1", "m2"), 1):
        world.publish(body, seq)
    first = '{"batch":1,"no_wait":true}'
    b.say(f"PUB {B_NEXT} _INBOX.b.next {len(first)}", first)
    b.expect(delivered(1, 1, 1, 1, 3, "first"))
    b.say(f"PUB {ack_subject(1, 1)} _INBOX.b.acked 4", "+ACK")
    b.expect("MSG _INBOX.b.acked 1 0\n")
    for line in (bmon, cmon):
        line.expect(*forget(line))

    # a batch of what is there, then the status that ends a request that does not wait
    batch = '{"batch":5,"no_wait":true,"expires":1000000000}'
    none = "NATS/1.0 404 No Messages\r\n\r\n"
    messages = [("m0", 2, 2), ("m1", 3, 1), ("m2", 4, 0)]
    b.say(f"PUB {B_NEXT} _INBOX.b.batch {len(batch)}", batch)
    mine = [delivered(1, 1, seq, seq, left, body) for body, seq, left in messages]
    b.expect(*mine, f"HMSG _INBOX.b.batch 1 28 28\n{none}")
    cmon.expect(
        crossed(NEXT, 3, "_R_", batch),
        *[delivered(2, 1, seq, seq, left, body) for body, seq, left in messages],
        f"HMSG _R_ 2 28 28\n{none}",
    )
    bmon.expect(
        f"MSG {B_NEXT} 1 _INBOX.b.batch {len(batch)}\n{batch}",
        *mine,
        f"HMSG _INBOX.b.batch 1 28 28\n{none}",
    )

    # an acknowledgement with a reply is answered by an empty message
    b.say(f"PUB {ack_subject(2, 2)} _INBOX.b.acked 4", "+ACK")
    b.expect("MSG _INBOX.b.acked 1 0\n")
    cmon.expect(crossed(mask(ack_subject(2, 2)), 1, "_R_", "+ACK"), "MSG _R_ 2 0\n")
    bmon.expect(
        f"MSG {mask(ack_subject(2, 2))} 1 _INBOX.b.acked 4\n+ACK", "MSG _INBOX.b.acked 1 0\n"
    )

    # the other kinds reach the consumer too
    for seq, kind in ((3, "-NAK"), (3, "+WPI"), (4, "+TERM")):
        b.say(f"PUB {ack_subject(seq, seq)} {len(kind)}", kind)
        cmon.expect(crossed(mask(ack_subject(seq, seq)), 1, "", kind))
        bmon.expect(f"MSG {mask(ack_subject(seq, seq))} 1 {len(kind)}\n{kind}")
    b.expect()

    # acknowledge and ask for the next one in the same breath
    piggyback = '+NXT {"batch":1,"no_wait":true}'
    b.say(f"PUB {ack_subject(3, 3)} _INBOX.b.nxt {len(piggyback)}", piggyback)
    b.expect(f"HMSG _INBOX.b.nxt 1 28 28\n{none}")
    cmon.expect(crossed(mask(ack_subject(3, 3)), 1, "_R_", piggyback), f"HMSG _R_ 2 28 28\n{none}")
    bmon.expect(*forget(bmon, 2))

    # nothing there: at once with no_wait, after `expires` without
    b.say(f"PUB {B_NEXT} _INBOX.b.nomsg {len(first)}", first)
    b.expect(f"HMSG _INBOX.b.nomsg 1 28 28\n{none}")
    cmon.expect(crossed(NEXT, 3, "_R_", first), f"HMSG _R_ 2 28 28\n{none}")
    timeout = '{"batch":1,"expires":500000000}'
    late = (
        "NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 1\r\nNats-Pending-Bytes: 0\r\n\r\n"
    )
    b.say(f"PUB {B_NEXT} _INBOX.b.exp {len(timeout)}", timeout)
    b.expect(f"HMSG _INBOX.b.exp 1 81 81\n{late}")
    cmon.expect(crossed(NEXT, 3, "_R_", timeout), f"HMSG _R_ 2 81 81\n{late}")


def forget(line, count=4):
    """Whatever arrived, at least `count` frames: it is not what this step is about."""
    ends = time.monotonic() + WAIT_S
    while len(line.frames) < count and time.monotonic() < ends:
        line._send(b"PING\r\n")
        line._outcome()
    got, line.frames = line.frames, []
    assert len(got) >= count
    line.frames = got
    return list(got)
