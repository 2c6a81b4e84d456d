"""nsc: the command line of the account tool.

Owns the tree of commands and the entry point. Imports no verb: `nsc --help` loads neither asyncio
nor rich nor nats.
"""

import sys
from collections.abc import Sequence
from typing import Any

import click

from isthmus.cli.groups import UnknownCommandError, Verb, run_tool
from isthmus.cli.nsc.command import Invocation, NscGroup
from isthmus.cli.nsc.flags import BOOLEAN, Flag
from isthmus.cli.nsc.forms import describe_flags, list_flags
from isthmus.cli.nsc.surroundings import Surroundings, of_process
from isthmus.cli.streams import Streams

_HERE = "isthmus.cli.nsc"


def _verbs(*, group: str = "", **summaries: str) -> dict[str, Verb]:
    """Verbs by their modules; a verb is called as its module without the name of its group."""
    return {
        module.removeprefix(f"{group}_").replace("_", "-"): Verb(
            target=f"{_HERE}.{module}:command", summary=summary
        )
        for module, summary in summaries.items()
    }


def _group(name: str, summary: str, verbs: dict[str, Verb], **options: Any) -> NscGroup:
    return NscGroup(name, help=summary, short_help=summary, verbs=verbs, **options)


ADD = _group(
    "add",
    "Add an operator, account, user, export, import or mapping",
    _verbs(
        group="add",
        add_operator="Add an operator",
        add_account="Add an account",
        add_user="Add a user to an account",
        add_export="Offer a subject to other accounts",
        add_import="Take a subject that another account offers",
        add_mapping="Map a subject to another",
    ),
)
DELETE = _group(
    "delete",
    "Delete an account, user, export, import or mapping",
    _verbs(
        group="delete",
        delete_account="Delete an account and its users",
        delete_user="Delete users",
        delete_export="Delete an export",
        delete_import="Delete an import",
        delete_mapping="Delete a mapping",
    ),
)
DESCRIBE = _group(
    "describe",
    "Show an operator, account, user or token file",
    _verbs(
        group="describe",
        describe_operator="Show an operator",
        describe_account="Show an account",
        describe_user="Show a user",
        describe_jwt="Show a token or creds file",
    ),
    params=describe_flags(),
)
EDIT = _group(
    "edit",
    "Change an operator, account, user, export or signing key",
    _verbs(
        group="edit",
        edit_operator="Change the operator",
        edit_account="Change an account: limits, JetStream, signing keys, permissions",
        edit_user="Change a user",
        edit_export="Change an export",
        edit_authcallout="Let users of an account decide about logins",
        edit_signing_key="Give a signing key a role, and its users what the role may do",
    ),
)
GENERATE = _group(
    "generate",
    "Generate activations, creds and server configurations",
    _verbs(
        group="generate",
        generate_activation="Generate the token that lets an account import a private export",
        generate_config="Generate a server configuration",
        generate_creds="Generate a user's creds file",
        generate_context="Write a context of the nats tool",
        generate_nkey="Generate keys",
    ),
    unavailable=("diagram", "profile"),
)
LIST = _group(
    "list",
    "List operators, accounts, users or keys",
    {
        name: Verb(target=f"{_HERE}.list_{name}:command", summary=f"List {name}")
        for name in ("operators", "accounts", "users", "keys")
    },
    aliases={"operator": "operators", "account": "accounts", "user": "users", "key": "keys"},
    params=list_flags(),
)
REVOCATIONS = _group(
    "revocations",
    "Take grants and creds back, or let them count again",
    {
        "add_activation": Verb(
            target=f"{_HERE}.revocations_add_activation:command",
            summary="Revoke an account's activations of an export",
        ),
        "delete_activation": Verb(
            target=f"{_HERE}.revocations_delete_activation:command",
            summary="Take such a revocation back",
        ),
        "list_activations": Verb(
            target=f"{_HERE}.revocations_list_activations:command",
            summary="List the accounts whose activations of an export are revoked",
        ),
    }
    | _verbs(
        group="revocations",
        revocations_add_user="Revoke a user's creds",
        revocations_delete_user="Take such a revocation back",
        revocations_list_users="List the users whose creds are revoked",
    ),
    aliases={
        "add-activation": "add_activation",
        "delete-activation": "delete_activation",
        "list-activations": "list_activations",
        "add_user": "add-user",
        "delete_user": "delete-user",
        "list_users": "list-users",
    },
)
SELECT = _group(
    "select",
    "Choose the current operator or account",
    _verbs(
        group="select",
        select_operator="Choose the operator",
        select_account="Choose the account",
    ),
)
EXPORT = _group(
    "export",
    "Copy keys out of the keystore",
    _verbs(group="export", export_keys="Copy or move keys into a folder"),
)
IMPORT = _group(
    "import",
    "Take over keys, accounts and users made elsewhere",
    _verbs(
        group="import",
        import_keys="Take key files into the keystore",
        import_account="Import an account from its token",
        import_user="Import a user from its token or creds",
    ),
)
REISSUE = _group(
    "reissue",
    "Give the operator a new identity key",
    _verbs(group="reissue", reissue_operator="Give the operator a new identity key"),
)
SHARE = _group(
    "share",
    "Share something with another account, as one thing",
    _verbs(
        group="share",
        share_consumer="Let another account pull from a consumer",
        share_kv="Let another account read or write a bucket",
        share_push_consumer="Let another account listen where a consumer delivers",
        share_renew="Make new tokens for who has a share already",
        share_revoke="End a share, all its subjects at once",
        share_service="Let another account send requests",
        share_stream="Let another account listen to a subject, or copy a stream",
    ),
)
_GROUPS = (
    ADD,
    DELETE,
    DESCRIBE,
    EDIT,
    EXPORT,
    GENERATE,
    IMPORT,
    LIST,
    REISSUE,
    REVOCATIONS,
    SELECT,
    SHARE,
)


def _print_version(ctx: click.Context, param: click.Parameter, value: bool | None) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"nsc version {version('isthmus')}")
        ctx.exit()


@click.group(
    "nsc",
    cls=NscGroup,
    help="nsc makes operators, accounts and users, and decides what accounts share.",
    commands={group.name or "": group for group in _GROUPS},
    verbs=_verbs(
        accept="Take what an invite grants",
        env="Show or change the environment of nsc",
        expirations="Show what expires soon",
        explain="Say why something that accounts share does not work",
        init="Make an operator, an account and a user",
        lint="Look for grants that are too broad, incomplete, or end soon",
        load="Load an operator and one of its accounts",
        pull="Take over account tokens from the servers",
        shares="Show what accounts give and take",
        push="Send account tokens to the servers, remove others",
        validate="Check an operator, its accounts and users",
    ),
    aliases={"create": "add"},
    unavailable=(
        "completion",
        "fix",
        "keys",
        "migrate",
        "rename",
        "tool",
        "update",
        "upgrade-jwt",
    ),
)
@click.option(
    "-v",
    "--version",
    cls=Flag,
    bare="true",
    type=BOOLEAN,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="print the version",
)
def command() -> None:
    """The root of all commands."""


def run(
    args: Sequence[str], streams: Streams, surroundings: Surroundings, *, name: str = "nsc"
) -> int:
    """Run one command line; the exit code."""
    return run_tool(
        command,
        args,
        streams,
        name=name,
        prefix="Error: ",
        state=Invocation(streams, surroundings),
        wording=_wording,
    )


def main() -> None:
    """The entry point."""
    sys.exit(run(sys.argv[1:], Streams.of_process(), of_process()))


def _wording(error: click.UsageError) -> tuple[str, str]:
    path = error.ctx.command_path if error.ctx else "nsc"
    if isinstance(error, UnknownCommandError) and error.close:
        return error.format_message(), f"Did you mean this? {', '.join(error.close)}"
    return error.format_message(), f"Run '{path} --help' for usage."
