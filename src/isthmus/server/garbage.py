"""The collector of cycles, kept from stopping the loop.

Owns the collector's settings for a process that is a server. A full collection looks at every
object there is; with ten thousand accounts that is a tenth of a second in which nothing else
happens. So what is there when the server has started, and later what made a collection long, is
put aside (`gc.freeze`) and not looked at again: it goes when its last reference goes, like nearly
everything here. Invariant: a collection looks at what is new since one took over `LONG_NS`.

    new objects ─► young ─► old ── a full collection took over 0.5 ms ──► put aside

The collector's own pace is for programs that wait for no one: a full collection after eighty
thousand new objects that stay, and as many again as a quarter of those there were. Ten thousand
accounts that load are a million. So it looks sooner (`PACE`), at a few thousand at a time, and does
not count what was put aside.

What that costs: a cycle that is put aside while in use stays. Nothing that comes and goes with
clients is one (`tests/server/test_garbage.py`).
"""

import gc
from collections.abc import Callable

LONG_NS = 500_000  # with what is new until the next one, half of what a call on the loop may take
# Objects that are new, before the youngest are looked at; how often that, before those that stayed
# are; how often these, before all are: at the earliest after 2800. After 6300 it took up to 4 ms.
PACE = (700, 1, 1)
OLDEST = 2


class Collector:
    """Watches collections until `stop`. `monotonic_ns` is a clock."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._now_ns = monotonic_ns
        self._began_ns = 0
        self._pace = gc.get_threshold()
        gc.callbacks.append(self._told)

    def settle(self) -> None:
        """Put aside everything that is there now: code, classes, a server that has started.

        What only the start needed goes back to the system, a megabyte.
        """
        from isthmus.core.buffer import trim_heap  # noqa: PLC0415 — a failed start loads no core

        gc.collect()
        gc.freeze()
        gc.collect()  # nothing is left: the next one does not wait for a quarter of what there was
        gc.set_threshold(*PACE)
        trim_heap()

    def stop(self) -> None:
        """The collector is as it was."""
        gc.callbacks.remove(self._told)
        gc.set_threshold(*self._pace)
        gc.unfreeze()

    def _told(self, phase: str, info: dict[str, int]) -> None:
        if info["generation"] != OLDEST:
            return
        if phase == "start":
            self._began_ns = self._now_ns()
        elif self._now_ns() - self._began_ns > LONG_NS:
            gc.freeze()
