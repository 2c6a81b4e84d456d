"""One way from account to account: an import, its token, and the export it rests on.

Owns the hops `import`, `activation` and `export`, and what of `stream` and `ack` claims alone can
tell. Knows claims only. Each hop is judged by itself, so that two faults are two findings; what
merely follows from another fault is none. Invariant: what `accounts.imports.authorise` refuses has
a finding.
"""

from collections.abc import Iterator

import msgspec

from isthmus.accounts.cycles import comes_back
from isthmus.accounts.imports import Refusal, authorise
from isthmus.accounts.spec import AccountSpec, Import, Kind
from isthmus.base import subjects
from isthmus.sharing import mending
from isthmus.sharing.asset import asset_of
from isthmus.sharing.explain_accounts import missing_account
from isthmus.sharing.explain_activation import check_token
from isthmus.sharing.explain_export import check_export
from isthmus.sharing.finding import Finding
from isthmus.sharing.refused import refused
from isthmus.sharing.route import Route, export_of, fits, is_private, kind_of, onward
from isthmus.sharing.world import World

_MISSING = {"export_missing", "ack_export_missing", "export_type"}


def check_route(world: World, route: Route) -> list[Finding]:
    """All findings of the three hops, as they stand in the claims."""
    kind = kind_of(world, route)
    export = export_of(world, route, kind)
    # Both sides agree on the wrong kind: that is one fault, and the export was there first.
    agreed = route.taken is not None and export is not None and route.taken.kind == export.kind
    said = export.kind if agreed and export is not None else kind
    found = [*_check_import(world, route, said), *check_token(world, route, said, export)]
    exporter = world.spec(route.exporter) if route.exporter else None
    if exporter is not None:
        found += check_export(world, route, kind, export)
        found += _check_jetstream(world, route) if export is not None else ()
    elif route.exporter and world.complete:
        found.append(missing_account(world, route.exporter, "export"))
    return _in_order(found) or list(_refusal(world, route))


def _in_order(findings: list[Finding]) -> list[Finding]:
    """A token can only be made for what is exported: that cure goes first, and only once."""
    offered = next((finding for finding in findings if finding.code in _MISSING), None)
    if offered is None:
        return findings
    out, first = [], True
    for finding in findings:
        fix = finding.fix
        if finding is offered and not first:
            fix = ()
        elif finding is not offered and first and _makes_token(fix):
            fix, first = (*offered.fix, *fix), False
        out.append(msgspec.structs.replace(finding, fix=fix))
    return out


def _makes_token(fix: tuple[str, ...]) -> bool:
    return any(line.startswith("nsc generate activation") for line in fix)


# -- import ----------------------------------------------------------------------------------------


def _check_import(world: World, route: Route, kind: Kind) -> Iterator[Finding]:
    wanted, taken = route.wanted, route.taken
    importer = world.name(route.importer)
    if taken is None:
        ack = route.acknowledges
        source = f" of account {world.name(wanted.account)}" if wanted.account else ""
        text = "acknowledgements go nowhere: no" if ack else "no"
        yield Finding(
            code="ack_import_missing" if ack else "import_missing",
            hop="ack" if ack else "import",
            subject=wanted.local,
            cause=f"{text} import of account {importer} takes {wanted.remote}{source}"
            + ("" if wanted.local == wanted.remote else f" as {wanted.local}"),
            fix=_import_fix(world, route, kind),
        )
        return
    if taken.kind != kind:
        yield Finding(
            code="import_kind",
            hop="import",
            subject=taken.local,
            cause=f"account {importer} imports {taken.remote} as a {taken.kind}; it is a {kind}",
            fix=_import_fix(world, route, kind),
        )
    if not fits(taken):
        yield Finding(
            code="import_rewriting",
            hop="import",
            subject=taken.local,
            cause=f"account {importer} imports {taken.remote} as {taken.local}: the wildcards of"
            " the two do not fit",
            fix=_import_fix(world, route, kind, local=taken.remote),
        )
    elif route.acknowledges and not subjects.covers(taken.local, wanted.remote):
        yield Finding(
            code="ack_import_renamed",
            hop="ack",
            subject=taken.local,
            cause=f"account {importer} imports the acknowledgements {taken.remote} as"
            f" {taken.local}; clients send them to {taken.remote}",
            fix=_import_fix(world, route, kind, local=taken.remote),
        )
    yield from _check_mappings(world, route)
    if kind == taken.kind == "service" and _goes_round(world, route):
        yield Finding(
            code="import_cycle",
            hop="import",
            subject=taken.local,
            cause=f"requests to {taken.local} would come back to account {importer}",
            fix=(mending.delete_import(world, route.importer, taken.remote, taken.account),),
        )


def _import_fix(world: World, route: Route, kind: Kind, *, local: str = "") -> tuple[str, ...]:
    wanted = msgspec.structs.replace(route.taken or route.wanted, kind=kind)
    if local:
        wanted = msgspec.structs.replace(wanted, local=local)
    if not wanted.account:
        return ()
    return mending.new_import(
        world,
        route.importer,
        wanted,
        private=is_private(world, route),
        instead_of=route.taken.remote if route.taken else "",
    )


def _check_mappings(world: World, route: Route) -> Iterator[Finding]:
    """A mapping of the account takes a subject before an import can."""
    taken = route.taken
    if taken is None or taken.kind == "stream":
        return
    asked = route.wanted.local
    for source, targets in sorted(world.accounts[route.importer].nats.mappings.items()):
        gone = [target.subject for target in targets if not target.cluster]
        if subjects.covers(source, asked) and asked not in gone and gone:
            yield Finding(
                code="import_shadowed",
                hop="import",
                subject=source,
                cause=f"account {world.name(route.importer)} maps {source} to {', '.join(gone)}:"
                f" its imports under {source} are never reached",
                fix=(
                    mending.nsc(
                        "delete",
                        "mapping",
                        "--account",
                        world.name(route.importer),
                        "--from",
                        source,
                    ),
                ),
            )


def _goes_round(world: World, route: Route) -> bool:
    assert route.taken is not None

    def services(key: str) -> list[Import]:
        spec = world.spec(key)
        return [
            item for item in (spec.imports if spec else ()) if item.kind == "service" and fits(item)
        ]

    return fits(route.taken) and comes_back(route.importer, route.taken, services)


# -- the rest --------------------------------------------------------------------------------------


def _check_jetstream(world: World, route: Route) -> Iterator[Finding]:
    asset = asset_of(route.wanted.remote)
    claims = world.accounts[route.exporter]
    if asset is None or claims.nats.limits.has_jetstream or onward(world, route) is not None:
        return
    if route.exporter == world.operator.nats.system_account:
        return  # the API of every account is there
    yield Finding(
        code="jetstream_disabled",
        hop="stream",
        subject=asset.stream,
        cause=f"account {world.name(route.exporter)} has no JetStream",
        fix=(mending.edit_account(world, route.exporter, "--js-enable", "0"),),
    )


def _refusal(world: World, route: Route) -> Iterator[Finding]:
    """What a server refuses and nothing above explains."""
    importer, exporter = world.spec(route.importer), world.spec(route.exporter)
    if route.taken is None or importer is None or exporter is None:
        return
    verdict = authorise(_never_ending(importer), route.taken, _never_ending(exporter), world.now_ns)
    if isinstance(verdict, Refusal):
        yield refused(verdict, route.taken)


def _never_ending(spec: AccountSpec) -> AccountSpec:
    """That an account has expired is said elsewhere."""
    return msgspec.structs.replace(spec, expires_ns=0)
