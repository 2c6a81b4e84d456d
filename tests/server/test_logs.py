"""Log lines in nats-server's form."""

import io
import json
import os
import re

import pytest
from hypothesis import given
from hypothesis.strategies import binary, text

from isthmus.base.errors import UsageError
from isthmus.config import Options
from isthmus.server.logs import Log, quoted, redact

MOMENT_NS = 1_769_860_800_000_001_999  # 2026-01-31T12:00:00.000001999Z


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Full(io.StringIO):
    def write(self, _):
        raise OSError(28, "No space left on device")


def make(stream=None, **options):
    stream = stream or io.StringIO()
    log = Log(stream, utc=True, pid=4711, wall_ns=lambda: MOMENT_NS, **options)
    return log, stream


def test_a_line_has_process_time_level_and_text():
    log, stream = make()
    log.info("Server is ready")
    assert stream.getvalue() == "[4711] 2026/01/31 12:00:00.000001 [INF] Server is ready\n"


def test_a_line_without_time():
    notes, stream = make(with_time=False)
    notes.warn("careful")
    assert stream.getvalue() == "[4711] [WRN] careful\n"


def test_local_time_is_the_default(monkeypatch):
    stream = io.StringIO()
    log = Log(stream, pid=1, wall_ns=lambda: MOMENT_NS)
    log.info("x")
    assert re.match(r"\[1\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.000001 \[INF\] x\n", stream.getvalue())


def test_every_level_has_its_label():
    log, stream = make(with_time=False, debug=True, trace=True)
    for write in (log.info, log.warn, log.error, log.fatal, log.debug, log.trace):
        write("x")
    labels = re.findall(r"\[([A-Z]{3})\]", stream.getvalue())
    assert labels == ["INF", "WRN", "ERR", "FTL", "DBG", "TRC"]


def test_debug_and_trace_are_written_when_asked_for():
    log, stream = make()
    log.debug("x")
    log.trace("x")
    assert stream.getvalue() == ""


def test_labels_have_colours_on_a_terminal_only():
    log, stream = make(Terminal(), with_time=False)
    log.error("x")
    assert stream.getvalue() == "[4711] [\x1b[31mERR\x1b[0m] x\n"


def test_a_text_stays_one_line():
    log, stream = make(with_time=False)
    log.error("a\r\nb\x1b[2J\u2028c\x00")
    assert stream.getvalue() == "[4711] [ERR] a\\r\\nb\\x1b[2J\\u2028c\\x00\n"


def test_the_cause_of_an_error_is_a_debug_line():
    notes, stream = make(debug=True, with_time=False)
    try:
        int("x")
    except ValueError as error:
        notes.error("outer", error)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[4711] [ERR] outer"
    assert "test_logs.py" in lines[1]
    assert len(lines) == 2


def test_a_full_disk_is_counted_and_hurts_nobody():
    log, _ = make(Full())
    log.info("x")
    log.info("y")
    assert log.lost == 2


# ---------------------------------------------------------------------- files


def test_lines_go_to_the_file_without_colours(tmp_path):
    path = tmp_path / "s.log"
    log = Log(Terminal(), path=str(path), with_time=False, pid=1)
    log.info("é")
    log.close()
    assert path.read_bytes() == "[1] [INF] é\n".encode()
    assert path.stat().st_mode & 0o777 == 0o640 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_file_is_appended_to(tmp_path):
    path = tmp_path / "s.log"
    path.write_text("before\n")
    log = Log(path=str(path), with_time=False, pid=1)
    log.info("x")
    assert path.read_text() == "before\n[1] [INF] x\n"


def test_after_a_rename_the_file_is_opened_anew(tmp_path):
    path = tmp_path / "s.log"
    log = Log(path=str(path), with_time=False, pid=1)
    log.info("one")
    path.rename(tmp_path / "s.log.1")
    log.info("two")
    log.reopen()
    log.info("three")
    assert (tmp_path / "s.log.1").read_text() == "[1] [INF] one\n[1] [INF] two\n"
    assert path.read_text() == "[1] [INF] File log re-opened\n[1] [INF] three\n"


def test_a_file_that_can_not_be_opened_anew_is_kept(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    log = Log(path=str(folder / "s.log"), with_time=False, pid=1)
    folder.rename(tmp_path / "old")
    log.reopen()
    log.info("x")
    lines = (tmp_path / "old" / "s.log").read_text().splitlines()
    assert lines[0].startswith("[1] [ERR] error opening file: open ")
    assert lines[1] == "[1] [INF] x"


def test_without_a_file_there_is_nothing_to_reopen():
    log, stream = make(with_time=False)
    log.reopen()
    assert "re-open ignored" in stream.getvalue()


def test_a_file_that_can_not_be_opened_is_an_error(tmp_path):
    path = tmp_path / "nope" / "s.log"
    with pytest.raises(UsageError) as caught:
        Log(path=str(path))
    assert str(caught.value) == f"error opening file: open {path}: no such file or directory"


def test_a_reload_changes_levels_and_file(tmp_path):
    log, stream = make(with_time=False)
    path = tmp_path / "s.log"
    log.reconfigure(Options(debug=True, logtime=False, log_file=str(path)))
    log.debug("x")
    assert path.read_text() == "[4711] [DBG] x\n"
    log.reconfigure(Options(logtime=False))
    log.debug("y")
    log.info("z")
    assert stream.getvalue() == "[4711] [INF] z\n"


def test_a_reload_that_can_not_open_its_file_changes_nothing(tmp_path):
    log, stream = make(with_time=False)
    with pytest.raises(UsageError):
        log.reconfigure(Options(debug=True, log_file=str(tmp_path / "nope" / "s.log")))
    log.info("x")
    assert not log.debugging
    assert stream.getvalue() == "[4711] [INF] x\n"


# ---------------------------------------------------------------------- secrets and bytes


@pytest.mark.parametrize("name", ["pass", "auth_token", "nkey", "sig", "proxy_sig", "PASS"])
def test_a_secret_of_a_connect_is_replaced(name):
    line = f'{{"user":"u","{name}": "hunter2","lang":"x"}}'.encode()
    expected = f'{{"user":"u","{name}": "[REDACTED]","lang":"x"}}'.encode()
    assert redact(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        rb'{"pass":"hunt\"hunter2"}',
        rb'{"pass" : "hunter2", "pass":"hunter2"}',
        rb'{"p\u0061ss":"hunter2"}',
        rb'{"pass":hunter2}',
        b'{"pass":\n"hunter2"}',
        rb'{"name":"a\"","pass":"hunter2"}',
    ],
)
def test_no_spelling_shows_a_secret(line):
    assert b"hunter2" not in redact(line)


def test_what_is_no_secret_stays_as_it_was_sent():
    line = b'{ "verbose":false,"name" : "pass", "user":"u" , "jwt":"eyJ", "x":{"y":[1]}}'
    assert redact(line) == line


@given(text())
def test_any_password_is_hidden(password):
    line = json.dumps({"user": "u", "pass": password, "lang": "l"}).encode()
    assert json.loads(redact(line)) == {"user": "u", "pass": "[REDACTED]", "lang": "l"}


@given(binary())
def test_any_bytes_can_be_redacted(line):
    redact(line)


def test_bytes_are_quoted_as_one_line():
    assert quoted(b"hello") == '"hello"'
    assert quoted(b'a"b\\c\r\n\t\x00\xff') == r'"a\"b\\c\r\n\t\x00\xff"'
    assert quoted("é→".encode()) == '"é→"'


def test_quoted_bytes_may_be_cut():
    assert quoted(b"abcdef", 3) == '"abc..."'
    assert quoted(b"abc", 3) == '"abc"'


@given(binary(max_size=50))
def test_any_bytes_are_quoted_on_one_line(data):
    assert len(quoted(data).splitlines()) == 1
