"""nsc reissue operator: give the operator a new identity key.

The accounts that the old key signed are signed anew, or the old key stays as a signing key. Servers
have to be given the new operator token before they take anything it signs.
"""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.issue import issue_account, issue_operator, new_key
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.signers import load_key, operator_keys
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import OperatorClaims
from isthmus.identity.nkeys import KeyPair, Kind


class Options(Value):
    """What was asked for."""

    name: str = ""
    convert_to_signing_key: bool = False


@click.command(
    "operator",
    cls=NscCommand,
    help="Give the operator a new identity key, or the one of -K. Servers need its new token.",
)
@flag("-n", "--name", help="operator (default: the current one)", default="")
@switch(
    "--convert-to-signing-key",
    help="keep the old key as a signing key, and the accounts as they are",
    default=False,
)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the operator's token, and on all tokens the old key signed."""
    if options.name:
        store.require_operator(options.name)
        store.look_at(options.name)
    if store.info().managed:
        raise CommandError(f"operator {quote(store.operator_name)} is managed by somebody else")
    report = Report(with_summary=True)
    before = store.operator()
    identity = _identity(before, store)
    keys = [key for key in before.nats.signing_keys if key != identity.public_key]
    if options.convert_to_signing_key:
        keys.append(before.subject)
    body = msgspec.structs.replace(before.nats, signing_keys=tuple(keys))
    after = msgspec.structs.replace(before, subject=identity.public_key, nats=body)
    issue_operator(store, after, identity)
    report.ok(f"operator {quote(before.name)} successfully changed identity to: {after.subject}")
    if options.convert_to_signing_key:
        report.ok(f"old operator key {quote(before.subject)} turned into signing key")
    else:
        _sign_accounts(store, after, identity, report)
    return report


def _identity(before: OperatorClaims, store: Store) -> KeyPair:
    if not store.private_key:
        return new_key(store, Kind.OPERATOR)
    pair = load_key(store, store.private_key, Kind.OPERATOR)
    if pair.public_key == before.subject:
        raise CommandError("that key is the operator's identity already")
    return pair


def _sign_accounts(
    store: Store, operator: OperatorClaims, identity: KeyPair, report: Report
) -> None:
    for name in store.accounts():
        claims = store.account(name)
        if claims.issuer in operator_keys(operator):
            report.ok(f"account {quote(name)} already signed properly")
        else:
            strict = operator.nats.strict_signing_key_usage
            issue_account(store, claims, name, report, signer=None if strict else identity)
            report.ok(f"account {quote(name)} re-signed")
