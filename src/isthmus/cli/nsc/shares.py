"""nsc shares: what accounts give and take, with whom, since when, until when, and how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import INTEGER, flag, switch
from isthmus.cli.nsc.login_flags import LoginFlags, login_flags, split_login
from isthmus.cli.nsc.moments import format_moment
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_selection import all_accounts
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.cli.tables import ascii_table
from isthmus.sharing import Accounts, Party, Share, given, received
from isthmus.sharing.items import document

if TYPE_CHECKING:
    from isthmus.cli.nsc.shares_live import Use, Uses


class Options(Value):
    """What was asked for."""

    account: str = ""
    all: bool = False
    json: bool = False
    live: bool = False
    nats_url: str = ""
    timeout: int = 2
    login: LoginFlags = LoginFlags()


@click.command(
    "shares",
    cls=NscCommand,
    help="Show the shares of an account, given and received. They are read from the account tokens"
    " of this store; with --live a server tells what each was used for.",
)
@account_flag
@switch("-A", "--all", help="of all accounts")
@switch("-J", "--json", help="as JSON")
@switch("--live", help="ask a server what they were used for")
@flag("--nats-url", help="server to ask (default: the operator's account or service URL)")
@flag("--timeout", type=INTEGER, help="seconds to wait for each answer, 1 to 60; default 2")
@login_flags
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    login, rest = split_login(values)
    invocation.show(run, Options(**rest, login=login))


def run(options: Options, store: Store) -> Report:
    """The tables, or the JSON form."""
    names = store.accounts() if options.all else [store.account_name(options.account)]
    accounts = all_accounts(store)
    keys = [store.account(name).subject for name in names]
    uses: Uses | None = None
    if options.live:
        from isthmus.cli.nsc.explain_live import Asking
        from isthmus.cli.nsc.shares_live import ask

        asking = Asking(url=options.nats_url, login=options.login, timeout=options.timeout)
        uses = ask(store, keys, asking)
    report = Report()
    if options.json:
        found = [_document(accounts, key, uses) for key in keys]
        value = found if options.all else found[0]
        text = msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
        report.body = text + "\n"
        return report
    report.body = "\n".join(_tables(accounts, key, uses) for key in keys)
    return report


def _tables(accounts: Accounts, key: str, uses: Uses | None) -> str:
    name = accounts.party(key).title
    away = [(share, share.taker) for share in given(accounts, key)]
    here = [(share, share.giver) for share in received(accounts, key)]
    tables = [
        _table(f"Shares given by {name}", "With", away, uses),
        _table(f"Shares received by {name}", "From", here, uses),
    ]
    return "\n\n".join(tables) + "\n"


def _table(title: str, other: str, shares: list[tuple[Share, Party]], uses: Uses | None) -> str:
    rows = [
        (
            share.item.title,
            party.title or "nobody known",
            format_moment(share.since_s),
            format_moment(share.until_s),
            share.state,
            *(() if uses is None else _used(uses.of(share))),
        )
        for share, party in shares
    ]
    if not rows:
        return ascii_table(title, [], [("None",)])
    headers = ["What", other, "Since", "Until", "State"]
    return ascii_table(title, headers if uses is None else headers + _USED, rows)


_USED = ["Messages", "Bytes", "Last used", "Last acknowledged", "Unacknowledged"]


def _used(use: Use | None) -> tuple[str, ...]:
    if use is None:
        return ("not told",) * len(_USED)
    return (
        str(use.messages),
        str(use.bytes),
        _moment(use.last_used_s),
        "" if use.unacknowledged is None else _moment(use.last_acknowledged_s),
        "" if use.unacknowledged is None else str(use.unacknowledged),
    )


def _moment(moment_s: int) -> str:
    return format_moment(moment_s) if moment_s else "never"


def _document(accounts: Accounts, key: str, uses: Uses | None) -> dict[str, object]:
    return {
        "account": accounts.party(key).name,
        "public_key": key,
        "given": [_row(share, uses) for share in given(accounts, key)],
        "received": [_row(share, uses) for share in received(accounts, key)],
    }


def _row(share: Share, uses: Uses | None) -> dict[str, object]:
    found: dict[str, object] = {
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
    if uses is not None:
        use = uses.of(share)
        found["usage"] = None if use is None else _usage(use)
    return found


def _usage(use: Use) -> dict[str, object]:
    return {
        "messages": use.messages,
        "bytes": use.bytes,
        "last_used": use.last_used_s,
        "last_acknowledged": use.last_acknowledged_s,
        "unacknowledged": use.unacknowledged,
    }
