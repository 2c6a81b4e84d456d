"""Which imports of a pushed account will not be active, told before anybody uses the account.

For accounts that are not loaded: their tokens are compared with those of the accounts they import
from, as the resolver has them, by the one decision there is (`accounts.imports.authorise`). Knows
no running account, so it may run beside the loop. What only shows between running accounts (a
cycle) is not foreseen.
"""

from collections.abc import Callable
from functools import lru_cache

from isthmus.accounts.claims import make_spec
from isthmus.accounts.imports import Refusal, authorise
from isthmus.accounts.offers import Offers
from isthmus.accounts.spec import AccountSpec, Import
from isthmus.base.errors import AuthError
from isthmus.identity import jwt

EXPORTERS_MAX = 64  # looked at for one push; imports from others are not judged
_REMEMBERED = 256  # tokens of exporters: many accounts import from the same few
_REMEMBERED_BYTES_MAX = 16_384  # of one; what is longer is read again each time


class Outlook:
    """`load` finds the token of an account, `trusted` are the keys that may sign one."""

    def __init__(self, load: Callable[[str], str], trusted: frozenset[str]) -> None:
        self._load = load
        self._trusted = trusted
        self._remember = lru_cache(_REMEMBERED)(_read)

    @property
    def remembered(self) -> int:
        """How many tokens it need not read again."""
        return self._remember.cache_info().currsize

    def refusals(self, token: str, now_ns: int) -> tuple[tuple[Import, Refusal], ...]:
        """The imports of the account of a token (which was checked) that will be refused."""
        importer = self._read(token, self._trusted)
        if importer is None:
            return ()
        exporters: dict[str, tuple[AccountSpec | None, Offers]] = {
            importer.name: (importer, Offers(importer.exports))
        }
        found = []
        for wanted in importer.imports:
            if wanted.account not in exporters:
                if len(exporters) > EXPORTERS_MAX:
                    continue
                other = self._load(wanted.account)
                spec = self._read(other, self._trusted) if other else None
                exporters[wanted.account] = spec, Offers(() if spec is None else spec.exports)
            exporter, offers = exporters[wanted.account]
            verdict = authorise(importer, wanted, exporter, now_ns, offers)
            if isinstance(verdict, Refusal):
                found.append((wanted, verdict))
        return tuple(found)

    def _read(self, token: str, trusted: frozenset[str]) -> AccountSpec | None:
        short = len(token) <= _REMEMBERED_BYTES_MAX
        return self._remember(token, trusted) if short else _read(token, trusted)


def _read(token: str, trusted: frozenset[str]) -> AccountSpec | None:
    try:
        claims = jwt.decode_account(token)
    except AuthError:
        return None
    return make_spec(claims, token) if claims.issuer in trusted else None
