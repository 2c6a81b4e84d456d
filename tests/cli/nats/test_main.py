import subprocess
import sys

import pytest

SEEN = """
import sys
from isthmus.cli.nats.main import run
from isthmus.cli.streams import RecordedStreams
streams = RecordedStreams()
assert run(["--help"], streams, {}) == 0
assert "publish" in streams.out_text
print("\\n".join(sys.modules))
"""


def test_help_imports_neither_event_loop_nor_client_nor_core():
    done = subprocess.run(
        [sys.executable, "-c", SEEN], capture_output=True, text=True, check=True, timeout=30
    )
    loaded = done.stdout.split()
    assert "isthmus.cli.nats.main" in loaded
    heavy = {"asyncio", "rich", "nats", "ssl", "nacl"}
    assert heavy.isdisjoint(loaded)
    assert not [name for name in loaded if name.startswith(("isthmus.core", "isthmus.identity"))]


def test_without_arguments_the_help_is_shown(tool):
    assert tool.ok().startswith("Usage: nats ")


def test_the_version_stands_alone(tool):
    assert tool.ok("--version").strip().count(".") == 2


@pytest.mark.parametrize("group", ["stream", "consumer", "context", "account"])
def test_a_group_alone_is_misuse(tool, group):
    done = tool(group)
    assert done.code == 2
    assert f"Usage: nats {group}" in done.out


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("bogus", 'expected command but got "bogus"'),
        ("bench pub", '"nats bench" is a command of the original that is not supported yet'),
        ("stream cluster x y", '"nats stream cluster" is a command of the original'),
        ("stream bogus", 'expected command but got "bogus"'),
        ("pub", "required argument 'subject' not provided"),
        ("pub a b c", "unexpected argument 'c'"),
        ("pub a --bogus", "unknown long flag '--bogus'"),
        ("pub a -Z", "unknown short flag '-Z'"),
        ("pub a b --timeout", "expected argument for flag '--timeout'"),
        ("pub a b --timeout 5", "invalid value for '--timeout': invalid duration"),
        ("pub a b --atomic", "--atomic is an option of the original that is not supported yet"),
        ("pub a b --schedule-at=x", "--schedule-at is an option of the original"),
        ("sub a --graph", "--graph is an option of the original"),
        ("stream add S --output F", "--output is an option of the original"),
        ("--socks-proxy x pub a b", "--socks-proxy is an option of the original"),
        ("pub a b --colors red", "--colors is an option of the original"),
    ],
)
def test_misuse_is_one_line_that_names_it(tool, line, problem):
    assert tool.fails(*line.split(), code=2).startswith(problem)


@pytest.mark.parametrize(
    "line",
    ["--help", "-h", "stream --help", "stream add --help", "consumer next -h", "pub --help"],
)
def test_help_is_everywhere(tool, line):
    assert "Usage: nats" in tool.ok(*line.split())


def test_shared_flags_stand_anywhere(nats):
    nats.ok("context", "add", "HERE")
    url = nats.environ.pop("NATS_URL")
    for line in (
        f"--server {url} stream ls",
        f"stream --server {url} ls",
        f"stream ls --server {url}",
        "--context HERE stream ls",
        "stream ls --context=HERE",
    ):
        assert nats.ok(*line.split()) == "No Streams defined\n"


def test_aliases_lead_to_the_same(nats):
    for line in ("str ls", "st list", "s l", "ms ls"):
        assert nats.ok(*line.split()) == "No Streams defined\n"
