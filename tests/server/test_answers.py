"""Answers in slices: one at a time, and everything else between two slices."""

from isthmus.core.turn import Turn
from isthmus.server import answers
from isthmus.server.answers import WAITING_MAX, Answers
from support.core import World


class RecordingHub:
    """A hub whose loop turns when the test says so."""

    def __init__(self):
        self.loop = self.log = self
        self.turn = Turn(1)
        self.soon = []
        self.errors = []

    def call_soon(self, action):
        self.soon.append(action)

    def error(self, text, _error):
        self.errors.append(text)

    def begin_turn(self):
        self.turn.begin(1)
        return self.turn

    def finish_turn(self):
        self.turn.finish()

    def go_round(self):
        due, self.soon = self.soon, []
        for action in due:
            action()


class Asking:
    def __init__(self):
        self.world = World()
        self.listener = self.world.connect("A")
        self.listener.say(b"SUB r.> 1")
        self.hub = RecordingHub()
        self.answers = Answers(self.hub)

    def ask(self, name, making):
        turn = self.hub.begin_turn()
        self.answers.take(self.world.account("A"), b"r." + name, making, turn)
        self.hub.finish_turn()

    def heard(self):
        return self.listener.heard().decode()


def slices(count, value):
    for _ in range(count):
        yield
    return value


def test_a_short_answer_is_sent_at_once():
    asking = Asking()
    asking.ask(b"a", slices(0, {"x": 1}))
    assert asking.heard() == 'MSG r.a 1 7\r\n{"x":1}\r\n'
    assert not asking.hub.soon


def test_a_long_one_lets_the_loop_turn():
    asking = Asking()
    asking.ask(b"a", slices(3, 1))
    for _ in range(2):
        asking.hub.go_round()
        assert asking.heard() == ""
    asking.hub.go_round()
    assert asking.heard() == "MSG r.a 1 1\r\n1\r\n"


def test_who_comes_later_is_answered_later():
    asking = Asking()
    asking.ask(b"a", slices(1, 1))
    asking.ask(b"b", slices(0, 2))
    assert asking.heard() == ""
    assert len(asking.hub.soon) == 1
    asking.hub.go_round()
    assert asking.heard() == "MSG r.a 1 1\r\n1\r\nMSG r.b 1 1\r\n2\r\n"


def test_nothing_is_sent_for_none():
    asking = Asking()
    asking.ask(b"a", slices(0, None))
    assert asking.heard() == ""


def test_one_that_fails_does_not_hold_up_the_others():
    def broken():
        yield
        raise RuntimeError("no")

    asking = Asking()
    asking.ask(b"a", broken())
    asking.ask(b"b", slices(0, 2))
    asking.hub.go_round()
    assert asking.heard() == "MSG r.b 1 1\r\n2\r\n"
    assert asking.hub.errors == ["internal error: RuntimeError('no')"]


def test_many_short_ones_take_several_turns():
    asking = Asking()
    asking.ask(b"a", slices(1, 0))
    for _ in range(40):
        asking.ask(b"b", slices(0, 1))
    turns = 0
    while asking.hub.soon:
        asking.hub.go_round()
        turns += 1
    assert asking.heard().count("MSG") == 41
    assert turns == 3


def test_there_is_a_bound(monkeypatch):
    monkeypatch.setattr(answers, "WAITING_MAX", 3)
    assert WAITING_MAX > 3
    asking = Asking()
    for _ in range(9):
        asking.ask(b"a", slices(1, 0))
    while asking.hub.soon:
        asking.hub.go_round()
    assert asking.heard().count("MSG") == 3
