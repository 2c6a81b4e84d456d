"""Deadlines against a dictionary of due times."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from isthmus.core.agenda import Agenda, Alarm, Job
from isthmus.core.turn import Turn
from support.soak import examples


class AgendaMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.agenda = Agenda()
        self.turn = Turn(1)
        self.rung = []
        self.alarms = [Alarm(Job(self._ringer(number))) for number in range(20)]
        self.due = {}
        self.now_ns = 1

    def _ringer(self, number):
        return lambda _turn: self.rung.append(number)

    @rule(number=st.integers(0, 19), wait_ns=st.integers(1, 50))
    def put(self, number, wait_ns):
        self.agenda.put(self.alarms[number], self.now_ns + wait_ns, self.turn)
        self.due[number] = self.now_ns + wait_ns

    @rule(number=st.integers(0, 19))
    def clear(self, number):
        self.agenda.put(self.alarms[number], 0, self.turn)
        self.due.pop(number, None)

    @rule(step=st.integers(0, 30))
    def time_passes(self, step):
        self.now_ns += step
        self.rung.clear()
        self.turn.begin(self.now_ns)
        self.agenda.ring(self.turn)
        self.turn.finish()
        due = {number for number, due_ns in self.due.items() if due_ns <= self.now_ns}
        assert set(self.rung) == due
        assert len(self.rung) == len(due)
        for number in due:
            del self.due[number]

    @invariant()
    def agrees_with_model(self):
        self.agenda.check()
        assert len(self.agenda) == len(self.due)
        assert self.agenda.deadline_ns() == min(self.due.values(), default=0)


TestAgenda = AgendaMachine.TestCase
TestAgenda.settings = settings(max_examples=examples(100), stateful_step_count=40, deadline=None)
TestAgenda.pytestmark = [pytest.mark.soak]


def test_what_falls_due_at_one_moment_is_spread_over_turns():
    agenda, turn, rung = Agenda(), Turn(1), []
    alarms = [Alarm(Job(lambda _turn, number=number: rung.append(number))) for number in range(999)]
    for alarm in alarms:
        agenda.put(alarm, 5, turn)
    turns = 0
    while agenda.deadline_ns():
        before = len(rung)
        turn.begin(5)
        agenda.ring(turn)
        turn.finish()
        assert 0 < len(rung) - before <= 256
        turns += 1
    assert turns == 4
    assert sorted(rung) == list(range(999))


def test_a_job_goes_on_while_it_says_so():
    turn = Turn(1)
    left = [3]

    def work(_turn):
        left[0] -= 1
        return left[0] > 0

    turn.begin(1)
    Job(work).start(turn)
    turn.finish()
    assert left == [2]
    assert turn.unfinished
    for now_ns in (2, 3):
        turn.begin(now_ns)
        turn.resume()
        turn.finish()
    assert left == [0]
    assert not turn.unfinished
