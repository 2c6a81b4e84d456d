"""Rules about subjects inside claims, looser than those of the wire.

Owns what a subject, a renaming (`local_subject`) and a permission entry may look like in a token.
`isthmus.base.subjects` decides what a message may be sent to; here the question is what the
original library lets a token say, and with which words it refuses.
"""

from collections.abc import Iterable

from isthmus.base.quoting import quote
from isthmus.identity.claims import Permission, Permissions
from isthmus.identity.findings import Findings, error


def check_subject(subject: str) -> Findings:
    """A subject has no blanks and no empty token."""
    if not subject:
        yield error("subject cannot be empty")
        return
    if " " in subject:
        yield error(f"subject {quote(subject)} cannot have spaces")
    if subject[0] == "." or subject[-1] == ".":
        yield error(f"subject {quote(subject)} cannot start or end with a `.`")
    if ".." in subject:
        yield error(f"subject {quote(subject)} cannot contain consecutive `.`")


def has_wildcards(subject: str) -> bool:
    """True if a token is `*`, or the last one `>`."""
    tokens = subject.split(".")
    return "*" in tokens or tokens[-1] == ">"


def contained_in(narrow: str, broad: str) -> bool:
    """True if tokens say so one by one. A `>` in `narrow` passes for a `*` in `broad`.

    So it is good enough to find overlaps, and not good enough to grant anything: that takes
    `subjects.covers`.
    """
    broad_tokens, narrow_tokens = broad.split("."), narrow.split(".")
    last = len(broad_tokens) - 1
    if len(narrow_tokens) <= last or (len(narrow_tokens) > last + 1 and broad_tokens[last] != ">"):
        return False
    if broad_tokens[last] == ">":
        broad_tokens.pop()
    pairs = zip(broad_tokens, narrow_tokens, strict=False)
    return all(token in {"*", other} for token, other in pairs)


def reference(token: str) -> int | None:
    """The number n of a token `$n`, None for any other (`$JS` is an ordinary one)."""
    number = token[1:]
    if not token.startswith("$") or not number.removeprefix("+").removeprefix("-").isdecimal():
        return None
    return int(number) if number.isascii() else None


def without_references(renaming: str) -> str:
    """`local_subject` as the pattern it is: `$n` becomes `*`."""
    tokens = renaming.split(".")
    return ".".join("*" if reference(token) is not None else token for token in tokens)


def check_renaming(renaming: str, subject: str) -> Findings:
    """A local subject names every wildcard of `subject`, by place or by number."""
    yield from check_subject(renaming)
    if not subject:
        yield error("subject cannot be empty")
    if " " in renaming:
        yield error(f"subject {quote(renaming)} cannot have spaces")
    tokens, subject_tokens = renaming.split("."), subject.split(".")
    if (tokens[-1] == ">") != (subject_tokens[-1] == ">"):
        yield error("both, renaming subject and subject, need to end or not end in >")
    wildcards = subject_tokens.count("*")
    named = 0
    for part in tokens:
        number = reference(part)
        if number is not None and number > wildcards:
            yield error(
                f"Reference ${number} in {quote(renaming)} reference * in {quote(subject)}"
                " that do not exist"
            )
        elif number is not None or part == "*":
            named += 1
    if named != wildcards:
        yield error("subject does not contain enough * or reference wildcards $[0-9]")


def check_permissions(permissions: Permissions) -> Findings:
    """Each entry is a subject; for subscriptions a queue name may follow it."""
    yield from _check_permission(permissions.sub, queues=True)
    yield from _check_permission(permissions.pub, queues=False)


def _check_permission(permission: Permission, *, queues: bool) -> Findings:
    entries: Iterable[str] = permission.allow + permission.deny
    for entry in entries:
        parts = entry.split(" ")
        if len(parts) > 2:
            yield error(f'Permission Subject "{entry}" contains too many spaces')
            continue
        for part in parts:
            yield from check_subject(part)
        if len(parts) == 2 and not queues:
            yield error(f'Permission Subject "{entry}" is not allowed to contain queue')
