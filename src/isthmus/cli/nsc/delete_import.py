"""nsc delete import: give up what another account offers."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import Import


class Options(Value):
    """What was asked for."""

    subject: str = ""
    src_account: str = ""
    account: str = ""


@click.command("import", cls=NscCommand, help="Give up what another account offers.")
@account_flag
@flag("-s", "--subject", help="the exporter's subject, exactly (default: the only one)", default="")
@flag("--src-account", help="exporting account, where several offer that subject", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account without the import."""
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    imports = claims.nats.imports
    if not imports:
        raise CommandError(f"account {quote(name)} doesn't have imports")
    subject = options.subject or (imports[0].subject if len(imports) == 1 else "")
    if not subject:
        raise CommandError("subject is required", hint="name it: --subject <subject>")
    source = store.account_key(options.src_account, "src-account") if options.src_account else ""
    found = _find(imports, subject, source)
    kept = tuple(item for item in imports if item is not found)
    body = msgspec.structs.replace(claims.nats, imports=kept)
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    report.ok(f"deleted {found.type} import {quote(found.subject)}")
    return report


def _find(imports: Sequence[Import], subject: str, source: str) -> Import:
    """The import of `subject`; where several accounts offer it, the one of `source`."""
    found = [item for item in imports if item.subject == subject]
    if not found:
        raise CommandError(f"no import matching {quote(subject)} found")
    if len(found) == 1 and source in {"", found[0].account}:
        return found[0]
    if not source:
        accounts = ", ".join(item.account for item in found)
        raise CommandError(
            f"more than one import {quote(subject)} found"
            f" - specify --src-account with one of {accounts}"
        )
    for item in found:
        if item.account == source:
            return item
    raise CommandError(f"no import matching {quote(subject)} found from account {source}")
