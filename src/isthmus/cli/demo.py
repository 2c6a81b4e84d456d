"""`isthmus demo`: the guide "Share JetStream as a Service", typed and checked, on an own server.

Everything happens below one temporary folder: keys, store, contexts, server data. Each command is
shown like at a shell prompt, then runs as its own process, and what it printed is checked. The
first thing that is not as it must be ends the demonstration with exit code 1.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlparse

import click

COMMAND_S = 30
START_S = 10
PREFIX = "ACCTC.API"
MESSAGE = "Restock for item 5678 pronto!"
NEXT = "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
ACK = "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
INFO = "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
GRANTS = (("NEXT", NEXT), ("ACK", ACK), ("INFO", INFO))

STREAM_CONFIG = {
    "name": "RESTOCKEVENTS",
    "subjects": ["retail.v1.restock.>"],
    "retention": "limits",
    "max_consumers": -1,
    "max_msgs": -1,
    "max_bytes": 1048576,
    "max_age": 31536000000000000,
    "max_msg_size": -1,
    "storage": "file",
    "discard": "old",
    "num_replicas": 1,
    "duplicate_window": 120000000000,
}
CONSUMER_CONFIG = {
    "durable_name": "RESTOCKEVENTS-C1",
    "deliver_policy": "all",
    "ack_policy": "explicit",
    "ack_wait": 30000000000,
    "max_deliver": -1,
    "max_ack_pending": 100,
    "replay_policy": "instant",
}


class DemoError(Exception):
    """A step did not give what it must."""


class Shell:
    """Runs the tools below one folder and shows what a person would see."""

    def __init__(self, folder: Path, *, color: bool) -> None:
        self.folder = folder
        self._color = color
        self.environment = os.environ | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "NKEYS_PATH": str(folder / "keys"),
            "NO_COLOR": "1",
        }
        for name in ("NSC_HOME", "NATS_CONTEXT", "NATS_URL", "NATS_CREDS", "NATS_USER"):
            self.environment.pop(name, None)

    def say(self, text: str) -> None:
        """A heading."""
        print(f"\n\033[1m{text}\033[0m" if self._color else f"\n# {text}", flush=True)

    def run(self, command: str, *, fails: bool = False) -> str:
        """Show and run one command line; its output. Raises if it does not end as it must."""
        prompt = f"\033[32m$\033[0m {command}" if self._color else f"$ {command}"
        print(prompt, flush=True)
        done = subprocess.run(  # noqa: S603 — our own tools with our own arguments
            [sys.executable, "-m", "isthmus.cli.main", *shlex.split(command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        out = done.stdout + done.stderr
        print(out.rstrip("\n"), flush=True) if out.strip() else None
        if (done.returncode != 0) != fails:
            wanted = "fail" if fails else "succeed"
            raise DemoError(
                f"this command must {wanted}; it ended with exit code {done.returncode}"
            )
        return out


class DemoServer:
    """The server of the demonstration: `isthmus server` on a free port of 127.0.0.1."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it listens."""
        folder = self._shell.folder
        ports = folder / "ports"
        ports.mkdir()
        with (folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 — this program
                [
                    *(sys.executable, "-m", "isthmus", "-c", "server.conf"),
                    *("--ports_file_dir", str(ports)),
                ],
                cwd=folder,
                env=self._shell.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ends = time.monotonic() + START_S
        while time.monotonic() < ends and self._process.poll() is None:
            for path in ports.glob("*.ports"):
                address = urlparse(json.loads(path.read_text())["nats"][0])
                self.url = f"nats://127.0.0.1:{address.port}"
                return
            time.sleep(0.02)
        text = (folder / "server.log").read_text(errors="replace")
        self.stop()
        raise DemoError(f"the server did not start:\n{text}")

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def check(holds: object, what: str) -> None:
    """Say that something is as it must be, or stop."""
    if not holds:
        raise DemoError(f"not so: {what}")
    print(f"  ✓ {what}", flush=True)


def ack_floor(shell: Shell) -> int:
    """The last stream sequence that ACCTC's consumer knows as processed."""
    text = shell.run("nats consumer info --context ACCTC --json RESTOCKEVENTS RESTOCKEVENTS-C1")
    return int(json.loads(text)["ack_floor"]["stream_seq"])


def set_up(shell: Shell, server: DemoServer) -> str:
    """Operator, accounts, users, server, contexts, stream and consumer; ACCTB's public key."""
    shell.say("An operator, three accounts, one user each")
    shell.run("nsc add operator --name DEMO --sys")
    for account in ("ACCTA", "ACCTB", "ACCTC"):
        shell.run(f"nsc add account --name {account}")
        shell.run(f"nsc add user --account {account} --name {account}-USER")
    shell.run(
        "nsc edit account --name ACCTC --js-mem-storage -1 --js-disk-storage -1 "
        "--js-streams -1 --js-consumer -1"
    )
    shell.say("A server that trusts this operator, in the JetStream domain ngs")
    shell.run("nsc generate config --nats-resolver --sys-account SYS --config-file resolver.conf")
    (shell.folder / "server.conf").write_text(
        "listen: 127.0.0.1:-1\n"
        "server_name: demo\n"
        'jetstream { store_dir: "./store", domain: ngs }\n'
        "include ./resolver.conf\n"
    )
    print("$ isthmus server -c server.conf &", flush=True)
    server.start()
    print(f"listening on {server.url}", flush=True)
    shell.run(f"nsc edit operator --service-url {server.url} --account-jwt-server-url {server.url}")
    shell.run("nsc push --all")
    shell.say("A context for each user; stream and consumer in ACCTC")
    for account in ("ACCTA", "ACCTB", "ACCTC"):
        shell.run(
            f"nsc generate creds --account {account} --name {account}-USER "
            f"--output-file {account}.creds"
        )
        shell.run(f"nats context add {account} --server {server.url} --creds {account}.creds")
    (shell.folder / "RESTOCKEVENTS.conf").write_text(json.dumps(STREAM_CONFIG, indent=2))
    (shell.folder / "RESTOCKEVENTS-C1.conf").write_text(json.dumps(CONSUMER_CONFIG, indent=2))
    shell.run("nats stream add --context ACCTC --config RESTOCKEVENTS.conf")
    shell.run("nats consumer add --context ACCTC RESTOCKEVENTS --config RESTOCKEVENTS-C1.conf")
    key = shell.run("nsc describe account --name ACCTB --field sub").strip().strip('"')
    if not re.fullmatch("A[A-Z2-7]{55}", key):
        raise DemoError(f"not an account key: {key!r}")
    return key


def share(shell: Shell, key: str) -> None:
    """The guide's nine commands: export, activate, import."""
    shell.say("ACCTC exports three services, privately")
    for grant, subject in GRANTS:
        response = ' --response-type "Stream"' if grant == "NEXT" else ""
        shell.run(
            f'nsc add export --private --account "ACCTC" --name "RESTOCKEVENTS-GRANT-{grant}" '
            f"--subject '{subject}' --service{response}"
        )
    shell.say("ACCTC allows ACCTB to use them")
    for grant, subject in GRANTS:
        shell.run(
            f'nsc generate activation --output-file "RESTOCKEVENTS-GRANT-{grant}-ACCTB.tok" '
            f'--account "ACCTC" --subject \'{subject}\' --target-account "{key}"'
        )
    shell.say("ACCTB accepts")
    for grant, subject in GRANTS:
        local = subject if grant == "ACK" else subject.replace("$JS.API", PREFIX)
        shell.run(
            f'nsc add import --token "RESTOCKEVENTS-GRANT-{grant}-ACCTB.tok" --account "ACCTB" '
            f"--name \"RESTOCKEVENTS-GRANT-{grant}\" --local-subject '{local}'"
        )
    shell.run("nsc push --all")


def take(shell: Shell, count: int = 1, *, fails: bool = False) -> str:
    """The guide's last command, by ACCTB."""
    timeout = " --timeout 1s" if fails else ""
    return shell.run(
        f'nats consumer next --context "ACCTB" --js-api-prefix "{PREFIX}" --ack --count {count}'
        f'{timeout} "RESTOCKEVENTS" "RESTOCKEVENTS-C1"',
        fails=fails,
    )


def publish(shell: Shell) -> int:
    """One restock event by ACCTC; its sequence."""
    out = shell.run(f'nats request --context "ACCTC" "retail.v1.restock.requested" "{MESSAGE}"')
    found = re.search(r'\{"stream":"RESTOCKEVENTS","domain":"ngs","seq":(\d+)\}', out)
    check(found, "the event is stored, and the answer names stream, domain and sequence")
    assert found is not None
    return int(found[1])


def story(shell: Shell, server: DemoServer) -> None:
    """The whole demonstration."""
    key = set_up(shell, server)
    shell.say("ACCTC publishes a restock event")
    seq = publish(shell)
    shell.say("Before the grant, ACCTB gets nothing")
    check(MESSAGE not in take(shell, fails=True), "nothing for ACCTB before the grant")
    share(shell, key)
    shell.say("ACCTB takes the event and acknowledges it, through its own account")
    out = take(shell)
    line = (
        f"subj: retail.v1.restock.requested / tries: 1 / cons seq: {seq} / str seq: {seq} "
        "/ pending: 0"
    )
    check(line in out, line)
    check(MESSAGE in out, "the event itself")
    check("Acknowledged message" in out, "acknowledged")
    check(ack_floor(shell) == seq, f"in ACCTC the consumer's acknowledgement floor is {seq}")
    shell.say("Five at once")
    for _ in range(5):
        seq = publish(shell)
    check(take(shell, 5).count(MESSAGE) == 5, "five events for a count of 5")
    check(ack_floor(shell) == seq, f"the acknowledgement floor is {seq}")
    shell.say("What was not granted stays closed")
    shell.run(
        f"nats stream info --context ACCTB --js-api-prefix {PREFIX} --timeout 1s RESTOCKEVENTS",
        fails=True,
    )
    shell.say("ACCTC revokes the grant, and restores it")
    seq = publish(shell)
    target = f"--account ACCTC --service --subject '{NEXT}' --target-account {key}"
    shell.run(f"nsc revocations add-activation {target}")
    shell.run("nsc push --account ACCTC")
    check(MESSAGE not in take(shell, fails=True), "revoked: ACCTB gets nothing")
    shell.run(f"nsc revocations delete-activation {target}")
    shell.run("nsc push --account ACCTC")
    check(MESSAGE in take(shell), "restored: ACCTB gets the event")
    check(ack_floor(shell) == seq, f"the acknowledgement floor is {seq}")


@click.command(help=__doc__)
@click.option("--keep", is_flag=True, help="Leave the folder and the running server for you.")
def main(*, keep: bool) -> None:
    """Run the story; exit code 1 where it does not hold."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-demo-"))
    shell = Shell(folder, color=sys.stdout.isatty())
    server = DemoServer(shell)
    kept = False
    try:
        story(shell, server)
        print("\nEverything the guide promises holds.")
        kept = keep
    except (DemoError, subprocess.TimeoutExpired) as error:
        print(f"isthmus demo: {error}", file=sys.stderr)
        sys.exit(1)
    finally:
        if kept:
            _explain(shell, server)
        else:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


def _explain(shell: Shell, server: DemoServer) -> None:
    """How to go on by hand."""
    print(f"\nThe server runs on (process {server.pid}, {server.url}). To go on by hand:\n")
    print(f"  cd {shell.folder}")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "NKEYS_PATH"):
        print(f"  export {name}={shlex.quote(shell.environment[name])}")
    print("  isthmus nats stream info --context ACCTC RESTOCKEVENTS")
    print(f"\nTo end it: kill {server.pid}; rm -r {shell.folder}")
