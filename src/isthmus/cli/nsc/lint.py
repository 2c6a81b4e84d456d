"""nsc lint: what accounts share too broadly, incompletely, for ever or not much longer."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.moments import parse_moment_s
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.world import read_world
from isthmus.sharing.finding import finding_document
from isthmus.sharing.lint import lint


class Options(Value):
    """What was asked for."""

    account: str = ""
    within: str = "2w"
    json: bool = False


@click.command(
    "lint",
    cls=NscCommand,
    help="Look over what accounts share: too broad, incomplete, for ever, not much longer, dead."
    " Each finding comes with the commands that replace it. Exit code 1 if something was found.",
)
@account_flag
@flag("-e", "--within", help="what soon means: a date, or a distance such as 10d; default 2w")
@switch("--json", help="JSON instead of lines")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.show(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Look at one account, or at all."""
    world = read_world(store)
    now_s = store.surroundings.now_s
    try:
        until_s = parse_moment_s("within", options.within, now_s, store.surroundings.zone)
    except ValueError as error:
        raise CommandError(str(error)) from None
    keys = sorted(world.accounts, key=world.name)
    if options.account:
        name = store.account_name(options.account)
        keys = [key for key in keys if world.name(key) == name]
    findings = lint(world, keys, until_s - now_s)
    report = Report()
    if options.json:
        document = {
            "ok": not findings,
            "findings": [finding_document(finding) for finding in findings],
        }
        report.body = msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"
    else:
        lines = []
        for number, finding in enumerate(findings, 1):
            lines += [f"{number}. {finding.cause} [{finding.code}]"]
            lines += [*(f"   {command}" for command in finding.fix), ""]
        report.body = "\n".join(lines or ["nothing found", ""])
    if findings:
        count = len(findings)
        report.failure = f"{count} {'finding' if count == 1 else 'findings'}"
    return report
