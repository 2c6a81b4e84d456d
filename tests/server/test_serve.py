"""A server as a process: the order of things around its life."""

import asyncio
import json
import os
import signal

import pytest

from isthmus.base.errors import StoreError, UsageError
from isthmus.config import Options
from isthmus.server import serve as module
from isthmus.server.serve import serve

pytestmark = pytest.mark.real


class ScriptedServer:
    """A server without sockets: once it runs, it does what the script says, step by step.

    A step is a call, or a signal to this process; the next one waits until the signal was heard.
    """

    port, http_port = 4333, 8333

    def __init__(self, options, log, *, script=(), start=None):
        self.options, self.log = options, log
        self.script, self.starting = script, start
        self.calls = []
        self.all_gone = asyncio.Event()
        self._stopped = asyncio.Event()
        self._heard = asyncio.Event()
        inform = log.info

        def info(text):
            inform(text)
            if text.startswith("Trapped"):
                self._heard.set()

        log.info = info

    async def start(self):
        self.calls.append("start")
        if self.starting is not None:
            try:
                await self.starting()
            except asyncio.CancelledError:
                self.calls.append("given up")
                raise
        self._run = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self):
        for step in self.script:
            await asyncio.sleep(0)  # the caller of `start` goes first
            if callable(step):
                step()
                continue
            self._heard.clear()
            os.kill(os.getpid(), step)
            await asyncio.wait_for(self._heard.wait(), 10)

    async def stop(self):
        self.calls.append("stop")
        self._stopped.set()

    async def wait_stopped(self):
        await self._stopped.wait()

    async def enter_lame_duck(self):
        self.calls.append("lame duck")
        await self.all_gone.wait()
        await self.stop()

    def take(self, options):
        self.calls.append("take")
        self.options = options


class Bench:
    """Runs `serve` with a scripted server and keeps what was seen."""

    def __init__(self, capsys):
        self.capsys = capsys
        self.server = None

    def run(self, *script, start=None, read_again=None, **options):
        def make(given, log):
            self.server = ScriptedServer(given, log, script=script, start=start)
            return self.server

        return serve(Options(**options), make=make, read_again=read_again)

    @property
    def log(self):
        """Level and text of each line on stderr since it was last asked for."""
        lines = self.capsys.readouterr().err.splitlines()
        return [line.split(" ", 3)[3] for line in lines]


@pytest.fixture
def bench(capsys):
    return Bench(capsys)


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupt")]
)
def test_a_signal_stops_the_server(bench, number, name):
    assert bench.run(number) == 0
    assert bench.server.calls == ["start", "stop"]
    assert bench.log == [f'[INF] Trapped "{name}" signal']


def test_a_stop_that_goes_wrong_is_said_in_the_log(bench):
    def break_it():
        async def stop():
            bench.server._stopped.set()
            raise ZeroDivisionError("lanes")

        bench.server.stop = stop

    assert bench.run(break_it, signal.SIGTERM) == 1
    assert bench.log[1:] == ["[ERR] internal error at the stop: ZeroDivisionError('lanes')"]


def test_a_stop_that_can_not_be_done_is_one_line_and_code_1(bench):
    def break_it():
        async def enter_lame_duck():
            bench.server._stopped.set()
            raise StoreError("the disk does not answer")

        bench.server.enter_lame_duck = enter_lame_duck

    assert bench.run(break_it, signal.SIGUSR2) == 1
    assert bench.log[1:] == ["[ERR] at the stop: the disk does not answer"]


def test_a_terminate_does_not_hurry_the_lame_duck(bench):
    def clients_are_gone():
        assert bench.server.calls == ["start", "lame duck"]
        bench.server.all_gone.set()

    assert bench.run(signal.SIGUSR2, signal.SIGTERM, clients_are_gone) == 0
    assert bench.server.calls == ["start", "lame duck", "stop"]


def test_files_say_where_the_server_is_while_it_is_there(bench, tmp_path):
    seen = []

    def look():
        seen.extend(json.loads(path.read_text()) for path in tmp_path.glob("*.ports"))
        seen.append((tmp_path / "a.pid").read_text())

    code = bench.run(
        look,
        signal.SIGTERM,
        host="127.0.0.1",
        ports_file_dir=str(tmp_path),
        pid_file=str(tmp_path / "a.pid"),
    )
    assert code == 0
    assert seen == [
        {"nats": ["nats://127.0.0.1:4333"], "monitoring": ["http://127.0.0.1:8333"]},
        str(os.getpid()),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["a.pid"]


def test_a_ports_folder_that_is_missing_is_an_error_of_the_log_only(bench, tmp_path):
    missing = tmp_path / "nope"
    assert bench.run(signal.SIGTERM, ports_file_dir=str(missing)) == 0
    assert bench.log[0].startswith(f"[ERR] Error writing ports file to {missing}")


@pytest.mark.parametrize("error", [UsageError("port in use"), StoreError("store in use")])
def test_a_start_that_fails_is_one_line_and_code_1(bench, tmp_path, error):
    async def fail():
        raise error

    assert bench.run(start=fail, ports_file_dir=str(tmp_path)) == 1
    assert bench.log == [f"[FTL] {error}"]
    assert not list(tmp_path.iterdir())


def test_with_a_log_file_the_failure_is_also_the_callers(bench, tmp_path):
    async def fail():
        raise UsageError("port in use")

    with pytest.raises(UsageError, match="port in use"):
        bench.run(start=fail, log_file=str(tmp_path / "s.log"))
    assert "[FTL] port in use" in (tmp_path / "s.log").read_text()


def test_a_stop_gives_up_a_start(bench):
    async def forever():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    assert bench.run(start=forever) == 0
    assert bench.server.calls == ["start", "given up"]


def test_options_that_disagree_start_nothing(bench, tmp_path):
    with pytest.raises(UsageError, match="no_auth_user"):
        bench.run(no_auth_user="x", pid_file=str(tmp_path / "a.pid"))
    assert bench.server is None
    assert not list(tmp_path.iterdir())


def test_a_reload_is_taken_whole(bench):
    new = Options(debug=True, max_connections=7, config_digest="sha256:2")
    assert bench.run(signal.SIGHUP, signal.SIGTERM, read_again=lambda: new) == 0
    assert bench.server.calls == ["start", "take", "stop"]
    assert bench.server.options == new
    assert bench.log[1:4] == [
        "[INF] Reloaded: debug = true",
        "[INF] Reloaded: max_connections = 7",
        "[INF] Reloaded server configuration (sha256:2)",
    ]


@pytest.mark.parametrize(
    ("read_again", "reason"),
    [
        (lambda: Options(port=1), "config reload not supported for port: old=4222, new=1"),
        (None, "the server was started without a configuration file"),
        (
            lambda: Options(log_file="/nonexistent/x"),
            "error opening file: open /nonexistent/x: no such file or directory",
        ),
    ],
)
def test_a_reload_that_is_refused_changes_nothing(bench, read_again, reason):
    assert bench.run(signal.SIGHUP, signal.SIGTERM, read_again=read_again) == 0
    assert bench.server.calls == ["start", "stop"]
    assert f"[ERR] Failed to reload server configuration: {reason}" in bench.log


def test_the_log_is_reopened(bench, tmp_path):
    path = tmp_path / "s.log"

    def rotate():
        path.rename(tmp_path / "s.log.1")

    assert bench.run(rotate, signal.SIGUSR1, signal.SIGTERM, log_file=str(path)) == 0
    assert "File log re-opened" in path.read_text()


def test_a_loop_is_uvloops_where_there_is_one():
    factory = module._loop_factory()
    loop = factory()
    assert type(loop).__module__ == "uvloop"
    loop.close()
