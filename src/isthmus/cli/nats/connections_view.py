"""Connections as people read them: a table of them, and how many each server has.

Pure layout over the documents that servers answer with.
"""

from typing import Any

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.formats import byte_count, count
from isthmus.cli.nats.system_requests import Reply
from isthmus.cli.tables import Row, rounded_table

_NAME_MAX, _ACCOUNT_MAX, _ACCOUNT_PART = 40, 46, 12
_SORTS = {
    "in-bytes": "in_bytes",
    "out-bytes": "out_bytes",
    "in-msgs": "in_msgs",
    "out-msgs": "out_msgs",
    "uptime": "start",
    "cid": "cid",
    "subs": "subscriptions",
}
SORTS = tuple(_SORTS)
_HEADERS = (
    *("CID", "Name", "Server", "Cluster", "IP", "Account", "Uptime", "In Msgs", "Out Msgs"),
    *("In Bytes", "Out Bytes", "Subs"),
)


def connections_of(replies: list[Reply]) -> list[dict[str, Any]]:
    """The connections of all servers; each knows its server."""
    return [
        {**connection, "server": reply.server}
        for reply in replies
        for connection in reply.data.get("connections") or ()
    ]


def connections_view(
    replies: list[Reply], *, sort: str, top: int, reverse: bool, state: str = "open"
) -> str:
    """The `top` connections by `sort`, the largest last, then the servers."""
    found = connections_of(replies)
    if not found:
        raise CommandError("did not get results from any servers")
    key = _SORTS[sort]
    ordered = sorted(found, key=lambda one: (one.get(key, 0), one.get("cid", 0)))[-top:]
    if reverse:
        ordered.reverse()
    closed = state != "open"
    rows: list[Row] = [_row(one, closed=closed) for one in ordered]
    title = f"Top {len(ordered)} Connections out of {count(len(found))} by {sort}"
    headers = (*_HEADERS, "Reason") if closed else _HEADERS
    footer = _totals(ordered) if len(ordered) > 1 else ()
    tables = [rounded_table(title, headers, rows, footer)]
    per_server = [
        (
            str(reply.server.get("name", "")),
            str(reply.server.get("cluster", "")),
            len(reply.data.get("connections") or ()),
        )
        for reply in replies
    ]
    per_server_headers = ("Server", "Cluster", "Connections")
    tables.append(rounded_table("Connections per server", per_server_headers, per_server))
    return "\n" + "\n\n".join(tables)


def _row(one: dict[str, Any], *, closed: bool) -> Row:
    name, account = str(one.get("name", "")), str(one.get("name_tag") or one.get("account", ""))
    if len(name) > _NAME_MAX:
        name = name[:_NAME_MAX] + " .."
    if len(account) > _ACCOUNT_MAX:
        account = account[:_ACCOUNT_PART] + " .."
    kind = str(one.get("kind", "Client"))
    letter = "" if kind == "Client" else kind[:1]
    cid: str | int = f"{letter}{one.get('cid', 0)}" if letter else int(one.get("cid", 0))
    row = (
        cid,
        name,
        str(one["server"].get("name", "")),
        str(one["server"].get("cluster", "")),
        f"{one.get('ip', '')}:{one.get('port', '')}",
        account,
        str(one.get("uptime", "")),
        count(one.get("in_msgs", 0)),
        count(one.get("out_msgs", 0)),
        byte_count(one.get("in_bytes", 0)),
        byte_count(one.get("out_bytes", 0)),
        count(one.get("subscriptions", 0)),
    )
    return (*row, str(one.get("reason", ""))) if closed else row


def _totals(found: list[dict[str, Any]]) -> Row:
    def total(key: str) -> int:
        return sum(int(one.get(key, 0)) for one in found)

    return (
        "",
        f"Totals for {count(len(found))} connections",
        *("", "", "", "", ""),
        count(total("in_msgs")),
        count(total("out_msgs")),
        byte_count(total("in_bytes")),
        byte_count(total("out_bytes")),
        count(total("subscriptions")),
    )
