"""Requests of the JetStream API, under the prefix or the domain of the run.

Owns where an API subject goes and how its answer is told from an error; subjects without a prefix
(`STREAM.INFO.S`) come in, decoded values go out. Knows no verb and prints nothing but the trace.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from nats import errors
from nats.aio.msg import Msg

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value, to_json
from isthmus.cli.context import Context
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.failures import in_words

T = TypeVar("T")

STREAM_NOT_FOUND = 10059
CONSUMER_NOT_FOUND = 10014
_WAIT_MIN_S = 0.5  # as the original: an API call never waits less
_UNFIT = frozenset(">*. /\\\t\r\n\x00")


class _Failure(Value):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Answer(Value):
    error: _Failure | None = None


def api_prefix(context: Context) -> str:
    """Where the API is: `$JS.API`, or what the run's prefix or domain makes of it."""
    prefix, domain = context.jetstream_api_prefix, context.jetstream_domain
    if prefix and domain:
        raise CommandError(
            "setup failed: WithAPIPrefix and WithDomain are mutually exclusive "
            f'(prefix "{prefix}", domain "{domain}")'
        )
    for kind, text in (("api prefix", prefix), ("domain", domain)):
        if text and not all(token and _UNFIT.isdisjoint(token) for token in text.split(".")):
            raise CommandError(f'setup failed: {kind} "{text}" contains invalid subject characters')
    return prefix or (f"$JS.{domain}.API" if domain else "$JS.API")


def require_name(kind: str, name: str) -> str:
    """`name`, if a stream or consumer may be called so."""
    if not name or not _UNFIT.isdisjoint(name):
        raise CommandError(f'"{name}" is not a valid {kind} name')
    return name


@contextmanager
def saying(prefix: str) -> Iterator[None]:
    """Put what was being done before what went wrong."""
    try:
        yield
    except CommandError as error:
        raise CommandError(prefix + str(error), hint=error.hint) from None
    except JetStreamError as error:
        raise CommandError(prefix + str(error)) from None


class JetStreamApi:
    """The API as one connection reaches it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.prefix = api_prefix(client.settings.context)

    def subject(self, endpoint: str) -> str:
        """The whole subject of an endpoint."""
        return f"{self.prefix}.{endpoint}"

    async def call(self, endpoint: str, kind: type[T], body: object = None) -> T:
        """Ask, and decode the answer; an error of the API is raised as `JetStreamError`."""
        subject = self.subject(endpoint)
        data = (await self.ask(endpoint, b"" if body is None else to_json(body))).data
        try:
            failure = msgspec.json.decode(data, type=_Answer).error
            if failure is not None:
                raise JetStreamError(failure.code, failure.err_code, failure.description)
            return msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError as error:
            raise CommandError(f"{subject} gave an answer that cannot be read: {error}") from None

    async def pull(self, endpoint: str, body: object, *, grace_s: float) -> Msg:
        """Ask for one message, `grace_s` longer than the timeout; nats-py's errors come out."""
        subject, payload = self.subject(endpoint), to_json(body)
        self.trace(f">>> {subject}\n{payload.decode()}\n")
        return await self.client.pull(subject, payload, wait_s=self.client.timeout_s + grace_s)

    async def send(self, endpoint: str, body: object, *, reply: str) -> None:
        """Ask without waiting; the answers come to `reply`."""
        subject, payload = self.subject(endpoint), to_json(body)
        self.trace(f">>> {subject}\n{payload.decode()}\n")
        await self.client.raw.publish(subject, payload, reply=reply)

    async def ask(self, endpoint: str, payload: bytes) -> Msg:
        """Ask, and return the answer as it came."""
        subject = self.subject(endpoint)
        wait_s = max(self.client.timeout_s, _WAIT_MIN_S)
        self.trace(f">>> {subject}\n{payload.decode()}\n")
        try:
            answer = await self.client.request(subject, payload, wait_s=wait_s)
        except errors.NoRespondersError as error:
            raise CommandError(
                in_words(error), hint=f"nobody here answers {subject}: not granted, or no JetStream"
            ) from None
        except errors.TimeoutError as error:
            raise CommandError(
                in_words(error), hint=f"no answer on {subject} within {wait_s:g} s"
            ) from None
        self.trace(f"<<< {subject}\n{answer.data.decode(errors='replace')}\n")
        return answer

    def trace(self, text: str) -> None:
        """Log what goes over the wire, if that was asked for."""
        if self.client.settings.trace:
            self.client.session.log(text)
