"""Reading a stream by direct gets, one or in batches: without a consumer, without a trace in it.

Owns the requests of `DIRECT.GET` and how their answers end. Where nothing more is stored a reader
asks again after a while. A stream that allows no direct gets is asked by the API.
"""

import asyncio
from collections import deque

from nats import errors
from nats.aio.msg import Msg

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value, parse_time_ns, to_json
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import NO_RESPONDERS
from isthmus.cli.nats.failures import in_words
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.records import MessageAnswer, Record

BATCH = 256
_POLL_S = 0.25
_NO_MESSAGE = 10037
_END_OF_BATCH, _NOTHING = "204", "404"


class DirectRequest(Record):
    """The request of DIRECT.GET, for several messages."""

    batch: int
    seq: int = 0
    start_time: str = ""
    next_by_subj: str = ""
    multi_last: list[str] | None = None


class DirectMessage(Value):
    """A message with its place in the stream."""

    message: Msg
    seq: int
    time_ns: int
    pending: int


class DirectReader:
    """The messages of one subject, or pattern, from a sequence or a time on."""

    def __init__(self, api: JetStreamApi, stream: str, first: DirectRequest, subject: str) -> None:
        self._api = api
        self._stream = stream
        self._request = first
        self._subject = subject
        self._ready: deque[DirectMessage] = deque()
        self.at_end = False

    async def next(self, wait_ns: int = 0, *, follow: bool = True) -> DirectMessage | None:
        """The next message; None after so long without one, or at the end if not to `follow`."""
        wall_ns = self._api.client.session.wall_ns
        ends_ns = wall_ns() + wait_ns
        while not self._ready:
            await self._fetch()
            if self._ready:
                break
            if not follow or (wait_ns and wall_ns() >= ends_ns):
                return None
            await asyncio.sleep(_POLL_S)
        return self._ready.popleft()

    async def _fetch(self) -> None:
        """Ask for a batch, and keep what comes."""
        client = self._api.client
        incoming = Incoming(client)
        inbox = client.raw.new_inbox()
        await incoming.listen(inbox)
        try:
            await self._api.send(f"DIRECT.GET.{self._stream}", self._request, reply=inbox)
            while True:
                message = await incoming.next(client.settings.timeout_ns)
                if message is None:
                    raise CommandError(in_words(errors.TimeoutError()))
                headers = message.headers or {}
                status = headers.get("Status", "")
                if status:
                    self._end(status, headers)
                    return
                self._keep(message, headers)
        finally:
            await incoming.close()

    def _keep(self, message: Msg, headers: dict[str, str]) -> None:
        seq = int(headers.get("Nats-Sequence", "0"))
        message.subject = headers.get("Nats-Subject", message.subject)
        self._ready.append(
            DirectMessage(
                message=message,
                seq=seq,
                time_ns=parse_time_ns(headers.get("Nats-Time-Stamp", "")),
                pending=int(headers.get("Nats-Num-Pending", "0")),
            )
        )
        if self._request.multi_last is None:
            self._request = DirectRequest(batch=BATCH, seq=seq + 1, next_by_subj=self._subject)

    def _end(self, status: str, headers: dict[str, str]) -> None:
        if status == NO_RESPONDERS:
            raise CommandError(in_words(errors.NoRespondersError()))
        if status not in {_END_OF_BATCH, _NOTHING}:
            raise CommandError(f"{status} {headers.get('Description', '')}".strip())
        if self._request.multi_last is not None:
            last = headers.get("Nats-UpTo-Sequence") or headers.get("Nats-Last-Sequence") or "0"
            self._request = DirectRequest(
                batch=BATCH, seq=int(last) + 1, next_by_subj=self._subject
            )


class Stored(Value):
    """One message as a get returns it."""

    subject: str
    data: bytes
    headers: dict[str, str]
    seq: int
    time_ns: int


async def direct_get(
    api: JetStreamApi, stream: str, *, direct: bool, seq: int = 0, subject: str = ""
) -> Stored | None:
    """One message by sequence, or the last of a subject: by direct get, or else by the API."""
    if not direct:
        return await _api_get(api, stream, seq, subject)
    endpoint = f"DIRECT.GET.{stream}" + (f".{subject}" if subject else "")
    body = b"" if subject else to_json({"seq": seq})
    answer = await api.ask(endpoint, body)
    headers = dict(answer.headers or {})
    status = headers.get("Status", "")
    if status == _NOTHING:
        return None
    if status:
        raise CommandError(f"nats: {status} {headers.get('Description', '')}".strip())
    return Stored(
        subject=headers.get("Nats-Subject", ""),
        data=answer.data,
        headers=headers,
        seq=int(headers.get("Nats-Sequence", "0")),
        time_ns=parse_time_ns(headers.get("Nats-Time-Stamp", "")),
    )


async def _api_get(api: JetStreamApi, stream: str, seq: int, subject: str) -> Stored | None:
    request = {"last_by_subj": subject} if subject else {"seq": seq}
    try:
        answer = await api.call(f"STREAM.MSG.GET.{stream}", MessageAnswer, request)
    except JetStreamError as error:
        if error.err_code == _NO_MESSAGE:
            return None
        raise
    message = answer.message
    lines = (line.partition(":") for line in message.hdrs.decode().split("\r\n")[1:] if line)
    return Stored(
        subject=message.subject,
        data=message.data,
        headers={name: value.strip() for name, _, value in lines},
        seq=message.seq,
        time_ns=parse_time_ns(message.time),
    )
