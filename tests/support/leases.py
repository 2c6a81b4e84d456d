"""A grant of everything that can be granted, and what comes through it at a moment.

C has a stream with three consumers, answers on a service and publishes; B imports all of it by
activations, under the same subjects or renamed. `probe` tries every way at once, old and new:

    B  ── pull under way, new pull, consumer info, ack, service ──►  C
    B  ◄── pushed messages, plain stream, to subscriptions old and new ──  C
"""

import json

from msgspec.structs import replace

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
from support.operator_mode import account_token, user_token
from support.tokens import key
from support.virtual import Frame, SimClient, VirtualServer

C, B = key(Kind.ACCOUNT, "lease-c"), key(Kind.ACCOUNT, "lease-b")
USER_C, USER_B = key(Kind.USER, "lease-user-c"), key(Kind.USER, "lease-user-b")
START_NS = 1_900_000_000 * NS_PER_S
STORING = replace(UNLIMITED_ACCOUNT, disk_bytes=-1, streams=-1, consumers=-1)
API = "$JS.API.CONSUMER"
GRANTS = {
    "service": ("service", "svc.plain", "Singleton"),
    "info": ("service", f"{API}.INFO.S.PULL", "Singleton"),
    "pull": ("service", f"{API}.MSG.NEXT.S.PULL", "Stream"),
    "new pull": ("service", f"{API}.MSG.NEXT.S.STORED", "Stream"),
    "ack": ("service", "$JS.ACK.S.PULL.>", "Singleton"),
    "push": ("stream", "deliver.p", ""),
    "stream": ("stream", "st.>", ""),
}
WAYS = {*GRANTS, "new push", "new stream", "request heard"}
LONG_NS = 500 * 24 * 3600 * NS_PER_S
FOR_EVER = 0


class Ends:
    """When what ends, in seconds since 1970; 0: never."""

    def __init__(self, *, activation: int = 0, user: int = 0, b: int = 0, c: int = 0) -> None:
        self.activation = activation
        self.user = user
        self.b = b
        self.c = c


class LeaseWorld:
    """A server with C and B and their clients; `prefix` is in front of all that B imports."""

    def __init__(self, ends: Ends, prefix: str = "") -> None:
        self.ends = ends
        self.prefix = prefix
        self._count = 0
        self._acks: list[str] = []
        self.acknowledged = 0
        tokens = {C.public_key: self._exporter(), B.public_key: self._importer()}
        self.server = VirtualServer(START_NS, tokens)
        self.loop, self.clock = self.server.loop, self.server.clock
        self.connect()
        self._store()
        self.take_part()

    # --- what is granted ---

    def _exporter(self, revocations: dict[str, int] | None = None, made_ns: int = START_NS) -> str:
        exports = tuple(
            Export(
                name=name,
                subject=subject,
                type=kind,
                response_type=response,
                threshold_ns=LONG_NS if response == "Stream" else 0,  # a pull may wait that long
                token_required=True,
                revocations=revocations or {},
            )
            for name, (kind, subject, response) in GRANTS.items()
        )
        return account_token(C, now_ns=made_ns, exp=self.ends.c, limits=STORING, exports=exports)

    def _importer(self) -> str:
        imports = []
        for name, (kind, subject, _) in GRANTS.items():
            claims = make_activation(B.public_key, subject, Activation(subject=subject, kind=kind))
            claims = replace(claims, expires_s=self.ends.activation)
            imports.append(
                Import(
                    name=name,
                    subject=subject,
                    account=C.public_key,
                    token=jwt.encode(claims, C, START_NS),
                    local_subject=self.prefix + subject,
                    type=kind,
                )
            )
        return account_token(B, now_ns=START_NS, exp=self.ends.b, imports=tuple(imports))

    def revoke(self, who: str) -> None:
        """The activations of `who` (a key or `*`), as of now."""
        now_ns = self.clock.wall_ns()
        token = self._exporter({who: now_ns // NS_PER_S}, now_ns)
        self.server.push(C, token)

    # --- who takes part ---

    def connect(self) -> None:
        """C's client and B's. What was under way before is not any more."""
        user = user_token(USER_C, C, now_ns=START_NS)
        self.c = self.server.connect(user, USER_C)
        self.c.subscribe("_INBOX.>", "1")
        self.c.subscribe("svc.plain", "2")
        self.b = self.login()

    def login(self) -> SimClient:
        """Another client of B; it may be refused."""
        token = user_token(USER_B, B, now_ns=START_NS, expires_s=self.ends.user)
        return self.server.connect(token, USER_B)

    def take_part(self) -> None:
        """B subscribes, and leaves a pull under way for ever."""
        self.b.subscribe("_INBOX.>", "1")
        self.b.subscribe(f"{self.prefix}deliver.p", "push")
        self.b.subscribe(f"{self.prefix}st.>", "stream")
        body = json.dumps({"batch": 100_000, "expires": LONG_NS}).encode()
        self.b.request(self._local("pull"), body)
        self.loop.settle()

    def restart(self, *, down_ns: int = 0) -> None:
        """Stop the server, and start it after so long."""
        self.server.stop()
        self.loop.pass_time(down_ns)
        self.server.restart()
        self.connect()
        self.take_part()

    def close(self) -> None:
        self.server.close()

    # --- what comes through ---

    def probe(self) -> set[str]:
        """Try everything now: the ways by which something passed."""
        self._count += 1
        mark = b"secret %d" % self._count
        b, c = self.b, self.c
        b.take()
        c.take()
        for name in ("push", "stream"):
            b.subscribe(self._local(name), f"new-{name}")
        asked = {
            "service": b.request(self._local("service"), b"ask"),
            "info": b.request(self._local("info")),
            "new pull": b.request(self._local("new pull"), b'{"batch":1,"no_wait":true}'),
        }
        if self._acks:
            asked["ack"] = b.request(self.prefix + self._acks[0], b"+ACK")
        c.publish("s.x", mark)
        c.publish("st.a", mark)
        self.loop.settle()
        through = set()
        for request in c.take():
            if request.payload == b"ask":
                through.add("request heard")
                c.publish(request.reply, mark)
        self.loop.settle()
        frames = b.take()
        for frame in frames:
            through |= self._ways(frame, mark, asked)
        for name in ("push", "stream"):
            b.send(f"UNSUB new-{name}\r\n".encode())
        if "ack" in through:
            self._acks.pop(0)
            self.acknowledged += 1
        return through

    def _ways(self, frame: Frame, mark: bytes, asked: dict[str, str]) -> set[str]:
        if frame.reply.startswith("$JS.ACK.S.PULL."):
            self._acks.append(frame.reply)
            return {"pull"}
        if frame.reply.startswith("$JS.ACK.S.STORED."):
            return {"new pull"}
        if frame.payload == mark and frame.sid != "1":
            return {frame.sid.replace("-", " ")}
        if frame.subject == asked["info"] and b'"stream_name":"S"' in frame.payload:
            return {"info"}
        if frame.subject == asked.get("ack") and not frame.header:
            return {"ack"}
        if frame.subject == asked["service"] and frame.payload == mark:
            return {"service"}
        assert b"secret" not in frame.payload, frame
        return set()

    def _local(self, name: str) -> str:
        return self.prefix + GRANTS[name][1]

    def _store(self) -> None:
        """C's stream, its consumers, and messages for whoever comes late."""
        base = {"ack_policy": "explicit", "ack_wait": LONG_NS, "max_ack_pending": -1}
        self.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        for name, more in (
            ("PULL", {"deliver_policy": "new"}),
            ("STORED", {}),
            ("PUSH", {"deliver_policy": "new", "deliver_subject": "deliver.p"}),
        ):
            config = {"durable_name": name} | base | more
            if name == "PUSH":
                config |= {"ack_policy": "none"}
            self.api(f"CONSUMER.DURABLE.CREATE.S.{name}", {"stream_name": "S", "config": config})
        for number in range(20):
            self.c.publish("s.early", b"secret early %d" % number)
        self.loop.settle()

    def api(self, verb: str, body: object) -> dict:
        """C's own request."""
        inbox = self.c.request(f"$JS.API.{verb}", json.dumps(body).encode())
        self.loop.settle()
        (answer,) = self.c.answers(inbox)
        found = json.loads(answer.payload)
        assert "error" not in found, found
        return found
