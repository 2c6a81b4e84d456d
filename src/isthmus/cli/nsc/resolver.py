"""Talking to the account resolver of running servers.

Owns the conversation: log in as a user of the system account, send account tokens, gather what each
server answers. Knows no store and prints nothing; nats-py and asyncio are imported when it is used.

    $SYS.REQ.CLAIMS.UPDATE   an account token →  one answer per server
"""

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.errors import AuthorizationError
from nats.errors import Error as ClientError

from isthmus.base.values import Value
from isthmus.identity.nkeys import KeyPair

UPDATE = "$SYS.REQ.CLAIMS.UPDATE"
CONNECT_TIMEOUT_S = 5


class Login(Value):
    """How to log in: a user token and its key."""

    url: str
    token: str
    key: KeyPair


class Answer(Value):
    """What one server said to one account token."""

    server: str
    text: str
    refused: bool


class Pushed(Value):
    """What all servers said to one account token. Nothing heard: `problem` says why."""

    account: str
    answers: tuple[Answer, ...]
    problem: str = ""


class ResolverError(Exception):
    """The conversation did not come about."""


class _Server(Value):
    name: str = ""
    id: str = ""


class _Data(Value):
    code: int = 0
    message: str = ""
    description: str = ""


class _Envelope(Value):
    server: _Server = _Server()
    data: _Data | None = None
    error: _Data | None = None


def push(login: Login, tokens: Sequence[tuple[str, str]], *, timeout_s: float) -> list[Pushed]:
    """Send `tokens` (name, token); each gets `timeout_s` for the answers of all servers.

    A server that stands alone is not waited for once it has answered.
    """
    return asyncio.run(_push(login, tokens, timeout_s))


async def _push(login: Login, tokens: Sequence[tuple[str, str]], timeout_s: float) -> list[Pushed]:
    client = await _connect(login)
    try:
        return [await _update(client, name, token, timeout_s) for name, token in tokens]
    except (ClientError, OSError) as error:
        raise ResolverError(f"connection lost: {error}") from None
    finally:
        await client.close()


async def _connect(login: Login) -> Client:
    async def ignore(error: Exception) -> None:
        """The error that ends the attempt is raised as well."""

    def sign(nonce: str) -> bytes:
        return base64.b64encode(login.key.sign(nonce.encode()))

    try:
        return await nats.connect(
            servers=[login.url],
            name="nsc_push",
            allow_reconnect=False,
            max_reconnect_attempts=1,  # 0 would be for ever
            reconnect_time_wait=0,
            connect_timeout=CONNECT_TIMEOUT_S,
            error_cb=ignore,
            user_jwt_cb=login.token.encode,
            signature_cb=sign,
        )
    except AuthorizationError:
        raise ResolverError("failed to connect: nats: Authorization Violation") from None
    except (TimeoutError, ClientError, OSError, ValueError) as error:
        raise ResolverError(f"failed to connect: {error}") from None


async def _update(client: Client, account: str, token: str, timeout_s: float) -> Pushed:
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    await client.publish(UPDATE, token.encode(), reply=inbox)
    await client.flush()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    answers: list[Answer] = []
    problem = "nats: timeout"
    while (left_s := deadline - loop.time()) > 0:
        try:
            message = await subscription.next_msg(timeout=left_s)
        except ClientError:
            break
        if (message.headers or {}).get("Status") == "503":
            problem = "no server with an account resolver is listening"
            break
        answers.append(_answer(message.data))
        if _stands_alone(client):
            break
    await subscription.unsubscribe()
    return Pushed(account=account, answers=tuple(answers), problem="" if answers else problem)


def _answer(data: bytes) -> Answer:
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Answer(server="?", text="an answer that cannot be read", refused=True)
    name = envelope.server.name or envelope.server.id
    if envelope.error is not None:
        return Answer(server=name, text=envelope.error.description, refused=True)
    return Answer(server=name, text=envelope.data.message if envelope.data else "", refused=False)


def _stands_alone(client: Client) -> bool:
    """True if the server we talk to is in no cluster, so that nobody else will answer."""
    info: dict[str, Any] = client._server_info  # noqa: SLF001 - nats-py shows it nowhere else
    return not info.get("cluster") and not info.get("connect_urls")
