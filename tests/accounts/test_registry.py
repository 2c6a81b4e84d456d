"""What a change of one account means for the others."""

from collections.abc import Callable

import msgspec
import pytest

from isthmus.accounts.imports import Refusal
from isthmus.accounts.registry import DUE_AT_MOST, Registry, at_once
from isthmus.accounts.spec import AccountSpec, Export, Import, Latency
from isthmus.core.inlet import Inlet
from isthmus.core.router import publish
from isthmus.core.turn import Turn
from support.core import MemoryConnection
from support.core import World as CoreWorld
from support.entropy import SeededEntropy

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


class World:
    """A registry, a turn, and inlets that say what arrived where."""

    def __init__(self) -> None:
        self.registry = Registry(SeededEntropy())
        self.turn = Turn(1)
        self.arrived: list[tuple[str, str]] = []

    def listen(self, account: str, subject: str) -> None:
        def handler(requests, turn):
            self.arrived += [(account, request.subject.decode()) for request in requests]

        core = self.registry.get(account).core
        core.sublist.add(subject.encode(), Inlet(handler))

    def send(self, account: str, subject: str, now_ns: int = NOW) -> list[tuple[str, str]]:
        self.arrived = []
        self.turn.begin(now_ns)
        publish(self.registry.get(account).core, subject.encode(), b"", self.turn)
        self.turn.finish()
        self.registry.check()
        return self.arrived


def exporter(**changes: object) -> AccountSpec:
    export = Export(kind="service", subject="svc.>", **changes)
    return AccountSpec(name="C", exports=(export,))


def importer(local: str = "c.svc.>") -> AccountSpec:
    wanted = Import(kind="service", account="C", remote="svc.>", local=local)
    return AccountSpec(name="B", imports=(wanted,))


def reason(world: World) -> str:
    verdict = world.registry.get("B").imports[0].verdict
    return verdict.code if isinstance(verdict, Refusal) else "active"


def make_world(*specs: AccountSpec) -> World:
    world = World()
    for spec in specs:
        world.registry.update(spec, NOW)
    return world


def test_a_request_crosses_with_its_subject_rewritten():
    world = make_world(exporter(), importer())
    world.listen("C", "svc.*")
    assert world.send("B", "c.svc.a") == [("C", "svc.a")]
    assert world.send("B", "svc.a") == []


class Later:
    """Slices that wait until they are asked for; all works get on in turn, as on a loop."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._works: list[Callable[[], bool]] = []
        registry.defer = self._works.append

    def one(self) -> bool:
        """A slice of whatever waits longest; false if nothing does."""
        if not self._works:
            return False
        work = self._works.pop(0)
        if work():
            self._works.append(work)
        self._registry.check()
        return True

    def all(self) -> int:
        """All that is left; how many slices."""
        count = 0
        while self.one():
            count += 1
        return count


MANY = 1000


def test_hundreds_of_importers_follow_in_slices():
    world = World()
    registry = world.registry
    wanted = importer().imports
    for number in range(MANY):
        registry.update(AccountSpec(name=f"B{number}", imports=wanted), NOW)
    later = Later(registry)
    registry.update(exporter(), NOW)

    def active() -> int:
        return sum(registry.get(f"B{number}").complete for number in range(MANY))

    assert 0 < active() < MANY / 10
    assert registry.following
    assert later.all() > MANY / 20
    assert active() == MANY
    assert not registry.following


def test_who_imports_is_listed_once_and_by_name_until_it_does_not():
    registry = World().registry
    wanted = importer().imports
    for name in ("B2", "B10", "B1", "B10"):
        registry.update(AccountSpec(name=name, imports=wanted), NOW)
    assert list(registry.importers("C")) == ["B1", "B10", "B2"]
    registry.update(AccountSpec(name="B10"), NOW)
    assert list(registry.importers("C")) == ["B1", "B2"]
    registry.check()


def many(
    count: int = MANY, *, local: str = "c", kind: str = "service", **changes: object
) -> AccountSpec:
    """B imports so many things from C."""
    imports = tuple(
        Import(kind=kind, account="C", remote=f"svc.{n}", local=f"{local}.{n}", **changes)
        for n in range(count)
    )
    return AccountSpec(name="B", imports=imports)


def active(world: World) -> int:
    return sum(running.active for running in world.registry.get("B").imports)


def test_an_account_with_very_many_imports_is_decided_in_slices():
    world = make_world(exporter())
    later = Later(world.registry)
    world.registry.update(many(), NOW)
    assert world.registry.undecided("B")
    assert active(world) < MANY / 10
    assert later.all() > MANY / 20
    assert active(world) == MANY
    assert not world.registry.undecided("B")
    world.listen("C", "svc.*")
    assert world.send("B", f"c.{MANY - 1}") == [("C", f"svc.{MANY - 1}")]


def test_what_is_no_longer_imported_is_closed_before_anything_else_is_open():
    world = make_world(exporter(), many())
    world.listen("C", "svc.*")
    before = [running.crossing for running in world.registry.get("B").imports]
    later = Later(world.registry)
    world.registry.update(many(local="d"), NOW)
    while later.one():
        open_now = [running.crossing for running in world.registry.get("B").imports]
        assert not any(one.alive for one in before) or open_now == before
    assert world.send("B", "c.7") == []
    assert world.send("B", "d.7") == [("C", "svc.7")]
    assert len(world.registry.get("B").core.sublist) == MANY


@pytest.mark.parametrize("slices", [0, 1, 5, 20, 60])
def test_a_change_in_the_middle_of_another_is_the_one_that_counts(slices):
    world = make_world(exporter(), many())
    later = Later(world.registry)
    world.registry.update(many(local="d"), NOW)
    for _ in range(slices):
        later.one()
    world.registry.update(many(10, local="e"), NOW)
    later.all()
    world.listen("C", "svc.*")
    assert active(world) == 10
    assert world.send("B", "c.7") == world.send("B", "d.7") == []
    assert world.send("B", "e.7") == [("C", "svc.7")]
    assert len(world.registry.get("B").core.sublist) == 10


@pytest.mark.parametrize("slices", [0, 1, 5, 20, 60])
def test_an_exporter_that_changes_in_the_middle_is_the_one_that_counts(slices):
    for known in (False, True):
        world = make_world(*([exporter()] if known else []))
        later = Later(world.registry)
        world.registry.update(many(), NOW)
        for _ in range(slices):
            later.one()
        assert world.registry.wanted("C")
        world.registry.update(AccountSpec(name="C") if known else exporter(), NOW)
        later.all()
        assert active(world) == (0 if known else MANY)


class Sharing(World):
    """C exports services or streams; in B somebody listens to all that it may import."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind
        self.exporter = AccountSpec(name="C", exports=(Export(kind=kind, subject="svc.>"),))
        self.registry.update(self.exporter, NOW)
        self.registry.update(AccountSpec(name="B"), NOW)
        self._hearer = MemoryConnection(CoreWorld(), "B")
        self._hearer.client.admit(self.registry.get("B").core, payload_max=1000)
        self._hearer.client.subscribe(b"c.>", b"", b"1")
        if kind == "service":
            self.listen("C", "svc.*")

    def crosses(self, number: int) -> bool:
        if self._kind == "service":
            return self.send("B", f"c.{number}") != []
        return self.registry.get("C").core.sublist.interested(b"svc.%d" % number)


KINDS = pytest.mark.parametrize("kind", ["service", "stream"])


@KINDS
def test_a_change_that_is_overtaken_does_not_open_what_the_newer_one_closed(kind):
    world = Sharing(kind)
    world.registry.update(many(kind=kind), NOW)
    assert world.crosses(7)
    later = Later(world.registry)
    world.registry.update(msgspec.structs.replace(many(kind=kind), label="again"), NOW)
    world.registry.update(AccountSpec(name="B"), NOW)
    later.all()
    assert not any(world.crosses(number) for number in range(0, MANY, 7))


@KINDS
def test_of_two_changes_that_wait_for_the_same_accounts_one_opens_what_both_want(kind):
    world = Sharing(kind)
    unknown = tuple(
        Import(kind=kind, account=f"U{n}", remote="x", local=f"u.{n}") for n in range(40)
    )
    few = many(200, kind=kind)
    both = msgspec.structs.replace(few, imports=unknown + few.imports)
    later = Later(world.registry)
    for _ in range(2):
        world.registry.update(both, NOW)
    later.all()
    assert active(world) == 200
    assert world.crosses(7)
    world.registry.update(AccountSpec(name="C"), NOW)
    later.all()
    assert active(world) == 0
    if kind == "service":
        assert not any(world.crosses(number) for number in range(200))


@KINDS
@pytest.mark.parametrize("slices", [0, 1, 5, 20])
def test_an_exporter_that_changes_while_imports_leave_opens_none_of_them(kind, slices):
    world = Sharing(kind)
    world.registry.update(many(kind=kind), NOW)
    later = Later(world.registry)
    world.registry.update(many(1, kind=kind), NOW)
    for _ in range(slices):
        later.one()
    world.registry.update(msgspec.structs.replace(world.exporter, label="again"), NOW)
    later.all()
    assert [number for number in range(MANY) if world.crosses(number)] == [0]


def test_who_waits_for_a_moment_is_told_when_a_later_slice_finds_an_earlier_one():
    world = make_world(exporter())
    told: list[int | None] = []
    world.registry.on_moment = lambda: told.append(world.registry.deadline_ns())
    later = Later(world.registry)
    world.registry.update(msgspec.structs.replace(many(), expires_ns=NOW + 5 * SECOND), NOW)
    assert (told, world.registry.deadline_ns()) == ([], None)
    later.all()
    assert told == [NOW + 5 * SECOND]
    world.registry.update(AccountSpec(name="A", expires_ns=NOW + 9 * SECOND), NOW)
    assert told == [NOW + 5 * SECOND]


def test_a_look_at_what_was_does_not_put_back_a_moment_that_has_moved():
    """B imports from E and, much, from C; E gets an end while the imports are looked through."""
    first = Import(kind="service", account="E", remote="x", local="x")
    wanted = msgspec.structs.replace(many(500), imports=(first, *many(500).imports))
    offer = AccountSpec(name="E", exports=(Export(kind="service", subject="x"),))
    late, soon = NOW + 100 * SECOND, NOW + 5 * SECOND

    def begin() -> tuple[World, Later]:
        world = make_world(exporter(), offer, wanted)
        later = Later(world.registry)
        world.registry.update(msgspec.structs.replace(exporter(), expires_ns=late), NOW)
        return world, later

    _, whole = begin()
    world, later = begin()
    for _ in range(whole.all() - 1):
        later.one()
    assert world.registry.following
    world.registry.update(msgspec.structs.replace(offer, expires_ns=soon), NOW)
    later.all()
    assert world.registry.deadline_ns() == soon


def test_what_is_taken_back_ends_before_anything_is_loaded():
    world = make_world(exporter(), importer())
    asked = []
    world.registry.fetch = asked.append
    unknown = tuple(
        Import(kind="service", account=f"U{n}", remote="x", local=f"u.{n}") for n in range(MANY)
    )
    later = Later(world.registry)
    world.registry.update(AccountSpec(name="C", imports=unknown), NOW)
    assert len(asked) < MANY / 10
    assert reason(world) == "export_missing"
    later.all()
    assert len(asked) == MANY


def test_very_many_grants_that_end_at_once_end_in_slices():
    ends_ns = NOW + 5 * SECOND
    world = make_world(exporter(), msgspec.structs.replace(many(), expires_ns=ends_ns))
    world.listen("C", "svc.*")
    later = Later(world.registry)
    assert [account.name for account in world.registry.tick(ends_ns)] == ["B"]
    assert world.registry.deadline_ns() is None
    assert 0 < active(world) < MANY
    assert world.send("B", f"c.{MANY - 1}", ends_ns) == []  # whether that was noticed or not
    later.all()
    assert active(world) == 0


def test_accounts_that_all_import_from_each_other_arrive_together():
    names = [f"N{number}" for number in range(30)]
    specs = {
        name: AccountSpec(
            name=name,
            exports=(Export(kind="service", subject=f"at.{name}"),),
            imports=tuple(
                Import(kind="service", account=other, remote=f"at.{other}", local=f"to.{other}")
                for other in names
                if other != name
            ),
        )
        for name in names
    }
    world = World()
    world.registry.fetch = specs.get
    world.registry.update(specs["N0"], NOW)
    assert len(world.registry) == len(names)
    assert all(account.complete for account in world.registry)
    world.registry.check()


def test_a_chain_of_imports_may_be_longer_than_a_stack():
    def spec(number: int) -> AccountSpec:
        export = Export(kind="service", subject="x")
        wanted = Import(kind="service", account=f"N{number + 1}", remote="x", local=f"l{number}.x")
        return AccountSpec(name=f"N{number}", exports=(export,), imports=(wanted,))

    world = World()
    world.registry.fetch = lambda name: None if name == "N3000" else spec(int(name[1:]))
    world.registry.update(spec(0), NOW)
    assert len(world.registry) == 3000
    assert world.registry.get("N0").complete


def test_an_importer_heals_when_its_exporter_arrives():
    world = make_world(importer())
    assert reason(world) == "account_unknown"
    world.registry.update(exporter(), NOW)
    world.listen("C", "svc.*")
    assert reason(world) == "active"
    assert world.send("B", "c.svc.a") == [("C", "svc.a")]


def test_a_removed_export_closes_the_import_and_its_return_opens_it():
    world = make_world(exporter(), importer())
    world.listen("C", "svc.*")
    world.registry.update(AccountSpec(name="C"), NOW)
    assert reason(world) == "export_missing"
    assert world.send("B", "c.svc.a") == []
    world.registry.update(exporter(), NOW)
    assert world.send("B", "c.svc.a") == [("C", "svc.a")]


def test_only_approved_accounts_may_import():
    world = make_world(exporter(approved=frozenset({"A"})), importer())
    assert reason(world) == "not_approved"
    world.registry.update(exporter(approved=frozenset({"A", "B"})), NOW)
    assert reason(world) == "active"


def test_the_importer_stands_at_the_token_position():
    offer = AccountSpec(
        name="C",
        exports=(Export(kind="service", subject="priv.*.data", account_token_position=2),),
    )
    for name, expected in (("B", "active"), ("X", "position_mismatch")):
        wanted = Import(kind="service", account="C", remote=f"priv.{name}.data", local="priv.data")
        world = make_world(offer, AccountSpec(name="B", imports=(wanted,)))
        assert reason(world) == expected
    wanted = Import(kind="service", account="C", remote="priv.*.data", local="priv.*.data")
    world = make_world(offer, AccountSpec(name="B", imports=(wanted,)))
    assert reason(world) == "position_mismatch"


def test_a_private_export_needs_an_activation():
    world = make_world(exporter(token_required=True), importer())
    assert reason(world) == "activation_missing"


def test_an_import_ends_at_the_moment_its_exporter_expires():
    ends_ns = NOW + 5 * SECOND
    world = make_world(msgspec.structs.replace(exporter(), expires_ns=ends_ns), importer())
    world.listen("C", "svc.*")
    assert world.registry.deadline_ns() == ends_ns
    assert world.send("B", "c.svc.a", ends_ns - 1) == [("C", "svc.a")]
    assert world.send("B", "c.svc.a", ends_ns) == []
    assert [account.name for account in world.registry.tick(ends_ns)] == ["C"]
    assert reason(world) == "account_expired"
    assert world.registry.deadline_ns() is None


def test_an_import_ends_with_its_own_account_and_nothing_is_due_any_more():
    ends_ns = NOW + 5 * SECOND
    world = make_world(exporter(), msgspec.structs.replace(importer(), expires_ns=ends_ns))
    world.listen("C", "svc.*")
    assert world.send("B", "c.svc.a", ends_ns - 1) == [("C", "svc.a")]
    assert world.send("B", "c.svc.a", ends_ns) == []
    assert [account.name for account in world.registry.tick(ends_ns)] == ["B"]
    assert reason(world) == "account_expired"
    assert world.registry.deadline_ns() is None


def test_an_unchanged_import_keeps_its_crossing():
    world = make_world(exporter(), importer())
    before = world.registry.get("B").imports[0].crossing
    other = Import(kind="service", account="C", remote="svc.x", local="x")
    spec = msgspec.structs.replace(importer(), imports=(other, *importer().imports))
    world.registry.update(spec, NOW)
    assert world.registry.get("B").imports[1].crossing is before


def test_a_withdrawn_import_leaves_nothing_behind():
    world = make_world(exporter(), importer())
    world.registry.update(AccountSpec(name="B"), NOW)
    assert len(world.registry.get("B").core.sublist) == 0
    world.listen("C", "svc.*")
    assert world.send("B", "c.svc.a") == []


def test_a_missing_account_is_fetched_when_somebody_needs_it():
    world = World()
    asked = []

    def fetch(name):
        asked.append(name)
        return exporter() if name == "C" else None

    world.registry.fetch = fetch
    world.registry.update(importer(), NOW)
    assert asked == ["C"]
    assert reason(world) == "active"


def circle() -> tuple[AccountSpec, AccountSpec]:
    """A calls `b` of B `a`, and B calls `a` of A `b`."""
    return tuple(
        AccountSpec(
            name=name,
            exports=(Export(kind="service", subject=subject),),
            imports=(Import(kind="service", account=other, remote=theirs, local=subject),),
        )
        for name, subject, other, theirs in (("A", "a", "B", "b"), ("B", "b", "A", "a"))
    )


def codes(world: World) -> list[str]:
    verdicts = [world.registry.get(name).imports[0].verdict for name in "AB"]
    return sorted(v.code if isinstance(v, Refusal) else "active" for v in verdicts)


def test_of_two_imports_that_form_a_cycle_one_is_refused():
    world = make_world(*circle())
    assert codes(world) == ["active", "cycle"]
    world.listen("A", "a")
    world.listen("B", "b")
    for name, subject in (("A", "a"), ("B", "b")):
        heard = world.send(name, subject)
        assert len(heard) == len(set(heard)) <= 2


def test_a_refused_cycle_heals_when_it_has_an_end():
    one, two = circle()
    world = make_world(one, two)
    refused = next(name for name in "AB" if codes_of(world, name) == "cycle")
    other, spec = ("B", two) if refused == "A" else ("A", one)
    world.registry.update(msgspec.structs.replace(spec, imports=()), NOW)
    assert codes_of(world, refused) == "active"
    world.registry.update(spec, NOW)
    assert sorted([codes_of(world, refused), codes_of(world, other)]) == ["active", "cycle"]


def test_a_longer_cycle_heals_too():
    """Who is in between changes; the refused import is somebody else's."""
    specs = {
        name: AccountSpec(
            name=name,
            exports=(Export(kind="service", subject="x"),),
            imports=(Import(kind="service", account=other, remote="x", local="x"),),
        )
        for name, other in (("A", "B"), ("B", "C"), ("C", "A"))
    }
    world = make_world(*specs.values())
    refused = [name for name in "ABC" if codes_of(world, name) == "cycle"]
    assert len(refused) == 1
    for name in set("ABC") - set(refused):
        world.registry.update(msgspec.structs.replace(specs[name], imports=()), NOW)
        assert codes_of(world, refused[0]) == "active"
        world.registry.update(specs[name], NOW)
        refused = [name for name in "ABC" if codes_of(world, name) == "cycle"]
        assert len(refused) == 1


def codes_of(world: World, name: str) -> str:
    verdict = (
        world.registry.get(name).imports[0].verdict if world.registry.get(name).imports else None
    )
    return verdict.code if isinstance(verdict, Refusal) else "active"


def test_a_metric_that_crosses_is_not_measured():
    """Each account's metrics go to the service of the other: they would go round for ever."""
    accounts = [
        AccountSpec(
            name=name,
            exports=(Export(kind="service", subject=name, latency=Latency(subject=f"m.{name}")),),
            imports=(Import(kind="service", account=other, remote=other, local=f"m.{name}"),),
        )
        for name, other in (("A", "B"), ("B", "A"))
    ]
    world = make_world(*accounts)
    world.listen("A", ">")
    world.listen("B", ">")
    heard = world.send("B", "m.B")
    assert sorted(heard) == [("A", "A"), ("A", "m.A"), ("B", "B"), ("B", "m.B")]


def test_the_latency_of_an_export_is_measured_and_follows_it():
    world = make_world(exporter(latency=Latency(subject="m")), importer())
    world.listen("C", "m")
    assert world.send("B", "c.svc.a") == [("C", "m")]
    world.registry.update(exporter(latency=Latency(subject="n")), NOW)
    world.listen("C", "n")
    assert world.send("B", "c.svc.a") == [("C", "n")]
    world.registry.update(exporter(), NOW)
    assert world.send("B", "c.svc.a") == []


def test_a_response_type_changes_at_once_for_existing_imports():
    world = make_world(exporter(), importer())
    crossing = world.registry.get("B").imports[0].crossing
    assert crossing.response_type == 0
    world.registry.update(exporter(response_type="Stream", threshold_ns=SECOND), NOW)
    assert (crossing.response_type, crossing.threshold_ns) == (1, SECOND)


def stream_world(**changes: object) -> World:
    """C exports `ev.>`; B imports it as `c.>` and has a stream that listens there."""
    export = Export(kind="stream", subject="ev.>", **changes)
    wanted = Import(kind="stream", account="C", remote="ev.>", local="c.>")
    return make_world(
        AccountSpec(name="C", exports=(export,)), AccountSpec(name="B", imports=(wanted,))
    )


def test_a_stream_import_is_active_and_narrow():
    world = stream_world()
    assert reason(world) == "active"
    hearer = MemoryConnection(CoreWorld(), "B")
    hearer.client.admit(world.registry.get("B").core, payload_max=1000)
    hearer.client.subscribe(b"c.a.*", b"", b"1")
    exporter = world.registry.get("C").core
    assert exporter.sublist.interested(b"ev.a.x")
    assert not exporter.sublist.interested(b"ev.b.x")


def test_a_stream_export_that_goes_closes_the_import_and_its_return_opens_it():
    world = stream_world()
    running = world.registry.get("B").imports[0]
    gone = world.registry.get("C").spec
    world.registry.update(AccountSpec(name="C"), NOW)
    assert (reason(world), running.crossing.alive) == ("export_missing", False)
    world.registry.update(gone, NOW)
    assert (reason(world), running.crossing.alive) == ("active", True)
    world.registry.check()


def test_a_service_export_is_no_stream():
    wanted = Import(kind="stream", account="C", remote="svc.>", local="svc.>")
    world = make_world(exporter(), AccountSpec(name="B", imports=(wanted,)))
    assert reason(world) == "export_missing"


def test_a_stream_import_whose_subjects_do_not_fit_says_so():
    wanted = Import(kind="stream", account="C", remote="ev.>", local="c.*")
    export = Export(kind="stream", subject="ev.>")
    world = make_world(
        AccountSpec(name="C", exports=(export,)), AccountSpec(name="B", imports=(wanted,))
    )
    assert reason(world) == "rewriting"


def test_a_moment_costs_the_same_however_many_accounts_there_are():
    """Nothing walks all accounts: each waits in a heap for its own moment."""
    world = World()
    registry = world.registry
    for number in range(300):
        ends_ns = NOW + (number + 1) * SECOND
        registry.update(
            AccountSpec(name=f"X{number}", exports=(Export(kind="service", subject="s"),)), NOW
        )
        registry.update(
            AccountSpec(
                name=f"I{number}",
                expires_ns=ends_ns,
                imports=(Import(kind="service", account=f"X{number}", remote="s", local="s"),),
            ),
            NOW,
        )
    registry.check()
    for number in range(300):
        assert registry.deadline_ns() == NOW + (number + 1) * SECOND
        assert [one.name for one in registry.tick(NOW + (number + 1) * SECOND)] == [f"I{number}"]
    assert registry.deadline_ns() is None
    registry.check()


def test_an_end_that_moves_is_forgotten():
    world = World()
    for seconds in (*range(200, 1, -1), 5, 300):
        world.registry.update(AccountSpec(name="A", expires_ns=NOW + seconds * SECOND), NOW)
        assert world.registry.deadline_ns() == NOW + seconds * SECOND
        world.registry.check()
    world.registry.update(AccountSpec(name="A"), NOW)
    assert world.registry.deadline_ns() is None
    assert world.registry.tick(NOW + 400 * SECOND) == []


def test_of_many_that_end_in_one_moment_a_call_ends_some():
    world = World()
    registry = world.registry
    registry.update(exporter(), NOW)
    ends_ns = NOW + SECOND
    names = [f"I{number:03}" for number in range(3 * DUE_AT_MOST - 1)]
    for name in names:
        spec = msgspec.structs.replace(importer(), name=name, expires_ns=ends_ns)
        registry.update(spec, NOW)
    world.listen("C", "svc.>")
    work: list[Callable[[], bool]] = []
    registry.defer = work.append
    ended = []
    for _ in range(3):
        assert registry.deadline_ns() == ends_ns
        ended.append([account.name for account in registry.tick(ends_ns)])
        assert world.send(names[-1], "c.svc.x", ends_ns) == []
    assert [len(some) for some in ended] == [DUE_AT_MOST, DUE_AT_MOST, DUE_AT_MOST - 1]
    assert [name for some in ended for name in some] == names
    assert registry.deadline_ns() is None
    assert registry.following
    while work:
        at_once(work.pop())
    registry.check()
    verdicts = [registry.get(name).imports[0].verdict for name in names]
    assert {verdict.code for verdict in verdicts} == {"account_expired"}


def test_who_waits_for_an_account_is_told_once_when_it_is_decided():
    world = World()
    registry = world.registry
    work: list[Callable[[], bool]] = []
    registry.defer = work.append
    told: list[str] = []
    registry.update(exporter(), NOW)
    registry.when_decided("C", lambda: told.append("C is"))
    registry.when_followed(lambda: told.append("nothing goes on"))
    assert told == ["C is", "nothing goes on"]
    many = tuple(
        Import(kind="service", account="C", remote=f"svc.{n}", local=f"c.{n}") for n in range(500)
    )
    for name in "BD":
        registry.update(AccountSpec(name=name, imports=many), NOW)
    registry.when_followed(lambda: told.append("all is"))
    for name in "BDB":
        registry.when_decided(name, lambda name=name: told.append(f"{name} is"))
    first, second = work
    while registry.undecided("B"):
        assert told[2:] == []
        first()
    assert told[2:] == ["B is", "B is"]
    at_once(second)
    assert sorted(told[4:]) == ["D is", "all is"]
