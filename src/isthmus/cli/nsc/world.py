"""The store as a world of claims: what `explain` and `lint` look at.

Owns the reading; judges nothing. A token that cannot be read is an error of the store, as for any
other verb.
"""

from isthmus.cli.nsc.store import Store
from isthmus.sharing.world import World


def read_world(store: Store) -> World:
    """Every account and user of the current operator."""
    accounts, names, tokens, users = {}, {}, {}, {}
    for name in store.accounts():
        claims = store.account(name)
        key = claims.subject
        accounts[key], names[key], tokens[key] = claims, name, store.account_token(name)
        users[key] = tuple(store.user(name, user) for user in store.users(name))
    return World(
        now_ns=store.surroundings.now_ns,
        operator=store.operator(),
        accounts=accounts,
        names=names,
        tokens=tokens,
        users=users,
        complete=not store.info().managed,
    )
