"""Operator, accounts, contexts and a server, made by command lines: where shares are tried out."""

import json
import re
import signal
from pathlib import Path

from support.servers import ServerProcess
from support.shell import Shell
from support.waiting import wait_for

ACCOUNTS = ("ACCTA", "ACCTB", "ACCTC")


class Background:
    """A command that goes on running; `text` is what it printed so far."""

    def __init__(self, shell: Shell, line: str) -> None:
        self._path = shell.folder / f"background-{len(list(shell.folder.glob('background-*')))}"
        self._path.touch()
        tool, words = shell.split(line)
        assert tool, line
        self._process = shell.start(tool, words, self._path, self._path)

    @property
    def text(self) -> str:
        return self._path.read_text()

    def wait_for(self, pattern: str) -> None:
        """Return when it has printed `pattern`."""

        def printed() -> bool:
            assert self._process.poll() is None, self.text
            return re.search(pattern, self.text) is not None

        wait_for(printed, within_s=20)

    def interrupt(self) -> int:
        """Ctrl-C; its exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(20)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class SharingWorld:
    """ACCTA, ACCTB and ACCTC with a user and a context each, on a server of `kind`.

    `storing`: the accounts that have JetStream. `contexts`: the name of a context for an account's
    name. The shell has $ACCTA … and their public keys as $ACCTAPUBKEY …
    """

    def __init__(self, kind: str, folder: Path, *, storing, contexts="{}") -> None:
        self.shell = Shell(folder)
        self._running: list[Background] = []
        run = self.shell.run
        run("nsc add operator --name GUIDE --sys")
        for account in ACCOUNTS:
            run(f"nsc add account --name {account}")
            run(f"nsc add user --account {account} --name {account}-USER")
        for account in storing:
            run(
                f"nsc edit account --name {account} --js-mem-storage -1 --js-disk-storage -1 "
                "--js-streams -1 --js-consumer -1"
            )
        run("nsc generate config --nats-resolver --sys-account SYS --config-file resolver.conf")
        self.kind = kind
        self.server = ServerProcess(
            kind,
            folder / "server",
            config=(
                "server_name: guide\n"
                'jetstream { store_dir: "./store", domain: ngs }\n'
                "include ../resolver.conf\n"
            ),
        ).start()
        url = self.server.url
        run(f"nsc edit operator --service-url {url} --account-jwt-server-url {url}")
        self.push()
        for account in ACCOUNTS:
            run(
                f"nsc generate creds --account {account} --name {account}-USER "
                f"--output-file {account}.creds"
            )
            context = contexts.format(account)
            run(f"nats context add {context} --server {url} --creds {folder / account}.creds")
            self.shell.environment[account] = account
            self.shell.environment[f"{account}PUBKEY"] = self.key(account)

    def key(self, account: str) -> str:
        """The account's public key."""
        found = self.shell.run(f"nsc describe account --name {account} --field sub")
        key = found.strip().strip('"')
        assert re.fullmatch("A[A-Z2-7]{55}", key), found
        return key

    def push(self) -> None:
        self.shell.run("nsc push --all")

    def type(self, lines: str) -> str:
        """Type lines that must succeed; what the last one printed."""
        out = ""
        for line in lines.strip().splitlines():
            out = self.shell.run(line)
        return out

    def write(self, name: str, value: object) -> None:
        """A configuration file, beside the command lines."""
        path = self.shell.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))

    def background(self, line: str) -> Background:
        made = Background(self.shell, line)
        self._running.append(made)
        return made

    def stop(self) -> None:
        for command in self._running:
            command.stop()
        self.server.stop()
