"""nsc import user: take over a user that was made elsewhere, with its key if there is one."""

from typing import Any

import click

from isthmus.base.quoting import back_quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.tokens import read_text
from isthmus.identity import creds, jwt
from isthmus.identity.claims import UserClaims
from isthmus.identity.nkeys import KeyPair, NkeyError
from isthmus.identity.payload import TokenError
from isthmus.identity.validate import blocking, validate


class Options(Value):
    """What was asked for."""

    file: str = ""
    overwrite: bool = False
    skip: bool = False


@click.command(
    "user", cls=NscCommand, help="Import a user from a token or creds file, or from a URL."
)
@flag("-f", "--file", help="file or URL of the user's token or creds", default="")
@switch("--overwrite", help="replace the user if it exists", default=False)
@switch("--skip", help="import even what is not valid", default=False)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the user's token, key and creds."""
    if not options.file:
        raise CommandError("file is required", hint="name it: --file <file>", exit_code=MISUSED)
    text = read_text(store, options.file)
    token = creds.find_token(text)
    try:
        claims = jwt.decode_user(token)
    except TokenError as error:
        raise CommandError(f"failed to decode {back_quote(options.file)}: {error}") from None
    report = Report(with_summary=True)
    account = _account(store, claims)
    name = require_name(claims.name, "jwt claim doesn't have a name")
    if name in store.users(account) and not options.overwrite:
        raise CommandError("user already exists, overwrite with --overwrite")
    if not options.skip:
        for finding in blocking(validate(claims, store.surroundings.now_ns), now=True):
            raise CommandError(
                f"user {name} is not valid: {finding.text}", hint="import it anyway: --skip"
            )
    pair = _key(text, claims, options.file, report)
    if pair is not None:
        store.keys.put(pair)
        report.ok(f"key stored {store.keys.key_path(pair.public_key)}")
    store.put_user(account, token, name)
    seed = store.keys.seed(claims.subject)
    if seed:
        store.keys.put_creds(store.creds_path(account, name), creds.make_creds(token, seed))
    report.ok(f"user {name} was successfully imported")
    return report


def _account(store: Store, claims: UserClaims) -> str:
    """The local account that issued the user."""
    key = claims.nats.issuer_account or claims.issuer
    account = store.name_of_account(key)
    if not account:
        raise CommandError(f"referenced Account {key} not found, import first")
    if claims.issuer not in {key, *store.account(account).nats.scopes}:
        raise CommandError(f"the user is signed by {claims.issuer}, no signing key of {account}")
    return account


def _key(text: str, claims: UserClaims, file: str, report: Report) -> KeyPair | None:
    """The user's key, if the file holds it."""
    try:
        pair = creds.find_key(text)
    except (creds.CredsError, NkeyError) as error:
        reason = str(error).removeprefix("nkeys: ")
        report.warn(f"failed to parse decorated key in {back_quote(file)}: {reason}")
        return None
    if pair.public_key != claims.subject:
        raise CommandError(f"the key in {back_quote(file)} is not that of user {claims.name}")
    return pair
