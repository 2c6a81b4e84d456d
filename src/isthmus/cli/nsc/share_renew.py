"""nsc share renew: new tokens for who has a share already."""

from typing import Any

import click

from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_flags import (
    Sharing,
    carry_out,
    complaining,
    find_party,
    run_share,
    share_flags,
    split_share,
)
from isthmus.cli.nsc.share_selection import all_accounts, selection_flags, split_selection
from isthmus.cli.nsc.store import Store
from isthmus.sharing import Selection, find_item, held_item


class Options(Sharing):
    """What was asked for."""

    selection: Selection


@click.command(
    "renew",
    cls=NscCommand,
    help="Make new tokens for an account that has a share already: with another end, or after a"
    " revocation. What was revoked stays revoked, only the new tokens count.",
)
@share_flags
@selection_flags
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    selection, rest = split_selection(values)
    share, _ = split_share(rest)
    carry_out(invocation, run, Options(share=share, selection=selection))


def run(options: Options, store: Store) -> Report:
    """Decide on the invite, and on both accounts as `nsc share` does."""
    giver = store.account(store.account_name(options.share.account))
    taker = find_party(store, options.share.taker)
    accounts = all_accounts(store)
    with complaining():
        item = find_item(accounts, giver.subject, options.selection, taker.key)
        item = held_item(accounts, giver.subject, item, taker.key)
    return run_share(store, options.share, item)
