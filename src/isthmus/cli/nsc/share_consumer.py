"""nsc share consumer: let another account pull from a consumer, and acknowledge."""

import shlex
from typing import Any

import click

from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_flags import Sharing, carry_out, run_share, share_flags, split_share
from isthmus.cli.nsc.store import Store
from isthmus.sharing import PullConsumer


class Options(Sharing):
    """What was asked for."""

    stream: str = ""
    consumer: str = ""
    no_info: bool = False


@click.command(
    "consumer",
    cls=NscCommand,
    help="Let another account pull messages from a consumer, and acknowledge them. Makes the"
    " exports that are missing, and an invite for `nsc accept`. Whether stream and consumer exist"
    " only a server can tell.",
)
@share_flags
@flag("--stream", help="the stream")
@flag("--consumer", help="its pull consumer")
@switch("--no-info", help="do not let the other account see the consumer's configuration and state")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    share, rest = split_share(values)
    carry_out(invocation, run, Options(share=share, **rest))


def run(options: Options, store: Store) -> Report:
    """Decide on the accounts and the invite."""
    item = PullConsumer(stream=options.stream, consumer=options.consumer, info=not options.no_info)
    report = run_share(store, options.share, item)
    report.advice += [
        f"Whether {item.title} exists only the server can tell:",
        f"    {shlex.join(['nats', 'consumer', 'info', item.stream, item.consumer])}",
    ]
    return report
