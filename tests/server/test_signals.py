"""Signals, the pid file, the ports file."""

import asyncio
import json
import os
import signal

import pytest

from isthmus.base.errors import UsageError
from isthmus.server.signals import Ports, PortsFile, SignalHandlers, urls, write_pid_file


class RecordingActions:
    def __init__(self):
        self.calls = []
        self.called = asyncio.Event()

    def _note(self, *call):
        self.calls.append(call)
        self.called.set()

    def stop(self, name):
        self._note("stop", name)

    def reload(self):
        self._note("reload")

    def reopen_log(self):
        self._note("reopen")

    def lame_duck(self):
        self._note("lame duck")


@pytest.mark.real
@pytest.mark.parametrize(
    ("number", "call"),
    [
        (signal.SIGINT, ("stop", "interrupt")),
        (signal.SIGTERM, ("stop", "terminated")),
        (signal.SIGHUP, ("reload",)),
        (signal.SIGUSR1, ("reopen",)),
        (signal.SIGUSR2, ("lame duck",)),
    ],
)
def test_a_signal_is_an_action(number, call):
    async def main():
        actions = RecordingActions()
        with SignalHandlers(asyncio.get_running_loop(), actions):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(actions.called.wait(), 10)
        return actions.calls

    assert asyncio.run(main()) == [call]


@pytest.mark.real
def test_afterwards_signals_are_as_before():
    async def main():
        with SignalHandlers(asyncio.get_running_loop(), RecordingActions()):
            assert signal.getsignal(signal.SIGUSR1) != signal.SIG_DFL
        assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL

    asyncio.run(main())


def test_the_pid_file_holds_the_number_alone(tmp_path):
    path = tmp_path / "a.pid"
    path.write_text("something longer than a number")
    write_pid_file(str(path))
    assert path.read_text() == str(os.getpid())
    assert [one.name for one in tmp_path.iterdir()] == ["a.pid"]


def test_a_pid_file_that_can_not_be_written_is_an_error(tmp_path):
    path = tmp_path / "nope" / "a.pid"
    with pytest.raises(UsageError) as caught:
        write_pid_file(str(path))
    text = f"could not write pidfile: open {path}: no such file or directory"
    assert str(caught.value) == text


def test_the_ports_file_is_there_until_it_is_removed(tmp_path):
    file = PortsFile(str(tmp_path))
    file.write(Ports(nats=("nats://127.0.0.1:1",), monitoring=("http://127.0.0.1:2",)))
    (path,) = tmp_path.glob("*.ports")
    assert path.name == f"isthmus_{os.getpid()}.ports"
    assert (
        path.read_bytes() == b'{"nats":["nats://127.0.0.1:1"],"monitoring":["http://127.0.0.1:2"]}'
    )
    file.remove()
    assert not list(tmp_path.iterdir())
    file.remove()


def test_without_monitoring_there_is_no_such_entry(tmp_path):
    PortsFile(str(tmp_path)).write(Ports(nats=("nats://a:1",)))
    (path,) = tmp_path.glob("*.ports")
    assert json.loads(path.read_bytes()) == {"nats": ["nats://a:1"]}


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    file = PortsFile(str(tmp_path))
    file.write(Ports(nats=("nats://a:1",)))
    before = file.path.read_bytes()

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(file.path), "replace", fail)
    with pytest.raises(OSError):
        file.write(Ports(nats=("nats://a:2",)))
    assert file.path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "nats://127.0.0.1:1"),
        ("::1", "nats://[::1]:1"),
        ("localhost", "nats://localhost:1"),
    ],
)
def test_a_listener_on_one_address_has_one_url(host, url):
    assert urls("nats", host, 1) == (url,)


def test_a_listener_on_all_addresses_has_one_url_each():
    found = urls("nats", "0.0.0.0", 1)
    assert found[0] == "nats://127.0.0.1:1"
    assert len(found) == len(set(found))
    assert "nats://[::1]:1" in urls("nats", "::", 1)
