"""All accounts by name, and what a change of one means for the others.

Owns accounts and the moments at which time alone changes something (`deadline_ns`, `tick`). An
account that somebody needs and that is not here is fetched by `fetch` (a resolver). Order does not
matter: an import whose exporter arrives later heals by itself.

A change is a generator (`_change`): its first slice is carried out at once, and as many as the turn
has time for, which is all of it but for accounts with very many imports or importers; the rest when
the loop has time (`defer`).

    decide what others import from it ─► fetch whom it imports from ─► map, rebuild its imports
        ─► decide each ─► circles              (who is new: what others import comes after its own)

Invariants: unless `following`, each running import's verdict is what `authorise` says of the two
specs at the last change or deadline. Always, a crossing that is open is that of a running import.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterable, Iterator

from isthmus.accounts.account import Account, RunningImport
from isthmus.accounts.cycles import comes_back
from isthmus.accounts.imports import Grant, Refusal, authorise
from isthmus.accounts.latency import Meter, server_mark
from isthmus.accounts.mappings import of_domain
from isthmus.accounts.moments import Moments
from isthmus.accounts.pace import DECIDE_US, FETCH_US, LIST_US, VERIFY_US, Pace, Steps
from isthmus.accounts.rebuilding import map_subjects, rebuild
from isthmus.accounts.spec import AccountSpec, Import, Latency
from isthmus.base.errors import UsageError
from isthmus.base.nuid import make_token
from isthmus.base.ports import Entropy
from isthmus.core.crossing import Crossing
from isthmus.core.latency import Latency as Measure
from isthmus.core.router import AccountCore
from isthmus.core.stream_import import StreamImport

Fetch = Callable[[str], AccountSpec | None]
Tell = Callable[[], None]
# Responses closed per call of `tick`, accounts whose moment has come: a slice of the loop's time,
# the rest waits for the next.
EXPIRE_AT_MOST = 2000
DUE_AT_MOST = 64
_ALL = ""  # no account has this name
_OVER = object()


def fetch_nothing(_name: str) -> None:
    """No resolver: only what was put in exists."""


def _told_nobody() -> None:
    """Nobody waits for a moment."""


def at_once(work: Callable[[], bool]) -> None:
    """No loop: all slices of `work` one after the other."""
    while work():
        pass


class Registry:
    """The accounts of one server. `fetch` looks up an account that is not here, or returns None.

    `server_name` marks the replies of requests whose latency is measured; of a server with a
    `domain`, the subjects of buckets may be named with it in accounts with JetStream.
    """

    def __init__(
        self,
        entropy: Entropy,
        fetch: Fetch = fetch_nothing,
        *,
        server_name: str = "",
        domain: str = "",
    ) -> None:
        self._entropy = entropy
        self.fetch = fetch
        self.defer: Callable[[Callable[[], bool]], None] = at_once  # who carries out long work
        self.on_update: list[Callable[[Account], None]] = []  # told of new and changed accounts
        self.on_moment: Callable[[], None] = _told_nobody  # time changes something sooner now
        self._accounts: dict[str, Account] = {}
        self._mark = server_mark(server_name)
        self._stored = of_domain(domain)
        self._circular: set[str] = set()  # accounts with an import that is refused for a cycle
        # exporter -> who imports from it, known or not, by name: a set of ten thousand grows in one
        # go, and ten exporters that everybody imports from grew in the same call, by 5 MB
        self._importers: dict[str, list[str]] = {}
        self._moments = Moments()  # when which account changes by itself
        self._following = 0  # changes that are not carried out to the end
        self._undecided: set[str] = set()  # accounts some of whose own imports are not decided yet
        self._decided: list[str] = []  # accounts that are, since somebody was last told
        self._waiting: dict[str, list[Tell]] = {}  # who is told of which account; "": of all work
        self._answering: list[Crossing] = []  # shared by all accounts' cores

    def __iter__(self) -> Iterator[Account]:
        return iter(list(self._accounts.values()))

    def __len__(self) -> int:
        return len(self._accounts)

    def get(self, name: str) -> Account | None:
        """An account that is loaded."""
        return self._accounts.get(name)

    def wanted(self, name: str) -> bool:
        """True if some loaded account imports from this one."""
        return bool(self._importers.get(name))

    @property
    def following(self) -> bool:
        """True while a change is not carried out to the end."""
        return self._following > 0

    def undecided(self, name: str) -> bool:
        """True while some imports of an account are not what its last change makes them."""
        return self.following and name in self._undecided

    def when_decided(self, name: str, tell: Tell) -> None:
        """Call `tell`, once, when an account is not `undecided` any more: now, if it is not.

        It may only note that there is something to do: a change is being carried out.
        """
        if self.undecided(name):
            self._waiting.setdefault(name, []).append(tell)
        else:
            tell()

    def when_followed(self, tell: Tell) -> None:
        """Likewise, when no change is carried out any more."""
        if self.following:
            self._waiting.setdefault(_ALL, []).append(tell)
        else:
            tell()

    def importers(self, name: str) -> Collection[str]:
        """The loaded accounts that import from this one."""
        return self._importers.get(name, ())

    def exporters(self, name: str) -> Collection[str]:
        """The accounts from which a loaded account imports."""
        account = self._accounts.get(name)
        return {} if account is None else _sources(account.spec)

    def load(self, name: str, now_ns: int) -> Account | None:
        """An account, fetched if it is not loaded; None if nobody knows it."""
        account = self._accounts.get(name)
        if account is None:
            spec = self.fetch(name)
            if spec is not None:
                account = self.update(spec, now_ns)
        return account

    def update(self, spec: AccountSpec, now_ns: int) -> Account:
        """An account is new, or changed: everything that rests on it is decided again.

        At once; if that concerns very many imports, the others soon (`following`).
        """
        account = self._install(spec, now_ns)
        self._carry_out(self._change(account, account.changes, now_ns))
        for tell in self.on_update:
            tell(account)
        return account

    def deadline_ns(self) -> int | None:
        """When time alone next changes an account or an import (wall clock)."""
        moments = [answering.deadline_ns() for answering in self._under_way()]
        first_ns = self._moments.first_ns()
        if first_ns is not None:
            moments.append(first_ns)
        return min(moments, default=None)

    def tick(self, now_ns: int) -> list[Account]:
        """Decide what has come due; accounts that expired just now. Stale answers are closed.

        What is more than a slice is due in the next call. Nothing passes a crossing after its end,
        decided or not; so who expires comes first, and what their end means for others after that.
        """
        due = [self._accounts[name] for name in self._moments.take_due(now_ns, DUE_AT_MOST)]
        expired = [account for account in due if _expires(account, now_ns)]
        for account in expired:
            account.expired = True
        if due:
            self._carry_out(self._pass(due, expired, now_ns))
        left = EXPIRE_AT_MOST
        for answering in self._under_way():
            if left > 0:
                left -= answering.expire(now_ns, left)
        return expired

    def _pass(self, due: list[Account], expired: list[Account], now_ns: int) -> Steps:
        """The moment of these accounts has come; some `expired`."""
        pace = Pace()
        for account in expired:
            yield from self._follow(account.name, now_ns, pace)
        for account in due:
            some = (running for running in account.imports if _due(running, now_ns))
            yield from self._decide_some(account, some, now_ns, pace)

    # --- a change, in slices ---

    def _install(self, spec: AccountSpec, now_ns: int) -> Account:
        """The account is there, or is told what it is now. Its imports are not decided yet."""
        account = self._accounts.get(spec.name)
        before = {} if account is None else _sources(account.spec)
        after = _sources(spec)
        if account is None:
            account = Account(spec, self._make_core(spec.name))
            self._accounts[spec.name] = account
        for exporter in before.keys() - after.keys():
            _leave(self._importers[exporter], spec.name)
        for exporter in after.keys() - before.keys():
            insort(self._importers.setdefault(exporter, []), spec.name)
        account.change(spec, now_ns)
        self._undecided.add(spec.name)
        return account

    def _carry_out(self, steps: Steps) -> None:
        """The first slice now, the others when there is time: at once, if this turn has some."""

        def some() -> bool:
            left = False
            try:
                left = next(steps, _OVER) is not _OVER
            finally:
                if not left:
                    self._following -= 1
                self._tell_waiting()
            return left

        self._following += 1
        if some():
            self.defer(some)

    def _tell_waiting(self) -> None:
        """Whoever waits for what is decided now."""
        names = [*self._waiting] if not self.following else self._decided
        self._decided = []
        for name in names:
            for tell in self._waiting.pop(name, ()):
                tell()

    def _change(self, account: Account, change: int, now_ns: int) -> Steps:
        """Everything that rests on an account: its own imports, and those of others from it.

        `change` is its number as it was installed: when its turn comes, there may be a newer one.
        What it takes back ends before anything is loaded; who is new has nothing to take back.
        """
        pace = Pace()
        if change > 1:
            yield from self._follow(account.name, now_ns, pace)
        arrived: list[tuple[Account, int]] = []
        yield from self._gather(account, arrived, now_ns, pace)
        for one, its in (*reversed(arrived), (account, change)):  # who is imported from comes first
            yield from self._decide_own(one, its, now_ns, pace)
            if its == 1:
                yield from self._follow(one.name, now_ns, pace)
        for name in sorted(self._circular):
            yield from self._decide_circular(self._accounts[name], now_ns, pace)

    def _gather(
        self, account: Account, arrived: list[tuple[Account, int]], now_ns: int, pace: Pace
    ) -> Steps:
        """Fetch the accounts it imports from that are not here, and whom they import from.

        Those that `arrived`, each with the number of its first change.
        """
        asked: set[str] = set()
        todo = [account]
        while todo:
            for name in _sources(todo.pop().spec):
                if name in self._accounts or name in asked:
                    continue
                asked.add(name)
                spec = self.fetch(name)
                if spec is not None and name not in self._accounts:
                    found = self._install(spec, now_ns)
                    arrived.append((found, found.changes))
                    todo.append(found)
                    for tell in self.on_update:
                        tell(found)
                if pace.full(FETCH_US):
                    yield

    def _decide_own(self, account: Account, change: int, now_ns: int, pace: Pace) -> Steps:
        """What an account maps and imports is what it wants now, or a newer change sees to that."""
        yield from map_subjects(account, change, pace, self._stored)
        yield from rebuild(account, change, self._settle, pace)
        if account.changes == change:
            yield from self._decide_some(account, account.imports, now_ns, pace)
        if account.changes == change:
            self._undecided.discard(account.name)
            if account.name in self._waiting:
                self._decided.append(account.name)

    def _follow(self, exporter: str, now_ns: int, pace: Pace) -> Steps:
        """Decide again what others import from an account: ten thousand may."""
        for name in tuple(self._importers.get(exporter, ())):
            importer = self._accounts[name]
            theirs = (one for one in importer.imports if one.wanted.account == exporter)
            yield from self._decide_some(importer, theirs, now_ns, pace)

    def _decide_circular(self, importer: Account, now_ns: int, pace: Pace) -> Steps:
        """What would have gone round may have an end now."""
        self._circular.discard(importer.name)
        refused = [one for one in importer.imports if one.verdict is _CIRCULAR]
        yield from self._decide_some(importer, refused, now_ns, pace)

    def _decide_some(
        self, importer: Account, some: Iterable[RunningImport], now_ns: int, pace: Pace
    ) -> Steps:
        """Decide these; when the account has changed meanwhile, its change decides all.

        So it does when its list was replaced: those that left it must not open again.
        """
        change, listed = importer.changes, importer.imports
        for running in some:
            self._decide(importer, running, now_ns)
            if pace.full(DECIDE_US + (VERIFY_US if running.wanted.activation else 0)):
                yield
                if importer.changes != change or importer.imports is not listed:
                    return
        yield from self._note(importer, pace)

    def _note(self, account: Account, pace: Pace) -> Steps:
        """Keep when time alone next changes `account` or its imports.

        Of two that look at once, the one that began later has seen all.
        """
        account.looks += 1
        look, change = account.looks, account.changes
        when_ns = 0 if account.expired else account.spec.expires_ns
        for running in account.imports:
            moment_ns = _moment(running)
            if moment_ns and (not when_ns or moment_ns < when_ns):
                when_ns = moment_ns
            if pace.full(LIST_US):
                yield
                if account.looks != look or account.changes != change:
                    return
        first_ns = self._moments.first_ns()
        self._moments.put(account.name, when_ns)
        if when_ns and (first_ns is None or when_ns < first_ns):
            self.on_moment()  # whoever waits for `deadline_ns` may have asked long ago

    def _under_way(self) -> list[Crossing]:
        """Crossings with answers under way."""
        self._answering[:] = [one for one in self._answering if not one.rest()]
        return list(self._answering)

    def close(self) -> None:
        """The server has stopped: nothing crosses any more, and no account holds a receiver."""
        for account in self:
            for running in account.imports:
                running.withdraw()
        for account in self:
            account.core.sublist.clear()

    def check(self) -> None:
        """Assert the invariants."""
        self._moments.check()
        for account in self._accounts.values():
            for running in account.imports:
                if running.crossing is not None:
                    assert running.crossing.alive == running.active
            self._check_crossings(account)
            if self.following:
                continue
            for exporter in _sources(account.spec):
                assert self._importers[exporter].count(account.name) == 1
            assert account.name not in self._undecided
            assert len(account.imports) == len(account.spec.imports)
            ends = [] if account.expired else [account.spec.expires_ns]
            ends += [_moment(running) for running in account.imports]
            assert self._moments[account.name] == min((one for one in ends if one), default=0)

    def _check_crossings(self, account: Account) -> None:
        """What stands in the account is what its imports own; of what leaves, nothing is open."""
        running = [one.crossing for one in account.imports if one.crossing is not None]
        owned = {one for one in running if one.subscribed}
        sublist = account.core.sublist
        found: list[Crossing | StreamImport] = [
            *(one for one in sublist.everybody() if isinstance(one, Crossing)),
            *(one for one in sublist.watching() if isinstance(one, StreamImport)),
        ]
        assert not any(one.alive for one in found if one not in owned)
        if not self.following:
            assert len(found) == len(owned) == len(owned.intersection(found))

    def _make_core(self, name: str) -> AccountCore:
        seed = int.from_bytes(self._entropy.bytes(8), "little")
        core = AccountCore(name.encode(), seed, make_token(self._entropy, 6).encode())
        core.answering = self._answering
        return core

    def _decide(self, importer: Account, running: RunningImport, now_ns: int) -> None:
        wanted = running.wanted
        exporter = self._accounts.get(wanted.account)
        spec, offers = (None, None) if exporter is None else (exporter.spec, exporter.offers)
        running.verdict = authorise(importer.spec, wanted, spec, now_ns, offers)
        core = None if exporter is None else exporter.core
        if self._would_go_round(importer, running):
            running.verdict = _CIRCULAR
            self._circular.add(importer.name)
        running.apply(importer.core, core, self._make_measure)
        self._settle(running)

    def _settle(self, running: RunningImport) -> None:
        """A stream import meets those who listen, or leaves them: as many as they are."""
        for crossing in running.take_unsettled():
            self.defer(crossing.step)

    def _would_go_round(self, importer: Account, running: RunningImport) -> bool:
        if running.wanted.kind == "stream" or isinstance(running.verdict, Refusal):
            return False
        if not self._importers.get(importer.name):
            return False  # nobody brings anything back to it
        try:
            return comes_back(importer.name, running.wanted, self._active_services)
        except UsageError:  # its subjects do not fit: `apply` says so
            return False

    def _active_services(self, name: str) -> list[Import]:
        account = self._accounts.get(name)
        return [
            running.wanted
            for running in ([] if account is None else account.imports)
            if running.active and running.wanted.kind == "service"
        ]

    def _make_measure(self, exporter: AccountCore, wanted: Latency) -> Measure:
        meter = Meter(exporter, wanted.subject, self._entropy)
        return Measure(meter, wanted.percent, self._mark)


_CIRCULAR = Refusal(
    code="cycle", reason="import forms a cycle: requests would come back to this account"
)


def _leave(names: list[str], name: str) -> None:
    """Out of a list in order, where it is."""
    at = bisect_left(names, name)
    assert names[at] == name
    del names[at]


def _sources(spec: AccountSpec) -> dict[str, None]:
    """From whom an account imports, in order."""
    return {wanted.account: None for wanted in spec.imports}


def _moment(running: RunningImport) -> int:
    """When time alone next changes the import; 0: never."""
    verdict = running.verdict
    return verdict.ends_ns if isinstance(verdict, Grant) else verdict.wakes_ns


def _expires(account: Account, now_ns: int) -> bool:
    ends_ns = account.spec.expires_ns
    return bool(ends_ns) and now_ns >= ends_ns and not account.expired


def _due(running: RunningImport, now_ns: int) -> bool:
    verdict = running.verdict
    if isinstance(verdict, Grant):
        return bool(verdict.ends_ns) and now_ns >= verdict.ends_ns
    return bool(verdict.wakes_ns) and now_ns >= verdict.wakes_ns
