"""A server's sign of life: `$SYS.SERVER.<id>.STATSZ`, more often at first, then every ten seconds.

    0.25 s after the start, then 1, 2, 4, 8, 10, 10 … seconds later

Made only while somebody listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from isthmus.base.values import to_json
from isthmus.core.router import publish
from isthmus.monitor.snapshots import Source
from isthmus.monitor.statsz import make_statsz
from isthmus.server.hub import Hub

FIRST_S = 0.25
EVERY_S = 10.0
_SECOND_S = 1.0


class Pulse:
    """Beats in `hub`'s system account; `envelope()` makes the `server` part."""

    def __init__(self, hub: Hub, source: Source, envelope: Callable[[], dict[str, object]]) -> None:
        self._hub = hub
        self._source = source
        self._envelope = envelope
        self._subject = f"$SYS.SERVER.{hub.server_id}.STATSZ".encode()
        self._next_s = _SECOND_S
        self._timer: asyncio.TimerHandle = hub.loop.call_later(FIRST_S, self._beat)

    def stop(self) -> None:
        """No more of them."""
        self._timer.cancel()

    def _beat(self) -> None:
        hub, source = self._hub, self._source
        self._timer = hub.loop.call_later(self._next_s, self._beat)
        self._next_s = min(2 * self._next_s, EVERY_S)
        system = hub.registry.get(hub.system_account)
        if system is None or not system.core.sublist.interested(self._subject):
            return
        turn = hub.begin_turn()
        try:
            statsz = make_statsz(source.server(), source.jetstream(streams=False))
            document = {"server": self._envelope(), "statsz": statsz}
            publish(system.core, self._subject, to_json(document), turn)
        finally:
            hub.finish_turn()
