"""nsc describe jwt: a token or creds file, of whatever kind."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.account_tables import account_tables
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.describe import json_text, payload_of, render
from isthmus.cli.nsc.describe_account import naming
from isthmus.cli.nsc.describe_tables import activation_table, operator_table, user_tables
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.forms import Form, describe_flags, split_form
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.tokens import read_token
from isthmus.identity import jwt
from isthmus.identity.claims import (
    AccountClaims,
    ActivationClaims,
    AnyClaims,
    OperatorClaims,
    UserClaims,
)


class Options(Value):
    """What was asked for."""

    file: str = ""
    form: Form = Form()


@click.command("jwt", cls=NscCommand, help="Show a token or creds file.", params=describe_flags())
@flag("-f", "--file", help="file or URL of a token", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    form, rest = split_form(values)
    invocation.show(run, Options(file=rest["file"], form=form))


def run(options: Options, store: Store) -> Report:
    """Show what the file says. It need not belong to a store."""
    if not options.file:
        raise CommandError("file is required", hint="name it: --file <file>", exit_code=MISUSED)
    token = read_token(store, options.file)
    claims = jwt.decode(token)

    def tables() -> list[str]:
        return _tables(claims, token, options, store)

    return render(options.form, token, jwt.kind_name(claims), tables, store)


def _tables(claims: AnyClaims, token: str, options: Options, store: Store) -> list[str]:
    if isinstance(claims, OperatorClaims):
        return [operator_table(claims, "")]
    if isinstance(claims, AccountClaims):
        local = store.context.stores is not None and bool(store.context.operator)
        long_ids = options.form.long_ids or not local
        return account_tables(claims, naming(store, long_ids=long_ids))
    if isinstance(claims, UserClaims):
        scoped = claims.nats.subs == 0 and bool(claims.nats.issuer_account)
        return user_tables(claims, None, scoped=scoped)
    if isinstance(claims, ActivationClaims):
        return [activation_table(claims)]
    return [json_text(payload_of(token))]
