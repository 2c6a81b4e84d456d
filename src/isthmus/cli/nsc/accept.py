"""nsc accept: take what an invite grants."""

from typing import Any

import click

from isthmus.base.quoting import back_quote, quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.moments import format_distance, format_moment, titled
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.tokens import read_text
from isthmus.sharing import Accepted, Invite, ShareError, accept, instructions, read_invite


class Options(Value):
    """What was asked for."""

    invite: str = ""
    account: str = ""
    prefix: str = ""


@click.command(
    "accept",
    cls=NscCommand,
    help="Take what an invite grants: check it, add the imports to an account, and show how to use"
    " them. A newer invite of the same share replaces the tokens.",
)
@account_flag
@flag("--as", "prefix", help="what the local subjects begin with (default: as the invite says)")
@click.argument("invite", required=False, default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.change(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Decide on the account with the imports."""
    if not options.invite:
        raise CommandError("an invite is required: its file or URL", exit_code=MISUSED)
    report = Report()
    name = store.account_name(options.account)
    text = read_text(store, options.invite)
    try:
        invite = read_invite(text)
    except ShareError as error:
        raise CommandError(f"{back_quote(options.invite)}: {error}") from None
    accepted = take(store, invite, name, options.prefix, report)
    use = instructions(invite.item, accepted.prefix)
    report.advice += ["", "Push the account, then use it:", f"    nsc push --account {name}"]
    report.advice += [f"    {use.command}", "", "or in Python, with a connection `nc`:"]
    report.advice += [f"    {line}" for line in use.python]
    return report


def take(store: Store, invite: Invite, name: str, prefix: str, report: Report) -> Accepted:
    """Add the imports to an account of this store."""
    claims = store.account(name)
    giver_name = store.name_of_account(invite.giver.key)
    giver = store.account(giver_name) if giver_name else None
    now_s = store.surroundings.now_s
    try:
        accepted = accept(claims, invite, store.surroundings.now_ns, prefix=prefix, giver=giver)
    except ShareError as error:
        raise CommandError(str(error), hint="; ".join(error.fix)) from None
    issue_account(store, accepted.taker, name, report)
    whose = f"account {quote(giver_name or invite.giver.name)} ({invite.giver.key})"
    report.ok(f"{whose} shares {invite.item.title}")
    for verb, imports in (("added", accepted.added), ("renewed", accepted.renewed)):
        for item in imports:
            renamed = f" as {quote(item.local)}" if item.local != item.subject else ""
            report.ok(f"{verb} {item.type} import {quote(item.subject)}{renamed}")
    if not accepted.added and not accepted.renewed:
        report.ok("the account has all of it already")
    if invite.ends_s:
        distance = titled(format_distance(invite.ends_s, now_s))
        report.ok(f"the share expires {format_moment(invite.ends_s)} - {distance}")
    if accepted.unproved:
        report.warn(
            f"the tokens are signed by {accepted.unproved}: that it is a signing key of"
            f" {invite.giver.key} only a server can tell"
        )
    return accepted
