"""What works and should be otherwise, and what cannot work: a look over all that accounts share.

Owns the list of what is looked for. Knows claims only. Unlike `explain` nobody asks about anything:
each import and export of the store is looked at once, and what is found has its narrower or newer
replacement as commands.

    too broad      `>`, the whole JetStream API, every stream or consumer; JetStream for everybody
    incomplete     acknowledgements that are not imported, or renamed; one answer only for pulls
    in time        grants that never end, and whatever ends soon
    dead           imports that carry nothing, signing keys that signed nothing
"""

from collections.abc import Iterator, Sequence

from isthmus.accounts.spec import Export, Import
from isthmus.base.values import NS_PER_S, format_time
from isthmus.identity import jwt
from isthmus.identity.claims import ActivationClaims
from isthmus.identity.payload import TokenError
from isthmus.sharing import mending
from isthmus.sharing.asset import ACK, FLOW_CONTROL, NEXT, answers_often, asset_of
from isthmus.sharing.explain_route import check_route
from isthmus.sharing.finding import Finding, by_hop
from isthmus.sharing.route import Route
from isthmus.sharing.routes import find_ack, importers_of, of_import, with_acks
from isthmus.sharing.world import World

_LIFE = "90d"  # of a grant that is given anew


def lint(world: World, accounts: Sequence[str], soon_s: int) -> tuple[Finding, ...]:
    """Everything found in these accounts; `soon_s` seconds from now is soon."""
    found: list[Finding] = []
    for key in accounts:
        if key == world.operator.nats.system_account:
            continue
        found += _check_exports(world, key)
        found += _check_imports(world, key, soon_s)
        found += _check_ends(world, key, soon_s)
        found += _check_signing_keys(world, key)
    return by_hop(found)


# -- exports ---------------------------------------------------------------------------------------


def _check_exports(world: World, key: str) -> Iterator[Finding]:
    spec = world.spec(key)
    assert spec is not None
    for export in spec.exports:
        asset = asset_of(export.subject)
        if is_broad(export.subject):
            yield Finding(
                code="broad_grant",
                hop="export",
                subject=export.subject,
                cause=f"account {world.name(key)} exports {export.subject}: more than one stream"
                " or consumer needs",
                fix=_narrower(world, key, export),
            )
        elif asset is not None and not export.token_required:
            yield Finding(
                code="public_jetstream",
                hop="export",
                subject=export.subject,
                cause=f"account {world.name(key)} exports {export.subject} to everybody",
                fix=_private(world, key, export),
            )
        if export.response_type == "Singleton" and asset and answers_often(export.subject):
            yield Finding(
                code="response_type",
                hop="export",
                subject=export.subject,
                cause=f"account {world.name(key)} exports {export.subject} with response type"
                " Singleton: of a pull only the first message or status arrives",
                fix=(mending.edit_export(world, key, export.subject, "--response-type", "Stream"),),
            )


def is_broad(subject: str) -> bool:
    """True for all subjects, and for JetStream beyond one stream (one consumer, to pull or ack)."""
    if subject in {">", "*"}:
        return True
    asset = asset_of(subject)
    if asset is None:
        return False
    one = asset.call in {NEXT, ACK, FLOW_CONTROL}
    return not (asset.call and asset.stream and (asset.consumer or not one))


def _narrower(world: World, key: str, export: Export) -> tuple[str, ...]:
    """Delete what is too broad; export what is imported of it, or share consumers one by one."""
    out = [mending.delete_export(world, key, export.subject)]
    added: set[str] = set()
    for route in importers_of(world, key, export.subject, ""):
        assert route.taken is not None
        remote = route.taken.remote
        if is_broad(remote):
            out.append(mending.delete_import(world, route.importer, remote, key))
            out += _shares(world, route)
        elif remote not in added:
            added.add(remote)
            out.append(
                mending.add_export(
                    world,
                    key,
                    remote,
                    export.kind,
                    private=export.token_required,
                    often=export.kind == "service" and answers_often(remote),
                )
            )
    return tuple(dict.fromkeys(out))


def _shares(world: World, route: Route) -> Iterator[str]:
    """The consumers one account is known to use of another, or a form to fill in."""
    spec = world.spec(route.importer)
    assert spec is not None
    used = {
        (asset.stream, asset.consumer)
        for item in spec.imports
        if item.account == route.exporter
        and (asset := asset_of(item.remote)) is not None
        and asset.stream
        and asset.consumer
    }
    for stream, consumer in sorted(used) or [("STREAM", "CONSUMER")]:
        words = ["share", "consumer", "--account", world.name(route.exporter)]
        words += ["--stream", stream, "--consumer", consumer]
        yield mending.nsc(*words, "--with", world.name(route.importer), "--accept")


def _private(world: World, key: str, export: Export) -> tuple[str, ...]:
    """Private from now on, and a token for each that imports it."""
    out = [mending.edit_export(world, key, export.subject, "--private")]
    for route in importers_of(world, key, export.subject, ""):
        assert route.taken is not None
        out += mending.new_import(
            world, route.importer, route.taken, private=True, instead_of=route.taken.remote
        )
    return tuple(out)


# -- imports ---------------------------------------------------------------------------------------


def _check_imports(world: World, key: str, soon_s: int) -> Iterator[Finding]:
    spec = world.spec(key)
    assert spec is not None
    routes = [_route(world, key, item) for item in spec.imports]
    for route in with_acks(world, routes):
        yield from check_route(world, route)
    for item in spec.imports:
        activation = _activation(item)
        if activation is not None:
            yield from _check_activation(world, key, item, activation, soon_s)


def _route(world: World, key: str, item: Import) -> Route:
    """An import of acknowledgements is judged as such if it is the one that has to carry them."""
    route = of_import(key, item)
    asset = asset_of(route.offered)
    spec = world.spec(key)
    if not route.acknowledges or asset is None or spec is None:
        return route
    if find_ack(spec, item.account, asset.stream, asset.consumer) is item:
        return route
    return Route(importer=key, wanted=item, taken=item)


def _activation(item: Import) -> ActivationClaims | None:
    if not item.activation:
        return None
    try:
        return jwt.decode_activation(item.activation)
    except TokenError:
        return None  # `check_route` says so


def _check_activation(
    world: World, key: str, item: Import, activation: ActivationClaims, soon_s: int
) -> Iterator[Finding]:
    whom = f"account {world.name(key)} may import {item.remote} of account"
    whom = f"{whom} {world.name(item.account)}"
    now_s = world.now_ns // NS_PER_S
    ends_s = activation.expires_s
    if ends_s and not now_s < ends_s <= now_s + soon_s:
        return
    token = mending.activation(world, item.account, key, item.remote)
    fix = (
        f"{token} --expiry {_LIFE}",
        mending.delete_import(world, key, item.remote, item.account),
        mending.import_by_token(world, key, item),
    )
    if not ends_s:
        yield Finding(
            code="no_expiry",
            hop="activation",
            subject=item.remote,
            cause=f"{whom} for ever",
            fix=fix,
        )
    else:
        yield Finding(
            code="expires_soon",
            hop="activation",
            subject=item.remote,
            cause=f"{whom} until {format_time(ends_s * NS_PER_S)}",
            fix=fix,
        )


# -- accounts, users, keys -------------------------------------------------------------------------


def _check_ends(world: World, key: str, soon_s: int) -> Iterator[Finding]:
    now_s = world.now_ns // NS_PER_S
    claims, name = world.accounts[key], world.name(key)
    ends = [
        (f"account {name}", claims.expires_s, mending.edit_account(world, key, "--expiry", "1y"))
    ]
    for user in world.users.get(key, ()):
        words = ("edit", "user", "--account", name, "--name", user.name, "--expiry", "1y")
        ends.append((f"user {user.name} of account {name}", user.expires_s, mending.nsc(*words)))
    for what, ends_s, fix in ends:
        if ends_s and ends_s <= now_s + soon_s:
            verb = "has ended" if ends_s <= now_s else "ends"
            yield Finding(
                code="expires_soon",
                hop="permissions",
                subject=what.split()[1],
                cause=f"{what} {verb} {format_time(ends_s * NS_PER_S)}",
                fix=(fix,),
            )


def _check_signing_keys(world: World, key: str) -> Iterator[Finding]:
    """Keys of the account that signed neither a user nor a token in this store."""
    used = {user.issuer for user in world.users.get(key, ())}
    for claims in world.accounts.values():
        for item in claims.nats.imports:
            if item.account == key and item.token:
                try:
                    used.add(jwt.peek(item.token).issuer)
                except TokenError:
                    continue  # an import with such a token is found by itself
    for signing_key, scope in world.accounts[key].nats.scopes.items():
        if signing_key not in used:
            role = f" (role {scope.role})" if scope is not None and scope.role else ""
            yield Finding(
                code="unused_signing_key",
                hop="activation",
                subject=signing_key,
                cause=f"signing key {signing_key}{role} of account {world.name(key)} signed no"
                " user and no token in this store",
                fix=(mending.edit_account(world, key, "--rm-sk", signing_key),),
            )
