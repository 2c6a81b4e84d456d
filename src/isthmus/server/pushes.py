"""Account tokens over $SYS: the inlet of the claims service, and what a push changes at once.

Joins `claims_service`, which decides, to the registry and the hub, which follow; tokens are files,
so the deciding is done at a desk. Knows no connection. Loaded in operator mode only. Invariant: an
account's change is in force before its answer leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import islice

import msgspec

from isthmus.accounts.imports import Refusal
from isthmus.base.errors import AuthError, StoreError
from isthmus.base.slices import Sliced
from isthmus.base.values import NS_PER_S, to_json
from isthmus.config.options import ResolverOptions
from isthmus.core.agenda import Line
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import AccountCore, publish
from isthmus.core.turn import Turn
from isthmus.server.cache_resolver import CacheResolver
from isthmus.server.claims_answers import Answer, Asked, Change, with_findings
from isthmus.server.claims_service import ClaimsService
from isthmus.server.desk import Desk
from isthmus.server.exchange import Exchange
from isthmus.server.hub import Hub
from isthmus.server.lookups import Lookups
from isthmus.server.operator_mode import Examined, OperatorMode
from isthmus.server.outside import SystemEntropy
from isthmus.server.resolvers import DirectoryResolver, supersedes
from isthmus.server.url_resolver import UrlResolver
from isthmus.sharing import Finding, refused

REPLIES_SLICE = 8  # tokens read and sent in one slice: half a millisecond
FINDINGS_MAX = 100  # in the answer to a push: a token may have thousands of imports
SWEEP_S = 60.0  # between looks for expired tokens in the directory

_Decided = tuple[Answer, Examined | None]


class Pushes:
    """Takes tokens for `mode`'s resolver; `envelope()` makes the `server` part of an answer."""

    def __init__(
        self, hub: Hub, mode: OperatorMode, envelope: Callable[[], dict[str, object]]
    ) -> None:
        self._hub = hub
        self._log = hub.log
        self._mode = mode
        self._envelope = envelope
        self._claims: ClaimsService | None = None
        self._desk = Desk(hub, "tokens")  # tokens are files: a push of thousands must stop nobody
        self._line = Line()
        self._late: set[asyncio.Task[None]] = set()  # answers that wait for accounts
        self._sweeper: asyncio.TimerHandle | None = None
        self._exchange: Exchange | None = None
        hub.read_large = self._read_large
        if mode.system_account:
            self._serve_claims(mode)
        if isinstance(mode.resolver, UrlResolver):
            self._look_elsewhere(mode.resolver.find)
        if isinstance(mode.resolver, DirectoryResolver):
            self._arm_sweep(mode.resolver)

    def stop(self) -> None:
        """Let go of the directory of tokens."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._exchange is not None:
            self._exchange.stop()
        if self._hub.lookups is not None:
            self._hub.lookups.stop()
        for task in self._late:
            task.cancel()
        self._desk.close()
        if isinstance(self._mode.resolver, DirectoryResolver):
            self._mode.resolver.close()

    def _arm_sweep(self, resolver: DirectoryResolver) -> None:
        rules = self._hub.options.resolver
        every_s = SWEEP_S
        if rules is not None and rules.ttl_ns:
            every_s = min(every_s, rules.ttl_ns / NS_PER_S)
        self._sweeper = self._hub.loop.call_later(every_s, self._sweep, resolver)

    def _sweep(self, resolver: DirectoryResolver) -> None:
        """Expired tokens leave the directory; their accounts have ended by themselves."""
        now_ns = self._hub.wall_ns()

        def swept(keys: list[str], _: Turn) -> None:
            for key in keys:
                self._apply(Change(key, ""))

        self._desk.take(lambda: resolver.sweep(now_ns), swept)
        self._arm_sweep(resolver)

    def _serve_claims(self, mode: OperatorMode) -> None:
        """Listen for account tokens in the system account."""
        rules = self._hub.options.resolver
        self._claims = ClaimsService(
            mode.resolver,
            mode.trust,
            system_account=mode.system_account,
            operator_keys=[operator.subject for operator in mode.operators],
            allow_delete=rules is not None and (rules.allow_delete or rules.kind == "cache"),
            loaded=lambda name: self._hub.registry.get(name) is not None,
        )
        system = self._hub.registry.get(mode.system_account)
        assert system is not None
        inlet = Inlet(self._answer_claims)
        for subscription in self._claims.subscriptions:
            system.core.sublist.add(
                subscription.subject.encode(), inlet, subscription.queue.encode()
            )
        if rules is not None and isinstance(mode.resolver, DirectoryResolver):
            self._ask_others(mode.resolver, rules, system.core)

    def _ask_others(
        self, resolver: DirectoryResolver, rules: ResolverOptions, core: AccountCore
    ) -> None:
        """Accounts that are not in the directory may be at other servers."""
        full = not isinstance(resolver, CacheResolver)
        exchange = self._exchange = Exchange(
            self._hub, core, SystemEntropy(), timeout_ns=rules.timeout_ns, answers_itself=full
        )
        if full:
            exchange.compare(rules.interval_ns, resolver.pack_hash, self._merge)
        self._look_elsewhere(exchange.find)

    def _look_elsewhere(self, find: Callable[[str], Awaitable[str]]) -> None:
        hub = self._hub
        hub.lookups = Lookups(
            find, self._found, needs=hub.registry.exporters, loop=hub.loop, log=hub.log
        )
        self._mode.elsewhere = hub.lookups.begin
        for account in hub.registry:
            if not account.spec.token:  # it has streams, and is not known here
                hub.lookups.begin(account.name)

    async def _read_large(self, key: str) -> bool:
        """An account that is here and has a long token: it is read in a thread, then loaded."""
        hub = self._hub
        if not self._mode.is_large(key):
            return False
        while hub.registry.get(key) is None:
            examined = await hub.loop.run_in_executor(None, self._mode.examine_large, key)
            if examined is None:
                return False
            if hub.registry.get(key) is not None:
                break  # a newer one was pushed meanwhile, which memory does not keep
            if self._mode.resolver.load(key) != examined.spec.token:
                continue  # another was pushed meanwhile
            hub.begin_turn()
            try:
                hub.registry.update(self._mode.take(examined), hub.wall_ns())
            finally:
                hub.finish_turn()
        return True

    def _found(self, key: str, token: str) -> None:
        """An account was elsewhere. Raises `AuthError` if its token is not good.

        What is here stands if it is the same or newer: it may have been pushed meanwhile.
        """
        hub = self._hub
        examined = self._mode.examine(token, key, timely=True)
        account = hub.registry.get(key)
        here = "" if account is None else account.spec.token
        if here and not supersedes(token, here):
            return
        hub.begin_turn()
        try:
            spec = self._mode.take(examined)
            hub.account_changed(hub.registry.update(spec, hub.wall_ns()))
        finally:
            hub.finish_turn()
        self._keep(key, token)

    def _keep(self, key: str, token: str) -> None:
        resolver = self._mode.resolver
        if not isinstance(resolver, DirectoryResolver):
            return

        def save() -> str:
            try:
                resolver.save_if_newer(key, token)
            except (StoreError, OSError) as error:
                return str(error)
            return ""

        def saved(error: str, _: Turn) -> None:
            if error:
                self._log.warn(f"Account {key} was found elsewhere and is not kept: {error}")

        self._desk.take(save, saved)

    def _merge(self, key: str, token: str) -> None:
        """Another server has this token, perhaps a newer one than is here.

        One that could not be used does not take the place of one that can.
        """
        mode, resolver = self._mode, self._mode.resolver
        assert isinstance(resolver, DirectoryResolver)

        def save() -> tuple[bool, str]:
            try:
                mode.examine(token, key)
                return resolver.save_if_newer(key, token), ""
            except (AuthError, StoreError, OSError) as error:
                return False, str(error)

        def saved(outcome: tuple[bool, str], _: Turn) -> None:
            taken, error = outcome
            if error:
                self._log.warn(f"Account {key} of another server is not taken: {error}")
            if taken:
                self._apply_merged(Change(key, token))

        self._desk.take(save, saved)

    def _apply_merged(self, change: Change) -> None:
        try:
            self._apply(change)
        except AuthError as error:
            self._log.warn(f"Account {change.account} of another server: {error}")

    def _answer_claims(self, requests: list[Request], _: Turn) -> None:
        for request in requests:
            subject = request.subject.decode("utf-8", "replace")
            server = to_json(self._envelope())
            self._desk.share(
                self._decide_all,
                Asked(subject, request.payload, request.now_ns, server),
                partial(self._answered, request.reply),
                size=len(request.payload),
            )

    def _decide_all(self, requests: list[Asked]) -> list[_Decided | Exception]:
        """At the desk: the answers, when what was pushed is on stable storage."""
        assert self._claims is not None
        return [
            answer if isinstance(answer, Exception) else self._foresee(answer)
            for answer in self._claims.answer_all(requests)
        ]

    def _foresee(self, answer: Answer) -> _Decided | Exception:
        """At the desk: an answer, and the account that changes as it will be, if it is in use."""
        change = answer.changes[0] if len(answer.changes) == 1 else None
        if change is None or not change.token or not self._is_used(change.account):
            return answer, None
        try:
            return answer, self._mode.examine(change.token)
        except AuthError:
            return answer, None  # whoever carries the change out is told the same
        except Exception as error:  # noqa: BLE001 — the others of the group are not concerned
            return error

    def _is_used(self, account: str) -> bool:
        """True if it is loaded, or somebody imports from it."""
        registry = self._hub.registry
        return registry.get(account) is not None or registry.wanted(account)

    def _answered(self, reply: bytes, decided: _Decided, turn: Turn) -> None:
        """What was decided: carried out, then told."""
        answer, examined = decided
        system = self._hub.registry.get(self._mode.system_account)
        assert system is not None
        for change in answer.changes:
            self._apply(change, examined)
        if not reply:
            return
        if not isinstance(answer.replies, tuple):
            self._line.take(_send_all(system.core, reply, answer.replies, turn), _done, turn)
            return
        if self._hub.registry.following:
            self._tell_later(system.core, reply, answer)
        else:
            self._tell_settled(system.core, reply, answer)

    async def _settle(
        self, lookups: Lookups, pushed: str, core: AccountCore, reply: bytes, answer: Answer
    ) -> None:
        """When what the account imports from was found, or was not."""
        await lookups.settle(pushed)
        self._tell_later(core, reply, answer)

    def _tell_later(self, core: AccountCore, reply: bytes, answer: Answer) -> None:
        """When all that rests on what changed is decided again, in turns that have time."""

        def tell() -> bool:
            if self._hub.registry.following:
                self._tell_later(core, reply, answer)
            else:
                self._tell_settled(core, reply, answer)
            return False

        self._hub.registry.when_followed(lambda: self._hub.in_next_slices(tell))

    def _tell_settled(self, core: AccountCore, reply: bytes, answer: Answer) -> None:
        """Now, or when what the account imports from was found elsewhere, or was not."""
        lookups = self._hub.lookups
        pushed = answer.changes[0].account if answer.changes else ""
        if lookups is None or not lookups.unsettled(pushed):
            self._tell(core, reply, answer, self._hub.turn)
            return
        task = self._hub.loop.create_task(self._settle(lookups, pushed, core, reply, answer))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _tell(self, core: AccountCore, reply: bytes, answer: Answer, turn: Turn) -> None:
        findings = self._inactive(answer)
        for body in answer.replies:
            publish(core, reply, with_findings(body, findings) if findings else body, turn)

    def _inactive(self, answer: Answer) -> list[Finding]:
        """What of a pushed account's imports is not active; of one that runs, as it runs now."""
        if len(answer.changes) != 1 or not answer.changes[0].token:
            return []
        account = self._hub.registry.get(answer.changes[0].account)
        if account is None:
            told = answer.refusals[:FINDINGS_MAX]
            return [refused(refusal, wanted) for wanted, refusal in told]
        found = (
            refused(running.verdict, running.wanted)
            for running in account.imports
            if isinstance(running.verdict, Refusal)
        )
        return list(islice(found, FINDINGS_MAX))

    def _apply(self, change: Change, examined: Examined | None = None) -> None:
        """A token was accepted, or its account deleted: running accounts follow at once."""
        hub = self._hub
        account = hub.registry.get(change.account)
        now_ns = hub.wall_ns()
        if not change.token:
            self._mode.forget(change.account)
            if account is not None:
                gone = msgspec.structs.replace(
                    account.spec, token="", expires_ns=1, exports=(), imports=(), mappings=()
                )
                hub.account_changed(hub.registry.update(gone, now_ns))
            return
        if not self._is_used(change.account):
            return  # it is loaded when somebody uses it
        mode = self._mode
        spec = mode.accept(change.token) if examined is None else mode.take(examined)
        if account is None or account.spec.token != spec.token:
            hub.account_changed(hub.registry.update(spec, now_ns))


def _send_all(core: AccountCore, reply: bytes, bodies: Iterable[bytes], turn: Turn) -> Sliced[None]:
    """Send them all, each as it is found: a directory of ten thousand tokens takes its time."""
    for number, body in enumerate(bodies, 1):
        publish(core, reply, body, turn)
        if number % REPLIES_SLICE == 0:
            yield


def _done(_nothing: None, _turn: Turn) -> None:
    """Nobody waits for the end."""
