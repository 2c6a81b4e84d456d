"""nsc describe user."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.describe import render
from isthmus.cli.nsc.describe_tables import user_tables
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.forms import Form, describe_flags, split_form
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.nkeys import Kind, is_public


class Options(Value):
    """What was asked for."""

    name: str = ""
    account: str = ""
    form: Form = Form()


@click.command("user", cls=NscCommand, help="Show a user.", params=describe_flags())
@click.argument("argument", metavar="[NAME]", required=False)
@flag("-n", "--name", help="user: name or public key", default="")
@account_flag
@click.pass_obj
def command(invocation: Invocation, /, argument: str | None, **values: Any) -> None:
    """Fill the options and run."""
    form, rest = split_form(values)
    name = rest["name"] or argument or ""
    invocation.show(run, Options(name=name, account=rest["account"], form=form))


def run(options: Options, store: Store) -> Report:
    """Show the user that is named, or the only one."""
    account_name = store.account_name(options.account)
    users = store.users(account_name)
    name = options.name or (users[0] if len(users) == 1 else "")
    if not name:
        raise CommandError("user is required", hint=f"one of: {', '.join(users)}")
    if is_public(name, Kind.USER) and name not in users:
        found = [user for user in users if store.user(account_name, user).subject == name]
        name = found[0] if found else name
    claims = store.user(account_name, name)

    def tables() -> list[str]:
        scopes = store.account(account_name).nats.scopes
        scope = scopes.get(claims.issuer)
        return user_tables(claims, scope, scoped=scope is not None)

    return render(options.form, store.user_token(account_name, name), "user", tables, store)
