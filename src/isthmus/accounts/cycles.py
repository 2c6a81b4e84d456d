"""Would a request come back to the account it started from?

A service import carries requests from one account to another, where a second import may carry them
on. Streams pass one border and cannot go round.

    A imports "b" from B as "a", B imports "a" from A as "b"        a → b → a
    A from B, B from C, C from A                                    any number of steps

Knows specs only; whoever asks says which imports are active.
"""

from collections.abc import Callable, Iterable

from isthmus.accounts.spec import Import
from isthmus.accounts.transform import carry, fit, meet

STEPS_MAX = 1024  # of one search; who builds longer chains is refused as well


def comes_back(importer: str, wanted: Import, active: Callable[[str], Iterable[Import]]) -> bool:
    """True if a request that `wanted` takes out of `importer` may reach `wanted` again.

    `active(account)` are the service imports of an account that work; each fits its subject, as
    `wanted` does.
    """
    entry = fit(wanted.local, wanted.remote).pattern
    seen: set[tuple[str, str]] = set()
    pending = [(wanted.account, wanted.remote)]
    while pending:
        place = pending.pop()
        if place in seen:
            continue
        if len(seen) >= STEPS_MAX:
            return True
        seen.add(place)
        account, subject = place
        if account == importer and meet(subject, entry) is not None:
            return True
        for taken in active(account):
            found = fit(taken.local, taken.remote)
            common = meet(subject, found.pattern)
            if common is not None:
                pending.append((taken.account, carry(found, common)))
    return False
