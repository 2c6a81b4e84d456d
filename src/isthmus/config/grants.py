"""What accounts of one configuration grant each other: exists the export, may it be imported?

Owns the rules that concern two accounts. Knows values only, no text: its findings have the place
of `accounts`. In operator mode the same questions are answered by the account registry, from
tokens.

A cycle is an import whose messages would come back to the importer:

    A imports "x" from B, B imports "x" from A        both directions of one subject
    A from B, B from C, C from A                      any number of steps
"""

from collections.abc import Iterator

from isthmus.base import subjects
from isthmus.config.options import AccountOptions, ExportOptions, ImportOptions


class _Accounts:
    """The exports of every account, and the imports that were accepted so far."""

    def __init__(self, accounts: tuple[AccountOptions, ...]) -> None:
        self.exports = {account.name: account.exports for account in accounts}
        self.imports: dict[str, list[ImportOptions]] = {name: [] for name in self.exports}


def problems(accounts: tuple[AccountOptions, ...]) -> Iterator[str]:
    """What is wrong with the exports and imports of `accounts`, one line each."""
    known = _Accounts(accounts)
    for account in accounts:
        yield from _unknown_importers(account, known)
    for account in accounts:
        for wanted in account.imports:
            reason = _refusal(account.name, wanted, known)
            if reason:
                yield reason
            else:
                known.imports[account.name].append(wanted)


def _unknown_importers(account: AccountOptions, known: _Accounts) -> Iterator[str]:
    for export in account.exports:
        for name in export.accounts or ():
            if name not in known.exports:
                yield f'"{name}" account not defined for {export.kind} export'


def _refusal(importer: str, wanted: ImportOptions, known: _Accounts) -> str:
    """Why `importer` may not have it, or nothing."""
    if wanted.account not in known.exports:
        return f'"{wanted.account}" account not defined for {wanted.kind} import'
    where = f'Error adding {wanted.kind} import "{wanted.subject}": '
    local = _with_stars(wanted.local_subject)
    if not (subjects.valid(wanted.subject) and subjects.valid(local)):
        return f"{where}invalid subject"
    if not _authorized(importer, wanted, known):
        return f"{where}{wanted.kind} import not authorized"
    starts = [local] if wanted.kind == "service" else [local, wanted.subject]
    if any(_comes_back(importer, wanted, start, known) for start in starts):
        return f"{where}import forms a cycle"
    reason = _mapping_problem(wanted) or _duplicate(wanted, known.imports[importer])
    return f"{where}{reason}" if reason else ""


def _authorized(importer: str, wanted: ImportOptions, known: _Accounts) -> bool:
    exports = [export for export in known.exports[wanted.account] if export.kind == wanted.kind]
    exact = [export for export in exports if export.subject == wanted.subject]
    covering = [export for export in exports if subjects.covers(export.subject, wanted.subject)]
    for export in exact or covering:
        return _open_to(importer, wanted, export)
    return False


def _open_to(importer: str, wanted: ImportOptions, export: ExportOptions) -> bool:
    if export.account_token_position:
        tokens = wanted.subject.split(".")
        position = export.account_token_position - 1
        if position >= len(tokens) or tokens[position] != importer:
            return False
    return export.accounts is None or importer in export.accounts


def _comes_back(importer: str, wanted: ImportOptions, start: str, known: _Accounts) -> bool:
    """Messages of `start` in the exporting account come from (or go to) `importer` again.

    Walks the accepted imports, each pair of account and subject once.
    """
    seen: set[tuple[str, str]] = set()
    pending = [(wanted.account, start)]
    while pending:
        name, subject = pending.pop()
        if (name, subject) in seen or not _passed_on(wanted.kind, subject, known.exports[name]):
            continue
        seen.add((name, subject))
        for taken in known.imports[name]:
            local = _with_stars(taken.local_subject)
            reached = taken.subject if taken.kind == "service" else local
            if taken.kind != wanted.kind or not subjects.collide(subject, reached):
                continue
            if taken.account == importer:
                return True
            narrower = local if subjects.covers(subject, local) else subject
            pending.append((taken.account, narrower))
    return False


def _passed_on(kind: str, subject: str, exports: tuple[ExportOptions, ...]) -> bool:
    """Streams go on only where they are exported again; services by their imports alone."""
    return kind == "service" or any(
        export.kind == "stream" and subjects.covers(export.subject, subject) for export in exports
    )


# ---------------------------------------------------------------------- one import


def _mapping_problem(wanted: ImportOptions) -> str:
    """Why the local subject does not fit the wildcards of the subject, or nothing."""
    if subjects.literal(wanted.subject) or wanted.subject == wanted.local_subject:
        return ""
    tokens, local = wanted.subject.split("."), wanted.local_subject.split(".")
    stars = [str(number + 1) for number in range(tokens.count("*"))]
    named = sorted(token[1:] for token in local if _is_reference(token))
    unnamed = local.count("*")
    fits = named == sorted(stars) if named else unnamed == len(stars)
    if not fits or (named and unnamed) or (tokens[-1] == ">") != (local[-1] == ">"):
        return (
            f'"{wanted.local_subject}" must use every wildcard of "{wanted.subject}" once: '
            "`*` in order or `$1`, `$2`, …, and `>` at the end if it has one"
        )
    return ""


def _duplicate(wanted: ImportOptions, imports: list[ImportOptions]) -> str:
    for taken in imports:
        if taken.kind != wanted.kind or taken.account != wanted.account:
            continue
        if wanted.kind == "stream" and taken.subject == wanted.subject:
            return "stream import already exists"
        if wanted.kind == "service" and taken.local_subject == wanted.local_subject:
            return (
                f'duplicate service import subject "{wanted.local_subject}", previously used in '
                f'import for account "{taken.account}", subject "{taken.subject}"'
            )
    return ""


def _is_reference(token: str) -> bool:
    return token.startswith("$") and token[1:].isdecimal()


def _with_stars(subject: str) -> str:
    """The subject with `$1` and the like as the wildcards they are."""
    return ".".join("*" if _is_reference(token) else token for token in subject.split("."))
