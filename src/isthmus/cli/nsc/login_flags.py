"""The flags with which `push` and `pull` log in to servers.

Owns those flags; `push_login` makes a login of them. Imports neither asyncio nor nats-py.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from isthmus.base.values import Value
from isthmus.cli.nsc.flags import flag, switch

F = TypeVar("F", bound=Callable[..., Any])


class LoginFlags(Value):
    """What the flags said; empty texts were not given."""

    system_account: str = ""
    system_user: str = ""
    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    tls_first: bool = False


def login_flags(command: F) -> F:
    """Add the flags to a command."""
    decorators = [
        flag("--system-account", help="system account to log in with (default: the operator's)"),
        flag("--system-user", help="user of it (default: one made for this once)"),
        flag("--ca-cert", help="file of trusted authorities for TLS ($NATS_CA)"),
        flag("--client-cert", help="file of the client's certificate ($NATS_CERT)"),
        flag("--client-key", help="file of its key ($NATS_KEY)"),
        switch("--tls-first", help="shake hands before the server says anything"),
    ]
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def split_login(values: Mapping[str, Any]) -> tuple[LoginFlags, dict[str, Any]]:
    """The login flags among a command's values that were given, and the others."""
    given = {name: value for name, value in values.items() if value is not None}
    names = set(LoginFlags.__struct_fields__)
    own = {name: value for name, value in given.items() if name in names}
    return LoginFlags(**own), {k: v for k, v in given.items() if k not in names}
