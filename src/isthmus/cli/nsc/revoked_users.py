"""The user a revocation is about, and the account with its list changed.

Shared by the three verbs about users; knows no flags. A user need not be in the store: a public key
will do, and `*` stands for everybody.
"""

from collections.abc import Mapping

import msgspec

from isthmus.base.quoting import quote
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import AccountClaims
from isthmus.identity.nkeys import Kind, is_public
from isthmus.identity.revocations import EVERYBODY


def user_key(store: Store, account: str, *, name: str, key: str) -> str:
    """Whom `--name` or `--user-public-key` means: a public key, or `*`; else the only user."""
    if name and key:
        raise CommandError("user and user-public-key are mutually exclusive", exit_code=MISUSED)
    if key == EVERYBODY or is_public(key, Kind.USER):
        return key
    if key:
        return store.user(account, key).subject
    users = store.users(account)
    if not name and len(users) != 1:
        raise CommandError(
            f"no default user available for account {account}",
            hint="name it: --name <user>, --user-public-key <key>, or '*' as the key for everybody",
        )
    chosen = name or users[0]
    if chosen not in users:
        raise CommandError(f"user {quote(chosen)} not found")
    return store.user(account, chosen).subject


def with_user_revocations(claims: AccountClaims, revocations: Mapping[str, int]) -> AccountClaims:
    """`claims` with these revocations of users."""
    body = msgspec.structs.replace(claims.nats, revocations=dict(revocations))
    return msgspec.structs.replace(claims, nats=body)
