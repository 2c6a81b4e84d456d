"""Clients of an importing account while what they rest on changes, on either server.

C has a stream and two consumers; B imports pull, push, consumer info. Four clients of B stand for
everybody whom a change can meet:

    idle   says nothing           push   hears what a push consumer sends
    pull   has a pull under way   new    connects after the change, and asks for consumer info
"""

import contextlib
import json
import select
import time

from msgspec.structs import replace

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import (
    UNLIMITED_ACCOUNT,
    UNLIMITED_USER,
    Activation,
    Export,
    Import,
    make_activation,
)
from isthmus.identity.nkeys import KeyPair, Kind
from support.operator_mode import OPERATOR, SignedClient, account_token, system_client, user_token
from support.tokens import key

STORING = replace(UNLIMITED_ACCOUNT, disk_bytes=-1, streams=-1, consumers=-1)
API = "$JS.API.CONSUMER"
GRANTS = {
    "info": ("service", f"{API}.INFO.S.PULL", "Singleton"),
    "pull": ("service", f"{API}.MSG.NEXT.S.PULL", "Stream"),
    "push": ("stream", "deliver.p", ""),
}
ROLES = ("idle", "pull", "push")
Seen = dict[str, str]


class Role:
    """One client of B; `end` is what it was closed with."""

    def __init__(self, port: int, token: str, user: KeyPair) -> None:
        self.client = SignedClient(port, token, user)
        self.end = self.client.error

    def gone(self) -> bool:
        """True if the server closed it; reads what has come, first."""
        while not self.end and select.select([self.client], [], [], 0)[0]:
            self.end = self.client.glance()
        return bool(self.end)

    def got(self, payload: bytes) -> bool:
        """True if a message with `payload` came."""
        return any(message.payload == payload for message in self.client.kept())

    def publish(self, subject: str, payload: bytes, reply: str = "") -> str:
        """The error it gets, which may be its end."""
        if self.gone():
            return self.end
        try:
            error = self.client.publish(subject, payload, reply)
        except ConnectionError:
            self.gone()
            return self.end or "closed"
        if error and "Permissions" not in error:
            self.end = error
        return error


class Live:
    """Accounts C and B, named after the test, on the server at `port`; three clients of B."""

    def __init__(self, port: int, name: str, *, patience_s: float) -> None:
        self.port = port
        self.patience_s = patience_s  # a server may send a message after the answer to a PING
        self.now_s = int(time.time())
        self.c, self.b = key(Kind.ACCOUNT, f"{name}-c"), key(Kind.ACCOUNT, f"{name}-b")
        self.signing_c = key(Kind.ACCOUNT, f"{name}-signing-c")
        self.signing_b = key(Kind.ACCOUNT, f"{name}-signing-b")
        self.users = {role: key(Kind.USER, f"{name}-{role}") for role in (*ROLES, "new", "c")}
        self.system = system_client(port)
        self.fields_c: dict[str, object] = {"limits": STORING}
        self.fields_b: dict[str, object] = {}
        self.exports = {name: self._export(name) for name in GRANTS}
        self.imports = {name: self.grant(name) for name in GRANTS}
        self.kept_exports: dict[str, Export] = {}
        self.kept_imports: dict[str, Import] = {}
        self.signer = OPERATOR
        self.user_signers = dict.fromkeys(self.users, self.b)
        self._count = 0

    # --- what is declared ---

    def _export(self, name: str) -> Export:
        kind, subject, response = GRANTS[name]
        return Export(
            name=name, subject=subject, type=kind, response_type=response, token_required=True
        )

    def grant(self, name: str, *, prefix: str = "c.", expires_s: int = 0, signer=None) -> Import:
        """An import with its activation."""
        kind, subject, _ = GRANTS[name]
        issuer = "" if signer is None else self.c.public_key
        body = Activation(subject=subject, kind=kind, issuer_account=issuer)
        claims = replace(make_activation(self.b.public_key, subject, body), expires_s=expires_s)
        return Import(
            name=name,
            subject=subject,
            account=self.c.public_key,
            token=jwt.encode(claims, signer or self.c, self.now_s * NS_PER_S),
            local_subject=prefix + subject,
            type=kind,
        )

    def edit_exports(self, **changes: object) -> None:
        """All of them."""
        self.exports = {name: replace(one, **changes) for name, one in self.exports.items()}

    def push(self) -> None:
        """Both accounts as they are now, C first."""
        self.push_c()
        self.push_b()

    def push_c(self) -> None:
        self._push(self.c, exports=tuple(self.exports.values()), **self.fields_c)

    def push_b(self) -> None:
        self._push(self.b, imports=tuple(self.imports.values()), **self.fields_b)

    def _push(self, account: KeyPair, **fields: object) -> None:
        token = account_token(account, signer=self.signer, now_ns=time.time_ns(), **fields)
        [answer] = self.system.request("$SYS.REQ.CLAIMS.UPDATE", token.encode())
        assert b'"code":200' in answer.payload, answer.payload

    # --- who takes part ---

    def begin(self) -> None:
        """Everything is granted, and everybody is there."""
        self.push()
        self.publisher = self._connect("c", self.c)
        self._api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.>"]})
        for name, more in (("PULL", {}), ("PUSH", {"deliver_subject": "deliver.p"})):
            config = {"durable_name": name, "ack_policy": "none"} | more
            body = {"stream_name": "S", "config": config}
            self._api(f"CONSUMER.DURABLE.CREATE.S.{name}", body)
        self.roles = {role: self._connect(role) for role in ROLES}
        self.roles["pull"].client.subscribe("_INBOX.>")
        self.roles["push"].client.subscribe("_INBOX.>")
        for subject in ("c.deliver.p", "more.1", "more.2"):
            self.roles["push"].client.subscribe(subject)
        self.pull()

    def pull(self) -> None:
        """A pull that stays under way."""
        body = json.dumps({"batch": 1000, "expires": 100 * NS_PER_S}).encode()
        assert self.roles["pull"].publish(f"c.{GRANTS['pull'][1]}", body, "_INBOX.pull") == ""

    def _connect(self, role: str, signer: KeyPair | None = None) -> Role:
        signer = signer or self.user_signers[role]
        body = UNLIMITED_USER
        if signer not in {self.b, self.c}:
            body = replace(body, issuer_account=self.b.public_key)
        user = self.users[role]
        token = user_token(user, signer, body, now_ns=self.now_s * NS_PER_S)
        return Role(self.port, token, user)

    def _api(self, verb: str, body: object) -> None:
        [answer] = self.publisher.client.request(f"$JS.API.{verb}", json.dumps(body).encode())
        assert b'"error"' not in answer.payload, answer

    # --- what they see ---

    def seen(self) -> Seen:
        """A message is published; what each sees of it, or how it ended."""
        self._count += 1
        mark = b"mark %d" % self._count
        if not self.publisher.gone():
            with contextlib.suppress(ConnectionError):  # this may be the moment at which C ends
                self.publisher.client.request("s.x", mark)
        out = {"idle": self.roles["idle"].publish("still.here", b"0123456789") or "stays"}
        for role in ("pull", "push"):
            here = self.roles[role]
            error = here.publish("still.here", b"")
            got = here.got(mark)
            if not error and not got and self.patience_s:
                select.select([here.client], [], [], self.patience_s)
                error, got = here.publish("still.here", b""), here.got(mark)
            out[role] = error or ("gets" if got else "nothing")
        return out | {"new": self._seen_by_new()}

    def _seen_by_new(self) -> str:
        new = self._connect("new")
        with new.client as client:
            if new.end:
                return new.end
            try:
                [answer] = client.request(f"c.{GRANTS['info'][1]}")
            except TimeoutError:  # asked before the end of a grant, and answered after it
                return "no answer"
            return "works" if b'"stream_name"' in answer.payload else "nobody there"

    def close(self) -> None:
        self.system.__exit__()
        self.publisher.client.__exit__()
        for role in self.roles.values():
            role.client.__exit__()
