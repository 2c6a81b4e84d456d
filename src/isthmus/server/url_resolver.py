"""Account tokens from an account server over HTTP: GET <base><account key>.

Owns the base URL and what was fetched before the server started. Keeps no tokens otherwise: an
account that is loaded changes when it is pushed, as with tokens in memory.
"""

import asyncio

from isthmus.base.errors import UsageError
from isthmus.base.values import NS_PER_S, format_duration
from isthmus.server.http_get import FetchError, fetch


class UrlResolver:
    """Asks `base`, for `timeout_ns` at most."""

    shared = False  # nothing to list or to hand to other servers

    def __init__(self, base: str, *, timeout_ns: int) -> None:
        self._base = base if base.endswith("/") else f"{base}/"
        self._timeout_ns = timeout_ns
        self._known: dict[str, str] = {}  # the system account's, from the start on

    async def start(self, system_account: str) -> None:
        """Ask once without a name, then for the system account. Raises `UsageError`."""
        try:
            await self._get("")
        except FetchError as error:
            raise UsageError(str(error)) from None
        if system_account:
            try:
                self._known[system_account] = await self.find(system_account)
            except FetchError as error:
                raise UsageError(f"error resolving system account: {error}") from None

    def load(self, key: str) -> str:
        """The token of the system account as it was at start; of no other."""
        return self._known.get(key, "")

    async def find(self, key: str) -> str:
        """The token of an account, unverified. Raises `FetchError`."""
        return await self._get(key)

    async def _get(self, key: str) -> str:
        url = f"{self._base}{key}"
        try:
            async with asyncio.timeout(self._timeout_ns / NS_PER_S):
                body = await fetch(url)
        except TimeoutError:
            limit = format_duration(self._timeout_ns)
            raise FetchError(url, f"no answer within {limit}") from None
        return body.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
