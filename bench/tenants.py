"""An operator, three accounts and their grants, for the rows that cross a border.

C exports a service, a stream of messages and the services of a pull consumer, privately; B imports
them with activation tokens. Users are bearers, so that the load generator needs no keys, except
`signing`, who proves on each connection who it is.
"""

import secrets
import time

import msgspec
from msgspec.structs import replace

from isthmus.identity import claims, jwt
from isthmus.identity.nkeys import KeyPair, Kind

STREAM, CONSUMER = "BENCH", "C1"
GRANTS = (
    ("service", "svc.echo", "svc.echo", "Singleton"),
    ("events", "bench.events.*", "C.events.*", ""),
    ("next", f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}", None, "Stream"),
    ("ack", f"$JS.ACK.{STREAM}.{CONSUMER}.>", f"$JS.ACK.{STREAM}.{CONSUMER}.>", "Singleton"),
)


class _Entropy:
    def bytes(self, count: int, /) -> bytes:
        return secrets.token_bytes(count)


class Tenants:
    """`config` is the part of a configuration file; `auth_b`, `auth_c` are CONNECT fields."""

    def __init__(self) -> None:
        now_ns = time.time_ns()
        entropy = _Entropy()
        operator = self._operator = KeyPair.make(Kind.OPERATOR, entropy)
        keys = {name: KeyPair.make(Kind.ACCOUNT, entropy) for name in ("SYS", "B", "C")}
        exports, imports = [], []
        for name, subject, local, response_type in GRANTS:
            kind = "service" if response_type else "stream"
            exports.append(
                claims.Export(
                    name=name,
                    subject=subject,
                    type=kind,
                    token_required=True,
                    response_type=response_type,
                )
            )
            body = claims.Activation(subject=subject, kind=kind)
            token = jwt.encode(
                claims.make_activation(keys["B"].public_key, name, body), keys["C"], now_ns
            )
            imports.append(
                claims.Import(
                    name=name,
                    subject=subject,
                    account=keys["C"].public_key,
                    token=token,
                    local_subject=local or subject.replace("$JS.API", "C.API"),
                    type=kind,
                )
            )
        preload = []
        for name, key in keys.items():
            account = claims.make_account(key.public_key, name)
            limits = msgspec.structs.replace(
                account.nats.limits, memory_bytes=-1, disk_bytes=-1, streams=-1, consumers=-1
            )
            body = msgspec.structs.replace(
                account.nats,
                limits=account.nats.limits if name == "SYS" else limits,
                exports=tuple(exports) if name == "C" else (),
                imports=tuple(imports) if name == "B" else (),
            )
            token = jwt.encode(msgspec.structs.replace(account, nats=body), operator, now_ns)
            preload.append(f"  {key.public_key}: {token}\n")
        root = claims.make_operator(operator.public_key, "BENCH")
        root = msgspec.structs.replace(
            root,
            nats=msgspec.structs.replace(root.nats, system_account=keys["SYS"].public_key),
        )
        head = f"operator: {jwt.encode(root, operator, now_ns)}\n"
        tokens = "resolver_preload {\n" + "".join(preload) + "}\n"
        self.config = f"{head}resolver: MEMORY\n{tokens}"
        self.config_directory = f'{head}resolver {{ type: full, dir: "./jwt" }}\n{tokens}'
        self.auth_b = {"jwt": self._user(keys["B"])}
        self.auth_c = {"jwt": self._user(keys["C"])}
        self.auth_system = {"jwt": self._user(keys["SYS"])}
        seed = secrets.token_bytes(32)
        self.signing = {
            "jwt": self._user(keys["C"], KeyPair(Kind.USER, seed), bearer=False),
            "seed": seed.hex(),
        }

    def accounts(self, count: int) -> list[tuple[str, str]]:
        """Further accounts of the operator: `(key, token)`, not known to the server yet."""
        now_ns, entropy = time.time_ns(), _Entropy()
        out = []
        for number in range(count):
            key = KeyPair.make(Kind.ACCOUNT, entropy).public_key
            account = claims.make_account(key, f"A{number}")
            out.append((key, jwt.encode(account, self._operator, now_ns)))
        return out

    def importers(self, count: int, imports: int) -> tuple[dict[str, str], list[str]]:
        """Accounts with so many imports each, and who they import from.

        Files of a resolver's directory, and a user's token for each account.
        """
        now_ns, entropy = time.time_ns(), _Entropy()
        files: dict[str, str] = {}
        wanted = []
        for number in range(imports):
            key = KeyPair.make(Kind.ACCOUNT, entropy).public_key
            subject = f"svc.{number}.>"
            export = claims.Export(name="svc", subject=subject, type="service")
            body = claims.make_account(key, f"X{number}")
            body = replace(body, nats=replace(body.nats, exports=(export,)))
            files[f"jwt/{key}.jwt"] = jwt.encode(body, self._operator, now_ns)
            wanted.append(
                claims.Import(
                    name="svc", subject=subject, account=key, local_subject=subject, type="service"
                )
            )
        users = []
        for number in range(count):
            key = KeyPair.make(Kind.ACCOUNT, entropy)
            body = claims.make_account(key.public_key, f"I{number}")
            body = replace(body, nats=replace(body.nats, imports=tuple(wanted)))
            files[f"jwt/{key.public_key}.jwt"] = jwt.encode(body, self._operator, now_ns)
            users.append(self._user(key))
        return files, users

    @staticmethod
    def _user(account: KeyPair, key: KeyPair | None = None, *, bearer: bool = True) -> str:
        key = key or KeyPair.make(Kind.USER, _Entropy())
        user = claims.make_user(key.public_key, "bench")
        user = msgspec.structs.replace(
            user, nats=msgspec.structs.replace(user.nats, bearer_token=bearer)
        )
        return jwt.encode(user, account, time.time_ns())
