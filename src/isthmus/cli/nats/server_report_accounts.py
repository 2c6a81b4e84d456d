"""`nats server report accounts`: what connects and flows, account by account."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.connections_view import connections_of
from isthmus.cli.nats.flags import NATURAL, POSITIVE, verb
from isthmus.cli.nats.formats import byte_count, count
from isthmus.cli.nats.records import Record
from isthmus.cli.nats.server_report_connections import ConnectionsRequest
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.system_requests import ask_servers
from isthmus.cli.tables import rounded_table

_SUBJECT = "$SYS.REQ.SERVER.PING.CONNZ"
_ASKED_MAX = 10_000
_FIELDS = ("in_msgs", "out_msgs", "in_bytes", "out_bytes", "subscriptions")
_SORTS = {
    "in-bytes": "in_bytes",
    "out-bytes": "out_bytes",
    "in-msgs": "in_msgs",
    "out-msgs": "out_msgs",
    "conns": "connections",
    "subs": "subscriptions",
}
_HEADERS = ("Account", "Connections", "In Msgs", "Out Msgs", "In Bytes", "Out Bytes", "Subs")


class Options(Value):
    """Which accounts, in which order."""

    account: str = ""
    expect: int = 0
    sort: str = "subs"
    top: int = 1000
    reverse: bool = False
    as_json: bool = False


class AccountTotals(Record):
    """One account over all servers."""

    account: str
    connections: int = 0
    in_msgs: int = 0
    out_msgs: int = 0
    in_bytes: int = 0
    out_bytes: int = 0
    subscriptions: int = 0


@verb(
    "accounts",
    help="Show connections and traffic, account by account.",
    refused="--host --cluster --tags --watch --archive",
)
@click.argument("account", required=False, default="")
@click.argument("expect", required=False, type=NATURAL, default=0)
@click.option("--sort", type=click.Choice(list(_SORTS)), default="subs", help="Order (subs)")
@click.option("--top", type=POSITIVE, default=1000, help="So many of them (1000)")
@click.option("-R", "--reverse", is_flag=True, help="The other way round")
@click.option("-j", "--json", "as_json", is_flag=True, help="Show JSON")
def command(session: Session, **given: Any) -> None:
    """Ask, add up, show."""
    options = Options(**given)
    request = ConnectionsRequest(limit=_ASKED_MAX, auth=True, acc=options.account)
    replies = session.connected(
        lambda client: ask_servers(client, _SUBJECT, request, expect=options.expect)
    )
    found = totals(connections_of(replies))
    if not found:
        raise CommandError("did not get results from any servers")
    key = _SORTS[options.sort]
    ordered = sorted(found, key=lambda one: (getattr(one, key), one.account))[-options.top :]
    if options.reverse:
        ordered.reverse()
    if options.as_json:
        session.streams.json_pretty(ordered)
        return
    rows = [
        (
            one.account,
            count(one.connections),
            count(one.in_msgs),
            count(one.out_msgs),
            byte_count(one.in_bytes),
            byte_count(one.out_bytes),
            count(one.subscriptions),
        )
        for one in ordered
    ]
    title = f"{len(rows)} Accounts Overview"
    session.streams.out("\n" + rounded_table(title, _HEADERS, rows))


def totals(connections: list[dict[str, Any]]) -> list[AccountTotals]:
    """The connections added up by account."""
    sums: dict[str, dict[str, int]] = {}
    for one in connections:
        account = sums.setdefault(
            str(one.get("account", "")), dict.fromkeys(("connections", *_FIELDS), 0)
        )
        account["connections"] += 1
        for field in _FIELDS:
            account[field] += int(one.get(field, 0))
    return [AccountTotals(account=name, **numbers) for name, numbers in sums.items()]
