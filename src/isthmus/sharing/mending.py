"""The commands that mend what `explain` and `lint` find: whole lines of `nsc` and `nats`.

Owns the spelling of those lines. Each is typed as it stands: names are quoted for a shell, token
files go to the current folder. Decides nothing: who found a fault asks for its cure.
"""

import re
import shlex

from isthmus.accounts.spec import Import
from isthmus.sharing.world import World

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


def line(tool: str, *words: str) -> str:
    """One command line."""
    return " ".join([tool, *(shlex.quote(word) for word in words)])


def nsc(*words: str) -> str:
    """A line of `nsc`."""
    return line("nsc", *words)


def token_file(world: World, exporter: str, importer: str, subject: str) -> str:
    """Where a new activation goes."""
    parts = (world.name(exporter), subject.replace("$", ""), world.name(importer))
    return "-".join(_UNSAFE.sub("-", part).strip("-") for part in parts) + ".tok"


def activation(world: World, exporter: str, importer: str, subject: str) -> str:
    """Make a token."""
    return nsc(
        "generate",
        "activation",
        "--account",
        world.name(exporter),
        "--subject",
        subject,
        "--target-account",
        world.names.get(importer, importer),
        "--output-file",
        token_file(world, exporter, importer, subject),
    )


def import_by_token(world: World, importer: str, wanted: Import) -> str:
    """Import with the token that `activation` made."""
    words = ["add", "import", "--account", world.name(importer)]
    words += ["--token", token_file(world, wanted.account, importer, wanted.remote)]
    words += ["--name", wanted.name] if wanted.name else []
    if wanted.kind == "service" or wanted.local != wanted.remote:
        words += ["--local-subject", wanted.local]
    return nsc(*words, *(["--share"] if wanted.share else []))


def import_public(world: World, importer: str, wanted: Import) -> str:
    """Import what needs no token."""
    words = ["add", "import", "--account", world.name(importer)]
    words += ["--src-account", world.names.get(wanted.account, wanted.account)]
    words += ["--remote-subject", wanted.remote]
    words += ["--name", wanted.name] if wanted.name else []
    words += ["--local-subject", wanted.local] if wanted.local != wanted.remote else []
    words += ["--service"] if wanted.kind == "service" else []
    return nsc(*words, *(["--share"] if wanted.share else []))


def delete_import(world: World, importer: str, subject: str, exporter: str) -> str:
    """Drop an import, by the exporter's subject."""
    return nsc(
        "delete",
        "import",
        "--account",
        world.name(importer),
        "--subject",
        subject,
        "--src-account",
        exporter,
    )


def new_import(
    world: World, importer: str, wanted: Import, *, private: bool, instead_of: str = ""
) -> tuple[str, ...]:
    """Import `wanted`; `instead_of` is the exporter's subject of an import that goes first."""
    out = [delete_import(world, importer, instead_of, wanted.account)] if instead_of else []
    if private:
        token = activation(world, wanted.account, importer, wanted.remote)
        return (token, *out, import_by_token(world, importer, wanted))
    return (*out, import_public(world, importer, wanted))


def add_export(
    world: World, exporter: str, subject: str, kind: str, *, private: bool, often: bool
) -> str:
    """Offer a subject."""
    words = ["add", "export", "--account", world.name(exporter), "--subject", subject]
    words += ["--service"] if kind == "service" else []
    words += ["--response-type", "Stream"] if often else []
    return nsc(*words, *(["--private"] if private else []))


def edit_export(world: World, exporter: str, subject: str, *words: str) -> str:
    """Change what is offered."""
    return nsc("edit", "export", "--account", world.name(exporter), "--subject", subject, *words)


def delete_export(world: World, exporter: str, subject: str) -> str:
    """Offer a subject no more."""
    return nsc("delete", "export", "--account", world.name(exporter), "--subject", subject)


def edit_account(world: World, key: str, *words: str) -> str:
    """Change an account."""
    return nsc("edit", "account", "--name", world.name(key), *words)


def push(world: World, key: str) -> str:
    """Send an account to the servers."""
    return nsc("push", "--account", world.name(key))
