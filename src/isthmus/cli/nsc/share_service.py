"""nsc share service: let another account send requests."""

from typing import Any

import click

from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_flags import Sharing, carry_out, run_share, share_flags, split_share
from isthmus.cli.nsc.store import Store
from isthmus.sharing import Service


class Options(Sharing):
    """What was asked for."""

    subject: str = ""
    response_type: str = "Singleton"


@click.command(
    "service",
    cls=NscCommand,
    help="Let another account send requests that this one answers. Makes the export if it is"
    " missing, and an invite for `nsc accept`.",
)
@share_flags
@flag("--subject", help="the subject of the requests; it may have wildcards")
@flag("--response-type", help="Singleton, Stream (many answers) or Chunked; default Singleton")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    share, rest = split_share(values)
    carry_out(invocation, run, Options(share=share, **rest))


def run(options: Options, store: Store) -> Report:
    """Decide on the accounts and the invite."""
    item = Service(subject=options.subject, response_type=options.response_type)
    return run_share(store, options.share, item)
