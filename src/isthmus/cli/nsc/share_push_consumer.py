"""nsc share push-consumer: let another account listen where a consumer delivers."""

from typing import Any

import click

from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_flags import Sharing, carry_out, run_share, share_flags, split_share
from isthmus.cli.nsc.store import Store
from isthmus.sharing import PushConsumer


class Options(Sharing):
    """What was asked for."""

    stream: str = ""
    consumer: str = ""
    deliver: str = ""
    group: str = ""
    no_ack: bool = False
    flow_control: bool = False
    no_info: bool = False


@click.command(
    "push-consumer",
    cls=NscCommand,
    help="Let another account listen where a push consumer delivers, and acknowledge. Makes the"
    " exports that are missing, and an invite for `nsc accept`. Whether stream and consumer exist"
    " and deliver there only a server can tell.",
)
@share_flags
@flag("--stream", help="the stream")
@flag("--consumer", help="its push consumer")
@flag("--deliver", help="the consumer's deliver subject")
@flag("--group", help="the consumer's deliver group, if it has one")
@switch("--no-ack", help="the consumer wants no acknowledgements")
@switch("--flow-control", help="the consumer has flow control: the other account answers it")
@switch("--no-info", help="do not let the other account see the consumer's configuration and state")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    share, rest = split_share(values)
    carry_out(invocation, run, Options(share=share, **rest))


def run(options: Options, store: Store) -> Report:
    """Decide on the accounts and the invite."""
    item = PushConsumer(
        stream=options.stream,
        consumer=options.consumer,
        deliver=options.deliver,
        group=options.group,
        ack=not options.no_ack,
        flow=options.flow_control,
        info=not options.no_info,
    )
    report = run_share(store, options.share, item)
    report.advice += [
        f"Whether {item.title} exists and delivers to {item.deliver} only the server can tell:",
        f"    nats consumer info {item.stream} {item.consumer}",
    ]
    return report
