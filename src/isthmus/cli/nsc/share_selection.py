"""Which share is meant: the flags of `nsc share renew` and `nsc share revoke`.

Owns those flags and the accounts of the store as `isthmus.sharing` wants them. Changes nothing.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.store import Store
from isthmus.sharing import Accounts, Selection

F = TypeVar("F", bound=Callable[..., Any])


def selection_flags(command: F) -> F:
    """`--stream`, `--consumer`, `--subject`, `--bucket` and `--keys`, as `nsc share` was told."""
    for decorate in (
        flag("--keys", help="keys of the bucket"),
        flag("--bucket", help="bucket that is shared"),
        flag("--subject", help="subject that is shared, as a feed or a service"),
        flag("--consumer", help="consumer that is shared"),
        flag("--stream", help="its stream"),
    ):
        command = decorate(command)
    return command


def split_selection(values: dict[str, Any]) -> tuple[Selection, dict[str, Any]]:
    """The values of these flags, and all others."""
    rest = dict(values)
    said = {name: rest.pop(name, None) or "" for name in Selection.__struct_fields__}
    return Selection(**said), rest


def all_accounts(store: Store) -> Accounts:
    """Every account of the store."""
    claims = [store.account(name) for name in store.accounts()]
    return Accounts({item.subject: item for item in claims}, store.surroundings.now_ns)
