"""Fixtures that every folder of tests may use."""

import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from support.servers import ServerProcess
from support.soak import SOAK

# Started in the background of a shell, this process would ignore Ctrl-C, and so would the tools
# that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more about the machine than about the code. The first fault is what
# a run tells: how many more are found depends on time, and the same seed shall tell the same.
settings.register_profile("isthmus", deadline=None, report_multiple_bugs=False)
settings.load_profile("isthmus")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """One seed for all that is random, so that it can be printed and given again."""
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(secrets.randbits(32))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """nats-server is asked a second time, and the summary says so; our server has one try.

    Some of what it does follows its answer by a time that nobody bounds (files of a deleted stream,
    advisories, counts of consumers). It is here to show that a test states the truth; whether it is
    in time on a busy machine says nothing about this code.
    """
    for item in items:
        if isinstance(item, pytest.Function) and _is_of_the_real_server(item):
            item.add_marker(pytest.mark.flaky(reruns=1))


def _is_of_the_real_server(item: pytest.Function) -> bool:
    return hasattr(item, "callspec") and "real" in item.callspec.params.values()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Which seed this was."""
    seed = config.getoption("--hypothesis-seed")
    size = "SOAK=1 " if SOAK else ""
    terminalreporter.write_line(f"the same random choices again: {size}make sim SEED={seed}")


@pytest.fixture(autouse=True)
def _worlds_end() -> Iterator[None]:
    """What a test made of the compiled core goes with it."""
    yield
    if "support.core" in sys.modules:
        from support.core import end_worlds

        end_worlds()


@pytest.fixture(params=["isthmus", "real"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs on our server and on the real one."""
    return request.param


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """`start_server(kind, *flags, config="…")`: a running server, stopped after the test."""
    running: list[ServerProcess] = []

    def start(kind: str, *args: str, config: str = "", name: str = "") -> ServerProcess:
        server = ServerProcess(
            kind, tmp_path / (name or f"server{len(running)}"), *args, config=config
        )
        running.append(server)
        return server.start()

    yield start
    for server in running:
        server.stop()
