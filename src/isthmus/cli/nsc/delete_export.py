"""nsc delete export: stop offering a subject."""

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


class Options(Value):
    """What was asked for."""

    subject: str = ""
    account: str = ""


@click.command("export", cls=NscCommand, help="Stop offering a subject.")
@account_flag
@flag("-s", "--subject", help="the export's subject, exactly (default: the only one)", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account without the export."""
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    exports = claims.nats.exports
    if not exports:
        raise CommandError(f"account {quote(name)} doesn't have exports")
    subject = options.subject or (exports[0].subject if len(exports) == 1 else "")
    if not subject:
        raise CommandError("subject is required", hint="name it: --subject <subject>")
    found = next((export for export in exports if export.subject == subject), None)
    if found is None:
        raise CommandError(f"no export matching {quote(subject)} found")
    kept = tuple(export for export in exports if export is not found)
    body = msgspec.structs.replace(claims.nats, exports=kept)
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    report.ok(f"deleted {found.type} export {quote(subject)}")
    return report
