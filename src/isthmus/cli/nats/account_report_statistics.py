"""`nats account report statistics`: what each server did for this account."""

from typing import Any

from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import byte_count, count
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.system_requests import Reply, ask_servers
from isthmus.cli.tables import Row, rounded_table

_SUBJECT = "$SYS.REQ.ACCOUNT.PING.STATZ"
_HEADERS = (
    *("Server", "Cluster", "Version", "Tags", "Connections", "Subscriptions", "Leafnodes"),
    *("Sent Bytes", "Sent Messages", "Received Bytes", "Received Messages", "Slow Consumers"),
)


@verb("statistics", help="Show what each server did for this account.")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    replies = session.connected(lambda client: ask_servers(client, _SUBJECT))
    found = [(reply, one) for reply in replies for one in reply.data.get("account_statz") or ()]
    rows = [_row(reply, one) for reply, one in found]
    totals = [sum(column) for column in zip(*(_numbers(one) for _, one in found), strict=True)]
    footer = (str(len(rows)), "", "", "", *_texts(totals)) if totals else ()
    session.streams.out(rounded_table("Server Statistics", _HEADERS, rows, footer) + "\n")


def _row(reply: Reply, one: dict[str, Any]) -> Row:
    server = reply.server
    return (
        str(server.get("name", "")),
        str(server.get("cluster", "")),
        str(server.get("ver", "")),
        ", ".join(server.get("tags") or ()),
        *_texts(_numbers(one)),
    )


def _numbers(one: dict[str, Any]) -> list[int]:
    sent, received = one.get("sent") or {}, one.get("received") or {}
    return [
        int(one.get("conns", 0)),
        int(one.get("num_subscriptions", 0)),
        int(one.get("leafnodes", 0)),
        int(sent.get("bytes", 0)),
        int(sent.get("msgs", 0)),
        int(received.get("bytes", 0)),
        int(received.get("msgs", 0)),
        int(one.get("slow_consumers", 0)),
    ]


def _texts(numbers: list[int]) -> list[str]:
    conns, subs, leafs, sent_bytes, sent, received_bytes, received, slow = numbers
    return [
        *(count(conns), count(subs), count(leafs), byte_count(sent_bytes), count(sent)),
        *(byte_count(received_bytes), count(received), count(slow)),
    ]
