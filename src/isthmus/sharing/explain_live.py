"""What only a server can tell: are the accounts there and current, do stream and consumer fit.

Owns the hops `pushed`, `stream`, `consumer` and `acknowledged`. Knows what a server said as values
(`told`), never a connection. What the server did not answer is unknown, with the reason; what
follows from a fault in the claims is no fault of its own.
"""

from collections.abc import Iterable, Iterator, Sequence

from isthmus.base import subjects
from isthmus.identity.validate import blocking, validate
from isthmus.sharing import mending
from isthmus.sharing.asset import ACK, NEXT, asset_of
from isthmus.sharing.explain_consumers import check_consumer, check_stream
from isthmus.sharing.finding import Finding, Hop
from isthmus.sharing.route import Route, export_of, kind_of, onward, pushed_acks
from isthmus.sharing.routes import ack_route, find_ack
from isthmus.sharing.told import ConsumerState, ImportState, StreamState, Told
from isthmus.sharing.world import World

Verdict = tuple[list[Hop], list[Finding]]


def check_live(
    world: World, ways: Sequence[Route], known: Sequence[Finding], share: tuple[str, str] | None
) -> Verdict:
    """Hops and findings; nothing if no server was asked. `known` was found in the claims."""
    told = world.told
    if told is None:
        return [], []
    if told.problem:
        cause = f"server {told.url} can not be asked: {told.problem}"
        finding = Finding(code="server_unreachable", hop="pushed", subject=told.url, cause=cause)
        names = ("pushed", "stream", "consumer", "acknowledged")
        return [Hop(name=name, state="unknown", text=cause) for name in names[1:]], [finding]
    hops, findings = _check_pushed(world, told, ways)
    for way in ways:
        findings += _check_running(world, told, way, [*known, *findings])
    for exporter, stream, consumer in dict.fromkeys(_assets(world, ways, share)):
        more_hops, more = _check_asset(world, told, ways, (exporter, stream, consumer), known)
        hops += more_hops
        findings += more
    return hops, findings


# -- pushed ----------------------------------------------------------------------------------------


def _check_pushed(world: World, told: Told, ways: Iterable[Route]) -> Verdict:
    hops: list[Hop] = []
    findings: list[Finding] = []
    keys = dict.fromkeys(key for way in ways for key in (way.importer, way.exporter))
    for key in keys:
        if not key:
            continue
        name = world.name(key)
        finding = _pushed(world, told, key)
        if finding is not None:
            findings.append(finding)
            hops.append(Hop(name="pushed", state="broken", text=finding.cause, subject=name))
        elif key in told.tokens and told.tokens[key] == world.tokens.get(key):
            text = f"the server has account {name} as it stands in the store"
            hops.append(Hop(name="pushed", state="ok", text=text, subject=name))
        else:
            text = f"whether the server will have account {name} as it stands is not known"
            hops.append(Hop(name="pushed", state="unknown", text=text, subject=name))
        findings += _check_connections(world, told, key)
    return hops, findings


def _pushed(world: World, told: Told, key: str) -> Finding | None:
    name, there, here = world.name(key), told.tokens.get(key), world.tokens.get(key)
    if there is None or here is None or there == here:
        return None
    if blocking(validate(world.accounts[key], world.now_ns)):
        return None  # no server would have taken it: that is said elsewhere
    code = "stale" if there else "not_pushed"
    cause = f"the server has another version of account {name} than the store"
    if not there:
        cause = f"the server does not know account {name}: it was not pushed"
    fix = (mending.push(world, key),)
    return Finding(code=code, hop="pushed", subject=name, cause=cause, fix=fix)


def _check_connections(world: World, told: Told, key: str) -> Iterator[Finding]:
    state, claims = told.accounts.get(key), world.accounts.get(key)
    if state is None or claims is None:
        return
    limit = claims.nats.limits.connections
    if 0 < limit <= state.connections:
        yield Finding(
            code="connection_limit",
            hop="pushed",
            subject=world.name(key),
            cause=f"account {world.name(key)} has {state.connections} connections and may have"
            f" {limit}: nobody else gets in",
            fix=(mending.edit_account(world, key, "--conns", str(2 * limit)),),
        )


def _check_running(
    world: World, told: Told, way: Route, known: Sequence[Finding]
) -> Iterator[Finding]:
    """An import that the server does not carry out, though the claims are in order."""
    taken, state = way.taken, told.accounts.get(way.importer)
    if taken is None or state is None:
        return
    there = _find(state.imports, way)
    inactive = (
        not there.active
        if there is not None
        else world.tokens.get(way.importer) == told.tokens.get(way.importer)
    )
    names = {world.name(way.importer), world.name(way.exporter)}
    explained = any(
        finding.subject in {taken.local, taken.remote, *names}
        or finding.hop in {"import", "activation", "export", "ack", "pushed"}
        for finding in known
    )
    if not inactive or explained:
        return
    reason = there.reason if there is not None else ""
    reason = reason or "it does not say why"
    yield Finding(
        code="import_inactive",
        hop="pushed",
        subject=taken.local,
        cause=f"the server does not carry out the import of {taken.remote} into account"
        f" {world.name(way.importer)}: {reason}",
        fix=(mending.push(world, way.exporter), mending.push(world, way.importer)),
    )


def _find(states: Iterable[ImportState], way: Route) -> ImportState | None:
    taken = way.taken
    assert taken is not None
    for state in states:
        if (state.kind, state.account, state.remote) == (taken.kind, taken.account, taken.remote):
            return state
    return None


# -- streams and consumers -------------------------------------------------------------------------


def _assets(
    world: World, ways: Iterable[Route], share: tuple[str, str] | None
) -> Iterator[tuple[str, str, str]]:
    """Which consumer (or stream alone) of which account the ways depend on."""
    for way in ways:
        asset = asset_of(way.wanted.remote)
        if onward(world, way) is not None or not _offered(world, way):
            continue
        if asset is not None and asset.stream:
            yield way.exporter, asset.stream, asset.consumer
        elif asset is None and way.wanted.kind == "stream":
            found = pushed_consumer(world, way)
            if found is not None:
                yield way.exporter, found[0].name, found[1].name
            elif share is not None:
                yield way.exporter, *share
            else:
                for guessed in _meant(world, way):
                    yield way.exporter, *guessed


def _offered(world: World, way: Route) -> bool:
    """False where nothing is exported: what is behind it is not what was meant."""
    known = world.spec(way.exporter) is not None
    return not known or export_of(world, way, kind_of(world, way)) is not None


def _meant(world: World, way: Route) -> list[tuple[str, str]]:
    """Consumers that should push to a stream import: acknowledged there, and pushing nowhere."""
    spec = world.spec(way.importer)
    imports = [item for item in (spec.imports if spec else ()) if item.account == way.exporter]
    feeds = [item.remote for item in imports if item.kind == "stream"]
    found = []
    for stream, consumer in pushed_acks(imports):
        deliver = deliver_subject(world, way.exporter, stream, consumer)
        if not deliver or not any(subjects.covers(feed, deliver) for feed in feeds):
            found.append((stream, consumer))
    return found


def _check_asset(
    world: World,
    told: Told,
    ways: Sequence[Route],
    asset: tuple[str, str, str],
    known: Sequence[Finding],
) -> Verdict:
    exporter, stream_name, consumer_name = asset
    subject = f"{stream_name}/{consumer_name}" if consumer_name else stream_name
    if exporter not in told.jetstream:
        text = "the server did not say what streams the account has"
        return [_unknown(name, text, subject) for name in ("stream", "consumer")], []
    if any(finding.code in _NO_STREAMS for finding in known) or told.tokens.get(exporter) == "":
        text = f"account {world.name(exporter)} has no JetStream that could be asked"
        return [_unknown(name, text, subject) for name in ("stream", "consumer")], []
    state = told.jetstream[exporter]
    streams = state.streams if state is not None else ()
    stream = next((item for item in streams if item.name == stream_name), None)
    findings = list(check_stream(world, exporter, state, stream_name))
    if stream is None or not consumer_name:
        text = findings[0].cause if findings else f"stream {stream_name} exists"
        hops = [_hop("stream", findings, text, subject)]
        if stream is None and consumer_name:
            hops.append(_unknown("consumer", "there is no stream to ask about", subject))
        return hops, findings
    hops = [_hop("stream", findings, f"stream {stream_name} exists", subject)]
    mine = [way for way in ways if way.exporter == exporter]
    more = list(check_consumer(world, exporter, stream, consumer_name, _use(mine, asset)))
    consumer = next((item for item in stream.consumers if item.name == consumer_name), None)
    for name in ("consumer", "acknowledged"):
        wrong = [finding for finding in more if finding.hop == name]
        hops.append(_hop(name, wrong, _say(name, consumer), subject))
    return hops, [*findings, *more]


_NO_STREAMS = {"jetstream_disabled", "account_missing"}


def _hop(name: str, findings: Sequence[Finding], text: str, subject: str) -> Hop:
    if findings:
        return Hop(name=name, state="broken", text=findings[0].cause, subject=subject)
    return Hop(name=name, state="ok", text=text, subject=subject)


def _unknown(name: str, text: str, subject: str) -> Hop:
    return Hop(name=name, state="unknown", text=text, subject=subject)


def _say(name: str, consumer: ConsumerState | None) -> str:
    if consumer is None:
        return "there is no consumer to ask about"
    if name == "consumer":
        how = f"pushes to {consumer.deliver_subject}" if consumer.deliver_subject else "is pulled"
        return f"consumer {consumer.name} exists and {how}"
    if consumer.ack_policy == "none":
        return "nothing has to be acknowledged"
    return (
        f"{consumer.delivered} delivered, acknowledged up to {consumer.ack_floor},"
        f" {consumer.ack_pending} wait"
    )


def _use(ways: Iterable[Route], asset: tuple[str, str, str]) -> str | tuple[str, ...]:
    """How the ways use a consumer: `pull`, the subjects they take of what it pushes, or ``."""
    feeds = []
    for way in ways:
        about = asset_of(way.wanted.remote)
        if about is not None and about.call == NEXT:
            if (about.stream, about.consumer) == asset[1:]:
                return "pull"
        elif about is None and way.wanted.kind == "stream":
            feeds.append(way.offered)
    return tuple(feeds)


# -- for those who look for ways -------------------------------------------------------------------


def consumer_state(world: World, exporter: str, stream: str, consumer: str) -> ConsumerState | None:
    """A consumer as a server told it; None if none did, or there is none."""
    told = world.told
    state = told.jetstream.get(exporter) if told is not None else None
    for item in state.streams if state is not None else ():
        for each in item.consumers if item.name == stream else ():
            if each.name == consumer:
                return each
    return None


def deliver_subject(world: World, exporter: str, stream: str, consumer: str) -> str | None:
    """Where a consumer pushes to, empty if it is pulled from; None if nobody told."""
    state = consumer_state(world, exporter, stream, consumer)
    return None if state is None else state.deliver_subject


def pushed_consumer(world: World, way: Route) -> tuple[StreamState, ConsumerState] | None:
    """The consumer that pushes what a stream import takes."""
    told = world.told
    state = told.jetstream.get(way.exporter) if told is not None else None
    for stream in state.streams if state is not None else ():
        for consumer in stream.consumers:
            deliver = consumer.deliver_subject
            if deliver and subjects.covers(way.offered, deliver):
                return stream, consumer
    return None


def acks_of_pushed(world: World, ways: Iterable[Route]) -> Iterator[Route]:
    """The ways of acknowledgements for what consumers push and want acknowledged."""
    ways = list(ways)
    known = {asset_of(way.offered) for way in ways if way.acknowledges}
    for way in ways:
        found = pushed_consumer(world, way) if way.wanted.kind == "stream" else None
        if found is None or found[1].ack_policy == "none":
            continue
        stream, consumer = found[0].name, found[1].name
        spec = world.spec(way.importer)
        assert spec is not None
        taken = find_ack(spec, way.exporter, stream, consumer)
        ack = ack_route(way.importer, way.exporter, stream, consumer, taken)
        if asset_of(ack.offered) not in known:
            yield ack


def wants_acks(world: World, way: Route) -> bool:
    """False if a server told that the consumer wants no acknowledgements."""
    asset = asset_of(way.wanted.remote)
    if asset is None or asset.call != ACK:
        return True
    state = consumer_state(world, way.exporter, asset.stream, asset.consumer)
    return state is None or state.ack_policy != "none"
