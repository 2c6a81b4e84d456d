"""`nats account report connections`: who is connected to this account."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.nats.connections_view import SORTS, connections_view
from isthmus.cli.nats.flags import POSITIVE, verb
from isthmus.cli.nats.records import Record
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.system_requests import ask_servers

_SUBJECT = "$SYS.REQ.SERVER.PING.CONNZ"  # servers answer for the account that asks
_STATES = {"open": 0, "closed": 1, "all": 2}


class Options(Value):
    """Which connections, in which order."""

    sort: str = "subs"
    top: int = 1000
    subject: str = ""
    username: str = ""
    reverse: bool = False
    state: str = "open"


class ConnectionsRequest(Record):
    """The request of CONNZ."""

    limit: int
    auth: bool  # with the names of accounts and users
    state: int = 0
    subscriptions: bool = False
    filter_subject: str = ""
    user: str = ""


@verb("connections", help="Show who is connected to this account.", refused="--closed-reason")
@click.option("--sort", type=click.Choice(SORTS), default="subs", help="Order (subs)")
@click.option("--top", type=POSITIVE, default=1000, help="So many of them (1000)")
@click.option("--subject", default="", metavar="SUBJECT", help="With a subscription to this")
@click.option("--username", default="", metavar="USER", help="Of this user")
@click.option("-R", "--reverse", is_flag=True, help="The other way round")
@click.option("--state", type=click.Choice(["open", "closed", "all"]), default="open", help="Which")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    request = ConnectionsRequest(
        limit=options.top,
        auth=True,
        state=_STATES[options.state],
        subscriptions=bool(options.subject),
        filter_subject=options.subject,
        user=options.username,
    )
    replies = session.connected(lambda client: ask_servers(client, _SUBJECT, request))
    view = connections_view(
        replies,
        sort=options.sort,
        top=options.top,
        reverse=options.reverse,
        state=options.state,
    )
    session.streams.out(view)
