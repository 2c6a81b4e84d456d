"""Events as people read them: a block of rows, one line, or a CloudEvent.

Pure layout. A kind that is not known is shown with its type and its fields.
"""

from typing import Any, TypeAlias

from isthmus.base.values import format_duration, parse_time_ns
from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.formats import age, byte_count, clock_time, count

Event: TypeAlias = dict[str, Any]

_SCHEMAS = "https://raw.githubusercontent.com/nats-io/jsm.go/master/schemas"
_TITLES = {
    "client_connect": "Client Connection",
    "client_disconnect": "Client Disconnection",
    "api_audit": "JetStream API Access",
    "max_deliver": "Delivery Attempts Exceeded",
    "terminated": "Message Terminated",
    "nak": "Message Nacked",
    "consumer_ack": "Acknowledgement Sample",
}
_PLACES = ("stream", "consumer", "stream_seq", "consumer_seq", "deliveries", "reason")


def _kind(event: Event) -> str:
    """`stream_action` of `io.nats.jetstream.advisory.v1.stream_action`."""
    return str(event.get("type", "")).rpartition(".")[2]


def _clock(event: Event) -> str:
    return clock_time(parse_time_ns(str(event.get("timestamp") or event.get("time") or "")))


def _who(client: Event) -> str:
    return f"{client.get('user') or client.get('nkey') or ''} @ {client.get('acc', '')}"


def short_event(event: Event) -> str:
    """One line."""
    kind, client = _kind(event), event.get("client") or {}
    stream, consumer = event.get("stream", ""), event.get("consumer", "")
    place = f"{stream} > {consumer}" if consumer else str(stream)
    seq, tries = event.get("stream_seq", 0), event.get("deliveries", 0)
    user, account = client.get("user", ""), client.get("acc", "")
    who = f"user: {user} cid: {client.get('id', 0)} in account {account}"
    texts = {
        "client_connect": f"[Connection] {who}",
        "client_disconnect": f"[Disconnection] {who}: {event.get('reason', '')}",
        "api_audit": f"[JS API] {event.get('subject', '')} {_who(client)}",
        "stream_action": f"[Stream {_action(event)}] {place}",
        "consumer_action": f"[Consumer {_action(event)}] {place}",
        "max_deliver": f"[JS Max Deliveries] {stream} ({seq}) > {consumer}: {tries} deliveries",
        "consumer_ack": f"[JS Ack] {stream} ({seq}) > {consumer} ({event.get('consumer_seq', 0)}): "
        f"{tries} deliveries in {format_duration(int(event.get('ack_time', 0)))}",
    }
    return f"{_clock(event)} {texts.get(kind) or f'[{kind}] {place}'}"


def long_event(event: Event) -> str:
    """A block of rows."""
    kind = _kind(event)
    title = _TITLES.get(kind) or f"{kind.partition('_')[0].title()} {_action(event)} Action"
    if kind not in _TITLES and "action" not in event:
        title = kind.replace("_", " ").title()
    view = Columns(f"[{_clock(event)}] [{event.get('id', '')}] {title}")
    if kind == "client_disconnect":
        view.row("Reason", event.get("reason", ""))
    server = event.get("server")
    if server:
        view.row("Server", server.get("name", "") if isinstance(server, dict) else server)
    if kind == "api_audit":
        view.row("Subject", event.get("subject", ""))
    for field in _PLACES:
        if event.get(field) and kind != "client_disconnect":
            view.row(field.replace("_seq", " sequence").title(), event[field])
    if event.get("ack_time"):
        view.row("Delay", age(int(event["ack_time"])))
    if event.get("client"):
        _client_rows(view, event["client"])
    if kind == "client_disconnect":
        _traffic_rows(view, event)
    if kind == "api_audit":
        for label in ("request", "response"):
            view.section(label.title(), indent=4)
            view.text(" " * 10 + str(event.get(label) or f"Empty {label.title()}"))
    return view.render()


def _action(event: Event) -> str:
    return str(event.get("action", "")).title()


def _heading(view: Columns, title: str) -> None:
    view.blank()
    view.text(f"   {title}:")


def _client_rows(view: Columns, client: Event) -> None:
    language = f"  Language: {client['lang']}" if client.get("lang") else ""
    library = f"{client.get('ver', '')}{language}"
    _heading(view, "Client")
    for label, value in (
        ("ID", client.get("id")),
        ("User", client.get("user")),
        ("NKey", client.get("nkey")),
        ("Name", client.get("name")),
        ("Account", client.get("acc")),
        ("Library Version", library),
        ("Host", client.get("host")),
        ("Client Kind", client.get("kind")),
        ("Client Type", client.get("client_type")),
    ):
        view.row_if(label, value, indent=3)


def _traffic_rows(view: Columns, event: Event) -> None:
    client = event.get("client") or {}
    sent, received = event.get("sent") or {}, event.get("received") or {}
    _heading(view, "Stats")
    if client.get("rtt"):
        view.row("RTT", format_duration(int(client["rtt"])), indent=3)
    for label, part in (("Client Received", sent), ("Client Published", received)):
        text = f"{count(part.get('msgs', 0))} messages ({byte_count(part.get('bytes', 0))})"
        view.row(label, text, indent=3)


def cloud_event(event: Event) -> Event:
    """The event in the envelope of CloudEvents 1.0."""
    full = str(event.get("type", ""))
    names = full.split(".")  # io.nats.jetstream.advisory.v1.api_audit
    path = "/".join(names[2:]) if len(names) > 3 else full
    return {
        "type": full,
        "time": event.get("timestamp", ""),
        "id": event.get("id", ""),
        "source": f"urn:nats:{names[2] if len(names) > 2 else 'server'}",
        "dataschema": f"{_SCHEMAS}/{path}.json",
        "specversion": "1.0",
        "subject": names[3] if len(names) > 3 else "event",
        "data": event,
    }
