"""What every scenario needs: an operator, three accounts, a server that trusts them, contexts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

from isthmus.cli.demo.shell import DemoError, Shell

START_S = 10
ACCOUNTS = ("ACCTA", "ACCTB", "ACCTC")


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


def set_up(shell: Shell, server: DemoServer) -> dict[str, str]:
    """Operator, accounts, users, server, contexts; the accounts' public keys by name."""
    shell.say("An operator, three accounts, one user each")
    shell.run("nsc add operator --name DEMO --sys")
    for account in ACCOUNTS:
        shell.run(f"nsc add account --name {account}")
        shell.run(f"nsc add user --account {account} --name {account}-USER")
    for account in ("ACCTA", "ACCTC"):
        shell.run(
            f"nsc edit account --name {account} --js-mem-storage -1 --js-disk-storage -1 "
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
    shell.say("A context for each user")
    for account in ACCOUNTS:
        shell.run(
            f"nsc generate creds --account {account} --name {account}-USER "
            f"--output-file {account}.creds"
        )
        shell.run(f"nats context add {account} --server {server.url} --creds {account}.creds")
    return {account: _key(shell, account) for account in ACCOUNTS}


def write_configuration(folder: Path, configuration: dict[str, object]) -> None:
    """A stream or consumer configuration, as `--config` reads it."""
    name = configuration.get("durable_name") or configuration["name"]
    (folder / f"{name}.conf").write_text(json.dumps(configuration, indent=2))


def stream_configuration(name: str, subject: str) -> dict[str, object]:
    """The guide's stream: a megabyte, a year, on disk."""
    return {
        "name": name,
        "subjects": [subject],
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


def consumer_configuration(name: str) -> dict[str, object]:
    """The guide's consumer: explicit acknowledgements within 30 s."""
    return {
        "durable_name": name,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "ack_wait": 30000000000,
        "max_deliver": -1,
        "max_ack_pending": 100,
        "replay_policy": "instant",
    }


def _key(shell: Shell, account: str) -> str:
    key = shell.run(f"nsc describe account --name {account} --field sub").strip().strip('"')
    if not re.fullmatch("A[A-Z2-7]{55}", key):
        raise DemoError(f"not an account key: {key!r}")
    return key
