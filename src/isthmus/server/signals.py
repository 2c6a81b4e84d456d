"""The process around a server: signals, the pid file, the ports file.

Owns what the operating system says to the process and the small files that say where it is. Knows
of the server only the four actions it is given.

    SIGINT, SIGTERM   stop          SIGHUP    reload the configuration
    SIGUSR1           reopen log    SIGUSR2   lame duck: send clients away, then stop

Both files are written whole (a temporary name, then a rename), so a reader sees all or nothing. The
ports file is removed at the stop, the pid file stays, as nats-server leaves it.
"""

import asyncio
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, Self

import msgspec

from isthmus.base.errors import UsageError
from isthmus.base.values import Value

PORTS_FILE_MODE = 0o644
PID_FILE_MODE = 0o660
PROGRAM = "isthmus"


class Actions(Protocol):
    """What signals ask for. Each is called in the event loop and must not block."""

    def stop(self, name: str, /) -> None:
        """End the server; `name` is the signal as logs show it: `interrupt`, `terminated`."""

    def reload(self) -> None:
        """Read the configuration again."""

    def reopen_log(self) -> None:
        """Open the log file by its name again."""

    def lame_duck(self) -> None:
        """Send clients away, then stop."""


class SignalHandlers:
    """Signals of the process turned into actions, while entered."""

    def __init__(self, loop: asyncio.AbstractEventLoop, actions: Actions) -> None:
        self._loop = loop
        self._handlers: dict[signal.Signals, Callable[[], None]] = {
            signal.SIGINT: lambda: actions.stop("interrupt"),
            signal.SIGTERM: lambda: actions.stop("terminated"),
            signal.SIGHUP: actions.reload,
            signal.SIGUSR1: actions.reopen_log,
            signal.SIGUSR2: actions.lame_duck,
        }

    def __enter__(self) -> Self:
        for number, handler in self._handlers.items():
            self._loop.add_signal_handler(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._handlers:
            self._loop.remove_signal_handler(number)


class Ports(Value):
    """Where a server can be reached: what the ports file holds, in its order."""

    nats: tuple[str, ...] = ()
    monitoring: tuple[str, ...] = ()


class _PortsFile(Value, omit_defaults=True):
    nats: tuple[str, ...] = ()
    monitoring: tuple[str, ...] = ()


def urls(scheme: str, host: str, port: int) -> tuple[str, ...]:
    """The URLs of a listener: one, or one for each address of the machine if it listens on all."""
    return tuple(f"{scheme}://{_bracketed(address)}:{port}" for address in _addresses(host))


def write_pid_file(path: str) -> None:
    """Put the process id into the file `path`. Raises `UsageError`."""
    try:
        _write_whole(Path(path), str(os.getpid()).encode(), PID_FILE_MODE)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"could not write pidfile: open {path}: {reason}") from None


class PortsFile:
    """`<program>_<pid>.ports` in a folder: there while the server can be reached."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / f"{PROGRAM}_{os.getpid()}.ports"

    def write(self, ports: Ports) -> None:
        """Say where the server is; call it when the listeners are bound. Raises `OSError`."""
        document = _PortsFile(nats=ports.nats, monitoring=ports.monitoring)
        _write_whole(self.path, msgspec.json.encode(document), PORTS_FILE_MODE)

    def remove(self) -> None:
        """The server can't be reached any more."""
        self.path.unlink(missing_ok=True)


def _write_whole(path: Path, data: bytes, mode: int) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _addresses(host: str) -> Iterable[str]:
    if host not in {"", "0.0.0.0", "::"}:  # noqa: S104 — compared, not bound
        return (host,)
    return dict.fromkeys(_own_addresses(six=host != "0.0.0.0"))  # noqa: S104


def _own_addresses(*, six: bool) -> Iterator[str]:
    yield "127.0.0.1"
    if six:
        yield "::1"
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_STREAM)
    except OSError:  # a machine whose name has no address is reached by the ones above
        return
    for family, _, _, _, address in found:
        if family == socket.AF_INET or (six and family == socket.AF_INET6):
            yield str(address[0])


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host  # a name
