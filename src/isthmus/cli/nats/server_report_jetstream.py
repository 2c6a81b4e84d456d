"""`nats server report jetstream`: what each server stores."""

from typing import Any

import click

from isthmus.base.values import Value
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.formats import byte_count, count
from isthmus.cli.nats.records import Record
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.system_requests import Reply, ask_servers
from isthmus.cli.tables import Row, rounded_table

_SUBJECT = "$SYS.REQ.SERVER.PING.JSZ"
_FIELDS = ("streams", "consumers", "messages", "bytes", "memory", "storage")
_HEADERS = (
    *("Server", "Cluster", "Streams", "Consumers", "Messages", "Bytes", "Memory", "File"),
    *("API Req", "Pending"),
)


class Options(Value):
    """Of how many servers, of which account."""

    expect: int = 0
    account: str = ""
    reverse: bool = False


class StorageRequest(Record):
    """The request of JSZ."""

    account: str = ""


@verb(
    "jetstream",
    help="Show what each server stores.",
    refused="--sort -l --leaders --compact --no-compact --host --cluster --tags --watch --archive",
)
@click.argument("expect", required=False, type=NATURAL, default=0)
@click.option("--account", default="", metavar="ACCOUNT", help="Of this account")
@click.option("-R", "--reverse", is_flag=True, help="The other way round")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    options = Options(**given)
    request = StorageRequest(account=options.account)
    replies = session.connected(
        lambda client: ask_servers(client, _SUBJECT, request, expect=options.expect)
    )
    replies.sort(key=lambda reply: str(reply.server.get("name", "")), reverse=options.reverse)
    rows: list[Row] = [_row(reply) for reply in replies]
    sums = [sum(int(reply.data.get(field, 0)) for reply in replies) for field in _FIELDS]
    requests = sum(_requests(reply) for reply in replies)
    footer = ("", "", *_texts(sums), count(requests), "")
    title = "JetStream Summary" + (f" for Account {options.account}" if options.account else "")
    session.streams.out(rounded_table(title, _HEADERS, rows, footer) + "\n")


def _row(reply: Reply) -> Row:
    data = reply.data
    leader = (data.get("meta_cluster") or {}).get("leader")
    star = "*" if leader and leader == reply.server.get("name") else ""
    numbers = [int(data.get(field, 0)) for field in _FIELDS]
    return (
        f"{reply.server.get('name', '')}{star}",
        str(reply.server.get("cluster", "")),
        *_texts(numbers),
        count(_requests(reply)),
        int((data.get("meta_cluster") or {}).get("pending", 0)),
    )


def _requests(reply: Reply) -> int:
    return int((reply.data.get("api") or {}).get("total", 0))


def _texts(numbers: list[int]) -> list[str]:
    streams, consumers, messages, size, memory, storage = numbers
    return [
        *(count(streams), count(consumers), count(messages)),
        *(byte_count(size), byte_count(memory), byte_count(storage)),
    ]
