"""Does the token of an import open the export: whose is it, for whom, for what, until when.

Owns the hop `activation`. The rules are those of `identity.trust`; here every one that is broken is
named, and what only follows from another fault is left out.
"""

from collections.abc import Iterator

from isthmus.accounts.spec import Export, Import, Kind
from isthmus.base.values import NS_PER_S, format_time
from isthmus.identity import jwt, trust
from isthmus.identity.revocations import EVERYBODY
from isthmus.identity.trust import Reason
from isthmus.sharing import mending
from isthmus.sharing.finding import Finding
from isthmus.sharing.route import Route
from isthmus.sharing.world import World

# What makes a token wrong for its import whatever the exporter says: servers refuse the importer.
_STRUCTURAL = {
    Reason.ACTIVATION_INVALID,
    Reason.ACTIVATION_ACCOUNT,
    Reason.ACTIVATION_KIND,
    Reason.ACTIVATION_SUBJECT,
}


def check_token(world: World, route: Route, kind: Kind, export: Export | None) -> Iterator[Finding]:
    """Everything that is wrong with the token of an import."""
    taken = route.taken
    exporter = world.spec(route.exporter)
    if taken is None or (export is not None and not export.token_required and not taken.activation):
        return
    if not taken.activation and export is None:
        return  # whether it needs one nobody can tell
    offer = trust.Offer(
        kind=kind,
        subject=taken.remote,
        importer=route.importer,
        exporter=route.exporter,
        signing_keys=exporter.signing_keys if exporter else frozenset(),
        revocations=export.revocations if export else {},
    )
    needed = export is None or export.token_required
    for refusal in trust.activation_refusals(taken.activation, offer, world.now_ns):
        if _counts(refusal, taken, known=exporter is not None, needed=needed):
            yield _activation_finding(world, route, refusal, export)


def _counts(refusal: trust.Refusal, taken: Import, *, known: bool, needed: bool) -> bool:
    """Without the exporter nobody knows its keys; a public export asks for no token."""
    if refusal.reason is Reason.ACTIVATION_ISSUER and not (known and needed):
        activation = jwt.decode_activation(taken.activation)
        return taken.account not in {activation.issuer, activation.nats.issuer_account}
    return needed or refusal.reason in _STRUCTURAL


def _activation_finding(
    world: World, route: Route, refusal: trust.Refusal, export: Export | None
) -> Finding:
    assert route.taken is not None
    fix = mending.new_import(
        world, route.importer, route.taken, private=True, instead_of=route.taken.remote
    )
    revoked_s = _revoked_s(route, export)
    if refusal.reason is Reason.ACTIVATION_REVOKED and revoked_s >= world.now_ns // NS_PER_S:
        fix = (_unrevoke(world, route, export),)  # a token made now would be revoked, too
    return Finding(
        code=refusal.reason.value,
        hop="activation",
        subject=route.taken.local,
        cause=f"import of {route.taken.remote} into account {world.name(route.importer)}:"
        f" {_why(world, route, refusal)}",
        fix=fix,
    )


def _why(world: World, route: Route, refusal: trust.Refusal) -> str:
    """The refusal, with what it leaves out: moments, and accounts by their names."""
    assert route.taken is not None
    exporter, text = world.name(route.exporter), refusal.text
    if refusal.reason is Reason.ACTIVATION_REVOKED:
        return f"account {exporter} has revoked the token"
    if refusal.reason in {Reason.ACTIVATION_EXPIRED, Reason.ACTIVATION_EARLY}:
        activation = jwt.decode_activation(route.taken.activation)
        ended = refusal.reason is Reason.ACTIVATION_EXPIRED
        moment_s = activation.expires_s if ended else activation.not_before_s
        text += f" ({'since' if ended else 'before'} {format_time(moment_s * NS_PER_S)})"
    for key, name in world.names.items():
        text = text.replace(key, f"{name} ({key})")
    return text


def _revoked_s(route: Route, export: Export | None) -> int:
    revocations = export.revocations if export else {}
    return max(revocations.get(route.importer, 0), revocations.get(EVERYBODY, 0))


def _unrevoke(world: World, route: Route, export: Export | None) -> str:
    assert export is not None
    own = bool(export.revocations.get(route.importer, 0))
    who = world.names.get(route.importer, route.importer) if own else EVERYBODY
    words = ["revocations", "delete_activation", "--account", world.name(route.exporter)]
    words += ["--subject", export.subject, "--target-account", who]
    return mending.nsc(*words, *(["--service"] if export.kind == "service" else []))
