"""Do a stream and its consumer, as a server told them, fit what is shared of them.

Owns the rules and the words. Knows states as values.
"""

from collections.abc import Iterator

from isthmus.base import subjects
from isthmus.sharing.finding import Finding
from isthmus.sharing.mending import edit_account, line
from isthmus.sharing.told import ConsumerState, JetStreamState, StreamState
from isthmus.sharing.world import World


def check_stream(
    world: World, account: str, state: JetStreamState | None, name: str
) -> Iterator[Finding]:
    """Whether the account has the stream, and room in it."""
    owner = world.name(account)
    if state is None or all(stream.name != name for stream in state.streams):
        yield Finding(
            code="stream_missing",
            hop="stream",
            subject=name,
            cause=f"account {owner} has no stream {name} on the server",
            fix=(line("nats", "stream", "add", name, "--defaults"),),
        )
        return
    limits = world.accounts[account].nats.limits
    for what, used, limit in (
        ("disk", state.storage, limits.disk_bytes),
        ("mem", state.memory, limits.memory_bytes),
    ):
        if 0 < limit <= used:
            yield Finding(
                code="jetstream_limit",
                hop="stream",
                subject=name,
                cause=f"account {owner} stores {used} bytes ({what}) and may store {limit}:"
                " its streams take nothing more",
                fix=(edit_account(world, account, f"--js-{what}-storage", str(2 * used)),),
            )


def check_consumer(
    world: World, account: str, stream: StreamState, name: str, use: str | tuple[str, ...]
) -> Iterator[Finding]:
    """Whether the consumer exists and fits its use: `pull`, or the subjects taken of a push."""
    owner = world.name(account)
    label = f"{stream.name}/{name}"
    consumer = next((item for item in stream.consumers if item.name == name), None)
    if consumer is None:
        yield Finding(
            code="consumer_missing",
            hop="consumer",
            subject=label,
            cause=f"stream {stream.name} of account {owner} has no consumer {name} on the server",
            fix=(_add(stream.name, name, use),),
        )
        return
    yield from _check_use(owner, stream.name, consumer, use)
    if not _filters_fit(stream, consumer):
        yield Finding(
            code="filter_mismatch",
            hop="consumer",
            subject=label,
            cause=f"consumer {name} filters {', '.join(consumer.filters)}; stream {stream.name}"
            f" holds {', '.join(stream.subjects)}",
            fix=(
                line("nats", "consumer", "edit", stream.name, name, "--filter", stream.subjects[0]),
            ),
        )
    if consumer.paused_until:
        yield Finding(
            code="consumer_paused",
            hop="consumer",
            subject=label,
            cause=f"consumer {name} of stream {stream.name} is paused until"
            f" {consumer.paused_until}",
            fix=(line("nats", "consumer", "resume", stream.name, name, "--force"),),
        )
    yield from _check_acknowledged(stream.name, consumer)


def _add(stream: str, name: str, use: str | tuple[str, ...]) -> str:
    words = ["consumer", "add", stream, name, "--ack", "explicit", "--defaults"]
    if isinstance(use, tuple) and use and subjects.literal(use[0]):
        return line("nats", *words, "--target", use[0])
    return line("nats", *words, "--pull")


def _check_use(
    owner: str, stream: str, consumer: ConsumerState, use: str | tuple[str, ...]
) -> Iterator[Finding]:
    name, label = consumer.name, f"{stream}/{consumer.name}"
    anew = line("nats", "consumer", "rm", stream, name, "--force")
    if use == "pull" and consumer.deliver_subject:
        yield Finding(
            code="consumer_push",
            hop="consumer",
            subject=label,
            cause=f"consumer {name} of stream {stream} pushes to {consumer.deliver_subject};"
            " the share pulls from it",
            fix=(anew, _add(stream, name, use)),
        )
    if not isinstance(use, tuple) or not use:
        return
    if not consumer.deliver_subject:
        yield Finding(
            code="consumer_pull",
            hop="consumer",
            subject=label,
            cause=f"consumer {name} of stream {stream} has to be pulled from; the share waits for"
            f" what it pushes to {', '.join(use)}",
            fix=(anew, _add(stream, name, use)),
        )
    elif not any(subjects.covers(feed, consumer.deliver_subject) for feed in use):
        yield Finding(
            code="deliver_subject",
            hop="consumer",
            subject=consumer.deliver_subject,
            cause=f"consumer {name} of stream {stream} pushes to {consumer.deliver_subject};"
            f" shared is {', '.join(use)}",
            fix=(anew, _add(stream, name, use)),
        )


def _filters_fit(stream: StreamState, consumer: ConsumerState) -> bool:
    if stream.sources or not consumer.filters or not stream.subjects:
        return True
    return any(
        subjects.collide(wanted, held) for wanted in consumer.filters for held in stream.subjects
    )


def _check_acknowledged(stream: str, consumer: ConsumerState) -> Iterator[Finding]:
    if consumer.ack_policy == "none" or not consumer.ack_pending:
        return
    label = f"{stream}/{consumer.name}"
    if 0 < consumer.ack_pending_max <= consumer.ack_pending:
        yield Finding(
            code="max_ack_pending",
            hop="acknowledged",
            subject=label,
            cause=f"{consumer.ack_pending} messages of consumer {consumer.name} wait for an"
            f" acknowledgement, and no more may ({consumer.ack_pending_max}): nothing new is"
            " delivered until somebody acknowledges",
            fix=(
                line(
                    "nats",
                    "consumer",
                    "edit",
                    stream,
                    consumer.name,
                    f"--max-pending={2 * consumer.ack_pending}",
                    "--force",
                ),
            ),
        )
    elif not consumer.ack_floor and consumer.redelivered:
        yield Finding(
            code="not_acknowledged",
            hop="acknowledged",
            subject=label,
            cause=f"{consumer.ack_pending} messages of consumer {consumer.name} wait for an"
            f" acknowledgement, {consumer.redelivered} were delivered again, none was ever"
            " acknowledged",
        )
