"""nsc share kv: let another account read the keys of a bucket, or write them."""

from typing import Any

import click

from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.share_flags import Sharing, carry_out, run_share, share_flags, split_share
from isthmus.cli.nsc.store import Store
from isthmus.sharing import Bucket


class Options(Sharing):
    """What was asked for."""

    bucket: str = ""
    keys: str = ">"
    write: bool = False
    no_info: bool = False


@click.command(
    "kv",
    cls=NscCommand,
    help="Let another account read the values of a bucket and hear of changes, with --write also"
    " put values. Makes the exports that are missing, and an invite for `nsc accept`. Whether the"
    " bucket exists only a server can tell.",
)
@share_flags
@flag("--bucket", help="the bucket")
@flag("--keys", help="only the keys that match this subject (default: all)")
@switch("--write", help="let the other account put and delete values")
@switch("--no-info", help="do not let it see the state of the whole bucket; clients need that")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    share, rest = split_share(values)
    carry_out(invocation, run, Options(share=share, **rest))


def run(options: Options, store: Store) -> Report:
    """Decide on the accounts and the invite."""
    item = Bucket(
        bucket=options.bucket,
        keys=options.keys,
        writable=options.write,
        info=not options.no_info,
    )
    report = run_share(store, options.share, item)
    report.advice += [
        f"Whether {item.title} exists only the server can tell:",
        f"    nats kv info {item.bucket}",
    ]
    return report
