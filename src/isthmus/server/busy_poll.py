"""Looking for the next message a moment longer before the loop sleeps.

A client that asks one thing at a time answers what it was sent within microseconds, while putting a
core to sleep and waking it costs more than the whole request (measured: 232 µs a round trip asleep,
83 µs awake, docs/decisions/0008). So after a turn the loop asks the kernel without waiting, for
`POLL_NS` at most. Owns that decision; knows no socket and no message.

    turn ended ──► polling ── another turn: it paid ──► polling on
                      └────── nothing for POLL_NS ────► asleep; the next turns are let pass,
                                                        twice as many for each time in vain

What comes next depends on whether a group of the journal is on its way to the disk: who publishes
one at a time then waits for a sync, which takes longer than looking pays, and answers at once when
it is acknowledged. So it is learnt for turns of both kinds by themselves.

Invariant: an idle server does not poll, and one whose messages come too slowly for it to pay polls
after one of `REST_MAX` turns.
"""

from __future__ import annotations

from collections.abc import Callable

POLL_NS = 100_000
REST_MAX = 64


class BusyPoll:
    """Keeps a loop awake after a turn while that pays.

    The loop does not sleep while a callback given to `call_soon` waits; `monotonic_ns` never steps
    back.
    """

    def __init__(
        self, call_soon: Callable[[Callable[[], None]], object], monotonic_ns: Callable[[], int]
    ) -> None:
        self._call_soon = call_soon
        self._monotonic_ns = monotonic_ns
        self._turns = 0
        self._seen = 0
        self._polling = False
        self._ends_ns = 0
        self._syncing = False  # the last turn ended with a group on its way
        self._begun = False  # likewise, the one after which it polls
        self._rest = {False: 0, True: 0}  # turns still let pass, by the same
        self._vain = {False: 0, True: 0}  # turns let pass after the last time in vain

    def turn_ended(self, *, syncing: bool = False) -> None:
        """A turn ended: once for each, so it does nearly nothing."""
        self._turns += 1
        self._syncing = syncing
        if not self._polling and self._starts():
            self._ends_ns = self._monotonic_ns() + POLL_NS
            self._call_soon(self._poll)

    def _starts(self) -> bool:
        """Whether the last turn is one after which to look on."""
        kind = self._syncing
        self._polling = not self._rest[kind]
        if not self._polling:
            self._rest[kind] -= 1
            return False
        self._seen = self._turns
        self._begun = kind
        return True

    def _poll(self) -> None:
        now_ns = self._monotonic_ns()
        kind = self._begun
        if self._turns != self._seen:
            self._vain[kind] = 0
            if not self._starts():
                return
            self._ends_ns = now_ns + POLL_NS
        elif now_ns >= self._ends_ns:
            self._polling = False
            self._vain[kind] = self._rest[kind] = min(2 * self._vain[kind] + 1, REST_MAX - 1)
            return
        self._call_soon(self._poll)
