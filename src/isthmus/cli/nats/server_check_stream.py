"""`nats server check stream`: does a stream hold what it should."""

from typing import Any

import click

from isthmus.base.errors import JetStreamError
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.api import JetStreamApi, require_name
from isthmus.cli.nats.checks import Check, Metric, check_flags, report
from isthmus.cli.nats.connect import Client
from isthmus.cli.nats.flags import NATURAL, verb
from isthmus.cli.nats.formats import count
from isthmus.cli.nats.records import StreamInfo
from isthmus.cli.nats.session import Session


class Options(Value):
    """The stream and its limits; 0 is without limit."""

    stream: str
    msgs_warn: int = 0
    msgs_critical: int = 0
    subjects_warn: int = 0
    subjects_critical: int = 0
    lag_critical: int = 0


@verb(
    "stream",
    help="Check what a stream holds. A critical limit below the warning is a lower limit.",
    refused="--seen-critical --min-sources --max-sources --peer-expect --peer-lag-critical "
    "--peer-seen-critical",
)
@click.option("--stream", required=True, metavar="STREAM", help="The stream")
@click.option("--msgs-warn", type=NATURAL, default=0, help="Messages")
@click.option("--msgs-critical", type=NATURAL, default=0, help="Messages")
@click.option("--subjects-warn", type=NATURAL, default=0, help="Subjects")
@click.option("--subjects-critical", type=NATURAL, default=0, help="Subjects")
@click.option("--lag-critical", type=NATURAL, default=0, help="Messages that a mirror is behind")
@check_flags
def command(session: Session, form: str, namespace: str, outfile: str, **given: Any) -> int:
    """Ask, judge, report."""
    options = Options(**given)
    require_name("stream", options.stream)
    check = Check("stream", options.stream)
    try:
        session.connected(lambda client: run(options, client, check), setup="")
    except CommandError as error:
        check.critical(f"could not load info: {error}")
    return report(session, check, form=form, namespace=namespace, outfile=outfile)


async def run(options: Options, client: Client, check: Check) -> None:
    """Judge the state of the stream."""
    try:
        info = await JetStreamApi(client).call(f"STREAM.INFO.{options.stream}", StreamInfo)
    except JetStreamError as error:
        raise CommandError(str(error)) from None
    state = info.state
    for name, value, warning, critical in (
        ("messages", state.messages, options.msgs_warn, options.msgs_critical),
        ("subjects", state.num_subjects, options.subjects_warn, options.subjects_critical),
    ):
        if warning or critical:
            about = f"{name.title()} stored in the stream"
            metric = Metric(name=name, value=value, about=about, warning=warning, critical=critical)
            check.limit(metric, f"{count(value)} {name}")
    if info.mirror:
        lag = info.mirror.lag
        metric = Metric(
            name="lag", value=lag, about="Number of operations this peer is behind its origin"
        )
        check.metrics.append(metric)
        if options.lag_critical and lag >= options.lag_critical:
            check.critical(f"Mirror Lag {count(lag)}")
        else:
            check.ok(f"Mirror {info.mirror.name}")
    else:
        number = len(info.sources)
        check.metrics.append(Metric(name="sources", value=number, about="Number of sources"))
        check.ok(f"{number} sources")
