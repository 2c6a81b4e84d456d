"""nsc generate activation: leave for one account to import a private export."""

from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.subjects import covers
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.forms import STDOUT
from isthmus.cli.nsc.http import is_http
from isthmus.cli.nsc.moments import format_distance, format_moment, titled
from isthmus.cli.nsc.push_http import hand_in
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag, moment_flags, with_moments
from isthmus.cli.nsc.signers import issuer_account, user_signer
from isthmus.cli.nsc.store import Store
from isthmus.identity import jwt
from isthmus.identity.claims import AccountClaims, Activation, Export, make_activation
from isthmus.identity.creds import decorate_token
from isthmus.identity.payload import make_hash_id
from isthmus.identity.validate import blocking, validate


class Options(Value):
    """What was asked for."""

    account: str = ""
    subject: str = ""
    target_account: str = ""
    output_file: str = STDOUT
    push: bool = False
    start: str | None = None
    expiry: str | None = None


@click.command(
    "activation",
    cls=NscCommand,
    help="Generate the token that lets one account import a private export.",
)
@account_flag
@flag("-s", "--subject", help="the export's subject, or a part of it", default="")
@flag("-t", "--target-account", help="the importing account: key or name", default="")
@flag("-o", "--output-file", help="file for the token; -- is the output", default=STDOUT)
@switch("--push", help="hand it in at the operator's account server, too", default=False)
@moment_flags
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.show(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the token and its file."""
    report = Report(with_summary=True)
    name = store.account_name(options.account)
    account = store.account(name)
    subject, export = _find_export(account, name, options.subject)
    target = store.account_key(options.target_account, "target-account")
    if export.type == "":
        raise CommandError(f"the export {quote(export.name)} is neither stream nor service")
    signer = user_signer(store, account)
    body = Activation(
        subject=subject, kind=export.type, issuer_account=issuer_account(signer, account)
    )
    claims = with_moments(
        make_activation(target, subject, body), options.start, options.expiry, store.surroundings
    )
    now_ns, now_s = store.surroundings.now_ns, store.surroundings.now_s
    for finding in blocking(validate(claims, now_ns)):
        raise CommandError(finding.text)
    token = jwt.encode(claims, signer, now_ns)
    text = decorate_token(token)
    report.ok(f"generated {quote(export.name)} activation for account {quote(target)}")
    for what, moment_s in (("valid", claims.not_before_s), ("expires", claims.expires_s)):
        if moment_s:
            distance = titled(format_distance(moment_s, now_s))
            report.ok(f"token {what} {format_moment(moment_s)} - {distance}")
    if options.output_file == STDOUT:
        report.body = text + "\n"
    else:
        shown = store.put_output(options.output_file, text)
        report.ok(f"wrote activation token to {shown}")
    if options.push:
        _push(token, store, report)
    return report


def _push(token: str, store: Store, report: Report) -> None:
    operator = store.operator()
    url = operator.nats.account_server_url
    if not url:
        raise CommandError(
            f"operator {operator.name} doesn't have an account server url configured"
        )
    if not is_http(url):
        raise CommandError(
            "activation push is only supported for http base account server"
            " not nats-resover enabled nats-server"  # the original's spelling
        )
    place = f"{url.rstrip('/')}/activations"
    hand_in(place, token, report)
    name = make_hash_id(jwt.decode_activation(token))
    report.ok(f"activation accessible at {quote(f'{place}/{name}')}")


def _find_export(account: AccountClaims, name: str, subject: str) -> tuple[str, Export]:
    """The subject to grant and the first private export that contains it."""
    if not account.nats.exports:
        raise CommandError(f"account {quote(name)} doesn't have exports")
    private = [export for export in account.nats.exports if export.token_required]
    if not private:
        raise CommandError(
            f"account {quote(name)} doesn't have exports that require an activation token"
        )
    if not subject:
        if len(private) > 1:
            raise CommandError("a subject is required", hint="name it: --subject <subject>")
        return private[0].subject, private[0]
    for export in private:
        if export.subject == subject or covers(export.subject, subject):
            return subject, export
    raise CommandError(
        f"a private export for {quote(subject)} was not found in account {quote(name)}"
    )
