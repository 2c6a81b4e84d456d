"""The documents behind the enquiries of the system account; see `enquiries` for who may ask.

Owns what a request may say about its document. Knows no subject and no envelope. Loaded with the
first enquiry, since few servers are ever asked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from isthmus.base.errors import UsageError
from isthmus.base.slices import Sliced
from isthmus.base.values import Value, from_json
from isthmus.monitor.accountz import make_accountz, make_detail
from isthmus.monitor.accstatz import StatzQuery, make_accstatz, write_accstatz
from isthmus.monitor.answer import Pieces
from isthmus.monitor.connz import ConnzQuery, write_connz
from isthmus.monitor.documents import COMPACT
from isthmus.monitor.healthz import HealthzQuery, make_healthz
from isthmus.monitor.jsz import ACCOUNTS_MAX, JszQuery, write_account, write_jsz
from isthmus.monitor.snapshots import Source
from isthmus.monitor.statsz import make_statsz
from isthmus.monitor.subsz import SubszQuery, write_subsz
from isthmus.monitor.varz import make_varz

Made = object | Sliced[object]  # a document, its pieces as text, or what makes one of both
EVERYBODY = "PING"  # in place of an account


class JszAsked(Value):
    """What of JetStream."""

    account: str = ""
    accounts: bool = False
    streams: bool = False
    consumer: bool = False
    config: bool = False
    offset: int = 0
    limit: int = ACCOUNTS_MAX


class AccountzAsked(Value):
    """Which account; empty: the names of all."""

    account: str = ""


class Documents:
    """The documents about one server, by the names that enquiries use."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.of_servers: dict[str, Callable[[bytes], Made]] = {
            "STATSZ": self._statsz,
            "VARZ": self._varz,
            "JSZ": self._jsz,
            "HEALTHZ": self._healthz,
            "ACCOUNTZ": self._accountz,
            "CONNZ": partial(self._connz, ""),
            "SUBSZ": self._subsz,
        }
        self.of_accounts: dict[str, Callable[[str, bytes], Made]] = {
            "INFO": self._info,
            "CONNZ": self._connz,
            "SUBSZ": self._account_subsz,
            "JSZ": self._account_jsz,
            "STATZ": self._statz,
        }

    def _statsz(self, _: bytes) -> object:
        source = self._source
        return make_statsz(source.server(), source.jetstream(streams=False))

    def _varz(self, _: bytes) -> object:
        source = self._source
        return make_varz(source.server(), source.jetstream(streams=False), {})

    def _jsz(self, body: bytes) -> Sliced[Pieces]:
        asked = from_json(body, JszAsked)
        query = JszQuery(
            account=asked.account,
            accounts=asked.accounts,
            streams=asked.streams,
            consumers=asked.consumer,
            config=asked.config,
            offset=asked.offset,
            limit=asked.limit or ACCOUNTS_MAX,
        )
        source = self._source
        if query.detailed:
            jetstream = yield from source.jetstream_in_slices(streams=query.deep)
        else:
            jetstream = source.jetstream(streams=False)
        return write_jsz(source.server(), jetstream, query, COMPACT)

    def _healthz(self, _: bytes) -> object:
        jetstream = self._source.jetstream(streams=False)
        code, health = make_healthz(jetstream, HealthzQuery(shallow=True))
        return msgspec.to_builtins(health) | {"status_code": code}

    def _accountz(self, body: bytes) -> object:
        asked = from_json(body, AccountzAsked)
        return make_accountz(self._source.server(), self._source.census, asked.account)

    def _info(self, account: str, _: bytes) -> object:
        return make_detail(self._source.server(), self._source.census, account)

    def _connz(self, account: str, body: bytes) -> Sliced[Pieces]:
        asked = from_json(body, ConnzQuery)
        if account:
            asked = replace(asked, acc=account)
        return write_connz(self._source.server(), self._source.roster, asked, COMPACT)

    def _subsz(self, body: bytes) -> Sliced[Pieces]:
        asked = from_json(body, SubszQuery)
        source = self._source
        return write_subsz(source.server(), source.census, source.roster, asked, COMPACT)

    def _account_subsz(self, account: str, body: bytes) -> Sliced[Pieces]:
        asked = from_json(body, SubszQuery)
        asked = replace(asked, account=account, subscriptions=True)
        source = self._source
        return write_subsz(source.server(), source.census, source.roster, asked, COMPACT)

    def _account_jsz(self, account: str, body: bytes) -> Sliced[Pieces]:
        asked = from_json(body, JszAsked)
        source = self._source
        tenant = source.census.tenant(account)
        if tenant is None:
            raise UsageError(f'account "{account}" not found')
        if not tenant.jetstream:
            raise UsageError(f'account "{account}" not jetstream enabled')
        query = JszQuery(
            account=account, streams=asked.streams, consumers=asked.consumer, config=asked.config
        )
        jetstream = yield from source.jetstream_in_slices(streams=query.deep)
        accounts = () if jetstream is None else jetstream.accounts
        found = next((one for one in accounts if one.name == account), None)
        if found is None:  # it went while the others were looked at
            raise UsageError(f'account "{account}" not found')
        return write_account(found, source.server().server_name, query, COMPACT)

    def _statz(self, account: str, body: bytes) -> Sliced[Pieces | None]:
        asked = from_json(body, StatzQuery)
        if account != EVERYBODY:
            asked = replace(asked, accounts=(account,), include_unused=True)
        found = yield from make_accstatz(self._source.server(), self._source.roster, asked)
        return write_accstatz(found, COMPACT) if found.account_statz else None
