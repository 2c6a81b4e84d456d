"""nsc validate: what is wrong with an operator, its accounts and their users."""

from collections.abc import Iterable
from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.signers import account_keys, operator_keys
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.validate_file import file_findings
from isthmus.cli.tables import ascii_table
from isthmus.identity.claims import AccountClaims, AnyClaims
from isthmus.identity.validate import Finding, Severity, validate


class Options(Value):
    """What was asked for."""

    account: str = ""
    all_accounts: bool = False
    file: str = ""


@click.command(
    "validate",
    cls=NscCommand,
    help="Check an operator, its accounts and users; or the tokens of a file.",
)
@account_flag
@switch("-A", "--all-accounts", help="all accounts of the operator")
@flag("-f", "--file", help="file with one token a line (what stands before a | counts nothing)")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.show(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """One table for the operator, one for each account."""
    if sum(map(bool, (options.account, options.all_accounts, options.file))) > 1:
        or_file = " or --file" if options.file else ""
        raise CommandError(
            f"specify only one of --account or --all-accounts{or_file}", exit_code=MISUSED
        )
    found = {f"Operator {quote(store.operator_name)}": operator_findings(store)}
    if options.file:
        found |= file_findings(store, options.file)
    else:
        for name in _names(options, store):
            found[f"Account {quote(name)}"] = account_findings(store, name)
    report = Report()
    for title, findings in found.items():
        report.notes += [*_table(title, findings).splitlines(), ""]
    if any(_blocking(finding) for findings in found.values() for finding in findings):
        report.failure = "validation found errors"
    return report


def _names(options: Options, store: Store) -> list[str]:
    names = store.accounts()
    selected = options.account or store.context.account
    if options.all_accounts or not (selected or names):
        return names
    return [store.account_name(selected)]


def operator_findings(store: Store) -> list[Finding]:
    """What is wrong with the operator."""
    claims = store.operator()
    findings = _of(store, claims)
    if claims.issuer not in {claims.subject, *claims.nats.signing_keys}:
        findings.append(_error("operator is not issued by operator or operator signing key"))
    return findings


def account_findings(store: Store, name: str) -> list[Finding]:
    """What is wrong with an account and its users."""
    operator, claims = store.operator(), store.account(name)
    findings = _of(store, claims)
    if claims.issuer not in operator_keys(operator) and not store.info().managed:
        findings.append(_error("Account is not issued by operator or operator signing keys"))
    if claims.subject == operator.nats.system_account and claims.nats.limits.has_jetstream:
        findings.append(_error("JetStream should not be enabled for system account"))
    for user in store.users(name):
        findings += _user_findings(store, name, user, claims)
    return findings


def _user_findings(
    store: Store, account: str, name: str, account_claims: AccountClaims
) -> Iterable[Finding]:
    claims = store.user(account, name)
    title = f"user {quote(name)}"
    for finding in _of(store, claims):
        yield Finding(severity=finding.severity, text=f"{title}: {finding.text}")
    if claims.issuer not in {account_claims.subject, *account_claims.nats.scopes}:
        yield _error(f"{title} is not issued by account or account signing keys")
    elif claims.issuer not in account_keys(account_claims, store.operator()):
        yield _error(f"{title} is issued by account key but operator is in strict mode")


def _of(store: Store, claims: AnyClaims) -> list[Finding]:
    return validate(claims, store.surroundings.now_ns, zone_known)


def zone_known(name: str) -> bool:
    """True if this machine knows the time zone."""
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _error(text: str) -> Finding:
    return Finding(severity=Severity.ERROR, text=text)


def _blocking(finding: Finding) -> bool:
    return finding.severity is not Severity.WARNING


def _table(title: str, findings: list[Finding]) -> str:
    if not findings:
        return ascii_table(title, [], [("No issues found",)])
    rows = [
        (str(position), "!" if _blocking(finding) else "", finding.text)
        for position, finding in enumerate(findings, 1)
    ]
    return ascii_table(title, ["#", " ", "Description"], rows)
