"""What is printed where."""

import io

from isthmus.cli.streams import RecordedStreams, Streams


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_reports_and_complaints_go_apart():
    streams = RecordedStreams()
    streams.out("report")
    streams.err("complaint")
    assert (streams.out_text, streams.err_text) == ("report\n", "complaint\n")


def test_json_is_one_line_and_escaped_as_the_original_does():
    streams = RecordedStreams()
    streams.json({"subject": "a.>"})
    assert streams.out_text == '{"subject":"a.\\u003e"}\n'


def test_pretty_json_is_indented():
    streams = RecordedStreams()
    streams.json_pretty({"a": [1]})
    assert streams.out_text == '{\n  "a": [\n    1\n  ]\n}\n'


def test_a_body_follows_what_was_printed_before():
    raw = io.BytesIO()
    streams = Streams(io.StringIO(), io.TextIOWrapper(raw), io.StringIO())
    streams.out("head")
    streams.out_bytes(b"\xff\x00")
    assert raw.getvalue() == b"head\n\xff\x00"


def test_input_is_bytes():
    assert RecordedStreams("in\n").read_bytes() == b"in\n"
    bytes_in = io.TextIOWrapper(io.BytesIO(b"\xff"))
    assert Streams(bytes_in, io.StringIO(), io.StringIO()).read_bytes() == b"\xff"


def test_only_two_terminals_are_a_terminal():
    assert Streams(Terminal(), Terminal(), io.StringIO()).is_terminal
    assert not Streams(Terminal(), io.StringIO(), Terminal()).is_terminal
    assert not Streams(io.StringIO(), Terminal(), Terminal()).is_terminal
