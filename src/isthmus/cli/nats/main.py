"""The `nats` command: its groups, the words for misuse, the entry point.

Owns which command lives in which module and which commands of the original are refused by name.
Imports no verb, no client library and no event loop: `nats --help` must be quick.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from isthmus.cli.groups import (
    LazyGroup,
    UnknownCommandError,
    Verb,
    plain_wording,
    run_tool,
)
from isthmus.cli.nats.flags import shared_options
from isthmus.cli.streams import Streams

_HERE = "isthmus.cli.nats"
_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)")
_HELP = {"help_option_names": ["-h", "--help"]}

# Commands of the original, by group, that are refused by name. Aliases are left to the close match.
NOT_HERE = {
    "nats": "audit auth bench cheat counter errors governor plugins schema service top trace "
    "traffic micro",
    "nats account": "tls",
    "nats consumer": "cluster graph",
    "nats context": "copy edit validate",
    "nats server": "account cluster config generate graph mappings passwd watch",
    "nats server check": "consumer credential exporter jetstream kv message meta request server",
    "nats server report": "cpu downgrade gateways health leafnodes mem routes",
    "nats stream": "cluster graph",
}


class NatsGroup(LazyGroup):
    """A group that takes the shared flags too, before the name of the command."""

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(
            name,
            params=shared_options(),
            context_settings=_HELP,
            subcommand_metavar="COMMAND",
            options_metavar="[FLAGS]",
            **options,
        )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands; the flags that all of them take stand at the top group only."""
        self.format_commands(ctx, formatter)
        if ctx.parent is not None:
            return
        rows = [
            record
            for param in self.get_params(ctx)
            if (record := param.get_help_record(ctx)) is not None
        ]
        with formatter.section("Global flags"):
            formatter.write_dl(rows)


def _group(
    path: str,
    summary: str,
    verbs: dict[str, str],
    aliases: dict[str, str],
    groups: dict[str, str] | None = None,
) -> NatsGroup:
    """The group `nats <path>`; `groups` are groups in it, by the name they have here."""
    prefix = path.replace(" ", "_")
    found = {
        verb: Verb(target=f"{_HERE}.{prefix}_{verb}:command", summary=text)
        for verb, text in verbs.items()
    }
    for name, text in (groups or {}).items():
        found[name] = Verb(target=f"{_HERE}.main:{prefix}_{name}", summary=text)
    return NatsGroup(path.rpartition(" ")[2], help=summary, verbs=found, aliases=aliases)


stream = _group(
    "stream",
    "JetStream streams",
    {
        "add": "Create a stream",
        "backup": "Write an archive of a stream into a folder",
        "copy": "Create a stream like another one",
        "edit": "Change a stream",
        "find": "Show the streams that fit conditions",
        "gaps": "Show which sequences are gone",
        "get": "Show one stored message",
        "info": "Show configuration and state",
        "ls": "List the streams",
        "purge": "Remove messages",
        "report": "Show all streams in one table",
        "restore": "Make a stream of the archive in a folder",
        "rm": "Remove a stream and its messages",
        "rmm": "Remove one message",
        "seal": "Allow no changes any more",
        "state": "Show what a stream holds",
        "subjects": "Show the subjects of a stream",
        "view": "Look through a stream, page by page",
    },
    {"create": "add", "new": "add", "nfo": "info", "i": "info", "list": "ls", "l": "ls"}
    | {"delete": "rm", "del": "rm", "cp": "copy", "update": "edit", "query": "find"}
    | {"subj": "subjects", "snapshot": "backup"},
)
consumer = _group(
    "consumer",
    "JetStream consumers",
    {
        "add": "Create a consumer",
        "copy": "Create a consumer like another one",
        "edit": "Change a consumer",
        "find": "Show the consumers that fit conditions",
        "info": "Show configuration and state",
        "ls": "List the consumers of a stream",
        "next": "Pull messages and acknowledge them",
        "pause": "Deliver nothing for a while",
        "report": "Show all consumers in one table",
        "reset": "Deliver again what was delivered",
        "resume": "Let a paused consumer go on",
        "rm": "Remove a consumer",
        "state": "Show how far a consumer is",
        "sub": "Show what a push consumer sends",
        "unpin": "Let another client be the pinned one",
    },
    {"create": "add", "new": "add", "nfo": "info", "list": "ls", "delete": "rm", "del": "rm"}
    | {"cp": "copy", "update": "edit", "query": "find"},
)
context = _group(
    "context",
    "Saved connections",
    {
        "add": "Save or change a context",
        "info": "Show a context",
        "ls": "List the contexts",
        "previous": "Select the context selected before",
        "rm": "Remove a context",
        "select": "Make a context the default",
        "unselect": "Leave no context selected",
    },
    {"create": "add", "save": "add", "show": "info", "v": "info", "view": "info", "list": "ls"}
    | {"l": "ls", "remove": "rm", "switch": "select", "set": "select"},
)
kv = _group(
    "kv",
    "Key-value buckets",
    {
        "add": "Make a bucket",
        "compact": "Drop the history of deleted keys",
        "create": "Write a value if the key has none",
        "del": "Delete a key or a bucket",
        "edit": "Change a bucket",
        "get": "Show a value",
        "history": "Show all revisions of a key",
        "info": "Show a bucket",
        "ls": "List buckets or keys",
        "purge": "Delete a key with its history",
        "put": "Write a value",
        "revert": "Write an old value again",
        "update": "Write a value if nobody else did",
        "watch": "Show changes as they come",
    },
    {"new": "add", "rm": "del", "view": "info", "status": "info", "list": "ls"},
)
object_store = _group(
    "object",
    "Object buckets",
    {
        "add": "Make a bucket",
        "del": "Remove an object or a bucket",
        "edit": "Change a bucket",
        "get": "Write an object to a file",
        "info": "Show a bucket or an object",
        "ls": "List buckets or objects",
        "put": "Store a file as an object",
        "seal": "Allow no changes any more",
        "watch": "Show changes as they come",
    },
    {"rm": "del", "show": "info", "i": "info"},
)
account = _group(
    "account",
    "The account of this connection",
    {
        "backup": "Write archives of all streams into a folder",
        "info": "Show account and limits",
        "restore": "Make streams of the archives in a folder",
    },
    {"nfo": "info", "rep": "report", "snapshot": "backup"},
    {"report": "Who is connected, and what servers did"},
)
account_report = _group(
    "account report",
    "Who is connected to this account, and what servers did for it",
    {
        "connections": "Show who is connected to this account",
        "statistics": "Show what each server did for this account",
    },
    dict.fromkeys(("conn", "connz", "conns"), "connections")
    | dict.fromkeys(("stats", "statsz"), "statistics"),
)
server = _group(
    "server",
    "Servers, asked through the system account",
    {
        "info": "Show one server in detail",
        "list": "Show all servers",
        "ping": "Measure how long servers take to answer",
        "request": "Ask the servers, show JSON",
    },
    {"i": "info", "ls": "list", "req": "request", "rep": "report"},
    {"report": "Accounts, connections, JetStream", "check": "Checks for monitoring systems"},
)
server_check = _group(
    "server check",
    "Checks for monitoring systems: exit code 0 is fine, 1 a warning, 2 critical",
    {
        "connection": "Check that one can connect, and how fast",
        "stream": "Check what a stream holds",
    },
    {"conn": "connection"},
)
server_report = _group(
    "server report",
    "Tables over all servers",
    {
        "accounts": "Show connections and traffic by account",
        "connections": "Show who is connected",
        "jetstream": "Show what each server stores",
    },
    {"acct": "accounts", "jsz": "jetstream", "js": "jetstream"}
    | dict.fromkeys(("conn", "connz", "conns"), "connections"),
)


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(version("isthmus"))
        ctx.exit()


root = NatsGroup(
    "nats",
    help="The client tool: publish, subscribe, request; streams, consumers, contexts.",
    verbs={
        "account": Verb(target=f"{_HERE}.main:account", summary="The account of this connection"),
        "consumer": Verb(target=f"{_HERE}.main:consumer", summary="JetStream consumers"),
        "context": Verb(target=f"{_HERE}.main:context", summary="Saved connections"),
        "events": Verb(
            target=f"{_HERE}.events:command", summary="Show what servers and JetStream report"
        ),
        "kv": Verb(target=f"{_HERE}.main:kv", summary="Key-value buckets"),
        "latency": Verb(
            target=f"{_HERE}.latency:command", summary="Measure the way between two servers"
        ),
        "object": Verb(target=f"{_HERE}.main:object_store", summary="Object buckets"),
        "publish": Verb(target=f"{_HERE}.pub:command", summary="Publish messages"),
        "reply": Verb(target=f"{_HERE}.reply:command", summary="Answer requests"),
        "request": Verb(
            target=f"{_HERE}.request:command", summary="Send a request, show the reply"
        ),
        "rtt": Verb(target=f"{_HERE}.rtt:command", summary="Measure the round trip to servers"),
        "server": Verb(
            target=f"{_HERE}.main:server", summary="Servers, asked through the system account"
        ),
        "stream": Verb(target=f"{_HERE}.main:stream", summary="JetStream streams"),
        "subscribe": Verb(target=f"{_HERE}.sub:command", summary="Show messages as they come"),
    },
    aliases={"pub": "publish", "req": "request", "sub": "subscribe", "ctx": "context"}
    | dict.fromkeys(("str", "st", "ms", "s"), "stream")
    | dict.fromkeys(("con", "obs", "c"), "consumer")
    | {"a": "account", "obj": "object", "lat": "latency"}
    | dict.fromkeys(("event", "e"), "events")
    | dict.fromkeys(("srv", "sys", "system"), "server"),
)
root.params.append(
    click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Show the version",
    )
)


def wording(error: click.UsageError) -> tuple[str, str]:
    """The line and the hint for misuse; a command of the original that is not here says so."""
    line, hint = plain_wording(error)
    line = line.strip().removesuffix(".")
    path = error.ctx.command_path if error.ctx else ""
    if isinstance(error, UnknownCommandError):
        if error.name in NOT_HERE.get(path, "").split():
            full = f"{path} {error.name}"
            return f'"{full}" is a command of the original that is not supported yet', hint
        line = f'expected command but got "{error.name}"'
    elif isinstance(error, click.NoSuchOption):
        length = "long" if error.option_name.startswith("--") else "short"
        close = f"did you mean: {', '.join(error.possibilities)}" if error.possibilities else hint
        return f"unknown {length} flag '{error.option_name}'", close
    elif isinstance(error, click.MissingParameter) and error.param is not None:
        kind = "flag" if isinstance(error.param, click.Option) else "argument"
        line = f"required {kind} '{error.param.name}' not provided"
    elif isinstance(error, click.BadOptionUsage) and "requires an argument" in line:
        line = f"expected argument for flag '{error.option_name}'"
    elif (extra := _EXTRA.match(line)) is not None:
        line = f"unexpected argument '{extra[1]}'"
    return line[:1].lower() + line[1:], hint


def run(args: Sequence[str], streams: Streams, environ: Mapping[str, str]) -> int:
    """Run one command line and return its exit code."""
    from isthmus.cli.nats.session import Session

    return run_tool(
        root,
        args or ["--help"],
        streams,
        name="nats",
        prefix="nats: error: ",
        state=Session(streams, environ),
        wording=wording,
    )


def main() -> None:
    """The program `nats`."""
    sys.exit(run(sys.argv[1:], Streams.of_process(), os.environ))


if __name__ == "__main__":
    main()
