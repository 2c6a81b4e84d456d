"""What every nsc command shares: the global flags, the shell around `run`, the printed report.

Owns the stages of a verb: parse, open the store, run, commit, report. Knows no verb. A verb's
module has an `Options` struct, a click command that fills it and `run(options, store)`, which
decides everything and prints nothing: its report is printed when what it says is on disk.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from isthmus.base.values import Value
from isthmus.cli.groups import FAILED, MISUSED, CommandError, LazyGroup
from isthmus.cli.nsc.flags import (
    BOOLEAN,
    TEXT,
    Flag,
    canonical,
    canonical_group,
)
from isthmus.cli.nsc.folders import FolderFlags
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.surroundings import Surroundings
from isthmus.cli.streams import Streams

if TYPE_CHECKING:
    from isthmus.cli.nsc.store import Store

OptionsT = TypeVar("OptionsT", bound=Value)


class Invocation:
    """One run of the tool: its streams, its surroundings, the global flags seen so far."""

    def __init__(self, streams: Streams, surroundings: Surroundings) -> None:
        self.streams = streams
        self.surroundings = surroundings
        self.given: dict[str, Any] = {}  # values of flags that hold for groups and their commands

    def store(self) -> "Store":
        """The store the global flags mean."""
        from isthmus.cli.nsc.store import Store

        if self.given.get("interactive"):
            raise CommandError(
                "--interactive is not implemented", hint="give the flags", exit_code=MISUSED
            )
        texts = ("all_dirs", "config_dir", "data_dir", "keystore_dir")
        flags = FolderFlags(**{name: self.given.get(name) or "" for name in texts})
        private_key = self.given.get("private_key") or ""
        store = Store(self.surroundings, flags, private_key=private_key)
        store.keys.require_current_layout()
        return store

    def change(self, run: Callable[[OptionsT, "Store"], Report], options: OptionsT) -> None:
        """Run a verb that writes, commit, then print its report."""
        store = self.store()
        with store.writing():
            report = run(options, store)
        self.print(report)

    def show(self, run: Callable[[OptionsT, "Store"], Report], options: OptionsT) -> None:
        """Run a verb that writes at most an output file, and print its report."""
        store = self.store()
        report = run(options, store)
        store.transaction.commit()
        self.print(report)

    def print(self, report: Report) -> None:
        """Print what was done; a report with an error goes to the error stream and is a failure."""
        write = self.streams.err if report.failed else self.streams.out
        if report.body:
            self.streams.stdout.write(report.body)
        for line in report.lines():
            write(line)
        for line in report.notes:
            self.streams.err(line)
        summary = report.summary()
        if report.failed or report.failure:
            raise CommandError(report.failure or summary, exit_code=FAILED)
        if report.with_summary and summary:
            write(summary)
        for line in report.advice:
            write(line)


def remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Keep a flag that may stand before or after the command's name."""
    invocation = ctx.find_object(Invocation)
    assert invocation is not None
    assert param.name is not None
    if value is not None:
        invocation.given[param.name] = value
    return invocation.given.get(param.name)


def global_flags() -> list[Flag]:
    """The flags every command and group has."""

    def text(*names: str, help: str) -> Flag:  # noqa: A002
        return Flag(list(names), type=TEXT, help=help, expose_value=False, callback=remember)

    return [
        text("-H", "--all-dirs", help="sets the three folders below to the same one"),
        text("--config-dir", help="folder of nsc's configuration"),
        text("--data-dir", help="folder of the operators' stores"),
        text("--keystore-dir", help="folder of the keys and creds"),
        text("-K", "--private-key", help="key to sign with: role, public key, key file or seed"),
        Flag(
            ["-i", "--interactive"],
            bare="true",
            type=BOOLEAN,
            help="ask questions (not implemented: refused)",
            expose_value=False,
            callback=remember,
        ),
    ]


class NscCommand(click.Command):
    """A verb. `unavailable` are flags of the original that are refused by name."""

    def __init__(self, *args: Any, unavailable: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        self.unavailable = [_unavailable(names) for names in unavailable]
        self.params += [*self.unavailable, *global_flags()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as the original does, then let click fill in the values."""
        flags = [param for param in self.params if isinstance(param, Flag)]
        help_names = self.get_help_option_names(ctx)
        if any(arg in help_names for arg in args):
            return super().parse_args(ctx, ["--help"])
        with _blaming(ctx):
            rewritten = canonical(flags, args)
        positional = rewritten[rewritten.index("--") + 1 :]
        allowed = sum(isinstance(param, click.Argument) for param in self.params)
        if len(positional) > allowed:
            raise click.UsageError(
                f"accepts at most {allowed} arg(s), received {len(positional)}", ctx
            )
        return super().parse_args(ctx, rewritten)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Flags of the command, then those that all commands have."""
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        names = {flag.name for flag in global_flags()}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                (shared if param.name in names else own).append(record)
        with formatter.section("Flags"):
            formatter.write_dl(own)
        with formatter.section("Global flags"):
            formatter.write_dl(shared)


class NscGroup(LazyGroup):
    """A group of verbs. Its flags may stand before the verb's name or after it.

    `unavailable` are verbs of the original that are refused by name.
    """

    def __init__(self, *args: Any, unavailable: Sequence[str] = (), **options: Any) -> None:
        options = {"no_args_is_help": False, "invoke_without_command": True} | options
        super().__init__(*args, **options)
        self.unavailable = tuple(unavailable)
        self.params += global_flags()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A verb, or the refusal of one."""
        if cmd_name in self.unavailable:
            return _refusal(cmd_name)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Without a verb, print the help: as the original, that is no error."""
        if not ctx._protected_args and not ctx.args:  # noqa: SLF001 - as click's own `invoke`
            click.echo(ctx.get_help())
            return None
        return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the group's own flags, leave the rest to the verb."""
        help_names = self.get_help_option_names(ctx)
        if args and args[0] in help_names:
            return super().parse_args(ctx, ["--help"])
        flags = [param for param in self.params if isinstance(param, Flag)]
        with _blaming(ctx):
            rewritten = canonical_group(flags, args)
        return super().parse_args(ctx, rewritten)


@contextlib.contextmanager
def _blaming(ctx: click.Context) -> Iterator[None]:
    """Tell a misuse which command it was."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise


def _unavailable(names: str) -> Flag:
    """A flag that is known and refused: `-u, --url`; with a `!` at the end it is a switch."""
    opts = names.rstrip("!").split(", ")

    def refuse(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            raise click.UsageError(f"{opts[-1]} is not implemented", ctx)

    return Flag(
        opts,
        bare="true" if names.endswith("!") else "",
        type=TEXT,
        hidden=True,
        expose_value=False,
        callback=refuse,
    )


def _refusal(name: str) -> click.Command:
    """A command of the original that is known and refused, whatever its arguments."""

    @click.command(name, context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
    @click.pass_context
    def command(ctx: click.Context, rest: tuple[str, ...]) -> None:
        raise click.UsageError(f"{ctx.command_path} is not implemented", ctx.parent)

    return command
