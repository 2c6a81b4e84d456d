"""An account as people read it: user, connection, permissions, use of JetStream.

Pure layout; prints nothing itself.
"""

from typing import Any

from isthmus.base.values import Value
from isthmus.cli.nats.columns import Columns
from isthmus.cli.nats.formats import age, byte_count, count
from isthmus.cli.nats.records import AccountUsage, Tier


class UserInfo(Value):
    """Who the server takes us for."""

    user: str = ""
    user_name: str = ""
    account: str = ""
    account_name: str = ""
    expires: int = 0
    permissions: dict[str, Any] | None = None


class AccountInfo(Value):
    """All that the view shows; `problem` stands in for the usage."""

    user: UserInfo | None
    system: str
    connection: dict[str, str]
    usage: AccountUsage | None
    problem: str


def account_view(info: AccountInfo) -> str:
    """The whole view."""
    view = Columns("Account Information")
    if info.user is not None:
        _user_rows(view, info.user, info.system)
    for label, value in info.connection.items():
        view.row(label, value)
    if info.user is not None and info.user.permissions:
        _permissions(view, info.user.permissions)
    if info.usage is None:
        view.blank()
        view.text(f"    {info.problem}")
        return view.render()
    usage = info.usage
    domain = f" for domain {usage.domain}" if usage.domain else ""
    view.section(f"JetStream Account Information{domain}")
    view.section("Account Usage")
    view.row_if("Domain", usage.domain)
    view.row("Storage", byte_count(usage.storage))
    view.row("Memory", byte_count(usage.memory))
    view.row("Streams", count(usage.streams))
    view.row("Consumers", count(usage.consumers))
    view.section("Account Limits")
    view.row("Max Message Payload", info.connection["Maximum Payload"])
    for name, tier in (usage.tiers or {"Default": usage}).items():
        _tier(view, name, tier)
    return view.render()


def _user_rows(view: Columns, user: UserInfo, system: str) -> None:
    name = f"{user.user_name} ({user.user})" if user.user_name else user.user
    view.row("User", name)
    account = f"{user.account_name} ({user.account})" if user.account_name else user.account
    view.row("Account", account)
    view.row("System Account", user.account in {system, "$SYS"})
    view.row("Expires", age(user.expires) if user.expires else "never")


def _permissions(view: Columns, permissions: dict[str, Any]) -> None:
    view.section("Connection Permissions")
    for title, key in (("Publish", "publish"), ("Subscribe", "subscribe")):
        rules = permissions.get(key) or {}
        if not rules:
            continue
        view.text(f"   {title}:")
        view.blank()
        for label in ("allow", "deny"):
            subjects = sorted(rules.get(label) or ())
            if subjects:
                view.row(label.title(), "\n".join(subjects), indent=2)
        view.blank()


def _tier(view: Columns, name: str, tier: Tier) -> None:
    limits = tier.limits
    view.section(f"Tier: {name}", indent=2)
    view.section("Configuration Requirements", indent=6)
    view.row("Stream Requires Max Bytes Set", limits.max_bytes_required, indent=6)
    view.row("Consumer Maximum Ack Pending", _most(limits.max_ack_pending), indent=6)
    view.section("Stream Resource Usage Limits", indent=6)
    for title, used, most, per_stream, reserved in (
        (
            "Memory",
            tier.memory,
            limits.max_memory,
            limits.memory_max_stream_bytes,
            tier.reserved_memory,
        ),
        (
            "Storage",
            tier.storage,
            limits.max_storage,
            limits.storage_max_stream_bytes,
            tier.reserved_storage,
        ),
    ):
        kept = f"({byte_count(reserved)} reserved)" if reserved else ""
        bound = byte_count(most) if most >= 0 else "Unlimited"
        view.row(title, f"{byte_count(used)} of {bound} {kept}", indent=6)
        each = byte_count(per_stream) if per_stream > 0 else "Unlimited"
        view.row(f"{title} Per Stream", each, indent=6)
    view.row("Streams", f"{count(tier.streams)} of {_most(limits.max_streams)}", indent=6)
    most = limits.max_consumers
    each = f"Maximum {count(most)} per stream" if most > 0 else "Unlimited"
    view.row("Consumers", each, indent=6)


def _most(number: int) -> str:
    return count(number) if number >= 0 else "Unlimited"
