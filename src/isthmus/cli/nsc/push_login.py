"""Who nsc is when it talks to servers: a user of the system account.

Owns the choice: a user made for this one conversation, or a stored one. Knows no conversation.
"""

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.resolver import UPDATE, Login
from isthmus.cli.nsc.signers import account_keys
from isthmus.cli.nsc.store import Store
from isthmus.identity import jwt
from isthmus.identity.claims import NO_LIMIT, Permission, User, UserClaims
from isthmus.identity.nkeys import KeyPair, Kind

_USER_LIFE_S = 120


def make_login(
    store: Store, url: str, *, system_account: str = "", system_user: str = ""
) -> tuple[str, Login]:
    """The system account's name, and a login: a user made for this push, or a stored one."""
    key = store.operator().nats.system_account
    if system_account:
        key = store.account_key(system_account, "system-account")
    if not key:
        raise CommandError(
            "system account is not set", hint="nsc edit operator --system-account <name>"
        )
    name = store.name_of_account(key)
    if not name:
        raise CommandError(
            f"error obtaining system account user: system account {quote(key)} not found"
        )
    if system_user:
        return name, _stored_login(store, name, url, system_user)
    made = _made_login(store, name, url)
    return name, made or _stored_login(store, name, url, "")


def _made_login(store: Store, account_name: str, url: str) -> Login | None:
    """A user that lives two minutes and may do nothing else."""
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
            pub=Permission(allow=(UPDATE,)),
            sub=Permission(allow=("_INBOX.>",)),
            subs=NO_LIMIT,
            data=NO_LIMIT,
            payload=NO_LIMIT,
            issuer_account=account.subject,
        ),
    )
    return Login(url=url, token=jwt.encode(claims, signer, surroundings.now_ns), key=pair)


def _stored_login(store: Store, account: str, url: str, name: str) -> Login:
    for user in [name] if name else store.users(account):
        if user not in store.users(account):
            break
        pair = store.keys.load(store.user(account, user).subject)
        if pair is not None:
            return Login(url=url, token=store.user_token(account, user), key=pair)
    raise CommandError(
        "error obtaining system account user: no system account user with corresponding nkey found"
    )
