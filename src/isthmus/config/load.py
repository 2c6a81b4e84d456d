"""From a file name to options: the only place of this package that reads files.

Owns the bound on a configuration's size and its decoding. The environment comes from the caller.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from isthmus.config.check import check
from isthmus.config.errors import Finding, refuse
from isthmus.config.options import Options
from isthmus.config.parser import describe, digest, parse

FILE_BYTES_MAX = 256 * 1024 * 1024  # one file; a preloaded resolver of 100 k accounts fits


def load(path: str, environment: Mapping[str, str]) -> tuple[Options, Sequence[Finding]]:
    """The options in the file `path`, and warnings; raise `ConfigError` for any other content."""
    try:
        text = _read(path)
    except OSError as error:
        raise refuse(f"open {path}: {describe(error)}") from None
    entries = parse(text, file=path, read=_read, environment=environment)
    options, warnings = check(entries, file=path, read=_read)
    _require_resolver_folder(options)
    options = msgspec.structs.replace(options, config_file=path, config_digest=digest(entries))
    return options, warnings


def load_text(text: str, environment: Mapping[str, str] | None = None) -> Options:
    """The options in a text, for programs and tests that have no file."""
    entries = parse(text, read=_read, environment=environment or {})
    options, _ = check(entries, file="", read=_read)
    _require_resolver_folder(options)
    return msgspec.structs.replace(options, config_digest=digest(entries))


def _read(path: str) -> str:
    with Path(path).open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise refuse(f"{path}: a configuration file has at most {FILE_BYTES_MAX >> 20} MiB")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refuse(f"{path}:{line}: not UTF-8; save the file as UTF-8") from None


def _require_resolver_folder(options: Options) -> None:
    """A folder that does not exist yet is made at start; anything else in its place is wrong."""
    if options.resolver is None or not options.resolver.folder:
        return
    folder = Path(options.resolver.folder)
    if folder.exists() and not (folder.is_dir() and os.access(folder, os.R_OK | os.W_OK)):
        raise refuse(f"resolver: dir needs to point to an accessible directory, not {folder}")
