"""`nats server request`: what the servers answer to one of their questions, as it is."""

from typing import Any

import click

from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.records import Record
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.system_requests import ask_servers

_ENDPOINTS = {
    "VARZ": ("variables", "var", "varz"),
    "CONNZ": ("connections", "conn", "connz"),
    "SUBSZ": ("subscriptions", "sub", "subsz"),
    "JSZ": ("jetstream", "jsz", "js"),
    "ACCOUNTZ": ("accounts", "accountz", "acct"),
    "HEALTHZ": ("jetstream-health", "healthz"),
    "ROUTEZ": ("routes", "route", "routez"),
    "GATEWAYZ": ("gateways", "gateway", "gwy", "gatewayz"),
    "LEAFZ": ("leafnodes", "leaf", "leafz"),
    "IPQUEUESZ": ("ipqueue", "ipq", "ipqueuesz"),
    "RAFTZ": ("raft", "raftz"),
}
_NAMES = {name: endpoint for endpoint, names in _ENDPOINTS.items() for name in names}


class ServerFilter(Record):
    """Which servers are meant, and of which account the answer is."""

    server_name: str = ""
    host: str = ""
    cluster: str = ""
    tags: list[str] | None = None
    account: str = ""
    limit: int = 0
    offset: int = 0


@verb("request", help="Ask the servers: varz, connz, subsz, jsz, accountz, healthz … Shows JSON.")
@click.argument("what", type=click.Choice(sorted(_NAMES)), metavar="WHAT")
@click.argument("expect", required=False, type=NATURAL, default=0)
@click.option("--name", default="", metavar="NAME", help="The server of this name")
@click.option("--host", default="", metavar="HOST", help="Servers on this host")
@click.option("--cluster", default="", metavar="NAME", help="In this one")
@click.option("--tags", multiple=True, metavar="TAG", help="Servers with these tags")
@click.option("--account", default="", metavar="ACCOUNT", help="Of this account")
@click.option("--limit", type=NATURAL, default=0, help="So many entries (the server's default)")
@click.option("--offset", type=NATURAL, default=0, help="Entries to pass over")
def command(
    session: Session, what: str, expect: int, name: str, tags: tuple[str, ...], **given: Any
) -> None:
    """Ask, then show each answer on a line."""
    request = ServerFilter(server_name=name, tags=list(tags) or None, **given)
    subject = f"$SYS.REQ.SERVER.PING.{_NAMES[what]}"
    replies = session.connected(lambda client: ask_servers(client, subject, request, expect=expect))
    for reply in replies:
        session.streams.out_bytes(reply.raw)
        session.streams.out()
