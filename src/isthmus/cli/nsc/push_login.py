"""Who nsc is when it talks to servers: a user of the system account.

Owns the choice: a user made for this one conversation, or a stored one. Knows no conversation.
"""

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.login_flags import LoginFlags
from isthmus.cli.nsc.resolver import SUBJECTS, Login, Tls
from isthmus.cli.nsc.signers import account_keys
from isthmus.cli.nsc.store import Store
from isthmus.identity import jwt
from isthmus.identity.claims import NO_LIMIT, Permission, User, UserClaims
from isthmus.identity.nkeys import KeyPair, Kind

_USER_LIFE_S = 120


def make_login(
    store: Store,
    url: str,
    flags: LoginFlags,
    *,
    client_name: str = "nsc_push",
    subjects: tuple[str, ...] = SUBJECTS,
) -> tuple[str, Login]:
    """The system account's name, and a login: a user made for this once, or a stored one."""
    key = store.operator().nats.system_account
    if flags.system_account:
        key = store.account_key(flags.system_account, "system-account")
    if not key:
        raise CommandError(
            "system account is not set", hint="nsc edit operator --system-account <name>"
        )
    name = store.name_of_account(key)
    if not name:
        raise CommandError(
            f"error obtaining system account user: system account {quote(key)} not found"
        )
    made = None if flags.system_user else _made(store, name, subjects)
    token, pair = made or _stored(store, name, flags.system_user)
    tls = _tls(store, flags)
    return name, Login(url=url, token=token, key=pair, tls=tls, client_name=client_name)


def make_passing_user(store: Store, account: str) -> tuple[str, KeyPair] | None:
    """A user of any account that gets in and may do nothing; None without a key to sign it."""
    return _made(store, account, ())


def _tls(store: Store, flags: LoginFlags) -> Tls:
    """What the flags say, else the environment."""

    def path(text: str, variable: str) -> str:
        text = text or store.surroundings.environ.get(variable, "")
        return str(store.path(text)) if text else ""

    return Tls(
        ca_file=path(flags.ca_cert, "NATS_CA"),
        cert_file=path(flags.client_cert, "NATS_CERT"),
        key_file=path(flags.client_key, "NATS_KEY"),
        first=flags.tls_first,
    )


def _made(store: Store, account_name: str, subjects: tuple[str, ...]) -> tuple[str, KeyPair] | None:
    """A user that lives two minutes and may publish to `subjects`, and do nothing else."""
    account = store.account(account_name)
    scopes = account.nats.scopes
    for key in account_keys(account, store.operator()):
        signer = None if scopes.get(key) else store.keys.load(key)
        if signer is not None:
            break
    else:
        return None
    surroundings = store.surroundings
    pair = KeyPair.make(Kind.USER, surroundings.entropy)
    claims = UserClaims(
        subject=pair.public_key,
        name="nsc temporary push user",
        expires_s=surroundings.now_s + _USER_LIFE_S,
        nats=User(
            pub=Permission(allow=subjects, deny=() if subjects else (">",)),
            sub=Permission(allow=("_INBOX.>",)),
            subs=NO_LIMIT,
            data=NO_LIMIT,
            payload=NO_LIMIT,
            issuer_account=account.subject,
        ),
    )
    return jwt.encode(claims, signer, surroundings.now_ns), pair


def _stored(store: Store, account: str, name: str) -> tuple[str, KeyPair]:
    for user in [name] if name else store.users(account):
        if user not in store.users(account):
            break
        pair = store.keys.load(store.user(account, user).subject)
        if pair is not None:
            return store.user_token(account, user), pair
    raise CommandError(
        "error obtaining system account user: no system account user with corresponding nkey found"
    )
