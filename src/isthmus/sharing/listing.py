"""The shares of an account, given and received: what, with whom, since when, until when, how it is.

Owns the state of a share: that of its subjects if they agree, `partial` if not. Everything is read
from account tokens (`recognise`), from what was written down (`takers`), and where both accounts
are in the store, from the decision a server would make (`accounts.imports`). Knows no servers.

    active         the taker has it, and a server that has these tokens lets it through
    issued         tokens were given to an account that is not in this store
    not accepted   tokens were given, and the account imports nothing
    offered        exported, and nobody is known to have tokens
    public         everybody may import it
    expired, revoked, early      what its tokens are
    missing        an export or an import of it is not there
    inactive       a server refuses it for another reason: `nsc explain` names it
"""

from collections.abc import Callable, Mapping

from isthmus.accounts.claims import make_spec
from isthmus.accounts.imports import Grant as Granted
from isthmus.accounts.imports import authorise
from isthmus.accounts.spec import AccountSpec
from isthmus.base import subjects
from isthmus.base.values import Value
from isthmus.identity import jwt
from isthmus.identity.claims import AccountClaims, ActivationClaims, Export, Import
from isthmus.identity.payload import TokenError
from isthmus.identity.revocations import EVERYBODY, is_revoked
from isthmus.identity.trust import Grant as Allowed
from isthmus.identity.trust import Offer, check_activation
from isthmus.sharing.grants import Grant
from isthmus.sharing.invite import Party
from isthmus.sharing.items import Item
from isthmus.sharing.recognise import of_exports, of_imports
from isthmus.sharing.takers import Taker, takers

_BY_CODE = {
    "activation_expired": "expired",
    "activation_revoked": "revoked",
    "activation_early": "early",
    "export_missing": "missing",
}
_NOT_HELD = {"missing", "not accepted"}


class Standing(Value):
    """One subject of a share, and how it is."""

    role: str
    subject: str
    state: str
    common: bool = False  # part of another share of the account as well


class Share(Value):
    """One share: who gives what to whom. Times are seconds, 0 where none is known."""

    giver: Party
    taker: Party
    item: Item
    since_s: int = 0
    until_s: int = 0
    standings: tuple[Standing, ...] = ()

    @property
    def state(self) -> str:
        """How it is as a whole."""
        own = [standing for standing in self.standings if not standing.common]
        states = {standing.state for standing in own or self.standings}
        return states.pop() if len(states) == 1 else "partial"


class Accounts:
    """The accounts of a store by key, as claims and as a server would see them."""

    def __init__(self, claims: Mapping[str, AccountClaims], now_ns: int) -> None:
        self.claims = claims
        self.now_ns = now_ns
        self._specs: dict[str, AccountSpec] = {}

    def spec(self, key: str) -> AccountSpec:
        """The account as a server would see it."""
        if key not in self._specs:
            self._specs[key] = make_spec(self.claims[key], "")
        return self._specs[key]

    def party(self, key: str, name: str = "") -> Party:
        """The account's name here, else the one that is known otherwise."""
        return Party(key=key, name=self.claims[key].name if key in self.claims else name)


# -- given -----------------------------------------------------------------------------------------


def given(accounts: Accounts, key: str) -> list[Share]:
    """What the account shares with others."""
    giver = accounts.claims[key]
    found: list[Share] = []
    for item in of_exports(giver.nats.exports):
        places = {grant.role: covering(giver.nats.exports, grant) for grant in item.grants}
        exports = [export for export in places.values() if export is not None]
        if not all(export.token_required for export in exports):
            found.append(_public(accounts, giver, item, places))
            continue
        known = known_takers(accounts, key, item)
        found += [given_to(accounts, key, item, taker) for taker in known.values()]
        if not known:
            found.append(_offered(accounts, giver, item, places))
    return found


def known_takers(accounts: Accounts, giver: str, item: Item) -> dict[str, Taker]:
    """Who is known to have tokens for `item`, or to have had them.

    What is part of another item as well (a bucket's INFO, of several ranges of keys) tells nothing.
    """
    exports = accounts.claims[giver].nats.exports
    common = common_subjects(exports, item)
    own = [grant for grant in item.grants if grant.subject not in common] or item.grants
    found: dict[str, Taker] = {}
    for grant in own:
        export = covering(exports, grant)
        if export is None:
            continue
        for taker in takers(export):
            found.setdefault(taker.key, taker)
        for key in export.revocations:
            if key != EVERYBODY:
                found.setdefault(key, Taker(key=key))
    for key, claims in accounts.claims.items():
        if any(taken(claims, giver, grant) for grant in own):
            found.setdefault(key, Taker(key=key))
    return found


def given_to(accounts: Accounts, giver: str, item: Item, taker: Taker) -> Share:
    """How `item` stands between the giver and one taker."""
    held = item.without(_spare(accounts, giver, item, taker.key))
    common = common_subjects(accounts.claims[giver].nats.exports, item)
    standings = tuple(
        Standing(
            role=grant.role,
            subject=grant.subject,
            state=_given_state(accounts, giver, grant, taker.key),
            common=grant.subject in common,
        )
        for grant in held.grants
    )
    since_s, until_s = taker.since_s, taker.until_s
    if taker.key in accounts.claims and not since_s:
        imports = [taken(accounts.claims[taker.key], giver, grant) for grant in held.grants]
        since_s, until_s = _times([item for item in imports if item is not None])
    return Share(
        giver=accounts.party(giver),
        taker=accounts.party(taker.key, taker.name),
        item=held,
        since_s=since_s,
        until_s=until_s,
        standings=standings,
    )


def _spare(accounts: Accounts, giver: str, item: Item, taker: str) -> set[str]:
    """Roles that others have and this taker was never given."""
    exports = accounts.claims[giver].nats.exports
    spare = set()
    for grant in item.grants:
        export = covering(exports, grant)
        written = export is not None and any(other.key == taker for other in takers(export))
        claims = accounts.claims.get(taker)
        imported = claims is not None and taken(claims, giver, grant) is not None
        if not written and not imported and not (export and taker in export.revocations):
            spare.add(grant.role)
    return spare


def _given_state(accounts: Accounts, giver: str, grant: Grant, taker: str) -> str:
    export = covering(accounts.claims[giver].nats.exports, grant)
    if export is None:
        return "missing"
    claims = accounts.claims.get(taker)
    imported = taken(claims, giver, grant) if claims is not None else None
    if imported is not None:
        return _decided(accounts, taker, giver, grant)
    record = next((other for other in takers(export) if other.key == taker), None)
    if record is None:
        return "revoked" if taker in export.revocations else "missing"
    if is_revoked(export.revocations, taker, record.since_s):
        return "revoked"
    if 0 < record.until_s <= accounts.now_ns // 1_000_000_000:
        return "expired"
    return "not accepted" if claims is not None else "issued"


def _public(
    accounts: Accounts, giver: AccountClaims, item: Item, places: dict[str, Export | None]
) -> Share:
    def state(export: Export | None) -> str:
        return "missing" if export is None else "offered" if export.token_required else "public"

    return Share(
        giver=accounts.party(giver.subject),
        taker=Party(key=EVERYBODY),
        item=item,
        standings=tuple(
            Standing(role=grant.role, subject=grant.subject, state=state(places[grant.role]))
            for grant in item.grants
        ),
    )


def _offered(
    accounts: Accounts, giver: AccountClaims, item: Item, places: dict[str, Export | None]
) -> Share:
    return Share(
        giver=accounts.party(giver.subject),
        taker=Party(key=""),
        item=item,
        standings=tuple(
            Standing(
                role=grant.role,
                subject=grant.subject,
                state="offered" if places[grant.role] else "missing",
            )
            for grant in item.grants
        ),
    )


# -- received --------------------------------------------------------------------------------------


def received(accounts: Accounts, key: str) -> list[Share]:
    """What the account takes from others."""
    taker = accounts.claims[key]
    by_giver: dict[str, list[Import]] = {}
    for item in taker.nats.imports:
        by_giver.setdefault(item.account, []).append(item)
    return [
        _received(accounts, key, giver, item)
        for giver, imports in by_giver.items()
        for item in of_imports(imports)
    ]


def _received(accounts: Accounts, key: str, giver: str, item: Item) -> Share:
    claims = accounts.claims[key]
    imports = [taken(claims, giver, grant) for grant in item.grants]
    since_s, until_s = _times([found for found in imports if found is not None])
    state: Callable[[Grant], str]
    if giver in accounts.claims:

        def state(grant: Grant) -> str:
            return _decided(accounts, key, giver, grant)
    else:

        def state(grant: Grant) -> str:
            return _alone(accounts, key, giver, grant)

    return Share(
        giver=accounts.party(giver),
        taker=accounts.party(key),
        item=item,
        since_s=since_s,
        until_s=until_s,
        standings=tuple(
            Standing(role=grant.role, subject=grant.subject, state=state(grant))
            for grant in item.grants
        ),
    )


# -- one subject -----------------------------------------------------------------------------------


def covering(exports: tuple[Export, ...], grant: Grant) -> Export | None:
    """The export that offers a grant: the same subject first, else one that covers it."""
    same = [export for export in exports if export.type == grant.kind]
    for export in same:
        if export.subject == grant.subject:
            return export
    return next((e for e in same if subjects.covers(e.subject, grant.subject)), None)


def common_subjects(exports: tuple[Export, ...], item: Item) -> set[str]:
    """Subjects of the item that another item needs as well."""
    others = [grant for other in of_exports(exports) if other != item for grant in other.grants]
    return {
        grant.subject
        for grant in item.grants
        for other in others
        if (grant.kind, grant.subject) == (other.kind, other.subject)
    }


def taken(claims: AccountClaims, giver: str, grant: Grant) -> Import | None:
    """The account's import of a grant."""
    for item in claims.nats.imports:
        if (item.account, item.remote, item.type) == (giver, grant.subject, grant.kind):
            return item
    return None


def _decided(accounts: Accounts, taker: str, giver: str, grant: Grant) -> str:
    """What a server would say that has both accounts."""
    spec = accounts.spec(taker)
    for wanted in spec.imports:
        if (wanted.account, wanted.remote, wanted.kind) == (giver, grant.subject, grant.kind):
            verdict = authorise(spec, wanted, accounts.spec(giver), accounts.now_ns)
            if isinstance(verdict, Granted):
                return "active"
            return _BY_CODE.get(verdict.code, "inactive")
    return "missing"


def _alone(accounts: Accounts, taker: str, giver: str, grant: Grant) -> str:
    """What the token says by itself: the giver's account is not here."""
    found = taken(accounts.claims[taker], giver, grant)
    if found is None:
        return "missing"
    if not found.token:
        return "public"
    activation = _activation(found)
    offer = Offer(
        kind=found.type,
        subject=found.remote,
        importer=taker,
        exporter=giver,
        signing_keys=() if activation is None else (activation.issuer,),
        revocations={},
    )
    verdict = check_activation(found.token, offer, accounts.now_ns)
    if isinstance(verdict, Allowed):
        return "active"
    return _BY_CODE.get(verdict.reason.value, "inactive")


def _activation(found: Import) -> ActivationClaims | None:
    try:
        return jwt.decode_activation(found.token)
    except TokenError:
        return None


def _times(imports: list[Import]) -> tuple[int, int]:
    """Since when and until when the tokens of these imports are good."""
    tokens = [token for token in map(_activation, imports) if token is not None]
    since = [max(token.issued_s, token.not_before_s) for token in tokens]
    until = [token.expires_s for token in tokens if token.expires_s]
    return max(since, default=0), min(until, default=0)
