"""One way from account to account, and what it should look like.

Owns what everybody who judges a way has to know first: its kind, the export it rests on, whether a
new import of it needs a token. Knows claims, and what a server said, as values.
"""

import msgspec

from isthmus.accounts.spec import Export, Import, Kind
from isthmus.accounts.transform import carry, fit
from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.values import Value
from isthmus.identity import jwt
from isthmus.identity.payload import TokenError
from isthmus.sharing.asset import ACK, asset_of, next_subject
from isthmus.sharing.world import World

OTHER: dict[str, Kind] = {"service": "stream", "stream": "service"}


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


def fits(taken: Import) -> bool:
    """True if the two subjects of an import can be made of each other."""
    try:
        fit(taken.local, taken.remote)
    except UsageError:
        return False
    return True


def kind_of(world: World, route: Route) -> Kind:
    """Service or stream: what the subject needs, else what most of those involved say."""
    if asset_of(route.wanted.remote) is not None or route.acknowledges:
        return "service"
    if _delivers(world, route):
        return "stream"
    taken = route.taken
    if taken is None:
        return route.wanted.kind
    said = [taken.kind]
    said += [export.kind for export in _covering(world, route)]
    token = _token_kind(taken)
    said += [token] if token else []
    services = said.count("service")
    if 2 * services == len(said):  # one against one: what has `>` is more likely to be a stream
        return "stream" if taken.remote.endswith(".>") else OTHER[taken.kind]
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


def export_of(world: World, route: Route, kind: Kind) -> Export | None:
    """The export a server would take, of the right kind or of the other."""
    exporter = world.spec(route.exporter) if route.exporter else None
    offers = exporter.exports if exporter else ()
    remote = route.offered
    for wanted in (kind, OTHER[kind]):
        for export in offers:
            if export.kind == wanted and export.subject == remote:
                return export
        for export in offers:
            if export.kind == wanted and subjects.covers(export.subject, remote):
                return export
    return None


def is_private(world: World, route: Route) -> bool:
    """Whether a new import of the route needs a token: as the export says, else most likely."""
    export = export_of(world, route, kind_of(world, route))
    if export is not None:
        return export.token_required
    exporter = world.spec(route.exporter)
    if route.taken is not None:
        return bool(route.taken.activation)
    return exporter is None or all(export.token_required for export in exporter.exports)


def _delivers(world: World, route: Route) -> bool:
    """True if what looks like a service is where a consumer pushes its messages to."""
    spec = world.spec(route.importer)
    if spec is None or route.taken is None:
        return False
    told = world.told
    state = told.jetstream.get(route.exporter) if told is not None else None
    for stream in state.streams if state is not None else ():
        for consumer in stream.consumers:
            deliver = consumer.deliver_subject
            if deliver and subjects.covers(route.offered, deliver):
                return True
    from_there = [item for item in spec.imports if item.account == route.exporter]
    others = [item for item in from_there if asset_of(item.remote) is None]
    return others == [route.taken] and bool(pushed_acks(from_there))


def pushed_acks(imports: list[Import]) -> list[tuple[str, str]]:
    """Consumers whose acknowledgements are imported and from whom nobody pulls."""
    found = []
    for item in imports:
        asset = asset_of(item.remote)
        if asset is not None and asset.call == ACK and asset.stream and asset.consumer:
            pulled = next_subject(asset.stream, asset.consumer)
            if not any(subjects.covers(other.remote, pulled) for other in imports):
                found.append((asset.stream, asset.consumer))
    return found


def onward(world: World, route: Route) -> Route | None:
    """The next way, where the exporter itself takes the subject from a third account."""
    exporter = world.spec(route.exporter)
    for item in exporter.imports if exporter else ():
        if item.kind != "service" or not fits(item) or item.account == route.importer:
            continue
        found = fit(item.local, item.remote)
        if subjects.covers(found.pattern, route.wanted.remote):
            remote = carry(found, route.wanted.remote)
            wanted = msgspec.structs.replace(item, remote=remote, local=route.wanted.remote)
            return Route(importer=route.exporter, wanted=wanted, taken=item)
    return None
