"""Reading a stream through a pull consumer, batch after batch.

Owns the waiting pull: when another one is due, and how the server's statuses end one. `Puller`
reads a consumer that exists; `Reader` makes one of its own, without acknowledgements, and makes it
again where it stopped if a message was lost on the way or the server forgot it. So what a `Reader`
yields is in order and complete.

    await reader.start() … while (found := await reader.next()) … await reader.close()
"""

from collections.abc import Callable

import msgspec
from nats.aio.msg import Msg

from isthmus.base.errors import JetStreamError
from isthmus.base.nuid import make_token
from isthmus.base.values import NS_PER_S, Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import NO_RESPONDERS
from isthmus.cli.nats.consumer_next import Delivery, parse_delivery
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.records import ConsumerConfig, ConsumerInfo, CreateRequest, Record
from isthmus.cli.nats.templates import OsEntropy

_EXPIRES_NS = 30 * NS_PER_S
_HEARTBEAT_NS = 5 * NS_PER_S
_SILENCE_NS = 2 * _HEARTBEAT_NS  # after that the pull is taken for lost
_FORGOTTEN_NS = 60 * NS_PER_S  # when the server drops a reader that went away
_BATCH = 256
_NAME_LENGTH = 8
_HEARTBEAT = "100"
_RESTARTS_MAX = 3  # in a row, without a message between them
_ENDED = {"404", "408"}  # nothing there, time is up: another pull


class PullEndedError(CommandError):
    """The consumer serves no pull any more, or cannot be reached."""


class PullBatch(Record):
    """The request of CONSUMER.MSG.NEXT, for several messages."""

    batch: int
    expires: int
    idle_heartbeat: int


class Found(Value):
    """A message, and what its reply subject says of it."""

    message: Msg
    delivery: Delivery


class Puller:
    """The messages of a pull consumer that exists."""

    def __init__(self, api: JetStreamApi, stream: str, consumer: str, batch: int = _BATCH) -> None:
        self._api = api
        self._stream = stream
        self._consumer = consumer
        self._batch = batch
        self._incoming = Incoming(api.client)
        self._inbox = ""
        self._open = 0  # messages that the waiting pull may still bring

    async def next(self, wait_ns: int = 0, most: int = 0) -> Found | None:
        """The next message; None after so long without one. Never asks for more than `most`."""
        wall_ns: Callable[[], int] = self._api.client.session.wall_ns
        ends_ns = wall_ns() + wait_ns if wait_ns else 0
        while True:
            if not self._open:
                await self._pull(min(self._batch, most or self._batch))
            left_ns = min(_SILENCE_NS, ends_ns - wall_ns()) if ends_ns else _SILENCE_NS
            message = await self._incoming.next(max(1, left_ns))
            if message is None:
                if ends_ns and wall_ns() >= ends_ns:
                    return None
                self._open = 0
                raise PullEndedError(f"no answer from consumer {self._stream} > {self._consumer}")
            delivery = parse_delivery(message.reply)
            if delivery is not None:
                self._open -= 1
                return Found(message=message, delivery=delivery)
            self._status(message)

    async def close(self) -> None:
        """Ask for nothing more; what the waiting pull still brings is not heard."""
        await self._incoming.close()

    async def _pull(self, batch: int) -> None:
        if not self._inbox:
            self._inbox = self._api.client.raw.new_inbox()
            await self._incoming.listen(self._inbox)
        request = PullBatch(batch=batch, expires=_EXPIRES_NS, idle_heartbeat=_HEARTBEAT_NS)
        endpoint = f"CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        await self._api.send(endpoint, request, reply=self._inbox)
        self._open = batch

    def _status(self, message: Msg) -> None:
        """What a message without a place in the stream means for the waiting pull."""
        headers = message.headers or {}
        status = headers.get("Status", "")
        if status == _HEARTBEAT:
            return
        self._open = 0
        if status in _ENDED:
            return
        reason = headers.get("Description", "")
        if status == NO_RESPONDERS:
            reason = "nats: no responders available for request"
        raise PullEndedError(reason or f"unexpected message on {message.subject}")


class Reader:
    """A stream's messages in order, by a consumer of its own."""

    def __init__(self, api: JetStreamApi, stream: str, config: ConsumerConfig) -> None:
        self._api = api
        self._stream = stream
        self._config = config
        self._puller: Puller | None = None
        self._name = ""
        self._seq = 0  # of the last message that was handed out
        self._consumer_seq = 0
        self._restarts = 0

    async def start(self) -> int:
        """Make the consumer; the number of messages that wait for it."""
        self._name = make_token(OsEntropy(), _NAME_LENGTH)
        config = msgspec.structs.replace(
            self._config,
            name=self._name,
            ack_policy="none",
            max_deliver=-1,
            inactive_threshold=_FORGOTTEN_NS,
            mem_storage=True,
            num_replicas=1,
        )
        if self._seq:
            config = msgspec.structs.replace(
                config,
                deliver_policy="by_start_sequence",
                opt_start_seq=self._seq + 1,
                opt_start_time="",
            )
        endpoint = f"CONSUMER.CREATE.{self._stream}.{self._name}"
        if config.filter_subject:
            endpoint += f".{config.filter_subject}"
        request = CreateRequest(stream_name=self._stream, config=config)
        info = await self._api.call(endpoint, ConsumerInfo, request)
        self._puller = Puller(self._api, self._stream, self._name)
        self._consumer_seq = 0
        return info.num_pending

    async def next(self, wait_ns: int = 0) -> Found | None:
        """The next message; None after so long without one."""
        while True:
            assert self._puller is not None, "start it first"
            try:
                found = await self._puller.next(wait_ns)
            except PullEndedError:
                if self._restarts == _RESTARTS_MAX:
                    raise
                await self._restart()
                continue
            if found is None:
                return None
            self._consumer_seq += 1
            if found.delivery.consumer_seq != self._consumer_seq:
                await self._restart()  # one was lost on the way
                continue
            self._seq, self._restarts = found.delivery.seq, 0
            return found

    async def _restart(self) -> None:
        self._restarts += 1
        await self._api.client.connected.wait()
        await self.close()
        await self.start()

    async def close(self) -> None:
        """Remove the consumer. Where that is not granted, it goes by itself after a minute."""
        if self._puller is None:
            return
        await self._puller.close()
        self._puller = None
        try:
            await self._api.call(f"CONSUMER.DELETE.{self._stream}.{self._name}", Record)
        except (JetStreamError, CommandError) as error:
            self._api.trace(f"consumer {self._name} not removed: {error}")
