"""To accept: the imports of an invite, added to the taker's account.

Owns the decision whether an invite is good for this account now, what each subject is called there,
and that nothing the account has is taken over or doubled. Knows no files. Accepted twice, an invite
changes nothing; a newer one of the same share puts its tokens in place of the old.
"""

import msgspec

from isthmus.accounts.claims import make_spec
from isthmus.accounts.imports import Refusal, authorise
from isthmus.base import subjects
from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.identity import jwt
from isthmus.identity.claims import AccountClaims, Import
from isthmus.identity.payload import TokenError
from isthmus.identity.subject_rules import without_references
from isthmus.identity.trust import Offer, check_activation
from isthmus.identity.trust import Refusal as TokenRefusal
from isthmus.sharing.grants import RESERVED, Grant, ShareError, require_prefix
from isthmus.sharing.invite import Invite


class Accepted(Value):
    """What came of it: the taker's account and which of its imports are new or have a new token."""

    taker: AccountClaims
    prefix: str
    added: tuple[Import, ...] = ()
    renewed: tuple[Import, ...] = ()
    unproved: str = ""  # a signing key that only the giver's account can vouch for


def accept(
    taker: AccountClaims,
    invite: Invite,
    now_ns: int,
    *,
    prefix: str = "",
    giver: AccountClaims | None = None,
) -> Accepted:
    """Import what `invite` grants. `giver`: its account, where the store has it.

    `prefix` stands before the local subjects; by default the one the imports have, or the invite's.
    """
    if invite.giver.key == taker.subject:
        raise ShareError("the invite is from this account itself")
    if not invite.public and invite.taker.key != taker.subject:
        raise ShareError(
            f"the invite is for account {invite.taker.key} ({invite.taker.title}),"
            f" not for {quote(taker.name)}"
        )
    before = {grant.role: _find(taker, invite, grant) for grant in invite.item.grants}
    prefix = prefix or _prefix_of(before, invite) or invite.prefix
    made = {grant.role: _import(invite, grant, prefix) for grant in invite.item.grants}
    unproved = ""
    for grant in invite.item.grants:
        _require_own_subject(grant, made[grant.role], prefix)
        _require_free(taker, made[grant.role], before[grant.role])
        _require_newer(grant, made[grant.role], before[grant.role])
        unproved = _require_in_force(
            taker, invite, grant, made[grant.role], giver=giver, now_ns=now_ns
        )
    replaced = {id(old): made[role] for role, old in before.items() if old is not None}
    imports = [replaced.get(id(item), item) for item in taker.nats.imports]
    added = tuple(item for role, item in made.items() if before[role] is None)
    body = msgspec.structs.replace(taker.nats, imports=(*imports, *added))
    return Accepted(
        taker=msgspec.structs.replace(taker, nats=body),
        prefix=prefix,
        added=added,
        renewed=tuple(made[role] for role, old in before.items() if old not in (None, made[role])),
        unproved=unproved,
    )


def _find(taker: AccountClaims, invite: Invite, grant: Grant) -> Import | None:
    """The import of this grant that is there already."""
    for item in taker.nats.imports:
        if (item.account, item.remote, item.type) == (invite.giver.key, grant.subject, grant.kind):
            return item
    return None


def _prefix_of(before: dict[str, Import | None], invite: Invite) -> str:
    """The prefix that the imports of this share have already."""
    for grant in invite.item.grants:
        old = before[grant.role]
        if old is not None and grant.below and old.local.endswith(f".{grant.below}"):
            return old.local.removesuffix(f".{grant.below}")
    return ""


def _import(invite: Invite, grant: Grant, prefix: str) -> Import:
    local = grant.local(prefix)
    return Import(
        name=grant.name,
        subject=grant.subject,
        account=invite.giver.key,
        token=invite.tokens.get(grant.role, ""),
        local_subject=local if grant.kind == "service" or local != grant.subject else "",
        type=grant.kind,
    )


# -- what speaks against it ------------------------------------------------------------------------


def _require_own_subject(grant: Grant, made: Import, prefix: str) -> None:
    """A giver must not choose a subject that the taker's own affairs go by."""
    if grant.below and prefix:
        require_prefix(prefix)
        return
    if grant.fixed:
        return
    first = made.local.partition(".")[0]
    if first in {"*", ">"} or first.startswith(RESERVED):
        raise ShareError(
            f"{quote(made.local)} would take subjects that every account has for itself",
            "put something before it: --as <token>.<token>",
        )


def _require_free(taker: AccountClaims, made: Import, before: Import | None) -> None:
    """Requests to one subject must not go to two accounts."""
    local = without_references(made.local)
    for item in taker.nats.imports:
        if item is before or item.type != "service" or made.type != "service":
            continue
        if subjects.collide(without_references(item.local), local):
            raise ShareError(
                f"requests to {quote(made.local)} go to account {item.account} already, by the"
                f" import of {quote(item.remote)}",
                "take another prefix: --as <token>.<token>"
                if made.local != made.remote
                else f"nsc delete import --account {taker.name} --src-account {item.account}"
                f" --subject '{item.remote}'",
            )


def _require_newer(grant: Grant, made: Import, before: Import | None) -> None:
    if before is None or not before.token or not made.token:
        return
    try:
        old_s = jwt.decode_activation(before.token).issued_s
    except TokenError:
        return  # anything is better than that
    if old_s > jwt.decode_activation(made.token).issued_s:
        raise ShareError(f"the account has a newer token for {quote(grant.subject)} already")


def _require_in_force(
    taker: AccountClaims,
    invite: Invite,
    grant: Grant,
    made: Import,
    *,
    giver: AccountClaims | None,
    now_ns: int,
) -> str:
    """Raise unless the import will work; the signing key that nobody here can vouch for."""
    if giver is not None:
        wanted = next(iter(make_spec(_with_import(taker, made), "").imports))
        verdict = authorise(make_spec(taker, ""), wanted, make_spec(giver, ""), now_ns)
        if isinstance(verdict, Refusal) and verdict.code != "activation_early":
            raise ShareError(f"the invite is not good: {verdict.reason}")
        return ""
    if invite.public:
        return ""
    issuer = invite.activation(grant).issuer
    offer = Offer(
        kind=grant.kind,
        subject=grant.subject,
        importer=taker.subject,
        exporter=invite.giver.key,
        signing_keys={issuer},
        revocations={},
    )
    refusal = check_activation(made.token, offer, now_ns)
    if isinstance(refusal, TokenRefusal) and not refusal.wakes_ns:
        raise ShareError(f"the invite is not good: {refusal.text}")
    return issuer if issuer != invite.giver.key else ""


def _with_import(taker: AccountClaims, made: Import) -> AccountClaims:
    body = msgspec.structs.replace(taker.nats, imports=(made,))
    return msgspec.structs.replace(taker, nats=body)
