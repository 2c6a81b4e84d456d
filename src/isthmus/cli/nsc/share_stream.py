"""nsc share stream: let another account listen to a subject."""

from typing import Any

import click

from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_flags import Sharing, carry_out, run_share, share_flags, split_share
from isthmus.cli.nsc.store import Store
from isthmus.sharing import Feed


class Options(Sharing):
    """What was asked for."""

    subject: str = ""


@click.command(
    "stream",
    cls=NscCommand,
    help="Let another account hear the messages on a subject as they are published. Makes the"
    " export if it is missing, and an invite for `nsc accept`.",
)
@share_flags
@flag("--subject", help="the subject; it may have wildcards")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    share, rest = split_share(values)
    carry_out(invocation, run, Options(share=share, **rest))


def run(options: Options, store: Store) -> Report:
    """Decide on the accounts and the invite."""
    return run_share(store, options.share, Feed(subject=options.subject))
