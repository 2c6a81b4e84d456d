"""nsc generate config: what a server needs to know about an operator."""

from typing import Any

import click

from isthmus.base.quoting import back_quote, quote
from isthmus.base.values import Value
from isthmus.cli.groups import MISUSED, CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.forms import STDOUT
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store


class Options(Value):
    """What was asked for."""

    mem_resolver: bool = False
    nats_resolver: bool = False
    nats_resolver_cache: bool = False
    config_file: str = STDOUT
    force: bool = False
    sys_account: str = ""


@click.command(
    "config",
    cls=NscCommand,
    help="Generate a server configuration.",
    unavailable=("--nkey!", "--dir"),
)
@switch("--mem-resolver", help="all accounts are in the configuration")
@switch("--nats-resolver", help="accounts are pushed to the servers, each keeps all of them")
@switch("--nats-resolver-cache", help="as --nats-resolver, but each keeps only what it needs")
@flag("--config-file", help="file for the configuration; -- is the output")
@switch("-F", "--force", help="overwrite the file if it exists")
@flag("--sys-account", help="system account: name or public key (default: the operator's)")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.show(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """Make the configuration and decide on its file."""
    kinds = (options.mem_resolver, options.nats_resolver, options.nats_resolver_cache)
    if sum(kinds) > 1:
        raise CommandError("can only generate one config at a time", exit_code=MISUSED)
    if not any(kinds):
        raise CommandError(
            "specify a config type option",
            hint="one of: --mem-resolver, --nats-resolver, --nats-resolver-cache",
            exit_code=MISUSED,
        )
    report = Report()
    accounts = {store.account(name).subject: name for name in store.accounts()}
    if not accounts:
        raise CommandError(f"operator {quote(store.operator_name)} has no accounts")
    system = store.operator().nats.system_account
    if options.sys_account:
        system = store.account_key(options.sys_account, "sys-account")
    if options.mem_resolver:
        text = memory_config(store, accounts, system)
    elif not system or system not in accounts:
        raise CommandError("system account is not set", hint="nsc edit operator --system-account")
    else:
        text = resolver_config(store, accounts[system], system, cache=options.nats_resolver_cache)
    if options.config_file == STDOUT:
        report.body = text + "\n"
        return report
    path = store.path(options.config_file)
    if path.exists() and not options.force:
        raise CommandError(f"{back_quote(str(path))} already exists", hint="overwrite it: --force")
    shown = store.put_output(str(path), text)
    report.ok(f"wrote server configuration to {shown}")
    report.notes.append(f"Success!! - generated {shown}")
    return report


def memory_config(store: Store, accounts: dict[str, str], system: str) -> str:
    """All accounts by value: public key → token."""
    lines = [
        f"// Operator {quote(store.operator().name)}",
        f"operator: {store.operator_token()}",
        "",
    ]
    if system:
        lines += [f"system_account: {system}", ""]
    lines += ["resolver: MEMORY", "", "resolver_preload: {"]
    for key, name in sorted(accounts.items()):
        lines += [f"  // Account {quote(name)}", f"  {key}: {store.account_token(name)}", ""]
    return "\n".join([*lines, "}", ""])


def resolver_config(store: Store, system_name: str, system: str, *, cache: bool) -> str:
    """The system account by value; the others are pushed to the running server."""
    lines = [
        f"# Operator named {store.operator().name}",
        f"operator: {store.operator_token()}",
        f"# System Account named {system_name}",
        f"system_account: {system}",
        "",
        "# Accounts arrive by `nsc push` and are kept as files.",
        "resolver {",
        f"    type: {'cache' if cache else 'full'}",
        "    # Where the account tokens are kept.",
        "    dir: './jwt'",
    ]
    if cache:
        lines += ["    # A token that was not used for this long is forgotten.", '    ttl: "1h"']
    else:
        lines += [
            "    # With true, `nsc push --prune` and --account-removal may delete accounts.",
            "    allow_delete: false",
            "    # How often servers of a cluster compare what they have.",
            '    interval: "2m"',
        ]
    lines += [
        "    # How long to ask other servers for a token that is not here.",
        '    timeout: "1.9s"',
        "}",
        "",
        "# Only the system account is here, so that the first push can log in:",
        "#   nsc edit operator --account-jwt-server-url nats://<host>:<port>",
        "#   nsc push --all",
        "# A newer token that was pushed counts more than the one below.",
        "resolver_preload: {",
        f"\t{system}: {store.account_token(system_name)},",
        "}",
        "",
    ]
    return "\n".join(lines)
