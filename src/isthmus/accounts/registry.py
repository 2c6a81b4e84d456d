"""All accounts by name, and what a change of one means for the others.

Owns accounts and the moments at which time alone changes something (`deadline_ns`, `tick`). An
account that somebody needs and that is not here is fetched by `fetch` (a resolver). Order does not
matter: an import whose exporter arrives later heals by itself. Invariant: each running import's
verdict is what `authorise` says of the two specs at the last change or deadline.
"""

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterator

from isthmus.accounts.account import Account, RunningImport
from isthmus.accounts.cycles import comes_back
from isthmus.accounts.imports import Grant, Refusal, authorise
from isthmus.accounts.latency import Meter, server_mark
from isthmus.accounts.mappings import make_mapping
from isthmus.accounts.spec import AccountSpec, Import, Latency
from isthmus.base.errors import UsageError
from isthmus.base.nuid import make_token
from isthmus.base.ports import Entropy
from isthmus.core.crossing import Crossing
from isthmus.core.latency import Latency as Measure
from isthmus.core.router import AccountCore

Fetch = Callable[[str], AccountSpec | None]
# Responses closed per call of `tick`: a slice of the loop's time, the rest waits for the next.
EXPIRE_AT_MOST = 2000
FOLLOW_SLICE = 16  # importers decided again in one slice: about half a millisecond


def fetch_nothing(_name: str) -> None:
    """No resolver: only what was put in exists."""


def at_once(work: Callable[[], bool]) -> None:
    """No loop: all slices of `work` one after the other."""
    while work():
        pass


class Registry:
    """The accounts of one server. `fetch` looks up an account that is not here, or returns None.

    `server_name` marks the replies of requests whose latency is measured.
    """

    def __init__(
        self, entropy: Entropy, fetch: Fetch = fetch_nothing, *, server_name: str = ""
    ) -> None:
        self._entropy = entropy
        self.fetch = fetch
        self.defer: Callable[[Callable[[], bool]], None] = at_once  # who carries out long work
        self.on_update: list[Callable[[Account], None]] = []  # told of new and changed accounts
        self._accounts: dict[str, Account] = {}
        self._mark = server_mark(server_name)
        self._circular: set[str] = set()  # accounts with an import that is refused for a cycle
        self._importers: dict[str, set[str]] = {}  # exporter -> who imports from it, known or not
        self._moments: list[tuple[int, str]] = []  # heap of when which account changes by itself
        self._moment_of: dict[str, int] = {}  # the entries of the heap that count
        self._following = 0  # accounts whose importers are being decided again
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
        """True while some of those who import from a changed account are not decided again."""
        return self._following > 0

    def importers(self, name: str) -> Collection[str]:
        """The loaded accounts that import from this one."""
        return self._importers.get(name, ())

    def exporters(self, name: str) -> Collection[str]:
        """The accounts from which a loaded account imports."""
        account = self._accounts.get(name)
        return {} if account is None else {one.wanted.account: None for one in account.imports}

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

        At once; if hundreds import from it, the others soon (`following`).
        """
        account = self._accounts.get(spec.name)
        if account is None:
            account = Account(spec, self._make_core(spec.name))
            self._accounts[spec.name] = account
            account.core.mapping = make_mapping(spec.mappings)
        elif account.spec.mappings != spec.mappings:
            account.core.mapping = make_mapping(spec.mappings)
        account.spec = spec
        account.updated_ns = now_ns
        account.expired = bool(spec.expires_ns) and now_ns >= spec.expires_ns
        self._rebuild_imports(account, now_ns)
        self._follow(spec.name, now_ns)
        for name in sorted(self._circular):
            self._decide_circular(self._accounts[name], now_ns)
        for tell in self.on_update:
            tell(account)
        return account

    def deadline_ns(self) -> int | None:
        """When time alone next changes an account or an import (wall clock)."""
        moments = [answering.deadline_ns() for answering in self._under_way()]
        while self._moments and self._moment_of.get(self._moments[0][1]) != self._moments[0][0]:
            heapq.heappop(self._moments)
        if self._moments:
            moments.append(self._moments[0][0])
        return min(moments, default=None)

    def tick(self, now_ns: int) -> list[Account]:
        """Decide what has come due; accounts that expired just now. Stale answers are closed."""
        due = []
        while self._moments and self._moments[0][0] <= now_ns:
            when_ns, name = heapq.heappop(self._moments)
            if self._moment_of.get(name) == when_ns:
                del self._moment_of[name]
                due.append(self._accounts[name])
        expired = [account for account in due if self._pass(account, now_ns)]
        left = EXPIRE_AT_MOST
        for answering in self._under_way():
            if left > 0:
                left -= answering.expire(now_ns, left)
        return expired

    def _pass(self, account: Account, now_ns: int) -> bool:
        """An account's moment has come; True if it expired."""
        ends_ns = account.spec.expires_ns
        expires = bool(ends_ns) and now_ns >= ends_ns and not account.expired
        account.expired = account.expired or expires
        if expires:
            self._follow(account.name, now_ns)
        for running in account.imports:
            if _due(running, now_ns):
                self._decide(account, running, now_ns)
        self._note(account)
        return expires

    def _follow(self, exporter: str, now_ns: int) -> None:
        """Decide again what others import from an account, in slices: ten thousand may."""
        waiting = deque(sorted(self._importers.get(exporter, ())))
        if not waiting:
            return

        def some() -> bool:
            left = False
            try:
                for _ in range(min(len(waiting), FOLLOW_SLICE)):
                    importer = self._accounts[waiting.popleft()]
                    for running in importer.imports:
                        if running.wanted.account == exporter:
                            self._decide(importer, running, now_ns)
                left = bool(waiting)
            finally:
                if not left:
                    self._following -= 1
            return left

        self._following += 1
        self.defer(some)

    def _note(self, account: Account) -> None:
        """Keep in the heap when time alone next changes `account` or its imports."""
        moments = [account.spec.expires_ns] if not account.expired else []
        moments += [_moment(running) for running in account.imports]
        when_ns = min((moment for moment in moments if moment), default=0)
        if when_ns == self._moment_of.get(account.name, 0):
            return
        if not when_ns:
            del self._moment_of[account.name]
            return
        self._moment_of[account.name] = when_ns
        heapq.heappush(self._moments, (when_ns, account.name))
        if len(self._moments) > 2 * len(self._moment_of) + 64:  # most of it is of the past
            self._moments = [(when, name) for name, when in self._moment_of.items()]
            heapq.heapify(self._moments)

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
        for account in self._accounts.values():
            ends = [] if account.expired else [account.spec.expires_ns]
            ends += [_moment(running) for running in account.imports]
            moment = self._moment_of.get(account.name, 0)
            assert moment == min((one for one in ends if one), default=0)
            assert not moment or (moment, account.name) in self._moments
            assert len(account.imports) == len(account.spec.imports)
            for running in account.imports:
                assert account.name in self._importers[running.wanted.account]
                if running.crossing is not None:
                    assert running.crossing.alive == running.active

    def _make_core(self, name: str) -> AccountCore:
        seed = int.from_bytes(self._entropy.bytes(8), "little")
        core = AccountCore(name.encode(), seed, make_token(self._entropy, 6).encode())
        core.answering = self._answering
        return core

    def _rebuild_imports(self, account: Account, now_ns: int) -> None:
        """Unchanged imports keep their crossing, so nothing under way is lost."""
        before: dict[tuple[str, str, str, str], list[RunningImport]] = {}
        for running in account.imports:
            wanted = running.wanted
            key = (wanted.kind, wanted.account, wanted.remote, wanted.local)
            before.setdefault(key, []).append(running)
        for running in account.imports:
            self._importers[running.wanted.account].discard(account.name)
        account.imports = []
        for wanted in account.spec.imports:
            self._importers.setdefault(wanted.account, set()).add(account.name)
            kept = before.get((wanted.kind, wanted.account, wanted.remote, wanted.local))
            running = kept.pop(0) if kept else RunningImport(wanted, _UNDECIDED)
            running.wanted = wanted
            account.imports.append(running)
        for leftover in before.values():
            for running in leftover:
                running.withdraw()
                self._settle(running)
        for running in account.imports:
            self._decide(account, running, now_ns, note=False)
        self._note(account)

    def _decide(
        self, importer: Account, running: RunningImport, now_ns: int, *, note: bool = True
    ) -> None:
        wanted = running.wanted
        exporter = self.load(wanted.account, now_ns)
        running.verdict = authorise(
            importer.spec, wanted, None if exporter is None else exporter.spec, now_ns
        )
        core = None if exporter is None else exporter.core
        if self._would_go_round(importer, running):
            running.verdict = _CIRCULAR
            self._circular.add(importer.name)
        running.apply(importer.core, core, self._make_measure)
        self._settle(running)
        if note:
            self._note(importer)

    def _settle(self, running: RunningImport) -> None:
        """A stream import meets those who listen, or leaves them: as many as they are."""
        for crossing in running.take_unsettled():
            self.defer(crossing.step)

    def _would_go_round(self, importer: Account, running: RunningImport) -> bool:
        if running.wanted.kind == "stream" or isinstance(running.verdict, Refusal):
            return False
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

    def _decide_circular(self, importer: Account, now_ns: int) -> None:
        """What would have gone round may have an end now."""
        self._circular.discard(importer.name)
        for running in importer.imports:
            if running.verdict is _CIRCULAR:
                self._decide(importer, running, now_ns)

    def _make_measure(self, exporter: AccountCore, wanted: Latency) -> Measure:
        meter = Meter(exporter, wanted.subject, self._entropy)
        return Measure(meter, wanted.percent, self._mark)


_UNDECIDED = Refusal(code="undecided", reason="not decided yet")
_CIRCULAR = Refusal(
    code="cycle", reason="import forms a cycle: requests would come back to this account"
)


def _moment(running: RunningImport) -> int:
    """When time alone next changes the import; 0: never."""
    verdict = running.verdict
    return verdict.ends_ns if isinstance(verdict, Grant) else verdict.wakes_ns


def _due(running: RunningImport, now_ns: int) -> bool:
    verdict = running.verdict
    if isinstance(verdict, Grant):
        return bool(verdict.ends_ns) and now_ns >= verdict.ends_ns
    return bool(verdict.wakes_ns) and now_ns >= verdict.wakes_ns
