"""Archives of streams in folders: what `backup` writes and `restore` reads.

        <folder>/backup.json      the request of STREAM.RESTORE: configuration and state
        <folder>/stream.tar.s2    the archive as the server sent it, never looked into

Owns both directions of the protocol and the files. Prints nothing. Invariant: a folder gets its two
files whole or not at all; those of an earlier backup stay until then.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
from nats import errors
from nats.aio.msg import Msg

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value, to_json
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.failures import in_words
from isthmus.cli.nats.records import Record, StreamConfig, StreamInfo, StreamState

REQUEST_FILE, DATA_FILE = "backup.json", "stream.tar.s2"
CHUNK_BYTES = 128 << 10
SILENCE_S = 10.0  # longer than a server waits for an acknowledgement
_HELD = ".new"
_FRAME_HEAD, _FRAME_CHECK = 4, 4
_COMPRESSED, _PLAIN = 0, 1


class SnapshotRequest(Record):
    """The request of STREAM.SNAPSHOT."""

    deliver_subject: str = ""
    no_consumers: bool = False
    chunk_size: int = 0
    window_size: int = 0
    jsck: bool = False


class RestoreRequest(Value):
    """The request of STREAM.RESTORE, and what is kept of a stream beside its archive."""

    config: StreamConfig
    state: StreamState


class RestoreStarted(Record):
    """Where the chunks of an archive go."""

    deliver_subject: str = ""


class Moved(Value):
    """What went over the wire."""

    received: int  # bytes
    chunks: int
    uncompressed: int
    took_ns: int


async def backup(api: JetStreamApi, stream: str, folder: Path, wanted: SnapshotRequest) -> Moved:
    """Write an archive of `stream` into `folder`; raises `CommandError`."""
    client = api.client
    inbox = client.raw.new_inbox()
    started = time.monotonic_ns()
    received = chunks = 0
    sizes = _Sizes()
    with _files(folder) as (request_file, data_file):
        async with _messages(api, inbox) as arrived:
            request = msgspec.structs.replace(wanted, deliver_subject=inbox)
            about = await api.call(f"STREAM.SNAPSHOT.{stream}", RestoreRequest, request)
            request_file.write(msgspec.json.format(to_json(about), indent=2))
            while True:
                message = await _next(arrived, stream)
                if not message.data:
                    _require_end(message, stream)
                    break
                data_file.write(message.data)
                sizes.add(message.data)
                received += len(message.data)
                chunks += 1
                if message.reply:
                    await client.raw.publish(message.reply, b"")
    return Moved(
        received=received,
        chunks=chunks,
        uncompressed=sizes.total,
        took_ns=time.monotonic_ns() - started,
    )


async def restore(api: JetStreamApi, folder: Path, request: RestoreRequest) -> StreamInfo:
    """Make a stream of the archive in `folder`; raises `CommandError`."""
    started = await api.call(f"STREAM.RESTORE.{request.config.name}", RestoreStarted, request)
    client = api.client
    chunk_bytes = min(CHUNK_BYTES, client.raw.max_payload)
    wait_s = max(client.timeout_s, SILENCE_S)
    try:
        with (folder / DATA_FILE).open("rb") as file:
            while chunk := file.read(chunk_bytes):
                answer = await client.request(started.deliver_subject, chunk, wait_s=wait_s)
                if answer.data:
                    return _restored(answer)
        return _restored(await client.request(started.deliver_subject, b"", wait_s=wait_s))
    except OSError as error:
        raise CommandError(f"{folder / DATA_FILE}: {error.strerror}") from None
    except (errors.TimeoutError, errors.NoRespondersError) as error:
        raise CommandError(f"restore failed: {in_words(error)}") from None


def read_request(folder: Path) -> RestoreRequest:
    """What `backup` wrote about the stream."""
    path = folder / REQUEST_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=RestoreRequest)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise CommandError(f"{path} is not what backup writes: {error}") from None


def _restored(answer: Msg) -> StreamInfo:
    try:
        refused = msgspec.json.decode(answer.data, type=_Refused).error
        if refused is not None:
            raise JetStreamError(refused.code, refused.err_code, refused.description)
        return msgspec.json.decode(answer.data, type=StreamInfo)
    except msgspec.DecodeError as error:
        raise CommandError(f"restore gave an answer that cannot be read: {error}") from None


class _Error(Value):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _Refused(Value):
    error: _Error | None = None


# --- messages ---


@asynccontextmanager
async def _messages(api: JetStreamApi, subject: str) -> AsyncIterator["asyncio.Queue[Msg]"]:
    """What arrives on `subject`; the server's window bounds it."""
    arrived: asyncio.Queue[Msg] = asyncio.Queue()
    subscription = await api.client.raw.subscribe(subject, cb=arrived.put)
    try:
        yield arrived
    finally:
        await subscription.unsubscribe()


async def _next(arrived: "asyncio.Queue[Msg]", stream: str) -> Msg:
    try:
        return await asyncio.wait_for(arrived.get(), SILENCE_S)
    except TimeoutError:
        text = f"backup of {stream} failed: nothing came for {SILENCE_S:g} s"
        raise CommandError(text) from None


def _require_end(message: Msg, stream: str) -> None:
    """The empty message ends it, for better or worse."""
    headers = message.headers or {}
    status = headers.get("Status", "204")
    if status != "204":
        raise CommandError(f"backup of {stream} failed: {headers.get('Description', status)}")


class _Sizes:
    """Counts what the frames of an archive hold, without decompressing them."""

    def __init__(self) -> None:
        self.total = 0
        self._left = b""
        self._skip = 0

    def add(self, data: bytes) -> None:
        """More of the archive."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        self._left += data[skipped:]
        while len(self._left) >= _FRAME_HEAD:
            kind, size = self._left[0], int.from_bytes(self._left[1:_FRAME_HEAD], "little")
            seen = len(self._left) - _FRAME_HEAD
            if kind == _COMPRESSED and seen < min(size, _FRAME_CHECK + 5):  # a varint has up to 5
                break
            if kind == _PLAIN:
                self.total += size - _FRAME_CHECK
            elif kind == _COMPRESSED:
                self.total += _varint(self._left[_FRAME_HEAD + _FRAME_CHECK :])
            end = _FRAME_HEAD + size
            self._skip = max(end - len(self._left), 0)
            self._left = self._left[end:]


def _varint(data: bytes) -> int:
    value = 0
    for place, byte in enumerate(data[:5]):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            break
    return value


# --- files ---


@contextmanager
def _files(folder: Path) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The two files of a backup, in place when all went well."""
    made: list[Path] = []
    try:
        made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = [folder / (name + _HELD) for name in (REQUEST_FILE, DATA_FILE)]
        with fresh[0].open("wb") as request_file, fresh[1].open("wb") as data_file:
            yield request_file, data_file
            for file in (request_file, data_file):
                file.flush()
                os.fsync(file.fileno())
        for path in reversed(fresh):  # the small one last: with it the backup is there
            path.replace(path.with_name(path.name.removesuffix(_HELD)))
    except OSError as error:
        _tidy(folder, made)
        raise CommandError(f"{error.filename or folder}: {error.strerror}") from None
    except BaseException:
        _tidy(folder, made)
        raise


def _tidy(folder: Path, made: list[Path]) -> None:
    """Leave nothing of a backup that failed."""
    for name in (REQUEST_FILE, DATA_FILE):
        (folder / (name + _HELD)).unlink(missing_ok=True)
    for parent in made:
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
