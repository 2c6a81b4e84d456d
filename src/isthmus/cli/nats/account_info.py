"""`nats account info`: who this connection is, and what its account uses and may use.

An account without JetStream is no failure: the view says so.
"""

from typing import Any

import msgspec
from nats import errors

from isthmus.base.errors import JetStreamError
from isthmus.base.values import NS_PER_S, Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.account_view import AccountInfo, UserInfo, account_view
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.formats import age, byte_count
from isthmus.cli.nats.records import AccountUsage
from isthmus.cli.nats.session import Session

_NO_JETSTREAM = {10039, 10076}
_USER_INFO_WAIT_S = 1.0


class UserAnswer(Value):
    """The answer of `$SYS.REQ.USER.INFO`."""

    data: UserInfo | None = None


@verb("info", help="Show the user, the connection, and the account's use of JetStream.")
def command(session: Session, **given: Any) -> None:
    """Ask, then show."""
    info = session.connected(run)
    session.streams.out(account_view(info))


async def run(client: Client) -> AccountInfo:
    """What server and account say about this connection."""
    usage, problem = await _usage(client)
    user = await _user(client)
    return AccountInfo(
        user=user,
        system=str(client.info.get("system_account", "")),
        connection=await _connection(client),
        usage=usage,
        problem=problem,
    )


async def _usage(client: Client) -> tuple[AccountUsage | None, str]:
    try:
        return await JetStreamApi(client).call("INFO", AccountUsage), ""
    except JetStreamError as error:
        if error.err_code in _NO_JETSTREAM:
            return None, "JetStream is not supported in this account"
        return None, f"Could not obtain account information: {error}"
    except CommandError as error:
        if "no responders" in str(error):
            return None, "JetStream is not supported in this account"
        return None, f"No response from JetStream server: {error}"


async def _user(client: Client) -> UserInfo | None:
    try:
        answer = await client.raw.request("$SYS.REQ.USER.INFO", b"", timeout=_USER_INFO_WAIT_S)
        return msgspec.json.decode(answer.data, type=UserAnswer).data
    except (errors.TimeoutError, errors.NoRespondersError, msgspec.DecodeError):
        return None  # an older server: the rows are left out


async def _connection(client: Client) -> dict[str, str]:
    info, url = client.info, client.raw.connected_url
    assert url is not None
    rows = {
        "Client ID": str(client.raw.client_id or ""),
        "Client IP": client.raw.client_ip or "",
        "RTT": age(int(await client.raw.rtt() * NS_PER_S)),
        "Headers Supported": "true" if info.get("headers") else "false",
        "Maximum Payload": byte_count(client.raw.max_payload),
        "Connected Cluster": str(info.get("cluster", "")),
        "Connected URL": f"{url.scheme}://{url.hostname}:{url.port}",
        "Connected Address": client.peer,
        "Connected Server ID": str(info.get("server_id", "")),
        "Connected Server Version": str(info.get("version", "")),
        "Connected Server Name": str(info.get("server_name", "")),
    }
    if client.tls is None:
        rows["TLS Connection"] = "no"
    else:
        cipher = client.tls.cipher()
        version = (client.tls.version() or "").removeprefix("TLSv")
        rows["TLS Version"] = f"{version} using {cipher[0] if cipher else 'unknown'}"
        rows["TLS Server Name"] = str(client.tls.server_hostname or "")
    return {label: value for label, value in rows.items() if value}
