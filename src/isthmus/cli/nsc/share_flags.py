"""What all `nsc share` verbs have in common: their flags, and everything after the item is known.

Owns the way from an item to changed accounts, an invite file and a report. Knows no item; the rules
are in `isthmus.sharing`, whose complaints become the tool's.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc import push
from isthmus.cli.nsc.accept import take
from isthmus.cli.nsc.command import Invocation
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.moments import format_distance, format_moment, parse_moment_s, titled
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.signers import user_signer
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import AccountClaims
from isthmus.identity.revocations import EVERYBODY
from isthmus.sharing import (
    Finding,
    Invite,
    Item,
    Party,
    Shared,
    ShareError,
    Terms,
    default_prefix,
    share,
    write_invite,
)

F = TypeVar("F", bound=Callable[..., Any])
INVITE_SUFFIX = ".invite"


class ShareOptions(Value):
    """What every share is asked for."""

    account: str = ""
    taker: str = ""
    expires: str = ""
    prefix: str = ""
    output_file: str = ""
    accept: bool = False
    push: bool = False


class Sharing(Value):
    """Options of a verb that shares."""

    share: ShareOptions


SharingT = TypeVar("SharingT", bound=Sharing)


def share_flags(command: F) -> F:
    """`--account`, `--with` and the terms of a share."""
    for decorate in (
        switch("--push", help="push the accounts that were changed"),
        switch("--accept", help="import it at the other account, too: both are in this store"),
        flag("-o", "--output-file", help="file for the invite (default: named after the share)"),
        flag("--as", "prefix", help="what the other account's subjects begin with"),
        flag("--expires", help="until when: yyyy-mm-dd, or a distance in m, h, d, w, M, y"),
        flag("-w", "--with", "taker", help="the other account: name or public key; * for all"),
        account_flag,
    ):
        command = decorate(command)
    return command


def split_share(values: dict[str, Any]) -> tuple[ShareOptions, dict[str, Any]]:
    """The values of these flags, and all others that were given."""
    given = {name: value for name, value in values.items() if value is not None}
    common = {name: given.pop(name) for name in ShareOptions.__struct_fields__ if name in given}
    return ShareOptions(**common), given


@contextlib.contextmanager
def complaining() -> Iterator[None]:
    """A refusal of `isthmus.sharing` as one of the tool; what mends it is the hint."""
    try:
        yield
    except ShareError as error:
        raise CommandError(str(error), hint="; ".join(error.fix)) from None


def run_share(store: Store, options: ShareOptions, item: Item) -> Report:
    """Decide on the exports, the invite, and with `--accept` the imports."""
    report = Report()
    name = store.account_name(options.account)
    giver = store.account(name)
    taker = find_party(store, options.taker)
    with complaining():
        made = grant(store, giver, item, taker, options)
    issue_account(store, made.giver, name, report)
    report_shared(made, report, store.surroundings.now_s)
    where = [name]
    if options.accept:
        where.append(accept_here(store, made.invite, taker, report))
    if options.output_file or not options.accept:
        path = options.output_file or file_name(item, taker)
        report.ok(f"wrote invite to {store.put_output(path, write_invite(made.invite))}")
    if not options.push:
        report.advice += push_lines(where)
    return report


def carry_out(
    invocation: Invocation, run: Callable[[SharingT, Store], Report], options: SharingT
) -> None:
    """Run a verb that shares; with `--push`, push what it changed, the giver first."""
    invocation.change(run, options)
    share = options.share
    if not share.push:
        return
    invocation.show(push.run, push.Options(account=share.account))
    if share.accept:
        invocation.show(push.run, push.Options(account=share.taker))


def find_party(store: Store, text: str) -> Party:
    """The account that `--with` means."""
    if not text:
        raise CommandError(
            "it is not said with whom", hint="name an account: --with <name>", exit_code=MISUSED
        )
    if text == EVERYBODY:
        return Party(key=EVERYBODY)
    key = store.account_key(text, "with")
    return Party(key=key, name=store.name_of_account(key))


def grant(
    store: Store, giver: AccountClaims, item: Item, taker: Party, options: ShareOptions
) -> Shared:
    """The share as values; an end that has passed is no share."""
    now_s = store.surroundings.now_s
    try:
        ends_s = parse_moment_s("expires", options.expires, now_s, store.surroundings.zone)
    except ValueError as error:
        raise CommandError(str(error), exit_code=MISUSED) from None
    if 0 < ends_s <= now_s:
        raise CommandError(f"it would have expired already: {format_moment(ends_s)}")
    item.check()
    prefix = options.prefix or default_prefix(giver, item)
    signer = user_signer(store, giver)
    terms = Terms(ends_s=ends_s, prefix=prefix)
    return share(giver, item, taker, terms, signer, now_ns=store.surroundings.now_ns)


def accept_here(store: Store, invite: Invite, taker: Party, report: Report) -> str:
    """Import the share at an account of this store; its name."""
    if taker.key == EVERYBODY:
        raise CommandError(
            "everybody cannot accept", hint="accept the invite: nsc accept <file> -a <account>"
        )
    if not taker.name:
        raise CommandError(
            f"account {taker.key} is not in this store, so it cannot accept here",
            hint="without --accept an invite file is written for it",
        )
    take(store, invite, taker.name, "", report)
    return taker.name


def report_shared(made: Shared, report: Report, now_s: int) -> None:
    """The lines about exports, the share and its end."""
    for export in made.added:
        access = "private" if export.token_required else "public"
        answers = f" (response type {export.response_type})" if export.response_type else ""
        report.ok(f"added {access} {export.type} export {quote(export.subject)}{answers}")
    report_findings(made.findings, report)
    invite = made.invite
    report.ok(f"shared {invite.item.title} with {invite.taker.title}")
    if not made.recorded:
        report.warn(
            "the exports' descriptions are full: `nsc shares` will not show this share unless the"
            " other account is in the store"
        )
    if invite.ends_s:
        distance = titled(format_distance(invite.ends_s, now_s))
        report.ok(f"the share expires {format_moment(invite.ends_s)} - {distance}")


def report_findings(findings: Sequence[Finding], report: Report) -> None:
    """What works, but opens more than was asked for."""
    for finding in findings:
        report.warn(finding.cause)


def file_name(item: Item, taker: Party) -> str:
    """`RESTOCKEVENTS-RESTOCKEVENTS-C1-ACCTB.invite`."""
    whom = "public" if taker.key == EVERYBODY else taker.name or taker.key
    return f"{item.stem}-{whom}{INVITE_SUFFIX}"


def push_lines(names: Sequence[str]) -> list[str]:
    """What is left to do."""
    return ["", "Nothing has changed on the servers yet:"] + [
        f"    nsc push --account {name}" for name in names
    ]
