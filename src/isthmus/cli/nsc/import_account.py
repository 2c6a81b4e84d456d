"""nsc import account: take over an account that was made elsewhere."""

from typing import Any

import click

from isthmus.base.quoting import back_quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.signers import operator_keys
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.tokens import read_token
from isthmus.identity import jwt
from isthmus.identity.claims import AccountClaims
from isthmus.identity.payload import TokenError
from isthmus.identity.validate import blocking, validate


class Options(Value):
    """What was asked for."""

    file: str = ""
    overwrite: bool = False
    force: bool = False
    skip: bool = False


@click.command(
    "account",
    cls=NscCommand,
    help="Import an account from a file or URL. One that signed itself is signed by the operator.",
)
@flag("-j", "--file", help="file or URL of the account's token", default="")
@switch("--overwrite", help="replace the account if it exists", default=False)
@switch("--force", help="sign it even if another operator did before", default=False)
@switch("--skip", help="import even what is not valid", default=False)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account's token."""
    if not options.file:
        raise CommandError("file is required", hint="name it: --file <file>", exit_code=MISUSED)
    token = read_token(store, options.file)
    try:
        claims = jwt.decode_account(token)
    except TokenError as error:
        raise CommandError(f"failed to decode {back_quote(options.file)}: {error}") from None
    name = require_name(claims.name, "jwt claim doesn't have a name")
    _require_allowed(options, store, claims, name)
    report = Report(with_summary=True)
    if claims.issuer in operator_keys(store.operator()):
        store.put_account(token, name)
    else:
        issue_account(store, claims, name, report, checked=not options.skip)
    report.ok(f"account {name} was successfully imported")
    return report


def _require_allowed(options: Options, store: Store, claims: AccountClaims, name: str) -> None:
    if not options.skip:
        for finding in blocking(validate(claims, store.surroundings.now_ns), now=True):
            raise CommandError(
                f"account {name} is not valid: {finding.text}", hint="import it anyway: --skip"
            )
    own = {claims.subject, *operator_keys(store.operator())}
    if claims.issuer not in own and not options.force:
        raise CommandError(
            "can only import account signed by same operator. Possibly update your operator",
            hint="sign it with this operator: --force",
        )
    known = store.name_of_account(claims.subject)
    if known and known != name:
        raise CommandError(f"the account is in the store as {known}")
    if store.has_account(name) and not options.overwrite:
        raise CommandError("account already exists, overwrite with --overwrite")
    if store.has_account(name) and not known:
        raise CommandError(f"account {name} here is another one: {store.account(name).subject}")
