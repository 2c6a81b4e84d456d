"""No account hears what it may not, and none misses what it may: any history, beside the model.

Exports, imports, activations, revocations, ends and permissions change in any order while clients
publish, ask and answer. What the run tried is counted and judged, too; and each of three guards,
left out, is noticed.
"""

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from isthmus.accounts import imports, registry
from isthmus.accounts.imports import Grant
from isthmus.accounts.permissions import Permissions
from isthmus.identity import trust
from models.isolation import ModelClient, ModelImport
from support.isolation import FORMS, NAMES, PREFIX, Isolation
from support.soak import examples

STEPS = 100
EXAMPLES = examples(120, 1200)  # of so many steps each
PAIRS = [(kind, form, how) for kind in PREFIX for form in FORMS for how in ("revoke", "expire")]
LETTERS = st.sampled_from("ab")
MANY = st.integers(0, 2**16)


class IsolationMachine(RuleBasedStateMachine):
    """What may happen to accounts; weights are by how often a rule is named."""

    counts: Counter[object] = Counter()
    make = Isolation

    @invariant()
    def step(self) -> None:
        self.counts["step"] += 1

    # integers would be small ones again and again, and the accounts the same
    @initialize(seed=st.binary(min_size=8, max_size=8).map(int.from_bytes))
    def start(self, seed: int) -> None:
        self.sides = self.make(seed, self.counts)
        self.chance = random.Random(seed)
        # two accounts share all kinds and forms, so that each history meets every one
        self.untaken = [(kind, form) for kind in PREFIX for form in FORMS]
        self.chance.shuffle(self.untaken)
        # and each ends in both ways, as far as there are steps for it
        self.unended = {how: self.untaken.copy() for how in ("revoke", "expire")}
        for name in NAMES[:3]:
            self.sides.arrive(name)
        for name in NAMES[:3]:
            self.declare(name)

    def declare(self, name: str) -> None:
        """Exports and imports for a start, most of them good."""
        sides, chance = self.sides, self.chance
        for kind in PREFIX:
            for form in chance.sample(sorted(FORMS), 2):
                sides.export(name, kind, form, private=chance.random() < 0.7)
        sides.update(name)
        at = NAMES.index(name)
        for number in range(4 if at else 0):
            self._take(at, number + chance.randrange(100))

    def _take(self, at: int, number: int) -> None:
        """Account `at` imports from one before it, usually with a good activation."""
        sides, chance = self.sides, self.chance
        name, exporter = NAMES[at], NAMES[number % at]
        kind, form = chance.choice(sorted(PREFIX)), chance.choice(sorted(FORMS))
        if self.untaken:
            kind, form = self.untaken.pop()
        other = sides.model.accounts.get(exporter)
        if other and not any(
            (one.kind, one.subject) == (kind, FORMS[form].format(PREFIX[kind]))
            for one in other.exports
        ):
            sides.export(exporter, kind, form, private=chance.random() < 0.8)
            sides.update(exporter)
        own = sides.model.accounts[name].imports
        if len(own) >= 6:
            own.pop(0)
        wanted = sides.take(name, exporter, kind, form, renamed=chance.random() < 0.5)
        target = name if chance.random() < 0.85 else chance.choice(NAMES)
        sides.lend(name, wanted, chance.choice([0, 0, 5, 20]), target)

    def pick(self, number: int) -> tuple[str, ModelImport] | None:
        found = [
            (name, wanted)
            for name, account in self.sides.model.accounts.items()
            for wanted in account.imports
        ]
        spread = number + self.chance.randrange(97)  # a number alone would be small or 0
        return found[spread % len(found)] if found else None

    def pick_to_end(self, number: int, how: str) -> tuple[str, ModelImport] | None:
        """One of a kind and form that has not ended so yet; any, if there is none."""
        for pair in self.unended[how]:
            for name, account in self.sides.model.accounts.items():
                for wanted in account.imports:
                    if (wanted.kind, wanted.form) == pair:
                        self.unended[how].remove(pair)
                        return name, wanted
        return self.pick(number)

    # --- publications: three of five steps ---

    def say(self, number: int, letters: list[str], ask: int) -> None:
        """Where an import is about, whether it is open or not."""
        picked = self.pick(number)
        if picked is not None:
            self.say_about(picked, number, letters, ask)

    def say_about(
        self, picked: tuple[str, ModelImport], number: int, letters: list[str], ask: int
    ) -> None:
        name, wanted = picked
        account, pattern = name, wanted.local
        if wanted.kind == "stream":
            account, pattern = wanted.exporter, wanted.remote
        if account not in self.sides.model.accounts:
            return
        tokens = [letters.pop() if token in "*>" else token for token in pattern.split(".")]
        speakers = [at for at, one in enumerate(self.sides.model.clients) if one.account == account]
        speaker = speakers[(number // 7) % len(speakers)]
        inbox = f"_INBOX.{speaker}.{ask}" if ask else ""
        self.sides.publish(speaker, ".".join(tokens), inbox=inbox)

    @rule(number=MANY, first=LETTERS, second=LETTERS, ask=st.sampled_from([0, 1]))
    def publish(self, number: int, first: str, second: str, ask: int) -> None:
        self.say(number, [first, second], ask)

    @rule(number=MANY, first=LETTERS, second=LETTERS)
    def publish_also(self, number: int, first: str, second: str) -> None:
        self.say(number, [first, second], 0)

    @rule(number=MANY, first=LETTERS, second=LETTERS)
    def publish_too(self, number: int, first: str, second: str) -> None:
        self.say(number, [first, second], 0)

    @rule(number=MANY, first=LETTERS, second=LETTERS)
    def ask(self, number: int, first: str, second: str) -> None:
        self.say(number, [first, second], 1)

    @rule(number=MANY)
    def answer(self, number: int) -> None:
        self.sides.answer(number)

    @rule(number=MANY, kind=st.sampled_from(["svc", "st", "in.svc"]), first=LETTERS)
    def publish_anywhere(self, number: int, kind: str, first: str) -> None:
        self.sides.publish(number % len(self.sides.connections), f"{kind}.{first}.b")

    # --- changes ---

    @rule(number=MANY, for_s=st.sampled_from([0, 1, 3, 10]), honest=st.sampled_from([1, 1, 1, 0]))
    def lend(self, number: int, for_s: int, honest: int) -> None:
        picked = self.pick(number)
        if picked is not None:
            name, wanted = picked
            self.sides.lend(name, wanted, for_s, name if honest else NAMES[number % 3])

    @rule(number=MANY, first=LETTERS, second=LETTERS, everybody=st.booleans())
    def revoke(self, number: int, first: str, second: str, everybody: bool) -> None:
        """An import is tried right after its end."""
        picked = self.pick_to_end(number, "revoke")
        if picked is not None:
            name, wanted = picked
            self.sides.revoke(name, wanted, "*" if everybody else name)
            self.say_about(picked, number, [first, second], 0)

    @rule(number=MANY, first=LETTERS, second=LETTERS, noticed=st.booleans())
    def let_expire(self, number: int, first: str, second: str, noticed: bool) -> None:
        """An import is tried right before and after its end."""
        picked = self.pick_to_end(number, "expire")
        if picked is not None:
            name, wanted = picked
            self.sides.lend(name, wanted, 1, name)
            self.say_about(picked, number, [first, second], 0)
            self.sides.pass_time(1, noticed=noticed)
            self.say_about(picked, number, [first, second], 0)

    @rule(number=MANY)
    def restore(self, number: int) -> None:
        names = sorted(self.sides.model.accounts)
        self.sides.restore(names[number % len(names)])

    @rule(seconds=st.sampled_from([1, 2, 5]), noticed=st.booleans())
    def time_passes(self, seconds: int, noticed: bool) -> None:
        self.sides.pass_time(seconds, noticed=noticed)

    @rule(number=MANY, what=st.sampled_from(["take", "drop", "export", "hide", "arrive", "end"]))
    def change(self, number: int, what: str) -> None:
        sides, model = self.sides, self.sides.model
        names = sorted(model.accounts)
        at = number % len(names)
        name, account = names[at], model.accounts[names[at]]
        if what == "take" and at:
            self._take(at, number // 5)
        elif what == "drop" and account.imports:
            account.imports.pop(number % len(account.imports))
            sides.update(name)
        elif what == "export":
            kind, form = sorted(PREFIX)[number % 2], sorted(FORMS)[number // 2 % 4]
            sides.export(name, kind, form, private=number % 3 > 0)
            sides.update(name)
        elif what == "hide" and account.exports and number % 4 == 0:
            account.exports.pop(number % len(account.exports))
            sides.update(name)
        elif what == "arrive" and number % 4 == 0 and len(names) < len(NAMES):
            sides.arrive(NAMES[3])
            self.declare(NAMES[3])
        elif what == "end":
            revived = account.expires_s or number % 5
            account.expires_s = 0 if revived else model.now_s + 1 + number % 4
            sides.update(name)

    @rule(
        number=MANY,
        sid=st.sampled_from(["4", "5", "7"]),
        pattern=st.sampled_from(["svc.*.b", "st.a.>", "in.*.>", "svc.b.*"]),
    )
    def subscribe(self, number: int, sid: str, pattern: str) -> None:
        at = number % len(self.sides.connections)
        if number % 2:
            self.sides.subscribe(at, sid, pattern)
        else:
            self.sides.unsubscribe(at, sid)


def run(machine: type[IsolationMachine], examples: int) -> None:
    machine.counts = Counter()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=(Phase.generate,),  # shrinking takes minutes; the seed is printed
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_nothing_is_seen_that_may_not_be_and_nothing_is_lost():
    run(IsolationMachine, EXAMPLES)
    counts = IsolationMachine.counts
    least = min(counts[pair] for pair in PAIRS)
    print(f"{counts['step']} steps, {counts['publish']} publications, {counts['crossing']} cross")
    print(f"each of {len(PAIRS)} pairs at least {least} times")
    assert counts["step"] >= examples(10_000, 100_000)
    assert counts["crossing"] >= 0.3 * counts["publish"]
    wanted = examples(10, 100)
    assert [pair for pair in PAIRS if counts[pair] < wanted] == []


# --- the guards, left out one at a time ---


class WithoutDenials(Isolation):
    def compile(self, client: ModelClient) -> Permissions:
        right = super().compile(client)
        return replace(
            right,
            publish=replace(right.publish, deny=()),
            subscribe=replace(right.subscribe, deny=()),
        )


def without_ends(authorise):
    """Grants never end, and no token is too old."""

    def decide(importer, wanted, exporter, _now_ns, offers):
        verdict = authorise(importer, wanted, exporter, 0, offers)
        return replace(verdict, ends_ns=0) if isinstance(verdict, Grant) else verdict

    return decide


def without_target(check_activation):
    """Whoever has the token may use it."""

    def check(token, offer, now_ns):
        for name in NAMES:
            verdict = check_activation(token, replace(offer, importer=name), now_ns)
            if not isinstance(verdict, trust.Refusal):
                return verdict
        return verdict

    return check


@pytest.mark.parametrize("guard", ["deny", "expiry", "target"])
def test_a_guard_that_is_left_out_is_noticed(guard, monkeypatch):
    class Mutated(IsolationMachine):
        make = WithoutDenials if guard == "deny" else Isolation

    if guard == "expiry":
        monkeypatch.setattr(registry, "authorise", without_ends(imports.authorise))
    if guard == "target":
        wrong = without_target(trust.check_activation)
        monkeypatch.setattr(trust, "check_activation", wrong)
    with pytest.raises(AssertionError):
        run(Mutated, EXAMPLES // 4)
