"""`nats server info`: one server in detail."""

from typing import Any

import click

from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import age, byte_count, count, limit, local_time
from isthmus.cli.nats.records import Record
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.system_requests import Reply, ask_servers

_ID_LENGTH = 56


class ServerRequest(Record):
    """Which server is asked, among all that hear the question."""

    server_name: str = ""


@verb("info", help="Show one server in detail.", refused="--archive")
@click.argument("server", required=False, default="")
def command(session: Session, server: str) -> None:
    """Ask, then show."""
    reply = session.connected(lambda client: run(client, server))
    session.streams.out(server_view(reply))


async def run(client: Client, server: str) -> Reply:
    """The server of that name or id; without one, the first that answers."""
    if len(server) == _ID_LENGTH and server.startswith("N"):
        return (await ask_servers(client, f"$SYS.REQ.SERVER.{server}.VARZ", expect=1))[0]
    request = ServerRequest(server_name=server)
    return (await ask_servers(client, "$SYS.REQ.SERVER.PING.VARZ", request, expect=1))[0]


def server_view(reply: Reply) -> str:
    """The whole view."""
    varz = reply.data
    view = Columns(f"Server information for {reply.server.get('name')} ({reply.server.get('id')})")
    view.section("Process Details")
    view.row("Version", varz.get("version", ""))
    view.row_if("Git Commit", varz.get("git_commit"))
    view.row_if("Go Version", varz.get("go"))
    view.row("Start Time", local_time(str(varz.get("start", ""))))
    view.row("Configuration Load Time", local_time(str(varz.get("config_load_time", ""))))
    view.row_if("Configuration Digest", varz.get("config_digest"))
    view.row("Uptime", varz.get("uptime", ""))
    _connections(view, varz)
    if varz.get("jetstream"):
        _jetstream(view, varz["jetstream"])
    view.section("Limits")
    view.row("Maximum Connections", count(varz.get("max_connections", 0)))
    view.row("Maximum Subscriptions", count(varz.get("max_subscriptions", 0)))
    view.row("Maximum Payload", byte_count(varz.get("max_payload", 0)))
    view.row("TLS Timeout", f"{varz.get('tls_timeout', 0):.2f}s")
    view.row("Write Deadline", age(varz.get("write_deadline", 0)))
    _statistics(view, varz)
    cluster = varz.get("cluster") or {}
    if cluster.get("name"):
        view.section("Cluster")
        view.row("Name", cluster["name"])
        view.row("Host", f"{cluster.get('addr', '')}:{cluster.get('cluster_port', '')}")
        view.row("URLs", cluster.get("urls") or [])
    return view.render()


def _connections(view: Columns, varz: dict[str, Any]) -> None:
    view.section("Connection Details")
    view.row("Auth Required", bool(varz.get("auth_required")))
    view.row("TLS Required", bool(varz.get("tls_required")))
    ip = f" ({varz['ip']})" if varz.get("ip") else ""
    view.row("Host", f"{varz.get('host', '')}:{varz.get('port', '')}{ip}")
    view.row_if("Client URLs", "\n".join(varz.get("connect_urls") or ()))
    view.row_if("WebSocket URLs", "\n".join(varz.get("ws_connect_urls") or ()))


def _jetstream(view: Columns, found: dict[str, Any]) -> None:
    config, stats = found.get("config") or {}, found.get("stats") or {}
    api, limits = stats.get("api") or {}, found.get("limits") or {}
    view.section("JetStream")
    view.row("Domain", config.get("domain", ""))
    view.row("API Support Level", api.get("level", 0))
    view.row("Storage Directory", config.get("store_dir", ""))
    view.row("Active Accounts", count(stats.get("accounts", 0)))
    view.row("Memory In Use", byte_count(stats.get("memory", 0)))
    view.row("File In Use", byte_count(stats.get("storage", 0)))
    view.row("API Requests", count(api.get("total", 0)))
    view.row("API Errors", count(api.get("errors", 0)))
    view.row("Always sync writes to disk", bool(config.get("sync_always")))
    if config.get("sync_interval"):
        view.row("Write sync Frequency", age(config["sync_interval"]))
    view.row("Maximum Memory Storage", byte_count(config.get("max_memory", 0)))
    view.row("Maximum File Storage", byte_count(config.get("max_storage", 0)))
    for label, key in (
        ("Maximum HA Assets", "max_ha_assets"),
        ("Maximum Ack Pending", "max_ack_pending"),
        ("Maximum Request Batch", "max_request_batch"),
    ):
        number = int(limits.get(key) or 0)
        view.row(label, limit(number, count(number)))
    window_ns = int(limits.get("duplicate_window") or 0)
    view.row("Maximum Duplicate Window", limit(window_ns, age(window_ns)))
    view.row("Strict API Parsing", bool(config.get("strict")))


def _statistics(view: Columns, varz: dict[str, Any]) -> None:
    view.section("Statistics")
    view.row("CPU Cores", f"{varz.get('cores', 0)} {varz.get('cpu', 0):.2f}%")
    view.row("Memory", byte_count(varz.get("mem", 0)))
    view.row("Connections", count(varz.get("connections", 0)))
    view.row("Subscriptions", count(varz.get("subscriptions", 0)))
    messages = f"{count(varz.get('in_msgs', 0))} in {count(varz.get('out_msgs', 0))} out"
    view.row("Messages", messages)
    sizes = f"{byte_count(varz.get('in_bytes', 0))} in {byte_count(varz.get('out_bytes', 0))} out"
    view.row("Bytes", sizes)
    view.row("Slow Consumers", count(varz.get("slow_consumers", 0)))
