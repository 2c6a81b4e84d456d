"""nsc share stream: let another account listen to a subject, or copy a stream."""

import shlex
from typing import Any

import click

from isthmus.base.quoting import quote
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_flags import (
    Sharing,
    carry_out,
    find_party,
    run_share,
    share_flags,
    split_share,
)
from isthmus.cli.nsc.store import Store
from isthmus.identity.revocations import EVERYBODY
from isthmus.sharing import Feed, Origin


class Options(Sharing):
    """What was asked for."""

    subject: str = ""
    stream: str = ""
    filter: str = ""
    deliver: str = ""


@click.command(
    "stream",
    cls=NscCommand,
    help="Let another account hear the messages on a subject as they are published (--subject), or"
    " copy a stream by a mirror or a source of its own (--stream). Makes the exports that are"
    " missing, and an invite for `nsc accept`.",
)
@share_flags
@flag("--subject", help="a subject, heard as it is published; it may have wildcards")
@flag("--stream", help="a stream, to be copied by a mirror or a source")
@flag("--filter", help="only the messages of the stream on this subject")
@flag("--deliver", help="where copies pass (default: a place of the other account's own)")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    share, rest = split_share(values)
    carry_out(invocation, run, Options(share=share, **rest))


def run(options: Options, store: Store) -> Report:
    """Decide on the accounts and the invite."""
    if options.stream and options.subject:
        raise CommandError("specify only one of --stream and --subject", exit_code=MISUSED)
    if not options.stream:
        if options.filter or options.deliver:
            raise CommandError(
                "--filter and --deliver are for a stream", hint="--stream <name>", exit_code=MISUSED
            )
        return run_share(store, options.share, Feed(subject=options.subject))
    taker = find_party(store, options.share.taker)
    whose = "all" if taker.key == EVERYBODY else taker.key
    deliver = options.deliver or f"copies.{options.stream}.{whose}"
    item = Origin(stream=options.stream, deliver=deliver, filter=options.filter)
    report = run_share(store, options.share, item)
    report.advice += [
        f"Whether stream {quote(item.stream)} exists only the server can tell:",
        f"    {shlex.join(['nats', 'stream', 'info', item.stream])}",
    ]
    return report
