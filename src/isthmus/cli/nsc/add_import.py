"""nsc add import: take a subject that another account offers.

Two forms: a private export by the activation token that its owner made for this account, a public
one by the names of account and subject.
"""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import back_quote, quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.moments import format_moment
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.tokens import read_token
from isthmus.identity import jwt
from isthmus.identity.claims import AccountClaims, ActivationClaims, Import
from isthmus.identity.payload import TokenError
from isthmus.identity.validate import blocking, validate


class Options(Value):
    """What was asked for."""

    account: str = ""
    token: str = ""
    name: str = ""
    local_subject: str = ""
    src_account: str = ""
    remote_subject: str = ""
    service: bool = False
    share: bool = False
    allow_trace: bool = False


@click.command("import", cls=NscCommand, help="Take a subject that another account offers.")
@account_flag
@flag("-u", "--token", help="file or URL of the activation token (private exports)")
@flag("-n", "--name", help="import name (default: of the token, or the remote subject)")
@flag("-s", "--local-subject", help="subject in this account")
@flag("--src-account", help="exporting account: key or name (public exports)")
@flag("--remote-subject", help="the exporter's subject (public exports)")
@switch("--service", help="the export is a service (public exports)")
@switch("--share", help="let the exporter see who asks (services)")
@switch("--allow-trace", help="let the exporter trace messages (streams)")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.change(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Decide on the account with the import."""
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    made = _private(options, store, claims) if options.token else _public(options, store)
    _require_new(made, claims)
    body = msgspec.structs.replace(claims.nats, imports=(*claims.nats.imports, made))
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    report.ok(f"added {made.type} import {quote(made.subject)}")
    return report


def _private(options: Options, store: Store, claims: AccountClaims) -> Import:
    if options.src_account or options.remote_subject:
        raise CommandError(
            "private imports require src-account, remote-subject and service to be unset",
            hint="the token names the account and the subject",
            exit_code=MISUSED,
        )
    token = read_token(store, options.token)
    try:
        activation = jwt.decode_activation(token)
    except TokenError as error:
        raise CommandError(
            f"{back_quote(options.token)} is no activation token: {error}",
            hint="`nsc generate activation` makes one",
        ) from None
    _require_usable(activation, claims, options.token, store)
    local = options.local_subject
    if activation.nats.kind == "service":
        local = local or activation.nats.subject
    return Import(
        name=options.name or activation.name,
        subject=activation.nats.subject,
        account=activation.nats.issuer_account or activation.issuer,
        token=token,
        local_subject=local,
        type=activation.nats.kind,
        share=options.share,
        allow_trace=options.allow_trace,
    )


def _require_usable(
    activation: ActivationClaims, claims: AccountClaims, file: str, store: Store
) -> None:
    if activation.subject != claims.subject:
        raise CommandError(
            f"activation is not intended for this account - it is for {quote(activation.subject)}"
        )
    now_s = store.surroundings.now_s
    if 0 < activation.expires_s <= now_s:
        raise CommandError(
            f"the token in {back_quote(file)} expired {format_moment(activation.expires_s)}",
            hint="ask the exporting account for a new one: nsc generate activation",
        )
    for finding in blocking(validate(activation, store.surroundings.now_ns)):
        raise CommandError(finding.text)


def _public(options: Options, store: Store) -> Import:
    if not options.src_account or not options.remote_subject:
        raise CommandError(
            "public imports require src-account, remote-subject",
            hint="a private one needs the token: --token <file>",
            exit_code=MISUSED,
        )
    return Import(
        name=options.name or options.remote_subject,
        subject=options.remote_subject,
        account=store.account_key(options.src_account, "src-account"),
        local_subject=options.local_subject,
        type="service" if options.service else "stream",
        share=options.share,
        allow_trace=options.allow_trace,
    )


def _require_new(made: Import, claims: AccountClaims) -> None:
    if made.account == claims.subject:
        raise CommandError("export issuer is this account")
    if made.share and made.type != "service":
        raise CommandError("only services can set the share property")
    for item in claims.nats.imports:
        if (item.account, item.subject, item.type) == (made.account, made.subject, made.type):
            raise CommandError(
                f"account already imports {made.type} {quote(made.subject)} from {made.account}"
            )
