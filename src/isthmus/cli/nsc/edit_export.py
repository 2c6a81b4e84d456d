"""nsc edit export: change what is offered, and how.

What no flag names stays as it is: revocations, response type, token position and all the rest.
"""

from typing import Any

import click
import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.export_flags import parse_sampling, require_response_type
from isthmus.cli.nsc.flags import DURATION, flag, switch
from isthmus.cli.nsc.issue import issue_account
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.identity.claims import AccountClaims, Export, ServiceLatency


class Options(Value):
    """What was asked for; `None` was not."""

    account: str = ""
    subject: str = ""
    name: str | None = None
    service: bool | None = None
    private: bool | None = None
    latency: str | None = None
    sampling: str | None = None
    rm_latency_sampling: bool = False
    response_type: str | None = None
    response_threshold: int | None = None
    allow_trace: bool | None = None
    description: str | None = None
    info_url: str | None = None


@click.command(
    "export",
    cls=NscCommand,
    help="Change an export. What no flag names stays, revocations included.",
)
@account_flag
@flag("-s", "--subject", help="the export's subject, exactly (default: the only one)", default="")
@flag("-n", "--name", help="export name")
@switch("-r", "--service", help="requests are answered; =false: a stream is delivered")
@switch("-p", "--private", help="only accounts with an activation may import it; =false: all may")
@flag("--response-type", help="Singleton, Stream or Chunked (services)")
@flag("--response-threshold", type=DURATION, help="how long an answer may take (services)")
@flag("--latency", help="subject for latency measurements (services)")
@flag("--sampling", help="per cent of requests measured, 1 to 100, or: header (services)")
@switch("--rm-latency-sampling", help="measure no latency", default=False)
@switch("--allow-trace", help="let importers trace messages (services)")
@flag("--description", help="what is offered")
@flag("--info-url", help="where to read more")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the account with the export as it is now."""
    if msgspec.structs.replace(options, account="", subject="") == Options():
        raise CommandError("please specify some options", exit_code=MISUSED)
    report = Report()
    name = store.account_name(options.account)
    claims = store.account(name)
    before = _find(claims, name, options.subject)
    after = edited(before, options, report)
    exports = tuple(after if export is before else export for export in claims.nats.exports)
    body = msgspec.structs.replace(claims.nats, exports=exports)
    issue_account(store, msgspec.structs.replace(claims, nats=body), name, report)
    report.ok(f"edited {after.type} export {quote(after.name)}")
    return report


def _find(claims: AccountClaims, name: str, subject: str) -> Export:
    exports = claims.nats.exports
    if not exports:
        raise CommandError(f"account {quote(name)} doesn't have exports")
    if not subject and len(exports) > 1:
        raise CommandError("a subject is required", hint="name it: --subject <subject>")
    for export in exports:
        if subject in {"", export.subject}:
            return export
    raise CommandError(f"no export with subject {quote(subject)} found")


def edited(before: Export, options: Options, report: Report) -> Export:
    """`before` as the options change it; each change is a line of the report."""
    changes: dict[str, Any] = {}
    if options.name is not None and options.name != before.name:
        changes["name"] = options.name
        report.ok(f"changed export name to {options.name}")
    if options.private is not None and options.private != before.token_required:
        changes["token_required"] = options.private
        if options.private and before.account_token_position:
            raise CommandError("account token position is only valid for public exports")
        if options.private:
            report.warn("changed export to be private - this will break importers")
        else:
            report.ok("changed export to be public")
    changes |= _kind(before, options, report)
    changes |= _answers(msgspec.structs.replace(before, **changes), options, report)
    for field, title in (("description", "description"), ("info_url", "info url")):
        text = getattr(options, field)
        if text is not None:
            changes[field] = text
            report.ok(f"changed {title} to {quote(text)}")
    return msgspec.structs.replace(before, **changes)


def _kind(before: Export, options: Options, report: Report) -> dict[str, Any]:
    """Stream or service. A stream keeps nothing of what only services have."""
    if options.service is None or options.service == (before.type == "service"):
        return {}
    kind = "service" if options.service else "stream"
    report.warn(f"changed export type to {quote(kind)} - this will break importers")
    if options.service:
        return {"type": kind, "response_type": "Singleton"}
    return {
        "type": kind,
        "response_type": "",
        "threshold_ns": 0,
        "service_latency": None,
        "allow_trace": False,
    }


def _answers(export: Export, options: Options, report: Report) -> dict[str, Any]:
    """What only services have; `export` is of the type it will be."""
    changes: dict[str, Any] = _latency(export, options, report)
    asked = {
        "latency": bool(options.latency or options.sampling),
        "response type": options.response_type is not None,
        "response threshold": options.response_threshold is not None,
        "allow trace": bool(options.allow_trace),
    }
    if export.type != "service":
        for what in (what for what, given in asked.items() if given):
            raise CommandError(f"{what} is only applicable to services")
    if options.response_type is not None:
        require_response_type(options.response_type)
        changes["response_type"] = options.response_type
        report.ok(f"changed response type to {options.response_type}")
    if options.response_threshold is not None:
        changes["threshold_ns"] = options.response_threshold
    if options.allow_trace is not None:
        changes["allow_trace"] = options.allow_trace
        report.ok(f"changed allowed trace to {str(options.allow_trace).lower()}")
    return changes


def _latency(export: Export, options: Options, report: Report) -> dict[str, Any]:
    before = export.service_latency
    if options.rm_latency_sampling:
        report.ok("removed latency tracking")
        return {"service_latency": None}
    if options.latency is None and options.sampling is None:
        return {}
    results = options.latency or (before.results if before else "")
    if not results:
        raise CommandError(
            "sampling is set, but not where the measurements go",
            hint="name the subject: --latency <subject>",
        )
    latency = before or ServiceLatency(results=results)
    if options.sampling is not None:
        sampling = parse_sampling(options.sampling)
        latency = msgspec.structs.replace(latency, sampling=sampling)
        shown = sampling if sampling == "headers" else f"{sampling}%"
        report.ok(f"changed service latency to {shown}")
    if before is not None and results != before.results:
        latency = msgspec.structs.replace(latency, results=results)
        report.ok(f"changed service latency subject to {results}")
        report.warn("changed latency subject will break consumers of the report")
    return {"service_latency": latency}
