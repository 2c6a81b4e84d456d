"""Answers in slices: one at a time, and everything else between two turns of them."""

import pytest

from isthmus.core.turn import Turn
from isthmus.server import answers
from isthmus.server.answers import WAITING_MAX, Answers
from support.core import World

SLICES = 4  # that the first turn takes: 2 ms of 0.6 ms each; the next take one each


class RecordingLog:
    """A log that is a list of errors."""

    def __init__(self):
        self.errors = []

    def error(self, text, _error):
        self.errors.append(text)


class Asking:
    def __init__(self):
        self.world = World()
        self.listener = self.world.connect("A")
        self.listener.say(b"SUB r.> 1")
        self.log = RecordingLog()
        self.turn = Turn(1)
        self.answers = Answers(self.log)

    def ask(self, name, making):
        self.turn.begin(1)
        self.answers.take(self.world.account("A"), b"r." + name, making, self.turn)
        self.turn.finish()

    def go_round(self):
        self.turn.begin(1)
        self.turn.resume()
        self.turn.finish()

    def go_on(self):
        """Until all is answered; how many turns it took."""
        turns = 0
        while self.turn.unfinished:
            self.go_round()
            turns += 1
        return turns

    def heard(self):
        return self.listener.heard().decode()


@pytest.fixture
def asking():
    return Asking()


def slices(count, value):
    for _ in range(count):
        yield
    return value


def test_a_short_answer_is_sent_at_once(asking):
    asking.ask(b"a", slices(0, {"x": 1}))
    assert asking.heard() == 'MSG r.a 1 7\r\n{"x":1}\r\n'
    assert not asking.turn.unfinished


def test_a_long_one_lets_the_loop_turn(asking):
    asking.ask(b"a", slices(SLICES + 1, 1))
    asking.go_round()
    assert asking.heard() == ""
    asking.go_round()
    assert asking.heard() == "MSG r.a 1 1\r\n1\r\n"


def test_who_comes_later_is_answered_later(asking):
    asking.ask(b"a", slices(SLICES, 1))
    asking.ask(b"b", slices(0, 2))
    assert asking.heard() == ""
    asking.go_on()
    assert asking.heard() == "MSG r.a 1 1\r\n1\r\nMSG r.b 1 1\r\n2\r\n"


def test_nothing_is_sent_for_none_nor_without_a_reply(asking):
    asking.ask(b"a", slices(0, None))
    asking.answers.take(asking.world.account("A"), b"", slices(0, 1), asking.turn)
    assert asking.heard() == ""


@pytest.mark.parametrize("pauses", [0, SLICES])
def test_one_that_fails_does_not_hold_up_the_others(asking, pauses):
    def broken():
        yield from slices(pauses, None)
        raise RuntimeError("no")

    asking.ask(b"a", broken())
    asking.ask(b"b", slices(0, 2))
    asking.go_on()
    assert asking.heard() == "MSG r.b 1 1\r\n2\r\n"
    assert asking.log.errors == ["internal error: RuntimeError('no')"]


def test_many_short_ones_take_several_turns(asking):
    asking.ask(b"a", slices(SLICES, 0))
    for _ in range(40):
        asking.ask(b"b", slices(0, 1))
    assert asking.go_on() > 40
    assert asking.heard().count("MSG") == 41


def test_there_is_a_bound(monkeypatch):
    monkeypatch.setattr(answers, "WAITING_MAX", 3)
    assert WAITING_MAX > 3
    asking = Asking()
    for _ in range(9):
        asking.ask(b"a", slices(SLICES, 0))
    asking.go_on()
    assert asking.heard().count("MSG") == 3
