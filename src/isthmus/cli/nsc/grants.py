"""The export whose activations a revocation is about.

Shared by the three revocation verbs; knows no flags and changes nothing.
"""

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.subjects import covers
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import Account, AccountClaims, Export
from isthmus.identity.nkeys import Kind, is_public
from isthmus.identity.revocations import EVERYBODY


def find_export(claims: AccountClaims, name: str, subject: str, *, service: bool) -> Export:
    """The export of this kind that contains `subject`; the only one if it is empty."""
    if not claims.nats.exports:
        raise CommandError(f"account {quote(name)} doesn't have exports")
    kind = "service" if service else "stream"
    exports = [export for export in claims.nats.exports if export.type == kind]
    if not exports:
        other = "without" if service else "with"
        raise CommandError(
            f"account {quote(name)} doesn't have {kind} exports", hint=f"try {other} --service"
        )
    if not subject:
        if len(exports) > 1:
            raise CommandError("a subject is required", hint="name it: --subject <subject>")
        return exports[0]
    for export in exports:
        if export.subject == subject or covers(export.subject, subject):
            return export
    raise CommandError(
        "unable to locate export",
        hint=f"{kind} exports of {name}: {', '.join(export.subject for export in exports)}",
    )


def target_key(store: Store, text: str) -> str:
    """The account a revocation is about: a key, a local name, or `*` for everybody."""
    if text == EVERYBODY:
        return text
    key = store.account_key(text, "target-account")
    assert is_public(key, Kind.ACCOUNT)
    return key


def with_revocations(
    claims: AccountClaims, export: Export, revocations: dict[str, int]
) -> AccountClaims:
    """`claims` with these revocations of `export`."""
    changed = msgspec.structs.replace(export, revocations=revocations)
    exports = tuple(changed if item is export else item for item in claims.nats.exports)
    body: Account = msgspec.structs.replace(claims.nats, exports=exports)
    return msgspec.structs.replace(claims, nats=body)
