"""nats.js, unchanged, where node is: creds, the shared consumer, ordered ones, a watched bucket."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from support.servers import ServerProcess
from support.sharing import SharingWorld

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

PACKAGES = ("@nats-io/transport-node@3", "@nats-io/jetstream@3", "@nats-io/kv@3")
PROGRAM = Path(__file__).parent / "nats_js.mjs"
RESTARTED = Path(__file__).parent / "nats_js_restart.mjs"
SUBJECTS = {
    "NEXT": "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1",
    "ACK": "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>",
    "INFO": "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1",
}


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The folder with nats.js."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not on this machine")
    folder = tmp_path_factory.mktemp("nats-js")
    (folder / "package.json").write_text("{}")
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", *PACKAGES],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"npm can not install nats.js here: {done.stderr.strip()[-200:]}")
    return folder


@pytest.fixture
def world(kind, tmp_path):
    made = SharingWorld(kind, tmp_path, storing=("ACCTC",))
    run = made.shell.run
    for grant, subject in SUBJECTS.items():
        stream = " --response-type Stream" if grant == "NEXT" else ""
        run(
            f"nsc add export --account ACCTC --name {grant} --subject '{subject}' --service{stream}"
        )
        local = subject.replace("$JS.API", "ACCTC.API")
        run(
            f"nsc add import --account ACCTB --name {grant} --src-account $ACCTCPUBKEY "
            f"--remote-subject '{subject}' --local-subject '{local}' --service"
        )
    made.push()
    run("nats stream add --context ACCTC --subjects 'retail.v1.restock.>' --defaults RESTOCKEVENTS")
    run("nats consumer add --context ACCTC --pull --defaults RESTOCKEVENTS RESTOCKEVENTS-C1")
    yield made
    made.stop()


def test_it_does_what_its_users_do(modules, world):
    folder = world.shell.folder
    done = subprocess.run(
        [
            *("node", str(PROGRAM), str(modules), world.server.url),
            *(str(folder / "ACCTC.creds"), str(folder / "ACCTB.creds")),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    events = [f"event {number}" for number in range(30)]
    assert seen["stored"] == list(range(1, 31))
    assert seen["fetched"] + seen["consumed"] == events
    assert seen["confirmed"] is True
    assert seen["floor"] == [30, 0, 0]
    assert seen["ordered"] == list(range(1, 31))
    assert seen["answers"][0] == [1, 1]
    assert sorted(seen["answers"]) == [[1, 1], [1, 2], [2, 1], [3, 1]]  # a nak takes its time
    assert seen["watched"] == [
        ["color", "PUT", "red"],
        ["color", "PUT", "green"],
        ["size", "PUT", "9"],
        ["color", "DEL", ""],
    ]
    assert seen["value"] == "9"
    assert seen["history"] == [["PUT", "red"], ["PUT", "green"], ["DEL", ""]]
    assert seen["keys"] == ["size"]


def test_its_consumers_go_on_when_the_server_starts_again(modules, kind, tmp_path):
    folder = tmp_path / "server"
    with (
        ServerProcess(kind, folder, "-js", "-sd", str(folder / "store")) as server,
        subprocess.Popen(
            ["node", str(RESTARTED), str(modules), server.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as program,
    ):
        try:
            assert program.stdout.readline() == "half\n"
            port = server.port
            server.stop()
            server.start(port)
            seen, _ = program.communicate("again\n", timeout=60)
        finally:
            program.kill()
    numbers = list(range(1, 41))
    assert json.loads(seen) == {
        "consumed": numbers, "ordered": numbers, "fetched": numbers, "floor": [40, 0, 0],
    }  # fmt: skip
