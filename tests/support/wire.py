r"""Wire transcripts: what clients send and must get, played against any target.

        # a comment
        = account B                          B is a connection of account B
        = options B {"verbose": true}        of its CONNECT, which is otherwise quiet, with headers
        = permissions B {"publish": {"deny": "no.>"}}
        = service A svc.> stream             account A exports it; the response type may be left out
        = import B A svc.a as q.$1 share     account B imports it; "as" and "share" may be left out
        B> PUB svc.a _INBOX.x 2              sent, with its line end
        B> hi
        A< HMSG svc.a 1 <reply> <_> <_>      must come: <name> holds a word, <_> forgets it
        A< NATS/1.0
        ?< MSG jobs 1 2                      one of the connections gets it, and the ?< lines below
        B! closed                            the server ended the connection

Lines are sent until one is expected; then everything that came must be expected, and nothing else
may come: the order counts within a connection. A transcript that holds on nats-server is a
specification.
"""

import json
import re
import socket
from pathlib import Path
from typing import Protocol

import msgspec

QUIET = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}


class Service(msgspec.Struct):
    account: str
    subject: str
    response_type: str = "singleton"


class Import(msgspec.Struct):
    account: str
    exporter: str
    subject: str
    local: str
    share: bool = False


class Setting(msgspec.Struct):
    """What the `=` lines say."""

    accounts: dict[str, str] = {}  # connection -> account
    options: dict[str, dict] = {}
    permissions: dict[str, dict] = {}
    services: list[Service] = []
    imports: list[Import] = []

    def account_of(self, name: str) -> str:
        return self.accounts.get(name, "$G")


class Target(Protocol):
    """Where a transcript is played."""

    def send(self, name: str, data: bytes) -> None: ...
    def pause(self, name: str) -> None: ...
    def settle(self) -> None: ...
    def take(self, name: str) -> list[bytes]: ...
    def closed(self, name: str) -> bool: ...


class Transcript:
    """A parsed transcript: its setting and its steps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.setting = Setting()
        self.steps: list[tuple[int, str, str, str]] = []  # line number, connection, sign, text
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("= "):
                self._set(line[2:])
            elif line.strip() and not line.startswith("#"):
                found = re.fullmatch(r"(\w+|\?)([><!]) ?(.*)", line)
                assert found, f"{path.name}:{number}: not a line of a transcript: {line}"
                self.steps.append((number, *found.groups()))

    @property
    def names(self) -> list[str]:
        """The connections, in the order in which they first speak."""
        return list(dict.fromkeys(name for _, name, _, _ in self.steps if name != "?"))

    def _set(self, line: str) -> None:
        word, name, *rest = line.split(" ", 2)
        text = rest[0] if rest else ""
        setting = self.setting
        if word == "account":
            setting.accounts[name] = text or name
        elif word in {"options", "permissions"}:
            getattr(setting, word)[name] = json.loads(text)
        elif word == "service":
            setting.services.append(Service(name, *text.split()))
        else:
            assert word == "import", line
            exporter, subject, *more = text.split()
            share = "share" in more
            local = more[more.index("as") + 1] if "as" in more else subject
            setting.imports.append(Import(name, exporter, subject, local, share))


class Player:
    """Plays one transcript and compares."""

    def __init__(self, transcript: Transcript, target: Target) -> None:
        self.transcript = transcript
        self.target = target
        self.words: dict[str, str] = {}
        self.unread: dict[str, list[bytes]] = {name: [] for name in transcript.names}
        self.chosen = ""  # who answered a ?< line

    def play(self) -> None:
        sending, speaker, said = True, "", b""
        for number, name, sign, text in self.transcript.steps:
            if sign == ">":
                if not sending:
                    self._nothing_else(number)
                    speaker = ""
                if speaker not in {"", name}:
                    self.target.send(speaker, said)
                    self.target.pause(speaker)
                    said = b""
                sending, speaker = True, name
                said += self._fill(text).encode() + b"\r\n"
                continue
            if sending:
                self._read(speaker, said)
                sending, said = False, b""
            if sign == "!":
                assert self.target.closed(name), f"{self._at(number)}: {name} is still open"
            elif name == "?":
                self._expect_from_any(number, text)
            else:
                self._expect(number, name, text)
        self._read(speaker, said)
        self._nothing_else(0)

    def _read(self, speaker: str, said: bytes) -> None:
        """Say what is left to say, then see what came. A speaker's lines go in one piece."""
        if said:
            self.target.send(speaker, said)
        self.target.settle()
        self.chosen = ""
        for name, lines in self.unread.items():
            lines.extend(self.target.take(name))

    def _expect(self, number: int, name: str, text: str) -> None:
        lines = self.unread[name]
        assert lines, f"{self._at(number)}: {name} got nothing instead of {text!r}"
        assert self._match(text, lines[0]), f"{self._at(number)}: {name} got {lines[0]!r}"
        lines.pop(0)

    def _expect_from_any(self, number: int, text: str) -> None:
        if not self.chosen:
            waiting = [name for name, lines in self.unread.items() if lines]
            assert len(waiting) == 1, f"{self._at(number)}: {waiting} got something"
            self.chosen = waiting[0]
        self._expect(number, self.chosen, text)

    def _nothing_else(self, number: int) -> None:
        for name, lines in self.unread.items():
            assert not lines, f"{self._at(number)}: {name} got {lines!r} too"

    def _fill(self, text: str) -> str:
        return re.sub(r"<(\w+)>", lambda found: self.words[found[1]], text)

    def _match(self, text: str, line: bytes) -> bool:
        pattern = ""
        for part in re.split(r"(<\w+>)", text):
            name = part[1:-1] if re.fullmatch(r"<\w+>", part) else ""
            if name and name in self.words:
                pattern += re.escape(self.words[name])
            elif name == "_":
                pattern += r"[^ ]+?"
            elif name:
                pattern += f"(?P<{name}>[^ ]+)"
            else:
                pattern += re.escape(part)
        found = re.fullmatch(pattern, line.decode("utf-8", "surrogateescape"))
        if found:
            self.words.update(found.groupdict())
        return found is not None

    def _at(self, number: int) -> str:
        return f"{self.transcript.path.name}:{number or 'end'}"


# --- a server over TCP ---


def config_of(setting: Setting) -> str:
    """The configuration of a server for this setting; its users are the connections."""
    names = {*setting.accounts.values()}
    names |= {service.account for service in setting.services}
    names |= {wanted.account for wanted in setting.imports}
    if not names and not setting.permissions:
        return ""
    accounts = {}
    for name in sorted(names or {"A"}):
        users = []
        for connection, account in setting.accounts.items():
            if account == name:
                user: dict[str, object] = {"user": connection, "password": "generated"}
                if connection in setting.permissions:
                    user["permissions"] = setting.permissions[connection]
                users.append(user)
        accounts[name] = {
            "users": users,
            "exports": [
                {"service": service.subject, "response_type": service.response_type}
                for service in setting.services
                if service.account == name
            ],
            "imports": [
                {
                    "service": {"account": wanted.exporter, "subject": wanted.subject},
                    "to": wanted.local,
                    "share": wanted.share,
                }
                for wanted in setting.imports
                if wanted.account == name
            ],
        }
    return json.dumps({"accounts": accounts}, indent=1)


class TcpTarget:
    """Connections to a server that listens on `port`."""

    def __init__(self, port: int, transcript: Transcript) -> None:
        self.sockets: dict[str, socket.socket] = {}
        self.data: dict[str, bytes] = {}
        self.owed: dict[str, int] = {}  # PONGs that have not come yet
        self.ended: set[str] = set()
        setting = transcript.setting
        for name in transcript.names:
            options = QUIET | setting.options.get(name, {})
            if name in setting.accounts:
                options |= {"user": name, "pass": "generated"}
            self.sockets[name] = socket.create_connection(("127.0.0.1", port), timeout=5)
            self.data[name] = b""
            self.owed[name] = 0
            self.send(name, b"CONNECT " + json.dumps(options).encode() + b"\r\n")
            self.pause(name)
            self.data[name] = b""

    def close(self) -> None:
        for opened in self.sockets.values():
            opened.close()

    def send(self, name: str, data: bytes) -> None:
        self.owed[name] += sum(line == b"PING" for line in data.upper().split(b"\r\n"))
        self.sockets[name].sendall(data)

    def settle(self) -> None:
        """Twice: what one was told last is in the others' queues when it has its answer."""
        for name in (*self.sockets, *self.sockets):
            self.pause(name)

    def take(self, name: str) -> list[bytes]:
        lines = self.data[name].split(b"\r\n")
        self.data[name] = lines.pop()
        return [line for line in lines if not line.startswith(b"INFO ") and line != b"PING"]

    def closed(self, name: str) -> bool:
        return name in self.ended

    def pause(self, name: str) -> None:
        """Until the server has read all that `name` sent."""
        if name in self.ended:
            return
        came = b""
        self.owed[name] += 1
        try:
            self.sockets[name].sendall(b"PING\r\n")
            while came.count(b"PONG\r\n") < self.owed[name]:
                part = self.sockets[name].recv(65536)
                if not part:
                    self.ended.add(name)
                    break
                came += part
        except (ConnectionResetError, BrokenPipeError):
            self.ended.add(name)
        if name not in self.ended:
            self.owed[name] = 0
            before, _, after = came.rpartition(b"PONG\r\n")
            came = before + after
        self.data[name] += came
