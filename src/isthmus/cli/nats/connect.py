"""A connection to a server, through nats-py, as the settings say; and its failures in words.

Owns the only use of nats-py's connect, and the only reading of what nats-py keeps to itself (INFO,
the TLS object). Knows no verb. Invariant: no exception of nats-py, of a socket or of TLS leaves
`run_connected`; a password never goes over a connection that was to be TLS and is not.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from nats import errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from isthmus.cli.context import Context
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.credentials import Credentials, read_credentials, tls_context
from isthmus.cli.nats.flags import seconds
from isthmus.cli.nats.settings import Settings

if TYPE_CHECKING:
    from isthmus.cli.nats.session import Session

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5
_NO_SERVERS = "nats: no servers available for connection"
NO_RESPONDERS = "503"  # the status that stands for it
_ERRORS_KEPT = 100  # of what the server complained about during one run


class ConnectError(Exception):
    """Every server was tried once, and none took us."""


class Client:
    """A connected client, and what a verb may want to know about its connection."""

    def __init__(self, session: "Session", settings: Settings, raw: NatsClient) -> None:
        self.session = session
        self.settings = settings
        self.raw = raw
        self.timeout_s = seconds(settings.timeout_ns)
        self.complaints: list[str] = []  # -ERR lines and slow consumer notices

    @property
    def info(self) -> dict[str, Any]:
        """The server's INFO."""
        return self.raw._server_info  # noqa: SLF001 — nats-py shows it nowhere else

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS of this connection, None without."""
        found: ssl.SSLObject | None = self._transport_info("ssl_object")
        return found

    @property
    def peer(self) -> str:
        """Address and port of the server, as the socket knows them."""
        name = self._transport_info("peername")
        if not name:
            return ""
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _transport_info(self, what: str) -> Any:
        transport = self.raw._transport  # noqa: SLF001 — likewise
        writer = getattr(transport, "_io_writer", None)
        return writer.get_extra_info(what) if writer else None

    async def request(self, subject: str, body: bytes = b"", *, wait_s: float | None = None) -> Msg:
        """One request, one answer; explains a wait that a permission made pointless."""
        before = len(self.complaints)
        try:
            return await self.raw.request(
                subject, body, timeout=self.timeout_s if wait_s is None else wait_s
            )
        except errors.TimeoutError:
            self.raise_complaint(since=before)
            raise

    async def pull(self, subject: str, body: bytes, *, wait_s: float) -> Msg:
        """One request whose answer keeps its own subject, as a delivered message does.

        nats-py's request knows its answers by their subject, so the inbox is an own subscription.
        """
        before = len(self.complaints)
        inbox = self.raw.new_inbox()
        waiting = await self.raw.subscribe(inbox)
        try:
            await self.raw.publish(subject, body, reply=inbox)
            message = await waiting.next_msg(wait_s)
        except errors.TimeoutError:
            self.raise_complaint(since=before)
            raise
        finally:
            await waiting.unsubscribe()
        if not message.data and (message.headers or {}).get("Status") == NO_RESPONDERS:
            raise errors.NoRespondersError
        return message

    def raise_complaint(self, *, since: int = 0) -> None:
        """Raise what the server complained about since then, if it did."""
        for complaint in self.complaints[since:]:
            raise CommandError(complaint)

    async def flush(self) -> None:
        """Return when the server has read everything; raise what it refused."""
        before = len(self.complaints)
        await self.raw.flush(timeout=max(1, round(self.timeout_s)))
        self.raise_complaint(since=before)


async def run_connected(
    session: "Session", settings: Settings, work: Callable[[Client], Awaitable[T]], *, setup: str
) -> T:
    """Connect, work, hand over what is pending, close."""
    try:
        client = await connect(session, settings)
    except CommandError as error:
        raise CommandError(setup + str(error), hint=error.hint) from None
    try:
        return await work(client)
    except (TimeoutError, errors.Error, OSError) as error:
        raise CommandError(in_words(error)) from None
    finally:
        await client.raw.close()


async def connect(session: "Session", settings: Settings) -> Client:
    """Try each server once, in the order given."""
    context = settings.context
    servers = [_server_url(url) for url in settings.urls]
    if not servers:
        raise CommandError("no server given: use --server, NATS_URL or a context")
    if context.socks_proxy:
        raise CommandError(
            f'context "{settings.name}" names a SOCKS proxy, which is not supported yet'
        )
    credentials = _credentials(context, session)
    raw = NatsClient()
    raw._public_nkey = credentials.public_key or None  # noqa: SLF001 — else it wants a seed file
    client = Client(session, settings, raw)
    failures: list[Exception] = []
    established = False

    async def note(error: Exception) -> None:
        if established:
            client.complaints.append(in_words(error))
            del client.complaints[_ERRORS_KEPT:]
            if settings.trace or isinstance(error, errors.SlowConsumerError):
                session.log(f">>> Unexpected NATS error: {in_words(error)}")
            return
        failures.append(error)
        if len(failures) >= len(servers):
            raise ConnectError

    async def disconnected() -> None:
        if not raw.is_closed:
            session.log(">>> Disconnected, will attempt reconnect")

    secure = _wants_tls(context, servers)
    try:
        await raw.connect(
            [_without_user(url) for url in servers],
            error_cb=note,
            disconnected_cb=disconnected,
            name=settings.connection_name or "NATS CLI Version isthmus",
            connect_timeout=CONNECT_TIMEOUT_S,
            reconnect_time_wait=1,
            max_reconnect_attempts=-1,
            dont_randomize=True,
            tls=tls_context(context) if secure else None,
            tls_handshake_first=context.tls_first,
            inbox_prefix=context.inbox_prefix or "_INBOX",
            **_authentication(credentials, lambda: _require_tls(raw, secure=secure)),
        )
    except (TimeoutError, ConnectError, errors.Error, OSError, ValueError) as error:
        failures += [error] if not isinstance(error, ConnectError) else []
        await raw.close()
        raise CommandError(_worst(failures)) from None
    if secure and client.tls is None:
        await raw.close()
        raise CommandError(in_words(errors.SecureConnWantedError()))
    established = True
    return client


def _credentials(context: Context, session: "Session") -> Credentials:
    """The context's credentials, or else those that stand in the first server's URL."""
    found = read_credentials(context, session.environ)
    parts = urlsplit(context.url.partition(",")[0].strip())
    if found != Credentials() or not parts.username:
        return found
    if parts.password is None:
        return Credentials(token=unquote(parts.username))
    return Credentials(user=unquote(parts.username), password=unquote(parts.password))


def _authentication(credentials: Credentials, check: Callable[[], None]) -> dict[str, Any]:
    """nats-py's arguments; each secret is handed over only when `check` has passed."""

    def checked(text: str) -> Callable[[], str]:
        def hand_over() -> str:
            check()
            return text

        return hand_over

    found: dict[str, Any] = {}
    if credentials.user:
        found["user"] = checked(credentials.user)
        found["password"] = checked(credentials.password)
    if credentials.token:
        found["token"] = checked(credentials.token)
    if credentials.jwt:
        jwt = credentials.jwt.encode()
        found["user_jwt_cb"] = lambda: jwt
    if credentials.sign is not None:
        found["signature_cb"] = credentials.sign
    return found


def _require_tls(raw: NatsClient, *, secure: bool) -> None:
    if secure and not raw._server_info.get("tls_required"):  # noqa: SLF001
        raise errors.SecureConnWantedError


def _wants_tls(context: Context, servers: list[str]) -> bool:
    return bool(context.ca or context.cert or context.tls_first or servers[0].startswith("tls://"))


def _server_url(url: str) -> str:
    scheme, _, rest = url.rpartition("://")
    if (scheme or "nats") not in {"nats", "tls"}:
        raise CommandError(f'cannot use server "{_redacted(url)}": the scheme is nats or tls')
    try:
        parts = urlsplit(f"{scheme or 'nats'}://{rest}")
        port = parts.port or 4222
    except ValueError as error:
        raise CommandError(f'cannot read server "{_redacted(url)}": {error}') from None
    if not parts.hostname:
        raise CommandError(f'cannot read server "{_redacted(url)}": no host')
    user = parts.netloc.rpartition("@")[0]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{user}{'@' if user else ''}{host}:{port}"


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _redacted(url: str) -> str:
    before, at, host = url.rpartition("@")
    return f"{before.rpartition('//')[0]}//…@{host}" if at else url


def _worst(failures: list[Exception]) -> str:
    """What to say of all attempts: the last that is more than a refused connection."""
    telling = [error for error in failures if not isinstance(error, ConnectionRefusedError)]
    return in_words(telling[-1]) if telling else _NO_SERVERS


def in_words(error: BaseException) -> str:
    """One line for a failure of nats-py, a socket or TLS, in the original's words if it has any."""
    if isinstance(error, ConnectionRefusedError | errors.NoServersError):
        return _NO_SERVERS
    if isinstance(error, errors.Error):
        text = str(error) or type(error).__name__
        prefix, quote, rest = text.partition("nats: '")
        return f"nats: {rest.rstrip().removesuffix(chr(39))}" if quote and not prefix else text
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"tls: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: {error.strerror or 'no such host'}"
    if isinstance(error, asyncio.TimeoutError):
        return "nats: timeout"
    if isinstance(error, OSError):
        return f"dial tcp: {error.strerror or error}"
    return str(error)
