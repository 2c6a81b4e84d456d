"""`nats consumer unpin`: let another client be the pinned one of a priority group."""

import click

from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.consumer_info import find_consumer
from isthmus.cli.nats.flags import verb
from isthmus.cli.nats.records import ConsumerInfo, PriorityGroup, Record
from isthmus.cli.nats.session import Session


class UnpinRequest(Record):
    """The request of CONSUMER.UNPIN."""

    group: str


@verb("unpin", help="Let another client be the pinned one of a group.", refused="-a --all")
@click.argument("stream", required=False)
@click.argument("consumer", required=False)
@click.argument("group", required=False)
@click.option("-f", "--force", is_flag=True, help="Do not ask")
def command(
    session: Session, stream: str | None, consumer: str | None, group: str | None, force: bool
) -> None:
    """Find who is pinned, ask, unpin."""

    async def unpin(client: Client) -> None:
        api = JetStreamApi(client)
        info = await find_consumer(api, stream, consumer)
        state = pinned_group(info, group)
        who = f"client {state.pinned_client_id} from Priority Group {_place(info)} > {state.group}"
        if not force and not session.confirm(f"Really unpin {who}"):
            return
        endpoint = f"CONSUMER.UNPIN.{info.stream_name}.{info.name}"
        await api.call(endpoint, Record, UnpinRequest(group=state.group))
        session.streams.out(f"Unpinned {who}")

    session.connected(unpin)


def pinned_group(info: ConsumerInfo, name: str | None) -> PriorityGroup:
    """The group of that name, or the only one; somebody is pinned in it."""
    config = info.config
    if config.priority_policy != "pinned_client":
        raise CommandError(
            f"consumer {_place(info)} has no pinned clients: "
            f"its priority policy is {config.priority_policy or 'none'}"
        )
    groups = ", ".join(config.priority_groups)
    if name is None and len(config.priority_groups) != 1:
        raise CommandError("no Priority Group supplied", hint=f"{_place(info)} has {groups}")
    if name is not None and name not in config.priority_groups:
        raise CommandError(f'unknown Priority Group "{name}": {_place(info)} has {groups}')
    group = name or config.priority_groups[0]
    if not info.pinned:
        raise CommandError(f"no client is pinned in Priority Group {_place(info)} > {group}")
    # the groups of a consumer share one pin, and servers show it at the first
    return PriorityGroup(group=group, pinned_client_id=info.pinned[0].pinned_client_id)


def _place(info: ConsumerInfo) -> str:
    return f"{info.stream_name} > {info.name}"
