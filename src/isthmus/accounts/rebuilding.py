"""What an account maps and imports after a change.

Of imports, what is the same stays, the rest comes and goes; mappings count all from one moment on.
Owns the order in which that happens. Knows no verdicts: a new import is undecided. Invariant: an
account's list is replaced as a whole; what is not in the new one is closed in the same moment, so
that nothing crosses twice, and withdrawn afterwards, whatever happens to the account meanwhile.
Only its newest change replaces the list.
"""

from collections.abc import Callable

from isthmus.accounts.account import Account, ImportKey, RunningImport, import_key
from isthmus.accounts.imports import Refusal
from isthmus.accounts.mappings import make_mapping
from isthmus.accounts.pace import LIST_US, Pace, Steps
from isthmus.accounts.spec import SubjectMapping

UNDECIDED = Refusal(code="undecided", reason="not decided yet")


def map_subjects(
    account: Account, change: int, pace: Pace, stored: tuple[SubjectMapping, ...] = ()
) -> Steps:
    """The account's mappings become what its spec says: together, when all are understood.

    `change` is the number of the one that is carried out. `stored` are mapped too if it stores.
    """
    wanted = account.spec.mappings
    if account.spec.jetstream is not None:
        wanted += stored
    if account.changes != change or account.mapped == wanted:
        return
    mapping = yield from make_mapping(wanted, pace)
    if account.changes == change:
        account.core.mapping = mapping
        account.mapped = wanted


def rebuild(
    account: Account, change: int, settle: Callable[[RunningImport], None], pace: Pace
) -> Steps:
    """`account.imports` becomes what its spec says; `settle` those that leave.

    `change` is the number of the one that is carried out. Unchanged imports keep their crossing, so
    nothing under way is lost.
    """
    if account.changes != change:
        return
    before: dict[ImportKey, list[RunningImport]] = {}
    for running in account.imports:
        before.setdefault(running.key, []).append(running)
        if pace.full(LIST_US):
            yield
            if account.changes != change:
                return
    after = []
    for wanted in account.spec.imports:
        kept = before.get(import_key(wanted))
        running = kept.pop(0) if kept else RunningImport(wanted, UNDECIDED)
        running.wanted = wanted
        after.append(running)
        if pace.full(LIST_US):
            yield
            if account.changes != change:
                return
    leaving = [running for left in before.values() for running in left]
    for running in leaving:
        running.shut()
    account.imports = after
    for running in leaving:
        running.withdraw()
        settle(running)
        if pace.full(LIST_US):
            yield
