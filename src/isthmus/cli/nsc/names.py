"""Names of operators, accounts and users, as they may stand in a path."""

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError


def require_name(text: str, complaint: str) -> str:
    """A name as it may stand in a path; `complaint` is for an empty one."""
    name = text.strip()
    if not name:
        raise CommandError(complaint)
    if "/" in name or "\\" in name:
        raise CommandError(r"name cannot contain '/' or '\'")
    if name in {".", ".."} or not name.isprintable():
        raise CommandError(f"{quote(name)} cannot be a name")
    return name


def plain(name: str) -> bool:
    """True if a name stays in its folder."""
    return bool(name) and "/" not in name and "\\" not in name and name not in {".", ".."}


def is_token_name(name: str) -> bool:
    """True for the file name of a token."""
    return name.endswith(".jwt") and not name.startswith(".")
