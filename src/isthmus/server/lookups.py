"""Accounts that are not here and are asked for elsewhere, without keeping anybody else waiting.

Owns the lookups under way: one for each account, at most LOOKUPS_MAX, of which AT_ONCE ask at a
time. Knows not where the answers come from (`find`) nor what is done with them (`take`). Who needs
an account either waits for it (`obtain`) or is told by the registry when it is there: an import
whose exporter arrives later heals by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection

from isthmus.base.errors import AuthError, NatsError
from isthmus.identity import nkeys
from isthmus.identity.nkeys import Kind
from isthmus.server.logs import Log

LOOKUPS_MAX = 4096  # under way and waiting; what comes over it is not looked up
AT_ONCE = 32


class Lookups:
    """`find(key)` is a token or nothing, `take(key, token)` puts the account into the registry.

    `needs(key)` are the accounts from which a loaded account imports.
    """

    def __init__(
        self,
        find: Callable[[str], Awaitable[str]],
        take: Callable[[str, str], None],
        *,
        needs: Callable[[str], Collection[str]],
        loop: asyncio.AbstractEventLoop,
        log: Log,
    ) -> None:
        self._find = find
        self._take = take
        self._needs = needs
        self._loop = loop
        self._log = log
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[str, asyncio.Task[bool]] = {}

    def begin(self, key: str) -> None:
        """Look for an account, unless that is under way."""
        if (
            key not in self._under_way
            and len(self._under_way) < LOOKUPS_MAX
            and nkeys.is_public(key, Kind.ACCOUNT)
        ):
            self._under_way[key] = self._loop.create_task(self._look(key))

    async def obtain(self, key: str) -> bool:
        """Look for an account and wait for it, and for those it imports from; True if it is there.

        Who waits may stop waiting: others may be waiting for the same.
        """
        self.begin(key)
        task = self._under_way.get(key)
        if task is None or not await asyncio.shield(task):
            return False
        await self.settle(key)
        return True

    def unsettled(self, key: str) -> bool:
        """True if an account that `key` needs, or one that such an account needs, is looked for.

        `key` itself is here: that it is looked for elsewhere too keeps nobody waiting.
        """
        return bool(self._awaited(key))

    async def settle(self, key: str) -> None:
        """Wait until what a loaded account needs was found, or was not."""
        while waiting := self._awaited(key):
            await asyncio.wait(waiting)

    def stop(self) -> None:
        """Give up all lookups."""
        for task in list(self._under_way.values()):
            task.cancel()

    def _awaited(self, key: str) -> list[asyncio.Task[bool]]:
        seen, todo = {key}, [key]
        while todo:
            new = set(self._needs(todo.pop())) - seen
            seen |= new
            todo += new
        return [self._under_way[one] for one in (seen - {key}) & self._under_way.keys()]

    async def _look(self, key: str) -> bool:
        try:
            async with self._gate:
                token = await self._find(key)
            if not token:
                self._log.debug(f"Account {key} is not known elsewhere")
                return False
            self._take(key, token)
        except AuthError as error:
            self._log.warn(f"Account {key} was fetched and is refused: {error}")
            return False
        except NatsError as error:
            self._log.warn(f"Account fetch failed: {error}")
            return False
        else:
            return True
        finally:
            del self._under_way[key]
