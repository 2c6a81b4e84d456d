"""nsc share revoke: end a share, all its subjects together.

Shows first whom it hits. What it did is said for each subject; with `--push` the servers are asked
afterwards what they have.
"""

from collections.abc import Sequence
from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc import push
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.login_flags import LoginFlags, login_flags, split_login
from isthmus.cli.nsc.moments import format_moment
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_flags import complaining, find_party, push_lines, report_findings
from isthmus.cli.nsc.share_selection import all_accounts, selection_flags, split_selection
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.cli.streams import Streams
from isthmus.sharing import Selection, Share, ShareError, find_item, hits, revoke


class Options(Value):
    """What was asked for."""

    selection: Selection
    account: str = ""
    taker: str = ""
    yes: bool = False
    push: bool = False
    login: LoginFlags = LoginFlags()


@click.command(
    "revoke",
    cls=NscCommand,
    help="End a share: all its subjects at once, for one account or, with '*', for all. Shows first"
    " whom it hits, and asks. A public share ends by deleting its exports.",
)
@login_flags
@switch("--push", help="push the account, then ask the servers what they have")
@switch("-y", "--yes", help="do not ask")
@flag("-w", "--with", "taker", help="whose share ends: name or public key; * for everybody's")
@selection_flags
@account_flag
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Show whom it hits, ask, revoke, and with `--push` see it through."""
    selection, rest = split_selection(values)
    login, given = split_login(rest)
    options = Options(selection=selection, login=login, **given)
    affected = preview(options, invocation.store())
    for line in affected:
        invocation.streams.out(line)
    if not options.yes and not _confirmed(invocation.streams):
        raise CommandError("nothing was revoked")
    invocation.change(run, options)
    if options.push:
        invocation.show(see_through, options)


def preview(options: Options, store: Store) -> list[str]:
    """Whom the revocation would hit, as lines."""
    accounts = all_accounts(store)
    giver = store.account(store.account_name(options.account)).subject
    taker = find_party(store, options.taker)
    with complaining():
        item = find_item(accounts, giver, options.selection, taker.key)
        affected = hits(accounts, giver, item, taker.key)
        revoke(accounts, giver, item, taker.key)  # what speaks against it is said before asking
    return [f"This ends {item.title} for:", *map(_line, affected)]


def run(options: Options, store: Store) -> Report:
    """Decide on the account with all revocations, or with none."""
    report = Report()
    name = store.account_name(options.account)
    accounts = all_accounts(store)
    giver = store.account(name).subject
    taker = find_party(store, options.taker)
    with complaining():
        item = find_item(accounts, giver, options.selection, taker.key)
        done = revoke(accounts, giver, item, taker.key)
    issue_account(store, done.giver, name, report)
    for change in done.changes:
        report.ok(f"{change.taker}: {quote(change.subject)} was {change.before}, is {change.after}")
    report_findings(done.findings, report)
    if not options.push:
        report.advice += push_lines([name])
    return report


def see_through(options: Options, store: Store) -> Report:
    """Push, then look up what the servers have; an answer that is not ours is a failure."""
    name = store.account_name(options.account)
    pushing = push.Options(account=name, login=options.login)
    report = push.run(pushing, store)
    if not report.failed:
        tokens = _looked_up(store, name, push.server_url(pushing, store), options.login)
        report.add(_verified(store, name, tokens, options))
    return report


def _verified(store: Store, name: str, tokens: Sequence[str], options: Options) -> Report:
    """What the servers' tokens say about the share, subject by subject."""
    report = Report(f"look up {name} at the servers")
    if not tokens:
        report.error("no server says what it has")
    for token in tokens:
        if token != store.account_token(name):
            report.error("a server has another version of the account")
            continue
        accounts = all_accounts(store)
        giver = store.account(name).subject
        taker = find_party(store, options.taker).key
        try:
            item = find_item(accounts, giver, options.selection, taker)
            found = hits(accounts, giver, item, taker)
        except ShareError:
            report.ok("the server exports it no more")
            continue
        for share in found:
            for standing in share.standings:
                text = f"{share.taker.title}: {quote(standing.subject)} is {standing.state} there"
                (report.ok if standing.state == "revoked" else report.error)(text)
    return report


def _looked_up(store: Store, name: str, url: str, flags: LoginFlags) -> Sequence[str]:
    from isthmus.cli.nsc.http import HttpError, get, is_http

    key = store.account(name).subject
    if is_http(url):
        try:
            return [get(f"{url.rstrip('/')}/accounts/{key}").text]
        except HttpError as error:
            raise CommandError(f"cannot look up account {name}: {error}") from None
    from isthmus.cli.nsc.push_login import make_login
    from isthmus.cli.nsc.resolver import ResolverError, lookup

    _, login = make_login(store, url, flags)
    try:
        return lookup(login, key, timeout_s=1)
    except ResolverError as error:
        raise CommandError(f"cannot look up account {name}: {error}") from None


def _line(share: Share) -> str:
    until = f" until {format_moment(share.until_s)}" if share.until_s else ""
    since = f" since {format_moment(share.since_s)}" if share.since_s else ""
    key = f" ({share.taker.key})" if share.taker.name else ""
    return f"    {share.taker.title}{key}{since}{until}: {share.state}"


def _confirmed(streams: Streams) -> bool:
    if not streams.is_terminal:
        raise CommandError(
            "cannot ask for confirmation without a terminal",
            hint="--yes goes on without asking",
            exit_code=MISUSED,
        )
    streams.stdout.write("Really revoke it? (y/N) ")
    streams.stdout.flush()
    return streams.stdin.readline().strip().lower() in {"y", "yes"}
