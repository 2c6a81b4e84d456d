"""The store in which one case of the catalogue is told: a giver, a taker, and what they share.

A world is a person at a keyboard (`support.nsc`) with two accounts, ACCTC who gives and ACCTB who
takes. `share` is what the guide's three commands do for one subject. `edit` signs what nsc would
refuse to write: claims that a worse tool, or a hand, has made.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import (
    Account,
    AccountClaims,
    Activation,
    Export,
    Import,
    UserClaims,
    make_activation,
)
from isthmus.identity.nkeys import KeyPair, Kind
from support.nsc import Nsc
from support.tokens import key

GIVER, TAKER = "ACCTC", "ACCTB"
STREAM, CONSUMER = "RESTOCKEVENTS", "RESTOCKEVENTS-C1"
NEXT = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}"
INFO = f"$JS.API.CONSUMER.INFO.{STREAM}.{CONSUMER}"
ACK = f"$JS.ACK.{STREAM}.{CONSUMER}.>"
PREFIX = "ACCTC.API"
HOUR_S, DAY_S = 3600, 86400
STRANGER = key(Kind.ACCOUNT, "stranger")


def local(subject: str, prefix: str = PREFIX) -> str:
    """What the taker calls an API subject; others keep their names."""
    return subject.replace("$JS.API", prefix)


class World(Nsc):
    """One store. Every case has keys of its own: `seed` is the case's name."""

    def __init__(self, folder: Path, *, seed: str, now_s: int) -> None:
        super().__init__(folder, seed=seed)
        self.now_s = now_s

    def inherit(self, other: "World") -> None:
        """Start with a copy of another's store."""
        shutil.copytree(other.home, self.home, dirs_exist_ok=True)
        settings = self.home / ".config/nats/nsc/nsc.json"
        settings.write_text(settings.read_text().replace(str(other.home), str(self.home)))

    # -- making ------------------------------------------------------------------------------------

    def operator(self) -> None:
        self.ok("add operator --name O --sys")

    def account(self, name: str, *, storing: bool = False, user: str = "") -> None:
        """An account with one user, `<name>-USER`; `user` are flags of `add user`."""
        self.ok(f"add account --name {name}")
        if storing:
            self.ok(
                f"edit account --name {name} --js-mem-storage -1 --js-disk-storage -1"
                " --js-streams -1 --js-consumer -1"
            )
        self.ok(f"add user --account {name} --name {name}-USER {user}")

    def accounts(self, *, user: str = "") -> None:
        """Giver and taker; `user` are the flags of the taker's user."""
        self.account(GIVER, storing=True)
        self.account(TAKER, user=user)

    def export(self, subject: str, *flags: str, public: bool = False, giver: str = GIVER) -> None:
        """`flags` as in `add export`: `--service`, `--response-type Stream`."""
        kind = "" if public else "--private"
        self.ok(
            f"add export --account {giver} {kind} --name '{subject}' --subject '{subject}' "
            + " ".join(flags)
        )

    def grant(
        self, subject: str, here: str = "", *flags: str, taker: str = TAKER, giver: str = GIVER
    ) -> None:
        """An activation token and the import that carries it; `flags` of the activation."""
        self.ok(
            f"generate activation --account {giver} --subject '{subject}' --output-file x.tok "
            f"--target-account {taker} " + " ".join(flags)
        )
        self.take(here, taker=taker)

    def take(self, here: str = "", *, taker: str = TAKER) -> None:
        """The import of the token made last."""
        name = f"--local-subject '{here}'" if here else ""
        self.ok(f"add import --account {taker} --token x.tok {name}")

    def public_import(
        self, subject: str, here: str = "", *flags: str, taker: str = TAKER, giver: str = GIVER
    ) -> None:
        name = f"--local-subject '{here}'" if here else ""
        self.ok(
            f"add import --account {taker} --src-account {self.public(giver)} "
            f"--remote-subject '{subject}' --name '{here or subject}' {name} " + " ".join(flags)
        )

    # -- looking -----------------------------------------------------------------------------------

    def path(self, account: str, user: str = "") -> Path:
        folder = self.stores / "O/accounts" / account
        return folder / f"users/{user}.jwt" if user else folder / f"{account}.jwt"

    def account_names(self) -> list[str]:
        """Every account of the store but the system's."""
        names = sorted(path.name for path in (self.stores / "O/accounts").iterdir())
        return [name for name in names if name != "SYS"]

    @property
    def operator_path(self) -> Path:
        return self.stores / "O/O.jwt"

    def claims(self, account: str) -> AccountClaims:
        return jwt.decode_account(self.path(account).read_text())

    def user_claims(self, account: str, user: str = "") -> UserClaims:
        return jwt.decode_user(self.path(account, user or f"{account}-USER").read_text())

    def public(self, account: str) -> str:
        return self.claims(account).subject

    def pair(self, public_key: str) -> KeyPair:
        """The key pair of a public key in the keystore."""
        path = self.keys / "keys" / public_key[0] / public_key[1:3] / f"{public_key}.nk"
        return KeyPair.from_seed(path.read_text())

    def creds(self, account: str, user: str = "") -> str:
        return (self.keys / "creds/O" / account / f"{user or account + '-USER'}.creds").read_text()

    # -- what nsc would refuse ---------------------------------------------------------------------

    def write(self, claims: AccountClaims) -> None:
        """Sign and store an account's claims, as they are."""
        token = jwt.encode(claims, self.pair(claims.issuer), self.now_s * NS_PER_S)
        self.path(claims.name).write_text(token)
        self.now_s += 1

    def edit(self, account: str, change: Callable[[Account], Account]) -> None:
        claims = self.claims(account)
        self.write(replace(claims, nats=change(claims.nats)))

    def edit_import(self, subject: str, /, *, account: str = TAKER, **changes: object) -> None:
        """Change the import of the giver's `subject`."""

        def change(item: Import) -> Import:
            return replace(item, **changes) if item.subject == subject else item

        self.edit(account, lambda body: replace(body, imports=tuple(map(change, body.imports))))

    def edit_export(self, subject: str, /, *, account: str = GIVER, **changes: object) -> None:
        def change(item: Export) -> Export:
            return replace(item, **changes) if item.subject == subject else item

        self.edit(account, lambda body: replace(body, exports=tuple(map(change, body.exports))))

    def limit(self, account: str, **limits: object) -> None:
        self.edit(account, lambda body: replace(body, limits=replace(body.limits, **limits)))

    def token(
        self,
        subject: str,
        *,
        kind: str = "service",
        to: str = "",
        by: KeyPair | None = None,
        behalf: str = "",
        expires_s: int = 0,
        starts_s: int = 0,
    ) -> str:
        """An activation; unless told otherwise by the giver for the taker. Times are from now."""
        body = Activation(subject=subject, kind=kind, issuer_account=behalf)
        claims = make_activation(to or self.public(TAKER), subject, body)
        claims = replace(
            claims,
            expires_s=expires_s and self.now_s + expires_s,
            not_before_s=starts_s and self.now_s + starts_s,
        )
        signer = by or self.pair(self.public(GIVER))
        made = jwt.encode(claims, signer, self.now_s * NS_PER_S)
        self.now_s += 1
        return made
