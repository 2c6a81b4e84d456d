"""Saved contexts of the nats tool: named sets of connection options.

Owns the folder `nats` of the user's configuration, in the original's form:

    nats/context/<name>.json     one context, mode 0600, indented by two, no last newline
    nats/context.txt             the selected name
    nats/previous-context.txt    the one selected before

Knows no network and no flags: `nats/settings.py` lays those over a context. Invariant: a file is
replaced in one step or not at all.
"""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from isthmus.base.values import Value, to_json
from isthmus.cli.groups import CommandError

DEFAULT_URL = "nats://127.0.0.1:4222"

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


class Context(Value):
    """One saved context. Every field is written, in this order."""

    description: str = ""
    url: str = ""
    socks_proxy: str = ""
    token: str = ""
    user: str = ""
    password: str = ""
    creds: str = ""
    nkey: str = ""
    cert: str = ""
    key: str = ""
    ca: str = ""
    nsc: str = ""
    jetstream_domain: str = ""
    jetstream_api_prefix: str = ""
    jetstream_event_prefix: str = ""
    inbox_prefix: str = ""
    user_jwt: str = ""
    user_seed: str = ""
    color_scheme: str = ""
    tls_first: bool = False
    windows_cert_store: str = ""
    windows_cert_match_by: str = ""
    windows_cert_match: str = ""
    windows_ca_certs_match: list[str] | None = None


def named(name: str, context: Context) -> dict[str, object]:
    """The context as `--json` prints it, its name first."""
    return {"name": name, **msgspec.structs.asdict(context)}


def require_one_credential(context: Context) -> None:
    """Refuse a context that would leave open who connects."""
    kinds = (context.user, context.creds, context.nkey, context.nsc, context.user_jwt)
    if sum(bool(kind) for kind in kinds) > 1:
        raise CommandError(
            "too many types of credentials. Choose only one from "
            "'user/token', 'creds', 'nkey', 'nsc'"
        )


class ContextStore:
    """The contexts of one user."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._environ = environ

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> "ContextStore":
        """The store below `XDG_CONFIG_HOME`, or `.config` in the home folder."""
        root = environ.get("XDG_CONFIG_HOME")
        home = environ.get("HOME") or str(Path.home())
        return cls((Path(root) if root else Path(home) / ".config") / "nats", environ)

    def path(self, name: str) -> Path:
        """The file of a context; raises if the name cannot be one."""
        problem = _name_problem(name)
        if problem:
            raise CommandError(f"invalid context name: {problem}")
        return self.folder / "context" / f"{name}.json"

    def names(self) -> list[str]:
        """The names of all contexts, sorted."""
        folder = self.folder / "context"
        if not folder.is_dir():
            return []
        return sorted(
            file.stem
            for file in folder.iterdir()
            if file.suffix == ".json"
            and not _name_problem(file.stem)
            and file.is_file()
            and file.stat().st_size
        )

    def exists(self, name: str) -> bool:
        """True if a context of this name is saved."""
        return self.path(name).is_file()

    def load(self, name: str) -> Context:
        """Read a context; a name that is the path of a `.json` file is read from there."""
        given = Path(name)
        if name.endswith(".json") and given.is_file():
            return self._read(given)
        path = self.path(name)
        if not path.is_file():
            raise CommandError(f'context not found: "{name}"')
        return self._read(path)

    def _read(self, path: Path) -> Context:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Context)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CommandError(f"cannot read context {path}: {error}") from None

    def expanded(self, context: Context) -> Context:
        """The context with `~`, `$NAME` and `${NAME}` replaced where it names files."""
        return msgspec.structs.replace(
            context,
            **{
                field: self._expand(getattr(context, field))
                for field in ("creds", "nkey", "cert", "key", "ca")
            },
        )

    def _expand(self, text: str) -> str:
        home = self._environ.get("HOME", "~")
        if text == "~" or text.startswith("~/"):
            text = home + text[1:]
        return _VARIABLE.sub(lambda found: self._environ.get(found[1] or found[2], ""), text)

    def save(self, name: str, context: Context) -> None:
        """Write a context, replacing the one of that name."""
        require_one_credential(context)
        text = msgspec.json.format(to_json(context), indent=2)
        _replace_file(self.path(name), text)

    def remove(self, name: str) -> None:
        """Remove a context; an unknown one is fine."""
        self.path(name).unlink(missing_ok=True)

    def selected(self) -> str:
        """The selected name, empty if none is."""
        return _read_name(self.folder / "context.txt")

    def previous(self) -> str:
        """The name selected before the present one, empty if there was none."""
        return _read_name(self.folder / "previous-context.txt")

    def select(self, name: str) -> None:
        """Make `name` the context of runs that name none."""
        if not self.exists(name):
            raise CommandError(f'context not found: "{name}"')
        self._remember_selected()
        _replace_file(self.folder / "context.txt", name.encode())

    def unselect(self) -> None:
        """Leave no context selected."""
        self._remember_selected()
        (self.folder / "context.txt").unlink(missing_ok=True)

    def _remember_selected(self) -> None:
        selected = self.selected()
        if selected:
            _replace_file(self.folder / "previous-context.txt", selected.encode())


def _name_problem(name: str) -> str:
    if not name:
        return "name is empty"
    if ".." in name:
        return f'"{name}" must not contain ".."'
    if "/" in name or "\\" in name:
        return f'"{name}" must not contain "/" or "\\"'
    return ""


def _read_name(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


def _replace_file(path: Path, content: bytes) -> None:
    for folder in (path.parent.parent, path.parent):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f"{path.name}.tmp-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:  # mkstemp made it 0600
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    names = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(names)
    finally:
        os.close(names)
