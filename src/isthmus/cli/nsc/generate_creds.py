"""nsc generate creds: the file a client logs in with."""

from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.forms import STDOUT
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.creds import make_creds


class Options(Value):
    """What was asked for."""

    name: str = ""
    account: str = ""
    output_file: str = STDOUT


@click.command("creds", cls=NscCommand, help="Generate a user's creds file.")
@account_flag
@flag("-n", "--name", help="user name", default="")
@flag("-o", "--output-file", help="file for the creds; -- is the output", default=STDOUT)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.show(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Make the creds and decide on their file."""
    report = Report()
    account = store.account_name(options.account)
    users = store.users(account)
    if not users:
        raise CommandError(f"account {quote(account)} has no users")
    name = options.name or (users[0] if len(users) == 1 else "")
    if not name:
        raise CommandError("user is required", hint=f"name one of: {', '.join(users)}")
    if name not in users:
        raise CommandError(f"user {quote(name)} not found in {quote(account)}")
    seed = store.keys.seed(store.user(account, name).subject)
    if not seed:
        raise CommandError(f"the seed of user {quote(name)} is not in the keystore")
    content = make_creds(store.user_token(account, name), seed)
    if options.output_file == STDOUT:
        report.body = content + "\n"
        return report
    shown = store.put_output(options.output_file, content)
    report.ok(f"wrote credentials to {shown}")
    report.notes.append(f"Success!! - generated {shown}")
    return report
