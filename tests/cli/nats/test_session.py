import pytest

from isthmus.cli.nats.session import Session
from isthmus.cli.streams import RecordedStreams


class Terminal(RecordedStreams):
    is_terminal = True


def session(streams) -> Session:
    return Session(streams, {"HOME": "/nowhere"}, wall_ns=lambda: 1_793_676_040_000_000_000)


def test_progress_goes_beside_the_report_with_the_time_of_day():
    streams = RecordedStreams()
    session(streams).log("Published")
    assert streams.out_text == ""
    assert streams.err_text.endswith(":40 Published\n")


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y\n", True), ("Yes\n", True), ("\n", False), ("", False)]
)
def test_only_yes_is_yes(answer, agreed):
    streams = Terminal(answer)
    assert session(streams).confirm("Really purge Stream S") is agreed
    assert streams.out_text == "? Really purge Stream S (y/N) "


def test_without_a_terminal_nobody_is_asked():
    with pytest.raises(Exception, match="cannot ask for confirmation without a terminal"):
        session(RecordedStreams("y\n")).confirm("Really?")
