"""Is an account fit to take or to give anything: known, in time, trusted, within its limits.

Owns what is wrong with an account as a whole, so that each route through it need not look again.
Knows claims only. A server refuses a token with one bad import altogether, so what is wrong with
imports that nobody asked about counts as well; `explain_route` has the words for those.
"""

from collections.abc import Iterator

import msgspec

from isthmus.base.values import NS_PER_S
from isthmus.identity import trust
from isthmus.identity.claims import NO_LIMIT, Account, AccountClaims, Import
from isthmus.identity.findings import Severity
from isthmus.identity.sharing_rules import check_imports
from isthmus.identity.subject_rules import has_wildcards
from isthmus.identity.validate import validate
from isthmus.sharing.finding import Finding
from isthmus.sharing.mending import delete_import, edit_account, nsc
from isthmus.sharing.world import World


def check_account(world: World, key: str, hop: str) -> Iterator[Finding]:
    """What is wrong with an account of the store. `hop` is where a message meets it."""
    claims = world.accounts[key]
    name = world.name(key)
    if trust.expired(claims.expires_s, world.now_ns):
        cause = f"account {name} has expired"
        fix = (edit_account(world, key, "--expiry", "1y"),)
        yield Finding(code="account_expired", hop=hop, subject=name, cause=cause, fix=fix)
    if claims.not_before_s * NS_PER_S > world.now_ns:
        cause = f"account {name} is not valid yet"
        fix = (edit_account(world, key, "--start", "0"),)
        yield Finding(code="account_early", hop=hop, subject=name, cause=cause, fix=fix)
    if claims.issuer not in world.trust.keys and world.complete:
        yield Finding(
            code="account_untrusted",
            hop=hop,
            subject=name,
            cause=f"account {name} is signed by {claims.issuer}, which is no key that signs"
            f" accounts of operator {world.operator.name}",
            fix=(edit_account(world, key, "--start", "0"),),  # any edit signs it anew
        )
    yield from _check_counts(world, claims, hop)
    yield from _check_overlaps(world, claims, hop)
    yield from _check_rest(world, claims, hop)


def missing_account(world: World, key: str, hop: str) -> Finding:
    """An account that nobody here knows."""
    return Finding(
        code="account_missing",
        hop=hop,
        subject=world.name(key),
        cause=f"account {world.name(key)} is not in the store of operator {world.operator.name}",
        fix=(nsc("pull", "--all"),),
    )


def _check_counts(world: World, claims: AccountClaims, hop: str) -> Iterator[Finding]:
    body, limits = claims.nats, claims.nats.limits
    name, key = world.name(claims.subject), claims.subject
    for what, count, limit in (
        ("imports", len(body.imports), limits.imports),
        ("exports", len(body.exports), limits.exports),
    ):
        if limit != NO_LIMIT and count > limit:
            yield Finding(
                code=f"limit_{what}",
                hop=hop,
                subject=name,
                cause=f"account {name} has {count} {what} and may have {limit}: servers refuse it",
                fix=(edit_account(world, key, f"--{what}", str(count)),),
            )
    wild = [export.subject for export in body.exports if has_wildcards(export.subject)]
    if wild and not limits.wildcards and limits.exports != NO_LIMIT:
        yield Finding(
            code="limit_wildcards",
            hop=hop,
            subject=wild[0],
            cause=f"account {name} may export no subject with wildcards and exports {wild[0]}",
            fix=(edit_account(world, key, "--wildcard-exports"),),
        )


def _check_overlaps(world: World, claims: AccountClaims, hop: str) -> Iterator[Finding]:
    """Two services of one account under one local subject: servers refuse the whole account."""
    services = [item for item in claims.nats.imports if item.type == "service"]
    for place, item in enumerate(services):
        for other in services[:place]:
            if item.account == other.account and _overlap(item, other, claims.subject):
                yield Finding(
                    code="import_shadowed",
                    hop=hop,
                    subject=item.local,
                    cause=f"account {world.name(claims.subject)} takes {item.subject} and"
                    f" {other.subject} of account {world.name(item.account)} under subjects that"
                    f" overlap ({item.local}, {other.local}): servers refuse the account",
                    fix=(delete_import(world, claims.subject, item.subject, item.account),),
                )
                break


def _overlap(item: Import, other: Import, importer: str) -> bool:
    """Asked of the rules themselves: whether two imports are one too many."""
    pair = _bare(Account(imports=(item, other)))
    return any("overlapping" in finding.text for finding in check_imports(pair.imports, importer))


def _bare(body: Account) -> Account:
    """An account without what is looked at elsewhere: tokens of imports, and counts."""
    plain = tuple(msgspec.structs.replace(item, token="") for item in body.imports)
    limits = msgspec.structs.replace(body.limits, imports=NO_LIMIT, exports=NO_LIMIT)
    return msgspec.structs.replace(body, imports=plain, limits=limits)


def _check_rest(world: World, claims: AccountClaims, hop: str) -> Iterator[Finding]:
    """Whatever else makes servers refuse the token."""
    name = world.name(claims.subject)
    bare = msgspec.structs.replace(claims, nats=_bare(claims.nats))
    for finding in validate(bare, world.now_ns):
        if finding.severity is Severity.ERROR and "overlapping" not in finding.text:
            cause = f"account {name} is not valid, servers refuse it: {finding.text}"
            yield Finding(code="account_invalid", hop=hop, subject=name, cause=cause)
