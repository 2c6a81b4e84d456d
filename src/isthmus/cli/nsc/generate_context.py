"""nsc generate context: let the nats tool log in as a user of this store."""

from typing import Any

import click

from isthmus.base.values import Value, to_json
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag
from isthmus.cli.nsc.folders import xdg_homes
from isthmus.cli.nsc.names import require_name
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.shared_flags import account_flag
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    user: str = ""
    context: str = ""
    account: str = ""


class SavedContext(Value, omit_defaults=True):
    """The file, key for key."""

    nsc: str = ""
    url: str = ""
    creds: str = ""


@click.command(
    "context", cls=NscCommand, help="Write a context of the nats tool for a user's creds."
)
@account_flag
@flag("-u", "--user", help="user name (default: the only one)", default="")
@flag("--context", help="name of the context (default: as user)", default="")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    invocation.change(run, Options(**values))


def run(options: Options, store: Store) -> Report:
    """Decide on the context's file."""
    report = Report()
    account = store.account_name(options.account)
    users = store.users(account)
    user = options.user or (users[0] if len(users) == 1 else "")
    if not user:
        raise CommandError("user is required", hint=f"name one of: {', '.join(users)}")
    if user not in users:
        raise CommandError(f"user {user} does not exist in the current account")
    name = require_name(options.context or user, "context name is required")
    creds = store.creds_path(account, user)
    if not store.transaction.exists(creds):
        raise CommandError(f"user {user} has no creds file: {store.shown(creds)}")
    saved = SavedContext(
        nsc=f"nsc://{store.operator_name}/{account}/{user}",
        url=",".join(store.operator().nats.operator_service_urls),
        creds=str(creds),
    )
    config, _ = xdg_homes(store.surroundings)
    path = config / "nats" / "context" / f"{name}.json"
    store.transaction.put(path, to_json(saved))
    report.ok(f"wrote nats cli context file to {store.shown(path)}")
    report.notes.append(str(path))
    return report
