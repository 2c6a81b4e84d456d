"""Commands that are imported when they are used, and the shell around one run of a tool.

Owns the way from a verb's name to its module, and from an exception to an exit code. Knows no verb.
Invariant: listing commands imports none of them, and no exception that the world can cause leaves
`run_tool` as a traceback.

    exit 0   done
    exit 1   refused or failed: what was asked is understood and cannot be done
    exit 2   misused: unknown command, unknown option, bad value
"""

import contextlib
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeAlias

import click

from isthmus.base.errors import NatsError
from isthmus.base.values import Value
from isthmus.cli.streams import Streams

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

Wording: TypeAlias = Callable[[click.UsageError], tuple[str, str]]  # → the error line, the hint


class CommandError(NatsError):
    """A command refuses or fails: one line, and optionally what to do about it."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.hint = hint
        self.exit_code = exit_code


class Verb(Value):
    """One command of a group: where it is (`package.module:name`), and its line in the help."""

    target: str
    summary: str
    hidden: bool = False


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(
        self,
        *args: Any,
        verbs: Mapping[str, Verb] | None = None,
        aliases: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.verbs = dict(verbs or {})
        self.aliases = dict(aliases or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, sorted, aliases left out."""
        return sorted({*self.verbs, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command behind a name or an alias."""
        name = self.aliases.get(cmd_name, cmd_name)
        verb = self.verbs.get(name)
        if verb is None:
            return super().get_command(ctx, name)
        module, _, attribute = verb.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), verb.target
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown name says which known ones look like it."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            names = [*self.list_commands(ctx), *self.aliases]
            raise UnknownCommandError(args[0], difflib.get_close_matches(args[0], names), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their summaries, importing none."""
        rows = []
        for name in self.list_commands(ctx):
            verb = self.verbs.get(name)
            if verb is None:
                command = super().get_command(ctx, name)
                if command is not None and not command.hidden:
                    rows.append((name, command.get_short_help_str()))
            elif not verb.hidden:
                rows.append((name, verb.summary))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


class UnknownCommandError(click.UsageError):
    """A name that is no command of this group; `close` are commands that look like it."""

    def __init__(self, name: str, close: Sequence[str], ctx: click.Context) -> None:
        super().__init__(f'unknown command "{name}" for "{ctx.command_path}"', ctx)
        self.name = name
        self.close = close


def plain_wording(error: click.UsageError) -> tuple[str, str]:
    """Click's own words; the hint names the close commands, or where the help is."""
    close = error.close if isinstance(error, UnknownCommandError) else ()
    path = error.ctx.command_path if error.ctx else ""
    hint = f"did you mean: {', '.join(close)}" if close else f"see: {path} --help" if path else ""
    return error.format_message(), hint


def run_tool(
    command: click.Command,
    args: Sequence[str],
    streams: Streams,
    *,
    name: str,
    prefix: str,
    state: object = None,
    wording: Wording = plain_wording,
) -> int:
    """Run `command` and return the exit code. `state` becomes the context's `obj`.

    An error is one line on the error stream after `prefix`, a hint is the next line.
    """
    try:
        with _printing_to(streams):
            result = command.main(args=list(args), prog_name=name, standalone_mode=False, obj=state)
        streams.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        streams.out(error.format_message())
        return MISUSED
    except click.UsageError as error:
        return _complain(streams, prefix, *wording(error), code=MISUSED)
    except click.ClickException as error:
        return _complain(streams, prefix, error.format_message(), "", code=FAILED)
    except click.exceptions.Exit as error:
        return error.exit_code
    except CommandError as error:
        return _complain(streams, prefix, str(error), error.hint, code=error.exit_code)
    except BrokenPipeError:
        return FAILED  # whoever read our output has seen enough
    except (NatsError, OSError) as error:
        return _complain(streams, prefix, str(error), "", code=FAILED)
    except (click.Abort, KeyboardInterrupt):
        streams.err()
        return INTERRUPTED
    return result if isinstance(result, int) and not isinstance(result, bool) else DONE


@contextlib.contextmanager
def _printing_to(streams: Streams) -> Iterator[None]:
    """Click prints its help to the process's streams: for this run those are `streams`."""
    with (
        contextlib.redirect_stdout(streams.stdout),
        contextlib.redirect_stderr(streams.stderr),
    ):
        yield


def _complain(streams: Streams, prefix: str, message: str, hint: str, *, code: int) -> int:
    streams.stdout.flush()
    lines = [line.strip() for line in message.splitlines()]
    streams.err(prefix + " ".join(line for line in lines if line))
    if hint:
        streams.err(hint)
    streams.stderr.flush()
    return code
