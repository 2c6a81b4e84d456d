"""nsc shares: what accounts give and take, with whom, since when, until when, and how it stands."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import switch
from isthmus.cli.nsc.moments import format_moment
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_selection import all_accounts
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.cli.tables import ascii_table
from isthmus.sharing import Accounts, Party, Share, given, received
from isthmus.sharing.items import document


class Options(Value):
    """What was asked for."""

    account: str = ""
    all: bool = False
    json: bool = False


@click.command(
    "shares",
    cls=NscCommand,
    help="Show the shares of an account, given and received. They are read from the account tokens"
    " of this store; what is pushed only the servers know.",
)
@account_flag
@switch("-A", "--all", help="of all accounts")
@switch("-J", "--json", help="as JSON")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given_flags = {name: value for name, value in values.items() if value is not None}
    invocation.show(run, Options(**given_flags))


def run(options: Options, store: Store) -> Report:
    """The tables, or the JSON form."""
    names = store.accounts() if options.all else [store.account_name(options.account)]
    accounts = all_accounts(store)
    report = Report()
    if options.json:
        found = [_document(accounts, store.account(name).subject) for name in names]
        value = found if options.all else found[0]
        text = msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
        report.body = text + "\n"
        return report
    report.body = "\n".join(_tables(accounts, store.account(name).subject) for name in names)
    return report


def _tables(accounts: Accounts, key: str) -> str:
    name = accounts.party(key).title
    tables = [
        _table(f"Shares given by {name}", "With", [(s, s.taker) for s in given(accounts, key)]),
        _table(
            f"Shares received by {name}", "From", [(s, s.giver) for s in received(accounts, key)]
        ),
    ]
    return "\n\n".join(tables) + "\n"


def _table(title: str, other: str, shares: list[tuple[Share, Party]]) -> str:
    rows = [
        (
            share.item.title,
            party.title or "nobody known",
            format_moment(share.since_s),
            format_moment(share.until_s),
            share.state,
        )
        for share, party in shares
    ]
    if not rows:
        return ascii_table(title, [], [("None",)])
    return ascii_table(title, ["What", other, "Since", "Until", "State"], rows)


def _document(accounts: Accounts, key: str) -> dict[str, object]:
    return {
        "account": accounts.party(key).name,
        "public_key": key,
        "given": [_row(share) for share in given(accounts, key)],
        "received": [_row(share) for share in received(accounts, key)],
    }


def _row(share: Share) -> dict[str, object]:
    return {
        "giver": {"name": share.giver.name, "public_key": share.giver.key},
        "taker": {"name": share.taker.name, "public_key": share.taker.key},
        "item": document(share.item),
        "since": share.since_s,
        "until": share.until_s,
        "state": share.state,
        "subjects": [
            {"subject": standing.subject, "state": standing.state} for standing in share.standings
        ],
    }
