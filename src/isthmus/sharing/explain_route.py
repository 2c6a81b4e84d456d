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
from isthmus.accounts.spec import AccountSpec, Export, Import, Kind
from isthmus.accounts.transform import carry, fit
from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.values import NS_PER_S, Value, format_time
from isthmus.identity import jwt, trust
from isthmus.identity.payload import TokenError
from isthmus.identity.revocations import EVERYBODY, is_revoked
from isthmus.identity.trust import Reason
from isthmus.sharing import mending
from isthmus.sharing.asset import answers_often, asset_of
from isthmus.sharing.explain_accounts import missing_account
from isthmus.sharing.finding import Finding
from isthmus.sharing.refused import refused
from isthmus.sharing.world import World

_OTHER: dict[str, Kind] = {"service": "stream", "stream": "service"}
# What makes a token wrong for its import whatever the exporter says: servers refuse the importer.
_STRUCTURAL = {
    Reason.ACTIVATION_INVALID,
    Reason.ACTIVATION_ACCOUNT,
    Reason.ACTIVATION_KIND,
    Reason.ACTIVATION_SUBJECT,
}


class Route(Value):
    """A subject that `importer` takes from `exporter`. `taken`: the import there is, if any.

    `wanted` is the import as it has to be: where none is taken its subjects are what was asked for.
    """

    importer: str
    wanted: Import
    taken: Import | None = None
    acknowledges: bool = False  # it carries the acknowledgements of another route

    @property
    def exporter(self) -> str:
        """Whose subject it is; empty where nothing tells."""
        return self.wanted.account

    @property
    def offered(self) -> str:
        """The subject that has to be exported: all that is imported, not only what is asked for."""
        return self.taken.remote if self.taken else self.wanted.remote


def check_route(world: World, route: Route) -> list[Finding]:
    """All findings of the three hops, as they stand in the claims."""
    kind = _kind(world, route)
    export = _export(world, route, kind)
    found = [*_check_import(world, route, kind), *_check_token(world, route, kind, export)]
    exporter = world.spec(route.exporter) if route.exporter else None
    if exporter is not None:
        found += _check_export(world, route, kind, export)
        found += _check_jetstream(world, route)
    elif route.exporter and world.complete:
        found.append(missing_account(world, route.exporter, "export"))
    return found or list(_refusal(world, route))


# -- what it should be -----------------------------------------------------------------------------


def _kind(world: World, route: Route) -> Kind:
    """Service or stream: what the subject needs, else what most of those involved say."""
    if asset_of(route.wanted.remote) is not None or route.acknowledges:
        return "service"
    taken = route.taken
    if taken is None:
        return route.wanted.kind
    said = [taken.kind]
    said += [export.kind for export in _covering(world, route)]
    token = _token_kind(taken)
    said += [token] if token else []
    services = said.count("service")
    if 2 * services == len(said):  # one against one: the export was there first
        return _OTHER[taken.kind]
    return "service" if 2 * services > len(said) else "stream"


def _token_kind(taken: Import) -> Kind | None:
    try:
        kind = jwt.decode_activation(taken.activation).nats.kind
    except TokenError:
        return None
    return kind or None


def _covering(world: World, route: Route) -> list[Export]:
    """The export that offers the subject: of the kind that is taken, else of the other."""
    exporter = world.spec(route.exporter)
    offers = [
        export
        for export in (exporter.exports if exporter else ())
        if subjects.covers(export.subject, route.offered)
    ]
    same = [export for export in offers if export.kind == route.wanted.kind]
    return (same or offers)[:1]


def _export(world: World, route: Route, kind: Kind) -> Export | None:
    """The export a server would take, of the right kind or of the other."""
    exporter = world.spec(route.exporter) if route.exporter else None
    offers = exporter.exports if exporter else ()
    remote = route.offered
    for wanted in (kind, _OTHER[kind]):
        for export in offers:
            if export.kind == wanted and export.subject == remote:
                return export
        for export in offers:
            if export.kind == wanted and subjects.covers(export.subject, remote):
                return export
    return None


def is_private(world: World, route: Route) -> bool:
    """Whether a new import of the route needs a token: as the export says, else most likely."""
    export = _export(world, route, _kind(world, route))
    if export is not None:
        return export.token_required
    exporter = world.spec(route.exporter)
    if route.taken is not None:
        return bool(route.taken.activation)
    return exporter is None or all(export.token_required for export in exporter.exports)


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
    if not _fits(taken):
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


def _fits(taken: Import) -> bool:
    try:
        fit(taken.local, taken.remote)
    except UsageError:
        return False
    return True


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
            item
            for item in (spec.imports if spec else ())
            if item.kind == "service" and _fits(item)
        ]

    return _fits(route.taken) and comes_back(route.importer, route.taken, services)


# -- activation ------------------------------------------------------------------------------------


def _check_token(
    world: World, route: Route, kind: Kind, export: Export | None
) -> Iterator[Finding]:
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
    own = is_revoked({"x": export.revocations.get(route.importer, 0)}, "x", 1)
    who = world.names.get(route.importer, route.importer) if own else EVERYBODY
    words = ["revocations", "delete_activation", "--account", world.name(route.exporter)]
    words += ["--subject", export.subject, "--target-account", who]
    return mending.nsc(*words, *(["--service"] if export.kind == "service" else []))


# -- export ----------------------------------------------------------------------------------------


def _check_export(
    world: World, route: Route, kind: Kind, export: Export | None
) -> Iterator[Finding]:
    exporter = world.name(route.exporter)
    often = answers_often(route.wanted.remote)
    if export is None:
        ack = route.acknowledges
        yield Finding(
            code="ack_export_missing" if ack else "export_missing",
            hop="ack" if ack else "export",
            subject=route.offered,
            cause=f"account {exporter} exports no {kind} that covers {route.offered}",
            fix=(
                mending.add_export(
                    world,
                    route.exporter,
                    route.offered,
                    kind,
                    private=is_private(world, route),
                    often=often and kind == "service",
                ),
            ),
        )
        return
    if export.kind != kind:
        yield Finding(
            code="export_type",
            hop="export",
            subject=export.subject,
            cause=f"account {exporter} exports {export.subject} as a {export.kind};"
            f" it has to be a {kind}",
            fix=_retype(world, route.exporter, export, kind, often=often),
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


def _retype(
    world: World, exporter: str, export: Export, kind: Kind, *, often: bool
) -> tuple[str, ...]:
    """The other kind: made anew, since a stream has no response type."""
    return (
        mending.delete_export(world, exporter, export.subject),
        mending.add_export(
            world,
            exporter,
            export.subject,
            kind,
            private=export.token_required,
            often=often and kind == "service",
        ),
    )


def _check_position(world: World, route: Route, export: Export) -> Iterator[Finding]:
    position, remote = export.account_token_position, route.offered
    if not position or export.subject == remote or route.taken is None:
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


# -- the rest --------------------------------------------------------------------------------------


def onward(world: World, route: Route) -> Route | None:
    """The next way, where the exporter itself takes the subject from a third account."""
    exporter = world.spec(route.exporter)
    for item in exporter.imports if exporter else ():
        if item.kind != "service" or not _fits(item) or item.account == route.importer:
            continue
        found = fit(item.local, item.remote)
        if subjects.covers(found.pattern, route.wanted.remote):
            remote = carry(found, route.wanted.remote)
            wanted = msgspec.structs.replace(item, remote=remote, local=route.wanted.remote)
            return Route(importer=route.exporter, wanted=wanted, taken=item)
    return None


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
