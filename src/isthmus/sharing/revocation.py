"""To end a share, and to go on with one: all its subjects together, never half.

Owns which exports a revocation touches and what it says before and after. A private share ends by
revocations in its exports; a public one has no tokens, so its exports go. Whoever held older tokens
gets nothing back by a renewal: only the new tokens count. Knows no files and no servers.
"""

import shlex

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import NS_PER_S, Value
from isthmus.identity.claims import AccountClaims, Export
from isthmus.identity.revocations import EVERYBODY, with_revocation
from isthmus.sharing.finding import Finding
from isthmus.sharing.grants import ShareError
from isthmus.sharing.items import Item, PullConsumer, PushConsumer
from isthmus.sharing.listing import (
    Accounts,
    Share,
    Standing,
    common_subjects,
    covering,
    given,
    given_to,
    known_takers,
)
from isthmus.sharing.recognise import of_exports
from isthmus.sharing.takers import Taker

_LIVING = {"active", "issued", "not accepted", "early"}
_AHEAD_S = 60  # tokens may be issued that much ahead of the clock, not more


class Selection(Value):
    """What a person named: stream and consumer, a subject, or a bucket."""

    stream: str = ""
    consumer: str = ""
    subject: str = ""
    bucket: str = ""
    keys: str = ""

    @property
    def title(self) -> str:
        """For people."""
        names = ("stream", "consumer", "subject", "bucket", "keys")
        said = [f"{name} {quote(getattr(self, name))}" for name in names if getattr(self, name)]
        return ", ".join(said)

    def fits(self, item: Item) -> bool:
        """True if the item is what was named; what was not said may be anything."""
        said = [name for name in self.__struct_fields__ if getattr(self, name)]
        return bool(said) and all(getattr(self, name) == getattr(item, name, None) for name in said)


class Change(Value):
    """One subject of a share, before and after."""

    taker: str
    subject: str
    before: str
    after: str


class Revoked(Value):
    """What came of it: the giver's account, and each subject of each share that it ends."""

    giver: AccountClaims
    item: Item
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...] = ()


def find_item(accounts: Accounts, giver: str, selection: Selection, taker: str = "") -> Item:
    """The item of the giver that was named; of several the one that the taker has."""
    if selection == Selection():
        raise ShareError("no share is named: give --stream and --consumer, --subject or --bucket")
    claims = accounts.claims[giver]
    shared = of_exports(claims.nats.exports)
    items = [item for item in shared if selection.fits(item)]
    if not items and selection.stream and selection.consumer:
        item = PullConsumer(stream=selection.stream, consumer=selection.consumer)
        item.check()
        if all(covering(claims.nats.exports, grant) for grant in item.grants):
            return item  # offered by exports that are wider
    if not selection.consumer:  # a stream as such comes before its consumers
        items = [item for item in items if not hasattr(item, "consumer")] or items
    if len(items) > 1:
        items = [item for item in items if taker in known_takers(accounts, giver, item)] or items
    if len(items) == 1:
        return items[0]
    if not items:
        raise ShareError(
            f"account {claims.name} shares nothing with {selection.title}",
            f"nsc shares --account {shlex.quote(claims.name)}",
        )
    raise ShareError(
        f"account {claims.name} shares more than one thing with {selection.title}:"
        f" {'; '.join(item.title for item in items)}"
    )


def hits(accounts: Accounts, giver: str, item: Item, taker: str) -> list[Share]:
    """Whom a revocation of `item` for `taker` (or for everybody) would hit."""
    known = known_takers(accounts, giver, item)
    if taker != EVERYBODY:
        known = {taker: known.get(taker, Taker(key=taker))}
    if is_public(accounts, giver, item):
        return [share for share in given(accounts, giver) if share.item == item]
    return [given_to(accounts, giver, item, found) for found in known.values()]


def is_public(accounts: Accounts, giver: str, item: Item) -> bool:
    """True if everybody may import a subject of the item."""
    exports = accounts.claims[giver].nats.exports
    found = [covering(exports, grant) for grant in item.grants]
    return any(export is not None and not export.token_required for export in found)


def revoke(accounts: Accounts, giver: str, item: Item, taker: str) -> Revoked:
    """End all subjects of `item` for one account, or for everybody (`*`)."""
    claims = accounts.claims[giver]
    if is_public(accounts, giver, item):
        return _close(accounts, claims, item, taker)
    affected = hits(accounts, giver, item, taker)
    if taker != EVERYBODY and not _held(affected[0]):
        raise ShareError(
            f"{item.title} is not known to be shared with {accounts.party(taker).title}",
            f"nsc shares --account {shlex.quote(claims.name)}",
        )
    until_s = max([accounts.now_ns // NS_PER_S, *_issued(accounts, affected)])
    kept = _needed(accounts, giver, item, taker)
    opened = [
        covering(claims.nats.exports, grant) for grant in item.grants if grant.subject not in kept
    ]
    exports = tuple(
        _revoked(export, taker, until_s) if export in opened else export
        for export in claims.nats.exports
    )
    changed = _with_exports(claims, exports)
    after = Accounts({**accounts.claims, giver: changed}, accounts.now_ns)
    return Revoked(
        giver=changed,
        item=item,
        changes=tuple(
            Change(
                taker=share.taker.title,
                subject=standing.subject,
                before=standing.state,
                after=_after(after, giver, item, share, standing),
            )
            for share in affected
            for standing in share.standings
        ),
        findings=_wider(claims, item),
    )


def held_item(accounts: Accounts, giver: str, item: Item, taker: str) -> Item:
    """The item as this taker has it; raise if it is not known to have it."""
    share = hits(accounts, giver, item, taker)[0]
    if share.taker.key != taker or not _held(share):
        name = accounts.party(taker).title
        verb = "push-consumer" if isinstance(item, PushConsumer) else item.__struct_config__.tag
        raise ShareError(
            f"{item.title} is not known to be shared with {name}: there is nothing to renew",
            f"nsc share {verb} --account {shlex.quote(accounts.claims[giver].name)}"
            f" --with {shlex.quote(name)} …",
        )
    return share.item


def _needed(accounts: Accounts, giver: str, item: Item, taker: str) -> set[str]:
    """Subjects of the item that another share of this taker needs, which goes on."""
    if taker == EVERYBODY:
        return set()
    exports = accounts.claims[giver].nats.exports
    common = common_subjects(exports, item)
    return common & {
        standing.subject
        for other in of_exports(exports)
        if other != item and common
        for share in hits(accounts, giver, other, taker)
        if share.taker.key == taker and share.state in _LIVING
        for standing in share.standings
    }


def _held(share: Share) -> bool:
    """True if anything shows that the taker has tokens for it."""
    return any(standing.state not in {"missing", "offered"} for standing in share.standings)


def _issued(accounts: Accounts, affected: list[Share]) -> list[int]:
    """When the tokens were issued that are known; the clock may be a little behind them."""
    now_s = accounts.now_ns // NS_PER_S
    return [share.since_s for share in affected if share.since_s <= now_s + _AHEAD_S]


def _revoked(export: Export, taker: str, until_s: int) -> Export:
    revocations = with_revocation(export.revocations, taker, until_s)
    return msgspec.structs.replace(export, revocations=revocations)


def _after(accounts: Accounts, giver: str, item: Item, share: Share, standing: Standing) -> str:
    known = known_takers(accounts, giver, item)[share.taker.key]
    for changed in given_to(accounts, giver, item, known).standings:
        if changed.role == standing.role:
            return changed.state
    return "missing"


def _close(accounts: Accounts, claims: AccountClaims, item: Item, taker: str) -> Revoked:
    """End a public share: its exports go, since nobody has tokens that could be revoked."""
    opened = [covering(claims.nats.exports, grant) for grant in item.grants]
    if taker != EVERYBODY:
        edits = [
            f"nsc edit export --account {shlex.quote(claims.name)}"
            f" --subject {shlex.quote(export.subject)} --private"
            for export in opened
            if export is not None and not export.token_required
        ]
        raise ShareError(
            f"{claims.name} shares {item.title} publicly: it can be ended for everybody"
            " (--with '*'), not for one account",
            *edits,
        )
    for grant, export in zip(item.grants, opened, strict=True):
        if export is not None and export.subject != grant.subject:
            raise ShareError(
                f"{claims.name} exports {quote(export.subject)} publicly, which is more than"
                f" {item.title}",
                f"nsc delete export --account {shlex.quote(claims.name)}"
                f" --subject {shlex.quote(export.subject)}",
            )
    exports = tuple(export for export in claims.nats.exports if export not in opened)
    return Revoked(
        giver=_with_exports(claims, exports),
        item=item,
        changes=tuple(
            Change(taker="everybody", subject=export.subject, before="public", after="deleted")
            for export in opened
            if export is not None
        ),
    )


def _wider(claims: AccountClaims, item: Item) -> tuple[Finding, ...]:
    found = []
    for grant in item.grants:
        export = covering(claims.nats.exports, grant)
        if export is not None and export.subject != grant.subject:
            found.append(
                Finding(
                    code="broad_grant",
                    hop="export",
                    subject=export.subject,
                    cause=f"the revocation is of all that {claims.name} grants of"
                    f" {quote(export.subject)}, not of {quote(grant.subject)} alone",
                )
            )
    return tuple(found)


def _with_exports(claims: AccountClaims, exports: tuple[Export, ...]) -> AccountClaims:
    body = msgspec.structs.replace(claims.nats, exports=exports)
    return msgspec.structs.replace(claims, nats=body)
