"""Which ways a question is about: the imports that carry it, and those that should.

Owns the search from a subject, a share, an import, an export or a pair of accounts to routes. Knows
claims only, and judges nothing: a route without an import is for `explain_route` to complain about.
"""

import msgspec

from isthmus.accounts.spec import AccountSpec, Import, Kind
from isthmus.accounts.transform import carry, fit
from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.values import Value
from isthmus.sharing.asset import (
    ACK,
    API,
    NEXT,
    ack_form,
    ack_subject,
    answers_often,
    asset_of,
    next_subject,
)
from isthmus.sharing.route import Route, pushed_acks
from isthmus.sharing.world import World

_API = "API"


def of_import(importer: str, taken: Import) -> Route:
    """An import with all it takes."""
    asset = asset_of(taken.remote)
    if asset is not None and asset.call == ACK and asset.stream and asset.consumer:
        return ack_route(importer, taken.account, asset.stream, asset.consumer, taken)
    return Route(importer=importer, wanted=taken, taken=taken)


def ack_route(
    importer: str, exporter: str, stream: str, consumer: str, taken: Import | None
) -> Route:
    """The way of acknowledgements: the same subject on both sides."""
    form = ack_form(stream, consumer) if taken else ack_subject(stream, consumer)
    wanted = Import(kind="service", account=exporter, remote=form, local=form)
    return Route(importer=importer, wanted=wanted, taken=taken, acknowledges=True)


def find_ack(spec: AccountSpec, exporter: str, stream: str, consumer: str) -> Import | None:
    """The import of a consumer's acknowledgements, renamed or not."""
    form = ack_form(stream, consumer)
    found = [
        item
        for item in spec.imports
        if item.account == exporter and subjects.covers(item.remote, form)
    ]
    exact = [item for item in found if subjects.covers(item.local, form)]
    return next(iter(exact or found), None)


# -- a subject -------------------------------------------------------------------------------------


def of_subject(world: World, importer: str, subject: str, other: str) -> list[Route]:
    """The ways that `subject` takes out of or into an account."""
    spec = world.spec(importer)
    assert spec is not None
    found = []
    for item in spec.imports:
        if other in {"", item.account}:
            remote = _carried(item, subject)
            if remote is not None:
                wanted = msgspec.structs.replace(item, remote=remote, local=subject)
                found.append(Route(importer=importer, wanted=wanted, taken=item))
    return found


def _carried(item: Import, subject: str) -> str | None:
    """The exporter's form of `subject`; None if the import does not take it."""
    try:
        found = fit(item.local, item.remote)
    except UsageError:
        return item.remote if item.local == subject else None
    return carry(found, subject) if subjects.covers(found.pattern, subject) else None


def missing_subject(world: World, importer: str, subject: str, other: str) -> Route:
    """The way that `subject` should have: no import takes it."""
    remote, exporter = _guess(world, importer, subject, other)
    kind = _offered_kind(world, exporter, remote)
    if asset_of(remote) is None and not _offers(world, exporter, remote):
        exporter = ""  # how it is called there nobody can tell
    wanted = Import(kind=kind, account=exporter, remote=remote, local=subject)
    return Route(importer=importer, wanted=wanted)


def nearest(world: World, importer: str, subject: str, other: str) -> Import | None:
    """An import that was meant for `subject` and does not cover it."""
    spec = world.spec(importer)
    assert spec is not None
    asset = asset_of(_remote_form(subject))
    for item in spec.imports:
        if other and item.account != other:
            continue
        theirs = asset_of(item.remote)
        if asset is not None and asset.call:
            if theirs and theirs.call == asset.call and item.kind == "service":
                return item
        elif theirs is None and (item.remote == subject or _close(item.local, subject)):
            return item
    return None


def _close(pattern: str, subject: str) -> bool:
    """Most tokens are the same, and at least the first."""
    left, right = pattern.split("."), subject.split(".")
    same = 0
    for one, other in zip(left, right, strict=False):
        if one != other and one not in {"*", ">"}:
            break
        same += 1
    return same > 0 and same >= min(len(left), len(right)) - 1


def _remote_form(subject: str) -> str:
    """`ACCTC.API.CONSUMER.INFO.S.C` as the owner of the stream knows it; others as they are."""
    tokens = subject.split(".")
    for place in range(1, len(tokens) if tokens[0] != "$JS" else 0):
        candidate = API + ".".join(tokens[place:])
        asset = asset_of(candidate)
        if asset is not None and asset.call and asset.stream:
            return candidate
    return subject


def _guess(world: World, importer: str, subject: str, other: str) -> tuple[str, str]:
    """Which subject of which account may be meant."""
    remote = _remote_form(subject)
    keys = [other] if other else [key for key in world.accounts if key != importer]
    for key in keys:
        spec = world.spec(key)
        for export in spec.exports if spec else ():
            if subjects.covers(export.subject, remote):
                return remote, key
    if other:
        return remote, other
    for key in keys:  # taken under a shorter name: `deliver.orders` as `orders`
        spec = world.spec(key)
        for export in spec.exports if spec else ():
            if export.subject.endswith(f".{subject}"):
                return export.subject, key
    return remote, _by_prefix(world, importer, subject) or _by_asset(world, importer, remote)


def _by_prefix(world: World, importer: str, subject: str) -> str:
    """An account whose name begins the subject, or from which others come under that prefix."""
    first = subject.partition(".")[0]
    for key in world.accounts:
        if key != importer and world.name(key) == first:
            return key
    spec = world.spec(importer)
    for item in spec.imports if spec and not first.startswith("$") else ():
        if item.local.partition(".")[0] == first:
            return item.account
    return ""


def _by_asset(world: World, importer: str, remote: str) -> str:
    """An account that shares something else of the same stream."""
    asset = asset_of(remote)
    if asset is None or not asset.stream:
        return ""
    spec = world.spec(importer)
    for item in spec.imports if spec else ():
        theirs = asset_of(item.remote)
        if theirs and theirs.stream == asset.stream:
            return item.account
    for key in world.accounts:
        if key != importer and _shares(world, key, asset.stream, ""):
            return key
    return ""


def _offers(world: World, exporter: str, remote: str) -> bool:
    spec = world.spec(exporter)
    return any(subjects.covers(export.subject, remote) for export in (spec.exports if spec else ()))


def _offered_kind(world: World, exporter: str, remote: str) -> Kind:
    spec = world.spec(exporter)
    for export in spec.exports if spec else ():
        if subjects.covers(export.subject, remote):
            return export.kind
    return "service"


def stays_inside(world: World, account: str, subject: str) -> bool:
    """True if nothing suggests that `subject` should leave the account or come from another."""
    spec = world.spec(account)
    assert spec is not None
    asset = asset_of(subject)
    if asset is not None:
        return spec.jetstream is not None
    if any(subjects.covers(export.subject, subject) for export in spec.exports):
        return True
    remote, exporter = _guess(world, account, subject, "")
    return not exporter and remote == subject and not spec.imports


# -- a share ---------------------------------------------------------------------------------------


class Share(Value):
    """A consumer, or a stream as a whole, that one account shares with another."""

    giver: str
    taker: str
    stream: str
    consumer: str = ""


def of_share(world: World, share: Share, deliver: str | None) -> list[Route]:
    """The ways of a shared consumer, or of whatever else of a stream is shared.

    `deliver` is the consumer's deliver subject where a server told it; empty for a pull consumer.
    """
    giver, taker, stream, consumer = share.giver, share.taker, share.stream, share.consumer
    spec = world.spec(taker)
    assert spec is not None
    taken = [
        item
        for item in spec.imports
        if item.account == giver and _concerns(item.remote, stream, consumer)
    ]
    if not consumer:
        found = [of_import(taker, item) for item in taken]
        return found or [_missing_call(taker, giver, f"{API}STREAM.INFO.{stream}")]
    ack = find_ack(spec, giver, stream, consumer)
    found = [Route(importer=taker, wanted=item, taken=item) for item in taken if item is not ack]
    found.sort(key=lambda route: not answers_often(route.offered))  # what it is all about
    pulls = any(subjects.covers(item.remote, next_subject(stream, consumer)) for item in taken)
    pushed = [] if pulls else _pushed(world, share, deliver)
    if pushed:
        found = [*pushed, *found]
    elif not pulls:
        found = [_missing_next(world, share), *found]
    return [*found, ack_route(taker, giver, stream, consumer, ack)]


def _concerns(remote: str, stream: str, consumer: str) -> bool:
    asset = asset_of(remote)
    if asset is None:
        return bool(not consumer and stream.startswith("KV_") and _of_bucket(remote, stream))
    if not asset.call:
        return True  # the whole API
    return asset.stream in {"", stream} and asset.consumer in {"", consumer or asset.consumer}


def _of_bucket(remote: str, stream: str) -> bool:
    return remote.startswith(f"$KV.{stream.removeprefix('KV_')}.")


def _missing_call(taker: str, giver: str, remote: str) -> Route:
    wanted = Import(kind="service", account=giver, remote=remote, local=remote)
    return Route(importer=taker, wanted=wanted)


def _missing_next(world: World, share: Share) -> Route:
    """A pull consumer without its import: under the prefix that its other calls have."""
    giver, taker = share.giver, share.taker
    remote = next_subject(share.stream, share.consumer)
    prefix = f"{world.name(giver)}.{_API}."
    spec = world.spec(taker)
    for item in spec.imports if spec else ():
        if item.account == giver and item.remote.startswith(API):
            call = item.remote.removeprefix(API)
            if item.local.endswith(f".{call}"):
                prefix = item.local.removesuffix(call)
    local = prefix + remote.removeprefix(API)
    if not subjects.valid(local):
        local = remote
    wanted = Import(kind="service", account=giver, remote=remote, local=local)
    return Route(importer=taker, wanted=wanted)


def _pushed(world: World, share: Share, deliver: str | None) -> list[Route]:
    """The ways of what a consumer pushes; none if it is pulled from."""
    giver, taker = share.giver, share.taker
    pulled = next_subject(share.stream, share.consumer)
    spec, source = world.spec(taker), world.spec(giver)
    assert spec is not None
    theirs = [item for item in spec.imports if item.account == giver]
    plain = [item for item in theirs if asset_of(item.remote) is None]
    feeds = [item for item in plain if item.kind == "stream"]
    if not feeds and (share.stream, share.consumer) in pushed_acks(theirs) and len(plain) == 1:
        feeds = plain  # of the wrong kind: that is what is wrong then
    if deliver:  # an import of the wrong kind takes it, too
        feeds = [item for item in theirs if subjects.covers(item.remote, deliver)] or feeds
        wanted = Import(kind="stream", account=giver, remote=deliver, local=deliver)
        return [of_import(taker, item) for item in feeds] or [Route(importer=taker, wanted=wanted)]
    offers = source.exports if source else ()
    if any(
        export.kind == "service" and subjects.covers(export.subject, pulled) for export in offers
    ):
        return []
    if feeds:
        return [of_import(taker, item) for item in feeds]
    named = [export.subject for export in offers if export.kind == "stream"]
    return [
        Route(
            importer=taker,
            wanted=Import(kind="stream", account=giver, remote=subject, local=subject),
        )
        for subject in named[:1]
    ]


def _shares(world: World, key: str, stream: str, consumer: str) -> bool:
    spec = world.spec(key)
    for export in spec.exports if spec else ():
        asset = asset_of(export.subject)
        if asset and asset.stream == stream and consumer in {"", asset.consumer}:
            return True
    return False


def takers_of(world: World, giver: str, stream: str, consumer: str) -> list[str]:
    """Accounts that import something of a consumer or stream."""
    return [
        key
        for key, claims in world.accounts.items()
        if key != giver
        and any(
            item.account == giver and _concerns(item.remote, stream, consumer)
            for item in claims.nats.imports
        )
    ]


# -- imports, exports, pairs -----------------------------------------------------------------------


def named_imports(world: World, importer: str, text: str, other: str) -> list[Import]:
    """Imports by name, local or remote subject; a name beats a subject."""
    spec = world.spec(importer)
    items = [item for item in (spec.imports if spec else ()) if other in {"", item.account}]
    named = [item for item in items if item.name == text]
    local = [item for item in items if item.local == text]
    return named or local or [item for item in items if item.remote == text]


def importers_of(world: World, exporter: str, subject: str, other: str) -> list[Route]:
    """Imports, in whatever account of the store, that rest on an export."""
    found: list[Route] = []
    for key in [other] if other else world.accounts:
        spec = world.spec(key)
        found += [
            of_import(key, item)
            for item in (spec.imports if spec else ())
            if item.account == exporter and subjects.covers(subject, item.remote)
        ]
    return found


def between(world: World, one: str, other: str) -> list[Route]:
    """All that two accounts take from each other."""
    found: list[Route] = []
    for importer, exporter in ((one, other), (other, one)):
        spec = world.spec(importer)
        found += [
            of_import(importer, item)
            for item in (spec.imports if spec else ())
            if item.account == exporter
        ]
    return found


def with_acks(world: World, routes: list[Route]) -> list[Route]:
    """The routes, and for each pull the way of its acknowledgements."""
    out = list(routes)
    for route in routes:
        asset = asset_of(route.wanted.remote)
        if asset is None or asset.call != NEXT or not (asset.stream and asset.consumer):
            continue
        known = {(r.importer, r.wanted.remote) for r in out if r.acknowledges}
        spec = world.spec(route.importer)
        assert spec is not None
        taken = find_ack(spec, route.exporter, asset.stream, asset.consumer)
        ack = ack_route(route.importer, route.exporter, asset.stream, asset.consumer, taken)
        if (ack.importer, ack.wanted.remote) not in known and route.exporter:
            out.append(ack)
    return out
