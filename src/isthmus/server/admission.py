"""One CONNECT of one connection, until it is answered: whose is it.

    CONNECT ─► begin ─► host.authenticate ─┬─ User ───────────────────────────► in
                                           ├─ PasswordCheck ─ a worker ──────┐
                                           ├─ Loading ─────── slices ────────┼─► in, or -ERR
                                           └─ AccountCheck ── looked for ────┘

Owns the task that finds out. Knows neither socket nor timers. Invariant: while the answer is
outstanding the connection is paused, so nothing that came behind the CONNECT is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, NoReturn

from isthmus.accounts.authenticate import (
    AccountCheck,
    PasswordCheck,
    User,
    Verdict,
    password_matches,
)
from isthmus.base.errors import AuthError, ProtocolError
from isthmus.base.handshake import ConnectInfo

if TYPE_CHECKING:
    from isthmus.server.connection import Connection


class Admission:
    """Lets `connection` in as whom `connect` says it is; not `said`: it sent no CONNECT."""

    __slots__ = ("_connect", "_connection", "_host", "_said", "_task")

    def __init__(self, connection: Connection, connect: ConnectInfo, *, said: bool = True) -> None:
        self._connection = connection
        self._host = connection.host
        self._connect = connect
        self._said = said
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> bool:
        """Let the client in, or not; False: that takes its time, and the parser holds."""
        try:
            verdict = self._host.authenticate(self._connection, self._connect)
        except AuthError as error:
            self._refuse(error)
        if isinstance(verdict, User):
            self._welcome(verdict)
            return True
        if isinstance(verdict, PasswordCheck) and not self._said:
            self._refuse(AuthError("no CONNECT"))
        self._connection.pause()
        if isinstance(verdict, PasswordCheck):
            self._run(self._check_password(verdict))
        elif isinstance(verdict, AccountCheck):
            self._run(self._await_account(verdict))
        else:
            steps = verdict.steps
            # not in here: the parser is still at the CONNECT
            self._host.loop.call_soon(self._host.in_slices, lambda: self._load_on(steps))
        return False

    def begin_anew(self) -> None:
        """The client belonged to an account, which it leaves first, in slices."""
        self._connection.pause()
        self._host.loop.call_soon(self._host.in_slices, self._leave_on)  # as above

    def cancel(self) -> None:
        """The connection is gone: nobody needs the answer."""
        if self._task is not None:
            self._task.cancel()

    # --- what takes its time ---

    def _run(self, work: Coroutine[object, object, None]) -> None:
        self._task = self._host.loop.create_task(work)

    def _leave_on(self) -> bool:
        """A slice of leaving the account, before the second CONNECT counts; True: more is left."""
        connection = self._connection
        if connection.closed:
            return False
        if connection.client.leave():
            return True
        turn = self._host.turn
        try:
            connection.connect_info = self._connect
            if self.begin():
                connection.go_on(turn)
        except ProtocolError as error:
            connection.end(turn, error.text, error.reason)
        return False

    def _load_on(self, steps: Generator[str, None, User | AccountCheck]) -> bool:
        """A slice of loading the account, or go on when it is decided; True: more is left now."""
        if self._connection.closed:
            return False
        try:
            undecided = next(steps)
        except StopIteration as end:
            found: User | AccountCheck = end.value
            if isinstance(found, AccountCheck):
                self._run(self._await_account(found))
            else:
                self._finish(lambda: self._welcome(found))
        except AuthError as error:
            refusal = error
            self._finish(lambda: self._refuse(refusal))
        else:
            if not undecided:
                return True
            self._host.when_decided(undecided, lambda: self._load_on(steps))
        return False

    async def _check_password(self, check: PasswordCheck) -> None:
        """Bcrypt takes long on purpose: in a worker."""
        good = await self._host.loop.run_in_executor(None, password_matches, check)
        if self._connection.closed:
            return
        if good:
            self._finish(lambda: self._welcome(check.user))
        else:
            refusal = AuthError(f"wrong password for {check.user.label}")
            self._finish(lambda: self._refuse(refusal))

    async def _await_account(self, check: AccountCheck) -> None:
        """Its account is looked for elsewhere."""
        found = await self._host.find_account(check.account)
        if not self._connection.closed:
            self._finish(lambda: self._welcome(self._found_user(check, found=found)))

    def _found_user(self, check: AccountCheck, *, found: bool) -> User:
        verdict: Verdict = check
        if found:
            try:
                verdict = self._host.authenticate(self._connection, self._connect)
            except AuthError as error:
                self._refuse(error)
        if not isinstance(verdict, User):
            self._refuse(AuthError(f"account {check.account} was not found, or has expired"))
        return verdict

    # --- the answer ---

    def _finish(self, answer: Callable[[], None]) -> None:
        """It took its time: answer, and go on where the parser holds."""
        turn = self._host.begin_turn()
        try:
            answer()
            self._connection.go_on(turn)
        except ProtocolError as error:
            self._connection.end(turn, error.text, error.reason)
        finally:
            self._host.finish_turn()

    def _welcome(self, user: User) -> None:
        connection = self._connection
        connection.connect_info = self._connect
        connection.admit(user)
        if self._said and self._connect.verbose:
            connection.client.send(b"+OK\r\n", self._host.turn)

    def _refuse(self, error: AuthError) -> NoReturn:
        self._host.log_error(self._connection, f"authentication error - {error}")
        raise ProtocolError("Authorization Violation", reason="Authentication Failure") from error
