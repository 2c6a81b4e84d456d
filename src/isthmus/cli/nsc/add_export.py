"""nsc add export: offer a subject of an account to others."""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.export_flags import parse_sampling, require_response_type
from isthmus.cli.nsc.flags import DURATION, UNSIGNED, flag, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import Export, ServiceLatency
from isthmus.identity.sharing_rules import RESPONSE_TYPES


class Options(Value):
    """What was asked for. An empty response type was not given."""

    subject: str = ""
    name: str = ""
    account: str = ""
    service: bool = False
    private: bool = False
    latency: str = ""
    sampling: str = ""
    response_type: str = ""
    response_threshold: int = 0
    allow_trace: bool = False
    account_token_position: int = 0
    advertise: bool = False


@click.command("export", cls=NscCommand, help="Offer a subject of an account to other accounts.")
@account_flag
@flag("-n", "--name", help="export name (default: the subject)")
@flag("-s", "--subject", help="subject to offer")
@switch("-r", "--service", help="requests are answered (default: a stream is delivered)")
@switch("-p", "--private", help="only accounts with an activation may import it")
@flag("--response-type", help="Singleton, Stream or Chunked (services; default Singleton)")
@flag("--response-threshold", type=DURATION, help="how long an answer may take (services)")
@flag("--latency", help="subject for latency measurements (services)")
@flag("--sampling", help="per cent of requests measured, 1 to 100, or: header (services)")
@switch("--allow-trace", help="let importers trace messages (services)")
@flag(
    "--account-token-position",
    type=UNSIGNED,
    help="which token of the subject holds the importer's key (public exports)",
)
@switch("--advertise", help="mark the export as advertised", hidden=True)
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.change(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Decide on the account with the export."""
    report = Report()
    account_name = store.account_name(options.account)
    claims = store.account(account_name)
    export = make_export(options)
    body = msgspec.structs.replace(claims.nats, exports=(*claims.nats.exports, export))
    issue_account(store, msgspec.structs.replace(claims, nats=body), account_name, report)
    access = "private" if options.private else "public"
    report.ok(f"added {access} {export.type} export {quote(export.name)}")
    return report


def make_export(options: Options) -> Export:
    """The export the options describe."""
    if not options.subject:
        raise CommandError("a subject is required", hint="name it: --subject <subject>")
    if options.private and options.account_token_position:
        raise CommandError("account token position is only valid for public exports")
    if options.response_type and not options.service:
        raise CommandError("response type can only be specified in conjunction with service")
    if options.response_type:
        require_response_type(options.response_type)
    return Export(
        name=options.name or options.subject,
        subject=options.subject,
        type="service" if options.service else "stream",
        token_required=options.private,
        response_type=(options.response_type or RESPONSE_TYPES[0]) if options.service else "",
        threshold_ns=options.response_threshold,
        service_latency=_latency(options),
        account_token_position=options.account_token_position,
        advertise=options.advertise,
        allow_trace=options.allow_trace,
    )


def _latency(options: Options) -> ServiceLatency | None:
    if not options.latency:
        if options.sampling:
            raise CommandError(
                "sampling is set, but not where the measurements go",
                hint="name the subject: --latency <subject>",
            )
        return None
    return ServiceLatency(sampling=parse_sampling(options.sampling), results=options.latency)
