"""A grant ends when it ends: every way through it, at every kind of end, under virtual time.

Each case is a whole server. Up to the end everything passes (`WAYS`), from the end on nothing does:
old and new subscriptions, a pull under way, whatever the local subjects are called. The spans run
from a second to a year; the product of all is run, none is sampled.

    cause      activation, user, importing account, exporting account expire; activation revoked
    clock      runs on · steps an hour, over the end or before it · process suspended over the end
    restart    none · before the end · down while it passes
"""

import gc
import itertools
import weakref

import pytest

from isthmus.base.values import NS_PER_S
from support.leases import START_NS, WAYS, B, Ends, LeaseWorld

HOUR_NS = 3600 * NS_PER_S
DAY_S = 24 * 3600
MOMENT_NS = 1_000_000
LEASES_S = (1, 60, 3600, 30 * DAY_S, 365 * DAY_S)
PREFIXES = ("", "renamed.")
FIELDS = {"activation": "activation", "user": "user", "importer": "b", "exporter": "c"}
USER_EXPIRED = "-ERR 'User Authentication Expired'"
ACCOUNT_EXPIRED = "-ERR 'Account Authentication Expired'"
CLOSED_WITH = {"user": USER_EXPIRED, "importer": ACCOUNT_EXPIRED}


class Case:
    """One world on its way to the end of a lease."""

    def __init__(self, cause: str, lease_s: int, prefix: str) -> None:
        self.cause = cause
        self.end_ns = START_NS + lease_s * NS_PER_S
        ends = {FIELDS[cause]: self.end_ns // NS_PER_S} if cause in FIELDS else {}
        self.world = LeaseWorld(Ends(**ends), prefix)
        self.clock, self.loop = self.world.clock, self.world.loop

    def go_to(self, when_ns: int) -> None:
        """Time passes as it does: idle for long, awake for the last seconds."""
        left_ns = when_ns - self.clock.wall_ns()
        if left_ns > 5 * NS_PER_S:
            self.loop.pass_time(left_ns - 5 * NS_PER_S)
            self.loop.settle()
        self.loop.run_for(when_ns - self.clock.wall_ns())

    def passes(self) -> None:
        """Everything does: twice, as the first message that can be acknowledged comes first."""
        assert self.clock.wall_ns() < self.end_ns
        assert self.world.probe() >= WAYS - {"ack"}
        assert self.world.probe() == WAYS

    def end(self) -> None:
        """It is the moment; what no clock ends is ended by a push."""
        if self.cause.startswith("revoked"):
            self.world.revoke("*" if self.cause == "revoked for all" else B.public_key)
        else:
            assert self.clock.wall_ns() >= self.end_ns

    def is_over(self) -> None:
        """Nothing passes any more, now and later, and nobody gets in who is over himself."""
        world = self.world
        assert world.probe() == set()
        if self.cause in CLOSED_WITH:
            assert world.b.closed
            assert world.b.error in {CLOSED_WITH[self.cause], "-ERR 'Authorization Violation'"}
            assert world.login().closed
        for later_ns in (MOMENT_NS, NS_PER_S, 10 * NS_PER_S):
            self.loop.run_for(later_ns)
            assert world.probe() == set()
        self.loop.pass_time(HOUR_NS)
        assert world.probe() == set()

    def acknowledged_is_what_was_allowed(self) -> None:
        """Nothing of B reached the consumer after the end."""
        if self.cause == "exporter":
            return  # there is nobody left to ask
        info = self.world.api("CONSUMER.INFO.S.PULL", {})
        delivered = info["delivered"]["consumer_seq"]
        assert delivered - info["num_ack_pending"] == self.world.acknowledged


# --- how the clock gets over the end ---


def runs_on(case: Case) -> None:
    case.go_to(case.end_ns - MOMENT_NS)
    case.passes()
    case.loop.run_for(case.end_ns - case.clock.wall_ns())


def is_set_forward_over_it(case: Case) -> None:
    """By an hour, and the first thing that happens is traffic."""
    case.go_to(max(case.end_ns - HOUR_NS + MOMENT_NS, case.clock.wall_ns()))
    case.passes()
    case.clock.step(HOUR_NS)


def is_set_forward_before_it(case: Case) -> None:
    """Where it is an hour or more away: the end comes an hour sooner."""
    if case.end_ns - case.clock.wall_ns() > HOUR_NS:
        case.clock.step(HOUR_NS)
    runs_on(case)


def is_set_back_before_it(case: Case) -> None:
    """By an hour, right before the end: an hour more."""
    case.go_to(case.end_ns - MOMENT_NS)
    case.clock.step(-HOUR_NS)
    case.loop.run_for(NS_PER_S)
    case.passes()
    runs_on(case)


def stands_still_in_a_suspended_process(case: Case) -> None:
    """What arrived meanwhile is read before any timer fires."""
    case.go_to(case.end_ns - MOMENT_NS)
    case.passes()
    case.loop.pass_time(HOUR_NS)


CLOCKS = (
    runs_on,
    is_set_forward_over_it,
    is_set_forward_before_it,
    is_set_back_before_it,
    stands_still_in_a_suspended_process,
)


# --- where a restart comes in ---


def no_restart(case: Case, clock) -> None:
    clock(case)
    case.end()


def restart_before(case: Case, clock) -> None:
    case.go_to(case.clock.wall_ns() + (case.end_ns - case.clock.wall_ns()) // 2)
    case.world.restart()
    no_restart(case, clock)


def down_over_the_end(case: Case, _clock) -> None:
    case.go_to(case.end_ns - MOMENT_NS)
    case.passes()
    case.world.restart(down_ns=2 * NS_PER_S)


def revoked_and_restarted(case: Case, clock) -> None:
    no_restart(case, clock)
    case.world.restart()


ALL = itertools.product(FIELDS, (no_restart, restart_before), CLOCKS)
TIMED = [*ALL, *((cause, down_over_the_end, runs_on) for cause in FIELDS)]
REVOKED = itertools.product(
    ("revoked", "revoked for all"),
    (no_restart, restart_before, revoked_and_restarted),
    (runs_on,),
)


@pytest.mark.parametrize(
    ("cause", "restart", "clock"),
    [*TIMED, *REVOKED],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_nothing_passes_from_the_end_on(cause, restart, clock):
    for lease_s, prefix in itertools.product(LEASES_S, PREFIXES):
        case = Case(cause, lease_s, prefix)
        try:
            restart(case, clock)
            case.is_over()
            case.acknowledged_is_what_was_allowed()
        finally:
            case.world.close()


def test_a_server_that_has_stopped_is_let_go():
    world = LeaseWorld(Ends())
    assert world.probe() >= WAYS - {"ack"}
    world.close()
    held = [weakref.ref(one) for one in (world.server.server, world.server.server.hub, world.loop)]
    del world
    gc.collect()
    assert [ref() for ref in held] == [None, None, None]
