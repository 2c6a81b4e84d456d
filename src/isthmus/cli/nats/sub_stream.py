"""`nats subscribe` on a stream: by a consumer of its own, a named one, or direct gets.

Owns which of the three is used and where reading starts. A stream whose messages go when they are
consumed is read by direct gets: looking must not take anything away.
"""

from typing import Any

import click

from isthmus.base.subjects import covers
from isthmus.base.values import format_duration, format_time
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.direct import BATCH, DirectReader, DirectRequest
from isthmus.cli.nats.formats import local_time
from isthmus.cli.nats.incoming import Incoming
from isthmus.cli.nats.messages import Arrival, Printer
from isthmus.cli.nats.puller import Found, Puller, Reader
from isthmus.cli.nats.pushed import pushed
from isthmus.cli.nats.records import ConsumerConfig, StreamInfo
from isthmus.cli.nats.session import Session
from isthmus.cli.nats.stream_info import find_stream
from isthmus.cli.nats.stream_ls import read_pages
from isthmus.cli.nats.sub import Options

_EVERYTHING = ">"


def check(options: Options) -> None:
    """Refuse flags that mean nothing here, before connecting."""
    if not options.subjects and not options.stream:
        raise click.UsageError("required argument 'subjects' or flag --stream not provided")
    starts = (options.every, options.new, options.last, options.last_per_subject)
    if sum(starts) + (options.since is not None) + (options.start_sequence is not None) > 1:
        raise click.UsageError(
            "more than one start: --all --new --last --since … exclude each other"
        )
    if options.subjects and options.durable:
        raise CommandError("cannot specify both subjects and a durable consumer")
    if len(options.subjects) > 1:
        raise CommandError("streams subscribe support only 1 subject")
    if options.queue:
        raise CommandError("queue group subscriptions are not supported with JetStream")
    if options.inbox:
        raise CommandError("generating inboxes is not compatible with JetStream subscriptions")
    if options.match_replies:
        raise CommandError("cannot enable --match-replies for JetStream streams")
    if options.report_subjects or options.report_subscriptions:
        raise CommandError("reports count plain subscriptions, not streams")


async def run(options: Options, session: Session, client: Client) -> int:
    """Read, and return the number of messages shown."""
    api = JetStreamApi(client)
    subject = options.subjects[0] if options.subjects else ""
    name = options.stream or await _stream_of(api, subject)
    printer = Printer(session, options.style)
    this = _Run(options, session, printer, name)
    if options.durable:
        return await this.durable(api)
    info = await find_stream(api, name, what="")
    if options.direct or info.config.retention != "limits":
        return await this.direct(api, info, subject or _EVERYTHING)
    return await this.reader(api, subject)


async def _stream_of(api: JetStreamApi, subject: str) -> str:
    names = await read_pages(api, "STREAM.NAMES", "streams", subject=subject)
    if not names:
        raise CommandError(f"no stream found with subject: {subject}")
    if len(names) > 1:
        raise CommandError(
            f"several streams hold {subject}: {', '.join(names)}", hint="--stream names one of them"
        )
    return str(names[0])


class _Run:
    """One run: what was shown, and when it is enough."""

    def __init__(self, options: Options, session: Session, printer: Printer, stream: str) -> None:
        self._options = options
        self._session = session
        self._printer = printer
        self._stream = stream
        self._shown = 0

    def _announce(self, text: str) -> None:
        if not self._options.style.raw:
            self._session.log(text)
            self._session.streams.flush()

    @property
    def _left(self) -> int:
        return self._options.count - self._shown if self._options.count else 0

    def _enough(self, pending: int) -> bool:
        counted = self._options.count and self._shown >= self._options.count
        return bool(counted or (self._options.terminate_at_end and not pending))

    async def reader(self, api: JetStreamApi, subject: str) -> int:
        """By a consumer of its own."""
        start, phrase = _start(self._options, self._session)
        self._announce(f"Subscribing to subject {subject or _EVERYTHING} {phrase} ")
        needs_filter = start["deliver_policy"] == "last_per_subject"
        config = ConsumerConfig(
            filter_subject=subject or (_EVERYTHING if needs_filter else ""),
            headers_only=self._options.style.headers_only,
            **start,
        )
        reader = Reader(api, self._stream, config)
        try:
            pending = await reader.start()
            while not self._enough(pending):
                found = await reader.next(self._options.wait)
                if found is None:
                    break
                pending = found.delivery.pending
                await self._show(found)
        finally:
            await reader.close()
        return self._shown

    async def durable(self, api: JetStreamApi) -> int:
        """By a consumer that exists."""
        info = await find_consumer(api, self._stream, self._options.durable)
        kind = "push" if info.config.deliver_subject else "pull"
        self._announce(
            f'Subscribing to JetStream Stream "{self._stream}" using existing {kind} consumer '
            f'"{info.name}"'
        )
        if kind == "push":
            return await self._pushed(api, info.config)
        puller = Puller(api, self._stream, info.name)
        while True:
            found = await puller.next(self._options.wait, most=self._left)
            if found is None:
                return self._shown
            await self._show(found)
            if self._options.ack and info.config.ack_policy != "none":
                await api.client.raw.publish(found.message.reply, b"+ACK")
            if self._enough(found.delivery.pending):
                await api.client.flush()
                return self._shown

    async def _pushed(self, api: JetStreamApi, config: ConsumerConfig) -> int:
        incoming = Incoming(api.client)
        await incoming.listen(config.deliver_subject, config.deliver_group)
        await api.client.flush()
        async for found in pushed(api.client, incoming, self._options.wait):
            await self._show(found)
            if self._options.ack and config.ack_policy != "none":
                await api.client.raw.publish(found.message.reply, b"+ACK")
            if self._enough(found.delivery.pending):
                break
        await api.client.flush()
        return self._shown

    async def direct(self, api: JetStreamApi, info: StreamInfo, subject: str) -> int:
        """By direct gets."""
        if not info.config.allow_direct:
            raise CommandError(
                "cannot enable direct gets: allow_direct is not set to true for stream "
                f"{self._stream}"
            )
        first, phrase = _direct_start(self._options, self._session, info, subject)
        self._announce(
            f"Subscribing to JetStream Stream (direct) holding messages with subject {subject} "
            f"{phrase} "
        )
        reader = DirectReader(api, self._stream, first, subject)
        while True:
            found = await reader.next(self._options.wait, follow=not self._options.terminate_at_end)
            if found is None:
                return self._shown
            if self._ignored(found.message.subject):
                continue
            self._shown += 1
            title = (
                f"Received JetStream message (direct): stream: {self._stream} seq {found.seq} / "
                f"subject: {found.message.subject} / time: {local_time(found.time_ns)}"
            )
            await self._printer.show(
                Arrival(
                    message=found.message,
                    number=self._shown,
                    title=title,
                    moment_ns=found.time_ns,
                    seq=found.seq,
                    stream=self._stream,
                )
            )
            if self._enough(1):
                return self._shown

    def _ignored(self, subject: str) -> bool:
        return any(covers(pattern, subject) for pattern in self._options.ignored)

    async def _show(self, found: Found) -> None:
        message, delivery = found.message, found.delivery
        if self._ignored(message.subject):
            return
        self._shown += 1
        title = (
            f"Received JetStream message: stream: {self._stream} seq: {delivery.seq} / "
            f"pending: {delivery.pending} / subject: {message.subject} / "
            f"time: {local_time(delivery.time_ns)}"
        )
        await self._printer.show(
            Arrival(
                message=message,
                number=self._shown,
                title=title,
                moment_ns=delivery.time_ns,
                seq=delivery.seq,
                stream=self._stream,
            )
        )


def _start(options: Options, session: Session) -> tuple[dict[str, Any], str]:
    """Where the consumer begins, and in words."""
    if options.new:
        return {"deliver_policy": "new"}, "for new messages"
    if options.last:
        return {"deliver_policy": "last"}, "from last received message"
    if options.last_per_subject:
        return {"deliver_policy": "last_per_subject"}, "for last message per subject"
    if options.since is not None:
        began = format_time(session.wall_ns() - options.since)
        start = {"deliver_policy": "by_start_time", "opt_start_time": began}
        return start, f"since {format_duration(options.since)}"
    if options.start_sequence is not None:
        seq = options.start_sequence
        policy = "by_start_sequence"
        return {"deliver_policy": policy, "opt_start_seq": seq}, f"starting at sequence {seq}"
    return {"deliver_policy": "all"}, "from first received message"


def _direct_start(
    options: Options, session: Session, info: StreamInfo, subject: str
) -> tuple[DirectRequest, str]:
    """The first direct get, and in words."""
    if options.new:
        after = info.state.last_seq + 1
        return DirectRequest(batch=BATCH, seq=after, next_by_subj=subject), "for new messages"
    if options.last:
        last = max(1, info.state.last_seq)
        return DirectRequest(
            batch=BATCH, seq=last, next_by_subj=subject
        ), "starting with the last message"
    if options.last_per_subject:
        phrase = "for the last messages for each subject in the Stream"
        return DirectRequest(batch=BATCH, multi_last=[subject]), phrase
    if options.since is not None:
        began = format_time(session.wall_ns() - options.since)
        phrase = f"starting with messages since {format_duration(options.since)}"
        return DirectRequest(batch=BATCH, start_time=began, next_by_subj=subject), phrase
    if options.start_sequence is not None:
        seq = options.start_sequence
        return DirectRequest(
            batch=BATCH, seq=seq, next_by_subj=subject
        ), f"starting at sequence {seq}"
    return DirectRequest(
        batch=BATCH, seq=1, next_by_subj=subject
    ), "starting with the first message received"
