"""A connection to a server, through nats-py, as the settings say; and its failures in words.

Owns the only use of nats-py's connect, and the only reading of what nats-py keeps to itself (INFO,
the TLS object). Knows no verb. Invariant: no exception of nats-py, of a socket or of TLS leaves
`run_connected`; a password never goes over a connection that was to be TLS and is not.
"""

import asyncio
import logging
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
from isthmus.cli.nats.failures import in_words, worst
from isthmus.cli.nats.flags import seconds
from isthmus.cli.nats.servers import server_url, without_user
from isthmus.cli.nats.settings import Settings

if TYPE_CHECKING:
    from isthmus.cli.nats.session import Session

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5
NO_RESPONDERS = "503"  # the status that stands for it
_ERRORS_KEPT = 100  # of what the server complained about during one run


class ConnectError(Exception):
    """Every server was tried once, and none took us."""


class _Log(logging.Handler):
    """What nats-py logs, as a line of progress instead of a traceback."""

    def __init__(self, client: "Client") -> None:
        super().__init__()
        self._client = client

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record, unless the connection is being closed anyway."""
        if not self._client.hanging_up:
            error = record.exc_info[1] if record.exc_info else None
            self._client.session.log(f">>> {record.getMessage()}: {error!r}")


class Client:
    """A connected client, and what a verb may want to know about its connection."""

    def __init__(self, session: "Session", settings: Settings, raw: NatsClient) -> None:
        self.session = session
        self.settings = settings
        self.raw = raw
        self.timeout_s = seconds(settings.timeout_ns)
        self.complaints: list[str] = []  # -ERR lines and slow consumer notices
        self.refused: list[Callable[[str], None]] = []  # told of each permissions violation
        self.connected = asyncio.Event()  # not set while a lost connection is made again
        self.closed = asyncio.Event()
        self.hanging_up = False

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

    def note(self, error: Exception) -> None:
        """Keep what the server refused or dropped; a lost connection is made again, not kept."""
        text = in_words(error)
        dropped = isinstance(error, errors.SlowConsumerError)
        if self.settings.trace or dropped:
            self.session.log(f">>> Unexpected NATS error: {text}")
        if dropped or ("permissions violation" in text and len(self.complaints) < _ERRORS_KEPT):
            self.complaints.append(text)
        if "permissions violation" in text:
            for tell in self.refused:
                tell(text)

    def raise_complaint(self, *, since: int = 0) -> None:
        """Raise what the server complained about since then, if it did."""
        for complaint in self.complaints[since:]:
            raise CommandError(complaint)

    async def flush(self) -> None:
        """Return when the server has read everything; raise what it refused."""
        await read_by_server(self.raw, self.timeout_s)
        self.raise_complaint()


async def read_by_server(client: NatsClient, timeout_s: float) -> None:
    """Return when the server has read what was published and subscribed so far.

    nats-py writes a PING to the socket at once, before what it has collected for its flusher: only
    the second one follows everything.
    """
    for _ in range(2):
        await client.flush(timeout=max(1, round(timeout_s)))


async def run_connected(
    session: "Session", settings: Settings, work: Callable[[Client], Awaitable[T]], *, setup: str
) -> T:
    """Connect, work, hand over what is pending, close."""
    try:
        client = await connect(session, settings)
    except CommandError as error:
        raise CommandError(setup + str(error), hint=error.hint) from None
    try:
        return await _unless_closed(client, work)
    except (TimeoutError, errors.Error, OSError) as error:
        raise CommandError(in_words(error)) from None
    finally:
        await client.raw.close()


async def _unless_closed(client: Client, work: Callable[[Client], Awaitable[T]]) -> T:
    """The result of the work, or an error when the server ends the connection for good."""
    working = asyncio.ensure_future(work(client))
    closed = asyncio.ensure_future(client.closed.wait())
    try:
        await asyncio.wait({working, closed}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        reason = client.raw.last_error
        raise CommandError(in_words(reason) if reason else "nats: connection closed")
    finally:
        client.hanging_up = True
        working.cancel()
        closed.cancel()
        await asyncio.gather(working, closed, return_exceptions=True)


async def connect(session: "Session", settings: Settings) -> Client:
    """Try each server once, in the order given."""
    context = settings.context
    servers = [server_url(url) for url in settings.urls]
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
        if client.hanging_up or raw.is_closed:
            return
        if established:
            client.note(error)
            return
        failures.append(error)
        if len(failures) >= len(servers):
            raise ConnectError

    async def disconnected() -> None:
        client.connected.clear()
        if not raw.is_closed:
            session.log(">>> Disconnected, will attempt reconnect")

    async def reconnected() -> None:
        client.connected.set()

    async def ended() -> None:
        client.closed.set()

    logging.getLogger("nats").addHandler(_Log(client))
    secure = _wants_tls(context, servers)
    try:
        await raw.connect(
            [without_user(url) for url in servers],
            error_cb=note,
            disconnected_cb=disconnected,
            reconnected_cb=reconnected,
            closed_cb=ended,
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
        raise CommandError(worst(failures)) from None
    if secure and client.tls is None:
        await raw.close()
        raise CommandError(in_words(errors.SecureConnWantedError()))
    established = True
    client.connected.set()
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
