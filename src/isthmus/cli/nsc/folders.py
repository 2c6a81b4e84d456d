"""Where nsc keeps things: configuration, stores, keys.

Decides from flags, environment and what exists; touches nothing. Flags beat the environment, the
environment beats the defaults, and folders of the oldest releases are used where only they exist.

    configuration  $XDG_CONFIG_HOME/nats/nsc         (~/.config/nats/nsc)         old: ~/.nsc
    stores         $XDG_DATA_HOME/nats/nsc/stores    (~/.local/share/nats/nsc/…)  old: ~/.nsc/nats
    keys           $XDG_DATA_HOME/nats/nsc/keys                                   old: ~/.nkeys
"""

from pathlib import Path

from isthmus.base.values import Value
from isthmus.cli.nsc.surroundings import Surroundings

CONFIG_FILE = "nsc.json"


class FolderFlags(Value):
    """The global flags; empty ones were not given. `all_dirs` beats the other three."""

    all_dirs: str = ""
    config_dir: str = ""
    data_dir: str = ""
    keystore_dir: str = ""


class Folders(Value):
    """Where this run looks. `stores` is None where the configuration decides."""

    config: Path
    keys: Path
    default_stores: Path
    stores: Path | None = None

    @property
    def config_file(self) -> Path:
        """`nsc.json`: the current store, operator and account."""
        return self.config / CONFIG_FILE


def find_folders(surroundings: Surroundings, flags: FolderFlags) -> Folders:
    """The folders of a run."""
    environ = surroundings.environ
    config_home, data_home = xdg_homes(surroundings)
    config = config_home / "nats" / "nsc"
    stores = data_home / "nats" / "nsc" / "stores"
    keys = data_home / "nats" / "nsc" / "keys"
    old = surroundings.home / ".nsc"
    if (old / CONFIG_FILE).is_file() and not (config / CONFIG_FILE).is_file():
        config, stores, keys = old, old / "nats", surroundings.home / ".nkeys"
    config_text = flags.all_dirs or flags.config_dir or environ.get("NSC_HOME", "")
    keys_text = flags.all_dirs or flags.keystore_dir or environ.get("NKEYS_PATH", "")
    data_text = flags.all_dirs or flags.data_dir
    return Folders(
        config=expand(config_text, surroundings) if config_text else config,
        keys=expand(keys_text, surroundings) if keys_text else keys,
        default_stores=stores,
        stores=expand(data_text, surroundings) if data_text else None,
    )


def xdg_homes(surroundings: Surroundings) -> tuple[Path, Path]:
    """The base folders for configuration and for data."""
    environ, home = surroundings.environ, surroundings.home
    config = environ.get("XDG_CONFIG_HOME", "")
    data = environ.get("XDG_DATA_HOME", "")
    return (
        Path(config) if config else home / ".config",
        Path(data) if data else home / ".local" / "share",
    )


def expand(text: str, surroundings: Surroundings) -> Path:
    """A path a person typed: `~` is the home folder, a relative one is below the working folder."""
    if text == "~" or text.startswith("~/"):
        return surroundings.home / text[2:]
    return surroundings.cwd / text


def shortened(path: Path | str, home: Path) -> str:
    """A path as people write it: `~` for the home folder."""
    text = str(path)
    prefix = str(home)
    if prefix not in {"", "/"} and (text == prefix or text.startswith(prefix + "/")):
        return "~" + text[len(prefix) :]
    return text
