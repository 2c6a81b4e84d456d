"""nsc explain: why a share, an import, an export or a subject does not work, and what mends it.

Reads the store, with `--live` a server too (`explain_live`); the judgement is `sharing.explain`.
"""

from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import INTEGER, flag, switch
from isthmus.cli.nsc.login_flags import LoginFlags, login_flags, split_login
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.world import read_world
from isthmus.identity.nkeys import Kind, is_public
from isthmus.sharing.explain import explain, involved
from isthmus.sharing.finding import Explanation
from isthmus.sharing.world import Question, World


class Options(Value):
    """What was asked for."""

    account: str = ""
    subject: str = ""
    share: str = ""
    imported: str = ""
    exported: str = ""
    other: str = ""
    user: str = ""
    live: bool = False
    nats_url: str = ""
    timeout: int = 2
    json: bool = False
    login: LoginFlags = LoginFlags()


@click.command(
    "explain",
    cls=NscCommand,
    help="Say why a subject, a share, an import, an export or a pair of accounts does not work:"
    " hop by hop, the cause, and the command that mends it. Exit code 1 if something is broken.",
)
@account_flag
@flag("-s", "--subject", help="subject as the account publishes or subscribes to it")
@flag("--share", help="STREAM/CONSUMER that the account gives (a stream alone is fine)")
@flag("--import", "imported", help="import of the account: name or subject")
@flag("--export", "exported", help="export of the account: name or subject")
@flag("--with", "other", help="the other account: name or public key")
@flag("-u", "--user", help="user whose permissions count (default: any that may)")
@switch("--live", help="ask a server, too")
@flag("--nats-url", help="server to ask (default: the operator's account or service URL)")
@flag("--timeout", type=INTEGER, help="seconds to wait for answers, 1 to 60; default 2")
@switch("--json", help="JSON instead of lines")
@login_flags
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    login, rest = split_login(values)
    invocation.show(run, Options(**rest, login=login))


def run(options: Options, store: Store) -> Report:
    """Look, judge, report."""
    world = read_world(store)
    question = _question(options, store, world)
    if options.live:
        from isthmus.cli.nsc.explain_live import Asking, ask

        asking = Asking(url=options.nats_url, login=options.login, timeout=options.timeout)
        told = ask(store, world, involved(question, world), asking)
        world = msgspec.structs.replace(world, told=told)
    explanation = explain(question, world)
    report = Report()
    if options.json:
        raw = msgspec.json.format(msgspec.json.encode(explanation.document()), indent=1)
        report.body = raw.decode() + "\n"
    else:
        report.body = "\n".join(text_of(explanation)) + "\n"
    if not explanation.ok:
        count = len(explanation.findings)
        report.failure = f"{count} {'cause' if count == 1 else 'causes'} found"
    return report


def _question(options: Options, store: Store, world: World) -> Question:
    asked = [options.subject, options.share, options.imported, options.exported]
    if sum(map(bool, asked)) > 1:
        raise CommandError(
            "specify only one of --subject, --share, --import and --export", exit_code=MISUSED
        )
    if not any(asked) and not options.other:
        raise CommandError(
            "what is to be explained?",
            hint="give --subject, --share, --import, --export or --with",
            exit_code=MISUSED,
        )
    account = _key(options.account, store, world)
    return Question(
        account=account,
        subject=options.subject,
        share=_share(options.share) if options.share else None,
        taken=options.imported,
        offered=options.exported,
        other=_key(options.other, store, world) if options.other else "",
        user=options.user,
    )


def _share(text: str) -> tuple[str, str]:
    stream, _, consumer = text.partition("/")
    if not stream or "/" in consumer:
        raise CommandError(
            f"not a share: {text!r}", hint="write it STREAM/CONSUMER", exit_code=MISUSED
        )
    return stream, consumer


def _key(text: str, store: Store, world: World) -> str:
    """A public key stays one, in the store or not; a name has to be there."""
    if is_public(text, Kind.ACCOUNT):
        return text
    name = store.account_name(text)
    return next(key for key, known in world.names.items() if known == name)


_MARKS = {"ok": "[ OK ]", "broken": "[ERR ]", "unknown": "[ ?? ]"}


def text_of(explanation: Explanation) -> list[str]:
    """Lines for people: each hop, then each cause with what mends it."""
    lines = [f"{explanation.what}, account {explanation.account}:", ""]
    for hop in explanation.hops:
        subject = f" ({hop.subject})" if hop.subject and hop.subject not in hop.text else ""
        lines.append(f"{_MARKS[hop.state]} {hop.name}: {hop.text}{subject}")
    for number, finding in enumerate(explanation.findings, 1):
        lines += ["", f"{number}. {finding.cause} [{finding.code}]"]
        lines += [f"   {command}" for command in finding.fix]
    if explanation.ok:
        lines += ["", "nothing is known to be wrong"]
    return lines
