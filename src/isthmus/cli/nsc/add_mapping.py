"""nsc add mapping: let messages published to one subject arrive at another."""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import Parsed, flag, parse_unsigned
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.account_rules import check_mapping
from isthmus.identity.claims import WeightedMapping
from isthmus.identity.subject_rules import reference

_WEIGHT_MAX = 255  # what the field holds; more than 100 per cent is refused with the others


class Options(Value):
    """What was asked for. A weight of 0 was not given: all of it."""

    account: str = ""
    source: str = ""
    target: str = ""
    weight: int = 0
    cluster: str = ""


def parse_weight(text: str) -> int:
    """Per cent, in one byte."""
    weight = parse_unsigned(text)
    if weight > _WEIGHT_MAX:
        raise ValueError(f'strconv.ParseUint: parsing "{text}": value out of range')
    return weight


@click.command(
    "mapping",
    cls=NscCommand,
    help="Map a subject to another, whole or in parts. The same two subjects again change the"
    " weight.",
)
@account_flag
@flag("-f", "--from", "source", help="subject that is published to", default="")
@flag(
    "-t",
    "--to",
    "target",
    help="subject where messages arrive; $1 is the first wildcard",
    default="",
)
@flag(
    "--weight",
    type=Parsed("uint8", parse_weight),
    help="per cent of messages, 1 to 100 (default: 100)",
    default=0,
)
@flag("--cluster", help="only for messages published in this cluster", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account with the mapping."""
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    made = make_mapping(options)
    kept = [
        known
        for known in claims.nats.mappings.get(options.source, ())
        if (known.subject, known.cluster) != (made.subject, made.cluster)
    ]
    targets = (*kept, made)
    findings = list(check_mapping(options.source, targets))
    if findings:
        texts = " ".join(finding.text for finding in findings)
        raise CommandError(f"mapping validation failed: [{texts}]")
    mappings = claims.nats.mappings | {options.source: targets}
    body = msgspec.structs.replace(claims.nats, mappings=mappings)
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    report.ok(f"added mapping {options.source} -> {made.subject}, weight {made.weight or 100}%")
    return report


def make_mapping(options: Options) -> WeightedMapping:
    """The target the options describe."""
    if not options.source:
        raise CommandError("from subject is required", hint="name it: --from <subject>")
    if not options.target:
        raise CommandError("to subject is required", hint="name it: --to <subject>")
    wildcards = options.source.split(".").count("*")
    for number in map(reference, options.target.split(".")):
        if number is not None and not 0 < number <= wildcards:
            raise CommandError(
                f"mapping validation failed: [{options.target} refers to wildcard ${number},"
                f" but {options.source} has {wildcards}]"
            )
    return WeightedMapping(subject=options.target, weight=options.weight, cluster=options.cluster)
