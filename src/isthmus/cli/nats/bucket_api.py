"""What key-value and object buckets share: opening, publishing, and the words for what fails.

Owns the way of a write to its subject: below the API prefix if there is one, as the original does
it, so an exporter shares the bucket's subjects beside its API.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from nats import errors

from isthmus.base.errors import JetStreamError
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import STREAM_NOT_FOUND, JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.failures import in_words
from isthmus.cli.nats.pub import PubAck
from isthmus.cli.nats.records import Record, StreamConfig, StreamInfo
from isthmus.cli.nats.session import Session

T = TypeVar("T")

_IN_USE = 10058


class PurgeSubject(Record):
    """The request of STREAM.PURGE for one key."""

    filter: str
    keep: int = 0


def api_error(error: JetStreamError, more: str = "") -> CommandError:
    """An error of the API in the words of the client library, as kv and object print it."""
    code, err_code, text = error.code, error.err_code, error.description
    return CommandError(
        f"nats: API error: code={code} err_code={err_code} description={text}{more}"
    )


async def open_stream(api: JetStreamApi, name: str) -> StreamInfo:
    """The stream of a bucket."""
    try:
        return await api.call(f"STREAM.INFO.{name}", StreamInfo)
    except JetStreamError as error:
        if error.err_code == STREAM_NOT_FOUND:
            raise CommandError("nats: bucket not found") from None
        raise


async def create_stream(api: JetStreamApi, config: StreamConfig, bucket: str) -> StreamInfo:
    """Create the stream of a bucket."""
    try:
        await api.call(f"STREAM.CREATE.{config.name}", StreamInfo, config)
    except JetStreamError as error:
        if error.err_code == _IN_USE:
            raise CommandError(f"nats: bucket name already in use: {bucket}: {error}") from None
        raise
    return await api.call(f"STREAM.INFO.{config.name}", StreamInfo)


async def update_stream(api: JetStreamApi, config: StreamConfig) -> StreamInfo:
    """Change the stream of a bucket."""
    await api.call(f"STREAM.UPDATE.{config.name}", StreamInfo, config)
    return await api.call(f"STREAM.INFO.{config.name}", StreamInfo)


async def publish(
    api: JetStreamApi, subject: str, data: bytes, headers: dict[str, str] | None = None
) -> int:
    """Store a message in a bucket; its sequence."""
    client = api.client
    prefix = "" if api.prefix == "$JS.API" else f"{api.prefix}."
    before = len(client.complaints)
    try:
        answer = await client.raw.request(
            prefix + subject, data, timeout=client.timeout_s, headers=headers or None
        )
    except errors.TimeoutError as error:
        client.raise_complaint(since=before)
        raise CommandError(in_words(error)) from None
    try:
        ack = msgspec.json.decode(answer.data, type=PubAck)
    except msgspec.DecodeError:
        raise CommandError("nats: invalid jetstream publish response") from None
    if ack.error is not None:
        found = ack.error
        raise JetStreamError(
            found.get("code", 0), found.get("err_code", 0), found.get("description", "")
        )
    return ack.seq


def in_client_words(session: Session, work: Callable[[JetStreamApi], Awaitable[T]]) -> T:
    """Connect and work; errors of the API come in the words of kv and object."""

    async def run(client: Client) -> T:
        try:
            return await work(JetStreamApi(client))
        except JetStreamError as error:
            raise api_error(error) from None

    return session.connected(run, setup="")
