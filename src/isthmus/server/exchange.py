"""What servers of one operator ask each other about accounts, over the system account.

    $SYS.REQ.ACCOUNT.<account>.CLAIMS.LOOKUP   who has the token?      a token, or nothing
    $SYS.REQ.CLAIMS.PACK                       here is my hash         key|token …, and an empty end

Owns the questions under way, and how often tokens are compared. Whoever answers is a user of the
system account; what is answered is verified like any token before it is used. Nobody waits for
nobody: a question that reaches no one else is answered at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from isthmus.base.nuid import make_token
from isthmus.base.ports import Entropy
from isthmus.base.values import NS_PER_S
from isthmus.core.inlet import Inlet, Request
from isthmus.core.router import AccountCore, publish
from isthmus.core.turn import Turn
from isthmus.server.hub import Hub

_LOOKUP = "$SYS.REQ.ACCOUNT.{}.CLAIMS.LOOKUP"
_PACK = b"$SYS.REQ.CLAIMS.PACK"
_TOKEN_SIZE = 8


class _Question:
    """How many may still answer with a token, this server included."""

    def __init__(self, answer: asyncio.Future[str]) -> None:
        self.answer = answer
        self.left = 0


class Exchange:
    """Asks in the system account `core`; `answers_itself`: this server hears its own questions."""

    def __init__(
        self,
        hub: Hub,
        core: AccountCore,
        entropy: Entropy,
        *,
        timeout_ns: int,
        answers_itself: bool,
    ) -> None:
        self._hub = hub
        self._core = core
        self._entropy = entropy
        self._timeout_s = timeout_ns / NS_PER_S
        self._own = 1 if answers_itself else 0
        self._inbox = f"$SYS._INBOX.{make_token(entropy, _TOKEN_SIZE)}."
        self._pack_inbox = self._inbox + make_token(entropy, _TOKEN_SIZE)
        self._questions: dict[str, _Question] = {}  # bounded by who asks: `Lookups`
        self._merge: Callable[[str, str], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        core.sublist.add(f"{self._inbox}*".encode(), Inlet(self._answered))

    async def find(self, key: str) -> str:
        """The token of an account that another server has, unverified, or an empty text."""
        subject = _LOOKUP.format(key).encode()
        plain, groups = self._core.sublist.receivers(subject)
        if len(plain) <= self._own and not groups:
            return ""
        reply = self._inbox + make_token(self._entropy, _TOKEN_SIZE)
        question = _Question(self._hub.loop.create_future())
        self._questions[reply] = question
        try:
            question.left = self._ask(subject, reply)
            async with asyncio.timeout(self._timeout_s):
                return await question.answer
        except TimeoutError:
            return ""
        finally:
            del self._questions[reply]

    def compare(
        self, every_ns: int, own_hash: Callable[[], bytes], merge: Callable[[str, str], None]
    ) -> None:
        """Tell all others the hash of the tokens here, again and again; `merge` what they have."""
        self._merge = merge

        def tell() -> None:
            self._ask(_PACK, self._pack_inbox, own_hash())
            self._timer = self._hub.loop.call_later(every_ns / NS_PER_S, tell)

        self._timer = self._hub.loop.call_later(every_ns / NS_PER_S, tell)

    def stop(self) -> None:
        """Ask nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _ask(self, subject: bytes, reply: str, payload: bytes = b"") -> int:
        hub = self._hub
        turn = hub.begin_turn()
        try:
            return publish(self._core, subject, payload, turn, reply=reply.encode())
        finally:
            hub.finish_turn()

    def _answered(self, requests: list[Request], _: Turn) -> None:
        for request in requests:
            subject = request.subject.decode("utf-8", "replace")
            text = request.payload.decode("utf-8", "replace").rstrip("\r\n")
            if subject == self._pack_inbox:
                key, bar, token = text.partition("|")
                if bar and self._merge is not None:
                    self._merge(key, token)
            elif subject in self._questions:
                self._heard(self._questions[subject], text)

    def _heard(self, question: _Question, text: str) -> None:
        """An empty answer is somebody who does not know; the last of them ends the question."""
        if question.answer.done():
            return
        if text:
            question.answer.set_result(text)
            return
        question.left -= 1
        if question.left == 0:
            question.answer.set_result("")
