"""Why something that an account wants of another does not work, or that all of it does.

Owns the order: find the ways (`routes`), judge each (`explain_route`, `explain_users`,
`explain_accounts`, and `explain_live` where a server was asked), name the most fundamental cause
first. Knows claims and what a server said, as values. What nobody told is called unknown.
"""

from collections.abc import Iterable, Sequence

from isthmus.accounts.spec import Import
from isthmus.base import subjects
from isthmus.sharing import mending, routes
from isthmus.sharing.asset import ACK, ack_form, asset_of
from isthmus.sharing.explain_accounts import check_account, missing_account
from isthmus.sharing.explain_live import (
    Verdict,
    acks_of_pushed,
    check_live,
    deliver_subject,
    wants_acks,
)
from isthmus.sharing.explain_route import check_route
from isthmus.sharing.explain_users import INBOX, Need, check_users
from isthmus.sharing.finding import HOPS, Explanation, Finding, Hop, State, by_hop
from isthmus.sharing.route import Route, onward
from isthmus.sharing.world import Question, World

_CHAIN_MAX = 16  # accounts that a request may pass, one importing from the next
_UNASKED = "no server was asked: --live does"


def explain(question: Question, world: World) -> Explanation:
    """Answer one question."""
    account = world.name(question.account)
    what = _what(question, world)
    if question.account not in world.accounts:
        finding = missing_account(world, question.account, "import")
        return _explanation(account, what, [], [finding])
    if question.other and question.other not in world.accounts and question.share:
        finding = missing_account(world, question.other, "import")
        return _explanation(account, what, [], [finding])
    found, early = _routes(question, world)
    if not found:
        hops, wrong = _inside(question, world, early)
        return _explanation(account, what, hops, [*early, *wrong])
    hops, findings = _judge(question, world, found)
    return _explanation(account, what, hops, [*early, *findings])


def involved(question: Question, world: World) -> list[str]:
    """The accounts that a server has to be asked about, by public key."""
    found = _routes(question, world)[0] if question.account in world.accounts else []
    ways = _prolonged(world, found)
    keys = [question.account, question.other]
    keys += [key for way in ways for key in (way.importer, way.exporter)]
    return [key for key in dict.fromkeys(keys) if key]


def _judge(question: Question, world: World, found: list[Route]) -> Verdict:
    """Hops and findings of all ways."""
    ways = _prolonged(world, routes.with_acks(world, found))
    ways += acks_of_pushed(world, ways)
    ways = [way for way in ways if not way.acknowledges or wants_acks(world, way)]
    hops, findings = _users(question, world, found, ways)
    findings += _accounts(world, ways)
    for way in ways:
        wrong = check_route(world, way)
        findings += wrong
        hops += _hops(world, way, wrong)
    more_hops, more = check_live(world, ways, tuple(findings), question.share)
    hops += more_hops or [Hop(name="pushed", state="unknown", text=_UNASKED)]
    return hops, [*findings, *more]


def _what(question: Question, world: World) -> str:
    other = f" with {world.name(question.other)}" if question.other else ""
    if question.share is not None:
        return f"share {'/'.join(name for name in question.share if name)}{other}"
    if question.taken:
        return f"import {question.taken}{other}"
    if question.offered:
        return f"export {question.offered}{other}"
    return f"subject {question.subject}{other}" if question.subject else f"all that it has{other}"


# -- which ways ------------------------------------------------------------------------------------


def _routes(question: Question, world: World) -> tuple[list[Route], list[Finding]]:
    """The ways a question is about, and findings where there is none."""
    if question.share is not None:
        return _share_routes(question, world)
    if question.taken:
        return _import_routes(question, world)
    if question.offered:
        return _export_routes(question, world)
    if question.subject:
        return _subject_routes(question, world)
    found = routes.between(world, question.account, question.other)
    if found:
        return found, []
    return [], [_nothing_shared(world, question)]


def _subject_routes(question: Question, world: World) -> tuple[list[Route], list[Finding]]:
    account, subject, other = question.account, question.subject, question.other
    found = routes.of_subject(world, account, subject, other)
    if found:
        asset = asset_of(found[0].offered)
        if asset and asset.call == ACK and asset.stream and asset.consumer:
            found = [routes.of_import(account, way.taken) for way in found if way.taken]
        return found, []
    if not other and routes.stays_inside(world, account, subject):
        return [], []
    missing = routes.missing_subject(world, account, subject, other)
    asset = asset_of(missing.wanted.remote)
    if asset and asset.call == ACK and asset.stream and asset.consumer and missing.exporter:
        spec = world.spec(account)
        assert spec is not None
        taken = routes.find_ack(spec, missing.exporter, asset.stream, asset.consumer)
        way = routes.ack_route(account, missing.exporter, asset.stream, asset.consumer, taken)
        return [way], []
    near = routes.nearest(world, account, subject, other)
    if near is None:
        return [missing], []
    cause = (
        f"account {world.name(account)} imports {near.remote} of account"
        f" {world.name(near.account)} as {near.local}, which does not cover {subject}"
    )
    fix: tuple[str, ...] = ()
    if missing.exporter:
        fix = check_route(world, missing)[0].fix
    if near.remote == missing.wanted.remote:
        fix = (mending.delete_import(world, account, near.remote, near.account), *fix)
    finding = Finding(code="import_subject", hop="import", subject=subject, cause=cause, fix=fix)
    return [], [finding, *_of_missing_export(world, missing)]


def _of_missing_export(world: World, missing: Route) -> list[Finding]:
    """What else is wrong with the way that should be there."""
    found = check_route(world, missing)
    return [finding for finding in found if finding.hop != "import"]


def _share_routes(question: Question, world: World) -> tuple[list[Route], list[Finding]]:
    assert question.share is not None
    stream, consumer = question.share
    giver, taker = _parties(question, world)
    takers = [taker] if taker else routes.takers_of(world, giver, stream, consumer)
    deliver = deliver_subject(world, giver, stream, consumer)
    found = [
        route
        for key in takers
        for route in routes.of_share(
            world,
            routes.Share(giver=giver, taker=key, stream=stream, consumer=consumer),
            deliver,
        )
    ]
    if found:
        return found, []
    name = f"{stream}/{consumer}" if consumer else stream
    finding = Finding(
        code="import_missing",
        hop="import",
        subject=name,
        cause=f"no account of the store imports {name} of account {world.name(giver)}",
    )
    return [], [finding]


def _parties(question: Question, world: World) -> tuple[str, str]:
    """Giver and taker; who asks from the taker's side is understood, too."""
    assert question.share is not None
    stream, consumer = question.share
    if question.other and question.account in routes.takers_of(
        world, question.other, stream, consumer
    ):
        return question.other, question.account
    return question.account, question.other


def _import_routes(question: Question, world: World) -> tuple[list[Route], list[Finding]]:
    account = question.account
    found = routes.named_imports(world, account, question.taken, question.other)
    if found:
        return [routes.of_import(account, item) for item in found], []
    if subjects.valid(question.taken) and "." in question.taken:
        return _subject_routes(_about_subject(question, question.taken), world)
    finding = Finding(
        code="import_missing",
        hop="import",
        subject=question.taken,
        cause=f"account {world.name(account)} has no import {question.taken}",
    )
    return [], [finding]


def _about_subject(question: Question, subject: str) -> Question:
    return Question(
        account=question.account, subject=subject, other=question.other, user=question.user
    )


def _export_routes(question: Question, world: World) -> tuple[list[Route], list[Finding]]:
    account = question.account
    body = world.accounts[account].nats
    wanted = question.offered
    named = [export.subject for export in body.exports if export.name == wanted]
    subject = named[0] if named else wanted
    found = routes.importers_of(world, account, subject, question.other)
    if any(export.subject == subject for export in body.exports):
        if question.other and not found:
            return [routes.missing_subject(world, question.other, subject, account)], []
        return found, list(_lone_export(world, account, subject)) if not found else []
    if found:  # somebody still wants what is exported no more
        return found, []
    finding = Finding(
        code="export_missing",
        hop="export",
        subject=wanted,
        cause=f"account {world.name(account)} has no export {wanted}",
    )
    return [], [finding]


def _lone_export(world: World, account: str, subject: str) -> Iterable[Finding]:
    """What can be said of an export that nobody in the store imports."""
    yield from check_account(world, account, "export")
    spec = world.spec(account)
    assert spec is not None
    for export in spec.exports:
        if export.subject == subject:
            wanted = Import(kind=export.kind, account=account, remote=subject, local=subject)
            way = Route(importer=account, wanted=wanted)
            for finding in check_route(world, way):
                if finding.hop != "import":
                    yield finding


def _nothing_shared(world: World, question: Question) -> Finding:
    one, two = world.name(question.account), world.name(question.other)
    return Finding(
        code="import_missing",
        hop="import",
        subject=two,
        cause=f"neither of the accounts {one} and {two} imports anything of the other",
    )


def _inside(
    question: Question, world: World, early: Sequence[Finding]
) -> tuple[list[Hop], Sequence[Finding]]:
    """A subject that stays in its account, or an export that nobody in the store imports."""
    if not question.subject:
        text = "no account of the store imports it"
        return ([] if early else [Hop(name="import", state="unknown", text=text)]), ()
    hop, wrong = check_users(
        world, question.account, question.user, Need(publish=(question.subject,))
    )
    wrong = (*wrong, *check_account(world, question.account, "import"))
    if early:
        return [hop], wrong
    text = "needs no import: the subject stays in the account"
    return [hop, Hop(name="import", state="ok", text=text, subject=question.subject)], wrong


def _prolonged(world: World, ways: list[Route]) -> list[Route]:
    """With the ways by which an exporter itself gets what it exports."""
    out = list(ways)
    for way in ways:
        step, left = way, _CHAIN_MAX
        while left and (following := onward(world, step)) is not None:
            out.append(following)
            step, left = following, left - 1
    return out


# -- judging ---------------------------------------------------------------------------------------


def _users(
    question: Question, world: World, found: list[Route], ways: list[Route]
) -> tuple[list[Hop], list[Finding]]:
    """What the importing accounts' users have to be allowed: the first step of each way."""
    hops: list[Hop] = []
    findings: list[Finding] = []
    starts = {way.importer for way in found}
    for importer in dict.fromkeys(way.importer for way in ways if way.importer in starts):
        need = _need([way for way in ways if way.importer == importer])
        user = question.user if importer == question.account or len(starts) == 1 else ""
        hop, wrong = check_users(world, importer, user, need)
        hops.append(hop)
        findings += wrong
    return hops, findings


def _need(ways: Iterable[Route]) -> Need:
    publish, subscribe = [], []
    for way in ways:
        local = way.wanted.local
        asset = asset_of(way.wanted.remote)
        if way.acknowledges and asset is not None:
            local = ack_form(asset.stream, asset.consumer)
        if way.wanted.kind == "stream":
            subscribe.append(local)
            continue
        publish.append(local)
        if not way.acknowledges:
            subscribe.append(INBOX)
    return Need(publish=tuple(dict.fromkeys(publish)), subscribe=tuple(dict.fromkeys(subscribe)))


def _accounts(world: World, ways: Iterable[Route]) -> list[Finding]:
    found: list[Finding] = []
    importers = dict.fromkeys(way.importer for way in ways)
    exporters = dict.fromkeys(way.exporter for way in ways)
    for key in importers:
        found += check_account(world, key, "import")
        found += _other_imports(world, key, ways)
    for key in exporters:
        if key in world.accounts and key not in importers:
            found += check_account(world, key, "export")
            found += _other_imports(world, key, ways)
    return found


def _other_imports(world: World, key: str, ways: Iterable[Route]) -> list[Finding]:
    """Tokens of imports nobody asked about that make servers refuse the whole account."""
    spec = world.spec(key)
    assert spec is not None
    asked = [way.taken for way in ways if way.importer == key]
    found: list[Finding] = []
    for item in spec.imports:
        if item.activation and item not in asked:
            found += [
                finding
                for finding in check_route(world, routes.of_import(key, item))
                if finding.code in _REFUSED_WHOLE
            ]
    return found


_REFUSED_WHOLE = {
    "activation_invalid",
    "activation_account",
    "activation_kind",
    "activation_subject",
}


def _hops(world: World, way: Route, findings: Sequence[Finding]) -> list[Hop]:
    """What to say of each hop of one way."""
    subject = way.wanted.local
    texts = _texts(world, way)
    out = []
    for name in ("import", "activation", "export", "ack"):
        wrong = [finding for finding in findings if finding.hop == name]
        if wrong:
            out.append(Hop(name=name, state="broken", text=wrong[0].cause, subject=subject))
        elif name in texts:
            state, text = texts[name]
            out.append(Hop(name=name, state=state, text=text, subject=subject))
    return out


def _texts(world: World, way: Route) -> dict[str, tuple[State, str]]:
    taken, exporter = way.taken, world.spec(way.exporter)
    source = world.name(way.exporter)
    if taken is None:
        return {"activation": ("unknown", "there is no import that could carry a token")}
    texts: dict[str, tuple[State, str]] = {
        "import": ("ok", f"takes {taken.remote} of account {source} as {taken.local}")
    }
    if exporter is None:
        texts["export"] = ("unknown", f"account {source} is not in the store")
        texts["activation"] = ("unknown", "whether the exporter revoked it is not known here")
        return texts
    texts["export"] = ("ok", f"account {source} exports it as a {way.wanted.kind}")
    texts["activation"] = ("ok", "the token is valid" if taken.activation else "not needed")
    if way.acknowledges:
        texts["ack"] = ("ok", "acknowledgements arrive under the subject they are sent to")
    return texts


def _explanation(
    account: str, what: str, hops: Iterable[Hop], findings: Iterable[Finding]
) -> Explanation:
    ordered = tuple(sorted(dict.fromkeys(hops), key=lambda hop: HOPS.index(hop.name)))
    found = by_hop(findings)
    told = {hop.name for hop in ordered if hop.state == "broken"}
    extra = [
        Hop(name=finding.hop, state="broken", text=finding.cause, subject=finding.subject)
        for finding in found
        if finding.hop not in told
    ]
    hops_ = tuple(sorted([*ordered, *extra], key=lambda hop: HOPS.index(hop.name)))
    return Explanation(account=account, what=what, hops=hops_, findings=found)
