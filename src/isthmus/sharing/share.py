"""To share: the exports that are missing, and the tokens that open them for one account.

Owns the decision what the giver's account must export so that `item` is granted, no more than that
is opened, and nothing that is there already is repeated or changed. Knows no files: claims and the
key that signs come in, changed claims and an invite come out. Invariant: the tokens of one share
are issued at one moment, which is after any revocation of the taker, and they end together.
"""

import shlex

import msgspec

from isthmus.base import subjects
from isthmus.base.quoting import quote
from isthmus.base.values import NS_PER_S, Value
from isthmus.identity import jwt
from isthmus.identity.claims import AccountClaims, Activation, Export, make_activation
from isthmus.identity.nkeys import KeyPair
from isthmus.identity.revocations import EVERYBODY
from isthmus.identity.subject_rules import contained_in
from isthmus.sharing.finding import Finding
from isthmus.sharing.grants import API, Grant, ShareError, require_prefix
from isthmus.sharing.invite import Invite, Party
from isthmus.sharing.items import Item
from isthmus.sharing.takers import make_taker, takers, with_taker

_REVOKED_AHEAD_S = 60  # a revocation that reaches further into the future is no matter of clocks


class Terms(Value):
    """From when until when (seconds; 0: no bound), and what `accept` puts in front of subjects."""

    begins_s: int = 0
    ends_s: int = 0
    prefix: str = ""


def default_prefix(giver: AccountClaims, item: Item) -> str:
    """What `accept` puts before subjects if nobody says otherwise: `ACCTC.API`, or nothing."""
    if not _needs_jetstream(item):
        return ""
    prefix = f"{giver.name}.API"
    if not subjects.valid_literal(prefix) or not prefix.isprintable():
        raise ShareError(
            f"the account's name {quote(giver.name)} cannot be part of a subject",
            "name another prefix: --as <token>.<token>",
        )
    return prefix


def _needs_jetstream(item: Item) -> bool:
    return any(grant.subject.startswith(API) for grant in item.grants)


class Shared(Value):
    """What came of it: the giver's account, the exports that are new, and the invite."""

    giver: AccountClaims
    added: tuple[Export, ...]
    invite: Invite
    findings: tuple[Finding, ...] = ()
    recorded: bool = True  # the exports say who has tokens for them


class _Place(Value):
    """Where a grant stands among the exports, or the export that is to be added for it."""

    grant: Grant
    export: Export
    new: bool = False


def share(
    giver: AccountClaims, item: Item, taker: Party, terms: Terms, signer: KeyPair, *, now_ns: int
) -> Shared:
    """Grant `item` of `giver` to `taker`, or to everybody if the taker is `*`."""
    item.check()
    if terms.prefix:
        require_prefix(terms.prefix)
    if taker.key == giver.subject:
        raise ShareError(f"account {quote(giver.name)} cannot share with itself")
    public = taker.key == EVERYBODY
    if public and (terms.ends_s or terms.begins_s):
        raise ShareError("a public share has no end: it has no tokens that could expire")
    exports = giver.nats.exports
    places = [_place(giver.name, exports, grant, public=public) for grant in item.grants]
    added = tuple(place.export for place in places if place.new)
    changed: tuple[Export, ...] = (*exports, *added)
    tokens: dict[str, str] = {}
    recorded = True
    if not public:
        issued_ns = _after_revocations(giver.name, places, taker, now_ns)
        tokens = {
            grant.role: _token(giver, grant, taker, terms, signer, now_ns=issued_ns)
            for grant in item.grants
        }
        taken = make_taker(taker.key, taker.name, issued_ns // NS_PER_S, terms.ends_s)
        opened = [place.export for place in places]
        changed = tuple(with_taker(item, taken) if item in opened else item for item in changed)
        recorded = sum(taken in takers(export) for export in changed) >= len(opened)
    return Shared(
        giver=_with_exports(giver, changed),
        added=added,
        invite=Invite(
            giver=Party(key=giver.subject, name=giver.name),
            taker=taker,
            item=item,
            prefix=terms.prefix,
            tokens=tokens,
        ),
        findings=(
            *_jetstream(giver, item),
            *(found for place in places for found in _findings(giver.name, place, public=public)),
        ),
        recorded=recorded,
    )


def _with_exports(claims: AccountClaims, exports: tuple[Export, ...]) -> AccountClaims:
    body = msgspec.structs.replace(claims.nats, exports=exports)
    return msgspec.structs.replace(claims, nats=body)


# -- exports ---------------------------------------------------------------------------------------


def _place(giver: str, exports: tuple[Export, ...], grant: Grant, *, public: bool) -> _Place:
    """The export that offers the grant already, or the one that will."""
    same_kind = [export for export in exports if export.type == grant.kind]
    for export in same_kind:
        if export.subject == grant.subject or subjects.covers(export.subject, grant.subject):
            _require_fitting(giver, export, grant, public=public)
            return _Place(grant=grant, export=export)
    for export in same_kind:
        if contained_in(export.subject, grant.subject):
            raise ShareError(
                f"{giver} exports {quote(export.subject)}, which {quote(grant.subject)} would"
                " include: no two exports may overlap",
                f"nsc delete export {_named(giver, export)}",
            )
    export = Export(
        name=grant.name,
        subject=grant.subject,
        type=grant.kind,
        token_required=not public,
        response_type=grant.response_type,
    )
    return _Place(grant=grant, export=export, new=True)


def _require_fitting(giver: str, export: Export, grant: Grant, *, public: bool) -> None:
    edit = f"nsc edit export {_named(giver, export)}"
    if export.token_required and public:
        raise ShareError(
            f"{giver} exports {quote(export.subject)} privately: a public share needs it public",
            f"{edit} --private=false",
        )
    if not export.token_required and not public:
        raise ShareError(
            f"{giver} exports {quote(export.subject)} publicly: every account may import it, so"
            " it cannot be shared with one",
            f"{edit} --private",
        )
    has = export.response_type or "Singleton"
    exact = export.subject == grant.subject
    if grant.kind == "service" and has != grant.response_type and (exact or has == "Singleton"):
        raise ShareError(
            f"{giver} exports {quote(export.subject)} with response type {has}: the share needs"
            f" {grant.response_type}",
            f"{edit} --response-type {grant.response_type}",
        )


def _jetstream(giver: AccountClaims, item: Item) -> tuple[Finding, ...]:
    if not _needs_jetstream(item) or giver.nats.limits.has_jetstream:
        return ()
    return (
        Finding(
            code="jetstream_disabled",
            hop="export",
            cause=f"account {giver.name} has no JetStream, so there is no {item.title}",
            fix=(f"nsc edit account {shlex.quote(giver.name)} --js-enable 0",),
        ),
    )


def _findings(giver: str, place: _Place, *, public: bool) -> tuple[Finding, ...]:
    export, grant = place.export, place.grant
    if export.subject == grant.subject:
        return ()
    consequence = (
        "every account may import all of it"
        if public
        else "a revocation takes back all that the taker has of it"
    )
    return (
        Finding(
            code="broad_grant",
            hop="export",
            subject=grant.subject,
            cause=f"{giver} exports {quote(export.subject)} already, which is more than"
            f" {quote(grant.subject)}: {consequence}",
            fix=(f"nsc delete export {_named(giver, export)}",),
        ),
    )


def _named(giver: str, export: Export) -> str:
    return f"--account {shlex.quote(giver)} --subject {shlex.quote(export.subject)}"


# -- tokens ----------------------------------------------------------------------------------------


def _after_revocations(giver: str, places: list[_Place], taker: Party, now_ns: int) -> int:
    """When the tokens are issued: now, or as soon as no revocation reaches."""
    issued_s = now_ns // NS_PER_S
    for place in places:
        for key in (taker.key, EVERYBODY):
            until_s = place.export.revocations.get(key, 0)
            if until_s > now_ns // NS_PER_S + _REVOKED_AHEAD_S:
                flag = " --service" if place.export.type == "service" else ""
                raise ShareError(
                    f"what {giver} grants {key} of {quote(place.export.subject)} is revoked"
                    " beforehand, until a moment in the future",
                    f"nsc revocations delete-activation {_named(giver, place.export)}{flag}"
                    f" --target-account {shlex.quote(key)}",
                )
            issued_s = max(issued_s, until_s + 1)
    return max(now_ns, issued_s * NS_PER_S)


def _token(
    giver: AccountClaims, grant: Grant, taker: Party, terms: Terms, signer: KeyPair, *, now_ns: int
) -> str:
    body = Activation(
        subject=grant.subject,
        kind=grant.kind,
        issuer_account="" if signer.public_key == giver.subject else giver.subject,
    )
    claims = make_activation(taker.key, grant.subject, body)
    claims = msgspec.structs.replace(claims, not_before_s=terms.begins_s, expires_s=terms.ends_s)
    return jwt.encode(claims, signer, now_ns)
