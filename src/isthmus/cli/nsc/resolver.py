"""Talking to the account resolver of running servers.

Owns the conversation: log in as a user of the system account, ask, gather what each server answers.
Knows no store and prints nothing; who imports this module loads nats-py and asyncio.

    $SYS.REQ.CLAIMS.UPDATE   an account token          →  one answer per server
    $SYS.REQ.CLAIMS.LIST     nothing                   →  one list of public keys per server
    $SYS.REQ.CLAIMS.DELETE   a token with public keys  →  one answer per server
    $SYS.REQ.CLAIMS.PACK     nothing                   →  key|token for each account, then nothing
    $SYS.REQ.ACCOUNT.<key>.CLAIMS.LOOKUP   nothing     →  a token, or nothing if it is not known
"""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
import nats
from nats.aio.client import Client
from nats.errors import AuthorizationError
from nats.errors import Error as ClientError

from isthmus.base.values import Value
from isthmus.identity.nkeys import KeyPair
from isthmus.sharing.finding import one_line

UPDATE = "$SYS.REQ.CLAIMS.UPDATE"
LIST = "$SYS.REQ.CLAIMS.LIST"
DELETE = "$SYS.REQ.CLAIMS.DELETE"
PACK = "$SYS.REQ.CLAIMS.PACK"
LOOKUP = "$SYS.REQ.ACCOUNT.{}.CLAIMS.LOOKUP"
SUBJECTS = (UPDATE, LIST, DELETE, PACK, LOOKUP.format("*"))
CONNECT_TIMEOUT_S = 5
ACCOUNTS_MAX = 100_000  # of one server; a longer list is not read to its end
T = TypeVar("T")


class Tls(Value):
    """Files for a connection by TLS, empty where the system's own are meant."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    first: bool = False  # shake hands before the server says anything

    @property
    def given(self) -> bool:
        """True if TLS was asked for, whatever the URL says."""
        return self != Tls()


class Login(Value):
    """How to log in: a user token and its key."""

    url: str
    token: str
    key: KeyPair
    tls: Tls = Tls()
    client_name: str = "nsc_push"


class Answer(Value):
    """What one server said to one account token."""

    server: str
    text: str
    refused: bool
    warnings: tuple[str, ...] = ()  # what of the account's imports is not active, and why


class Pushed(Value):
    """What all servers said to one account token. Nothing heard: `problem` says why."""

    account: str
    answers: tuple[Answer, ...]
    problem: str = ""


class Listing(Value):
    """The accounts one server has, by public key."""

    server: str
    accounts: tuple[str, ...]


class ResolverError(Exception):
    """The conversation did not come about."""


class _Server(Value):
    name: str = ""
    id: str = ""


class _Finding(Value):
    cause: str = ""


class _Data(Value):
    findings: tuple[_Finding, ...] = ()
    code: int = 0
    message: str = ""
    description: str = ""


class _Envelope(Value):
    server: _Server = _Server()
    data: _Data | tuple[str, ...] | None = None
    error: _Data | None = None


def push(login: Login, tokens: Sequence[tuple[str, str]], *, timeout_s: float) -> list[Pushed]:
    """Send `tokens` (name, token); each gets `timeout_s` for the answers of all servers.

    A server that stands alone is not waited for once it has answered.
    """

    async def talk(client: Client) -> list[Pushed]:
        pushed = []
        for name, token in tokens:
            found, problem = await _ask(client, UPDATE, token.encode(), timeout_s)
            answers = tuple(map(_answer, found))
            pushed.append(Pushed(account=name, answers=answers, problem=problem))
        return pushed

    return _converse(login, talk)


def list_accounts(login: Login, *, timeout_s: float) -> list[Listing]:
    """What accounts each server has; raise `ResolverError` if none says."""

    async def talk(client: Client) -> list[Listing]:
        found, problem = await _ask(client, LIST, b"", timeout_s)
        if not found:
            raise ResolverError(f"failed to get response to list accounts: {problem}")
        return [_listing(data) for data in found]

    return _converse(login, talk)


def delete(login: Login, request: str, *, timeout_s: float) -> list[Answer]:
    """Send a signed request to delete accounts; raise `ResolverError` if no server answers."""

    async def talk(client: Client) -> list[Answer]:
        found, problem = await _ask(client, DELETE, request.encode(), timeout_s)
        if not found:
            raise ResolverError(f"failed to get response to delete accounts: {problem}")
        return list(map(_answer, found))

    return _converse(login, talk)


def enquire(
    login: Login, requests: Sequence[tuple[str, bytes]], *, timeout_s: float
) -> list[Sequence[bytes]]:
    """What the servers answered to each request (subject, payload): nothing if none did."""

    async def talk(client: Client) -> list[Sequence[bytes]]:
        return [(await _ask(client, *request, timeout_s))[0] for request in requests]

    return _converse(login, talk)


def pull(login: Login, *, timeout_s: float) -> dict[str, str]:
    """Every account token the servers have, by public key; the first that arrives counts."""

    async def talk(client: Client) -> dict[str, str]:
        found, problem = await _ask(client, PACK, b"", timeout_s, until=lambda data: not data)
        if not found:
            raise ResolverError(f"failed to get response to pull accounts: {problem}")
        tokens: dict[str, str] = {}
        for data in found:
            key, _, token = data.decode("utf-8", "replace").partition("|")
            if token:
                tokens.setdefault(key, token)
        return tokens

    return _converse(login, talk)


def lookup(login: Login, key: str, *, timeout_s: float) -> list[str]:
    """The account's token as each server has it, empty where it is not known."""

    async def talk(client: Client) -> list[str]:
        found, problem = await _ask(client, LOOKUP.format(key), b"", timeout_s)
        if not found:
            raise ResolverError(f"failed to get response to look up an account: {problem}")
        return [data.decode("utf-8", "replace").strip() for data in found]

    return _converse(login, talk)


def _converse(login: Login, talk: Callable[[Client], Awaitable[T]]) -> T:
    """Connect, talk, hang up."""

    async def run() -> T:
        client = await _connect(login)
        try:
            return await talk(client)
        except (ClientError, OSError) as error:
            raise ResolverError(f"connection lost: {error}") from None
        finally:
            await client.close()

    return asyncio.run(run())


async def _connect(login: Login) -> Client:
    async def ignore(error: Exception) -> None:
        """The error that ends the attempt is raised as well."""

    def sign(nonce: str) -> bytes:
        return base64.b64encode(login.key.sign(nonce.encode()))

    try:
        return await nats.connect(
            servers=[login.url],
            name=login.client_name,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # 0 would be for ever
            reconnect_time_wait=0,
            connect_timeout=CONNECT_TIMEOUT_S,
            error_cb=ignore,
            user_jwt_cb=login.token.encode,
            signature_cb=sign,
            **_tls_options(login.tls),
        )
    except AuthorizationError:
        raise ResolverError("failed to connect: nats: Authorization Violation") from None
    except (TimeoutError, ClientError, OSError, ValueError) as error:
        raise ResolverError(f"failed to connect: {error}") from None


def _tls_options(tls: Tls) -> dict[str, Any]:
    if not tls.given:
        return {}
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ResolverError(f"cannot use the files for TLS: {error.strerror or error}") from None
    return {"tls": context, "tls_handshake_first": tls.first}


async def _ask(
    client: Client,
    subject: str,
    payload: bytes,
    timeout_s: float,
    *,
    until: Callable[[bytes], bool] = lambda _: True,
) -> tuple[list[bytes], str]:
    """What all servers answered within `timeout_s`; if nothing, the second item says why.

    A server that stands alone is heard no longer than to the answer that `until` is true for.
    """
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    await client.publish(subject, payload, reply=inbox)
    await client.flush()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    answers: list[bytes] = []
    problem = "nats: timeout"
    while (left_s := deadline - loop.time()) > 0 and len(answers) < ACCOUNTS_MAX:
        try:
            message = await subscription.next_msg(timeout=left_s)
        except ClientError:
            break
        if (message.headers or {}).get("Status") == "503":
            problem = "no server with an account resolver is listening"
            break
        answers.append(message.data)
        if until(message.data) and _stands_alone(client):
            break
    await subscription.unsubscribe()
    return answers, "" if answers else problem


def _answer(data: bytes) -> Answer:
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Answer(server="?", text="an answer that cannot be read", refused=True)
    name = envelope.server.name or envelope.server.id
    if envelope.error is not None:
        return Answer(server=name, text=envelope.error.description, refused=True)
    if not isinstance(envelope.data, _Data):
        return Answer(server=name, text="", refused=False)
    warnings = tuple(one_line(finding.cause) for finding in envelope.data.findings)
    return Answer(server=name, text=envelope.data.message, refused=False, warnings=warnings)


def _listing(data: bytes) -> Listing:
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ResolverError("a server's list of accounts cannot be read") from None
    name = envelope.server.name or envelope.server.id
    if envelope.error is not None:
        raise ResolverError(f"server {name} responded with error: {envelope.error.description}")
    accounts = envelope.data if isinstance(envelope.data, tuple) else ()
    return Listing(server=name, accounts=tuple(sorted(accounts)))


def _stands_alone(client: Client) -> bool:
    """True if the server we talk to is in no cluster, so that nobody else will answer."""
    info: dict[str, Any] = client._server_info  # noqa: SLF001 - nats-py shows it nowhere else
    return not info.get("cluster") and not info.get("connect_urls")
