"""Is a subject offered to the importing account, as what it has to be.

Owns the hop `export`. Knows claims only.
"""

from collections.abc import Iterator

import msgspec

from isthmus.accounts.spec import Export, Kind
from isthmus.base import subjects
from isthmus.sharing import mending
from isthmus.sharing.asset import answers_often
from isthmus.sharing.finding import Finding
from isthmus.sharing.route import Route, is_private
from isthmus.sharing.world import World


def check_export(
    world: World, route: Route, kind: Kind, export: Export | None
) -> Iterator[Finding]:
    """What is wrong with the export a route rests on; None: there is none of either kind."""
    exporter = world.name(route.exporter)
    often = answers_often(route.wanted.remote)
    if export is None:
        ack = route.acknowledges
        yield Finding(
            code="ack_export_missing" if ack else "export_missing",
            hop="ack" if ack else "export",
            subject=route.offered,
            cause=f"account {exporter} exports no {kind} that covers {route.offered}",
            fix=_new_export(world, route, kind, often=often),
        )
        return
    if export.kind != kind:
        yield Finding(
            code="export_type",
            hop="export",
            subject=export.subject,
            cause=f"account {exporter} exports {export.subject} as a {export.kind};"
            f" it has to be a {kind}",
            fix=_retype(world, route, export, kind, often=often),
        )
    elif often and export.response_type == "Singleton":
        yield Finding(
            code="response_type",
            hop="export",
            subject=export.subject,
            cause=f"account {exporter} exports {export.subject} with response type Singleton:"
            " of a pull only the first message or status arrives, the others stay unacknowledged",
            fix=(
                mending.edit_export(
                    world, route.exporter, export.subject, "--response-type", "Stream"
                ),
            ),
        )
    yield from _check_position(world, route, export)


def _new_export(world: World, route: Route, kind: Kind, *, often: bool) -> tuple[str, ...]:
    """Narrower exports go: two that overlap are refused."""
    spec = world.spec(route.exporter)
    narrower = [
        export.subject
        for export in (spec.exports if spec else ())
        if export.kind == kind and subjects.covers(route.offered, export.subject)
    ]
    return (
        *(mending.delete_export(world, route.exporter, subject) for subject in narrower),
        mending.add_export(
            world,
            route.exporter,
            route.offered,
            kind,
            private=is_private(world, route),
            often=often and kind == "service",
        ),
    )


def _retype(
    world: World, route: Route, export: Export, kind: Kind, *, often: bool
) -> tuple[str, ...]:
    """The other kind: made anew, since a stream has no response type; the import, if it agrees."""
    out = (
        mending.delete_export(world, route.exporter, export.subject),
        mending.add_export(
            world,
            route.exporter,
            export.subject,
            kind,
            private=export.token_required,
            often=often and kind == "service",
        ),
    )
    taken = route.taken
    if taken is None or taken.kind != export.kind:
        return out
    right = msgspec.structs.replace(taken, kind=kind)
    return out + mending.new_import(
        world,
        route.importer,
        right,
        private=export.token_required,
        instead_of=taken.remote,
    )


def _check_position(world: World, route: Route, export: Export) -> Iterator[Finding]:
    position = export.account_token_position
    if not position or route.taken is None:
        return
    tokens = route.taken.remote.split(".")
    if position <= len(tokens) and tokens[position - 1] == route.importer:
        return
    if position <= len(tokens):
        tokens[position - 1] = route.importer
    right = msgspec.structs.replace(route.taken, remote=".".join(tokens))
    yield Finding(
        code="position_mismatch",
        hop="export",
        subject=route.taken.remote,
        cause=f"token {position} of {route.taken.remote} has to be the public key of the importing"
        f" account {world.name(route.importer)} ({route.importer})",
        fix=mending.new_import(
            world,
            route.importer,
            right,
            private=export.token_required,
            instead_of=route.taken.remote,
        ),
    )
