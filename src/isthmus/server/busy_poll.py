"""Looking for the next message a moment longer before the loop sleeps.

A client that asks one thing at a time answers what it was sent within microseconds, while putting a
core to sleep and waking it costs more than the whole request (docs/decisions/0008). So after a turn
the loop asks the kernel without waiting, for `POLL_NS`, or for `LONG_NS` where what came last came
soon after that: a sync takes so long. Owns that decision; knows no socket and no message.

    turn ended ──► looking ── something came ──► the next turn's end looks again, as long
                      ├────── nothing came ──────────────┐
                      └────── others had the core for long ─► asleep ── a turn within LONG_NS ──►
                                 the next turns are let pass,             looks again, for longer
                                 twice as many for each time in vain

Who looks on keeps the core from others, so between two looks it is offered to them (`core.glance`).
Usually nobody takes it, or the client does, for microseconds, and its message has come then. Where
somebody computes all the time, the core comes back after milliseconds: whoever sleeps gets it back
sooner when a message comes than who looks on.

Invariant: an idle server does not look, and one whose messages come too slowly for it to pay looks
after one of `REST_MAX` turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from isthmus.core.glance import glance

POLL_NS = 100_000
LONG_NS = 300_000
LOOKS = 16  # between two looks at the clock
CROWDED_NS = 500_000  # so many looks take a few microseconds, if nobody else wants the core
REST_MAX = 64


def looker(loop: asyncio.AbstractEventLoop) -> Callable[[], bool] | None:
    """A few looks whether `loop` has something to do; None for a loop that shows no descriptor."""
    backend = getattr(loop, "_get_backend_id", None)  # uvloop's
    return None if backend is None else partial(glance, backend(), LOOKS)


class BusyPoll:
    """Keeps a loop awake after a turn while that pays.

    `look` tells whether something has come; it takes some microseconds. `monotonic_ns` never steps
    back.
    """

    def __init__(
        self,
        call_soon: Callable[[Callable[[], None]], object],
        monotonic_ns: Callable[[], int],
        look: Callable[[], bool],
    ) -> None:
        self._call_soon = call_soon
        self._monotonic_ns = monotonic_ns
        self._look = look
        self._waiting = False
        self._poll_ns = POLL_NS
        self._slept_ns = 0  # since when, until the next turn; 0: awake, or let pass
        self._rest = 0  # turns still let pass
        self._vain = 0  # turns let pass after the last time in vain

    def turn_ended(self) -> None:
        """A turn ended: once for each, so it does nearly nothing."""
        if self._slept_ns:
            if self._monotonic_ns() - self._slept_ns < LONG_NS - self._poll_ns:
                self._poll_ns = LONG_NS
                self._rest = 0
            self._slept_ns = 0
        if self._rest:
            self._rest -= 1
        elif not self._waiting:
            self._waiting = True
            self._call_soon(self._poll)  # what else the loop has to do now comes first

    def _poll(self) -> None:
        self._waiting = False
        began_ns = now_ns = self._monotonic_ns()
        came = False
        crowded = False
        while not (came or crowded) and now_ns - began_ns < self._poll_ns:
            came, before_ns, now_ns = self._look(), now_ns, self._monotonic_ns()
            crowded = now_ns - before_ns >= CROWDED_NS
        if came and not crowded:
            self._vain = 0
            return
        self._vain = self._rest = min(2 * self._vain + 1, REST_MAX - 1)
        self._slept_ns = 0 if crowded else now_ns
        self._poll_ns = POLL_NS
