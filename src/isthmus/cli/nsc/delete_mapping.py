"""nsc delete mapping: let messages stay where they are published."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import WeightedMapping


class Options(Value):
    """What was asked for."""

    account: str = ""
    source: str = ""
    target: str = ""
    cluster: str = ""


@click.command("mapping", cls=NscCommand, help="Delete a subject's mappings, or one of them.")
@account_flag
@flag("-f", "--from", "source", help="subject that is published to", default="")
@flag("-t", "--to", "target", help="only the mapping to this subject", default="")
@flag("--cluster", help="only mappings of this cluster", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account without the mapping."""
    if not options.source:
        raise CommandError("from subject is required", hint="name it: --from <subject>")
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    mappings = dict(claims.nats.mappings)
    before = mappings.pop(options.source, ())
    kept = tuple(target for target in before if not _meant(target, options))
    if kept == before:
        raise CommandError(
            f"no mapping of {quote(options.source)}{_where(options)} found",
            hint=f"mapped in {name}: {', '.join(sorted(claims.nats.mappings)) or 'nothing'}",
        )
    if kept:
        mappings[options.source] = kept
    body = msgspec.structs.replace(claims.nats, mappings=mappings)
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    inside = f" in cluster {options.cluster}" if options.cluster else ""
    if options.target:
        report.ok(f"deleted mapping {options.source} -> {options.target}{inside}")
    else:
        report.ok(f"deleted all mapping{inside} for {options.source}")
    return report


def _meant(target: WeightedMapping, options: Options) -> bool:
    """One target is the one of that cluster, or of none; all targets are those of all clusters."""
    if options.target:
        return (target.subject, target.cluster) == (options.target, options.cluster)
    return options.cluster in {"", target.cluster}


def _where(options: Options) -> str:
    target = f" to {quote(options.target)}" if options.target else ""
    return target + (f" in cluster {quote(options.cluster)}" if options.cluster else "")
