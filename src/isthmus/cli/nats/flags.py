"""How the nats tool's command lines are read: shared flags, value types, the shape of a verb.

Owns the flags that every command takes, before or after its name, and how the original's other
flags are refused by name. Knows no server. Invariant: a flag is carried out or refused; none is
read and ignored.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from isthmus.base.values import NS_PER_S, parse_duration_ns, parse_size
from isthmus.cli.nats.settings import Given

F = TypeVar("F", bound=Callable[..., Any])

_GIVEN = "isthmus.nats.given"  # key in the click context's `meta`: field of `Given` → value
_SIZE_MAX = 2**31 - 1


class DurationType(click.ParamType[int]):
    """`5s`, `1h30m`, `2d`: nanoseconds."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Read the text; a number is already converted."""
        if isinstance(value, int):
            return value
        try:
            return parse_duration_ns(value, long_units=True)
        except ValueError as error:
            self.fail(f"invalid duration: {error}", param, ctx)


class AgeType(DurationType):
    """A duration, or `-1` for without limit, which is 0 in a configuration."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Read the text."""
        return 0 if value == "-1" else super().convert(value, param, ctx)


class SizeType(click.ParamType[int]):
    """`512`, `64KB`, `1GiB`, `-1` for unlimited: bytes."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Read the text; a bare number above 31 bits is refused as the original does."""
        if isinstance(value, int):
            return value
        if value.startswith("-") or not value:
            return -1
        try:
            size = parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if value.isdigit() and size > _SIZE_MAX:
            self.fail("bytes value out of allowed range: maximum value 2,147,483,647", param, ctx)
        return size


class WholeType(click.ParamType[int]):
    """A whole number in a range."""

    name = "number"

    def __init__(self, least: int, most: int = 2**63 - 1) -> None:
        self._least = least
        self._most = most

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Read the text."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number", param, ctx)
        if number < self._least:
            self.fail(f"{number} is below {self._least}", param, ctx)
        if number > self._most:
            self.fail(f"{number} is above {self._most}", param, ctx)
        return number


class FileType(click.ParamType[str]):
    """The path of a file that exists."""

    name = "file"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Check now: a missing file is misuse, not a failure halfway."""
        path = Path(value)
        if path.is_dir():
            self.fail(f"'{path}' is a directory", param, ctx)
        if not path.exists():
            self.fail(f"path '{path}' does not exist", param, ctx)
        return str(path)


class PairType(click.ParamType[tuple[str, str]]):
    """`NAME=VALUE` or `NAME:VALUE`."""

    name = "name=value"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        """Split at the first separator."""
        if isinstance(value, tuple):
            return value
        position = min((value.find(mark) for mark in "=:" if mark in value), default=-1)
        if position < 1:
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return value[:position], value[position + 1 :]


DURATION = DurationType()
AGE = AgeType()
SIZE = SizeType()
PAIR = PairType()
EXISTING_FILE = FileType()
NATURAL, POSITIVE = WholeType(0), WholeType(1)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Note a shared flag for the session; the last mention wins."""
    assert isinstance(param, SharedOption)
    if value not in {None, False} or (param.field == "tls_first" and value is not None):
        ctx.find_root().meta.setdefault(_GIVEN, {})[param.field] = value


class SharedOption(click.Option):
    """A flag of every command: listed under its own heading, kept for the session.

    Its last name is a field of `Given`; a verb may have an argument of that name all the same.
    """

    def __init__(self, *names: str, **options: Any) -> None:
        *flags, self.field = names
        names = (*flags, f"shared_{self.field}")
        super().__init__(names, callback=_keep, expose_value=False, default=None, **options)


def shared_options() -> list[click.Option]:
    """The flags of every command. New objects: click notes things on them."""
    text = {"metavar": "TEXT"}
    return [
        SharedOption(
            "-s", "--server", "url", metavar="URL", help="Servers, comma separated ($NATS_URL)"
        ),
        SharedOption("--user", "user", help="User name, or a token ($NATS_USER)", **text),
        SharedOption("--password", "password", help="Password ($NATS_PASSWORD)", **text),
        SharedOption("--token", "token", help="Token ($NATS_TOKEN)", **text),
        SharedOption("--connection-name", "connection_name", help="Name of the connection", **text),
        SharedOption("--creds", "creds", metavar="FILE", help="Credentials file ($NATS_CREDS)"),
        SharedOption("--nkey", "nkey", metavar="FILE", help="Seed file ($NATS_NKEY)"),
        SharedOption("--jwt", "user_jwt", metavar="JWT", help="User JWT ($NATS_JWT)"),
        SharedOption("--seed", "user_seed", metavar="SEED", help="Seed of the JWT ($NATS_SEED)"),
        SharedOption("--tlscert", "cert", type=EXISTING_FILE, help="Certificate ($NATS_CERT)"),
        SharedOption("--tlskey", "key", type=EXISTING_FILE, help="Its key ($NATS_KEY)"),
        SharedOption("--tlsca", "ca", type=EXISTING_FILE, help="Authorities to trust ($NATS_CA)"),
        SharedOption("--tlsfirst/--no-tlsfirst", "tls_first", help="Handshake before INFO"),
        SharedOption(
            "--timeout", "timeout_ns", type=DURATION, help="Wait for answers ($NATS_TIMEOUT; 5s)"
        ),
        SharedOption(
            "--js-api-prefix", "jetstream_api_prefix", metavar="PREFIX", help="JetStream API prefix"
        ),
        SharedOption(
            "--js-event-prefix", "jetstream_event_prefix", metavar="PREFIX", help="Kept in contexts"
        ),
        SharedOption("--js-domain", "jetstream_domain", metavar="DOMAIN", help="JetStream domain"),
        SharedOption("--inbox-prefix", "inbox_prefix", metavar="PREFIX", help="Prefix of inboxes"),
        SharedOption("--context", "context", metavar="NAME", help="Saved context ($NATS_CONTEXT)"),
        SharedOption("--no-context", "no_context", is_flag=True, help="Ignore every context"),
        SharedOption("--trace", "trace", is_flag=True, help="Show the JetStream API traffic"),
        *(RefusedOption(name) for name in ("--socks-proxy", "--colors")),
    ]


def given_in(ctx: click.Context) -> Given:
    """What the command line of `ctx` said about the connection."""
    return Given(**ctx.find_root().meta.get(_GIVEN, {}))


class RefusedOption(click.Option):
    """A flag of the original that is not carried out here: refused by name."""

    def __init__(self, name: str) -> None:
        def refuse(ctx: click.Context, param: click.Parameter, value: Any) -> None:
            if value is not None:
                raise click.UsageError(
                    f"{name} is an option of the original that is not supported yet", ctx
                )

        super().__init__(
            (name,),
            is_flag=False,
            flag_value="",
            default=None,
            hidden=True,
            expose_value=False,
            is_eager=True,
            callback=refuse,
        )


class NatsCommand(click.Command):
    """A verb of the nats tool: its own parameters, and the shared flags under their heading."""

    def __init__(
        self,
        name: str | None = None,
        *,
        refused: str = "",
        params: Sequence[Any] = (),
        **options: Any,
    ) -> None:
        own = [*params, *(RefusedOption(flag) for flag in refused.split())]
        super().__init__(name, params=[*own, *shared_options()], **options)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verb's flags first, then those of every command."""
        for title, shared in (("Flags", False), ("Global flags", True)):
            rows = [
                record
                for param in self.get_params(ctx)
                if isinstance(param, click.Option)
                and isinstance(param, SharedOption) is shared
                and (record := param.get_help_record(ctx)) is not None
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def verb(
    name: str, *, refused: str = "", **options: Any
) -> Callable[[Callable[..., Any]], NatsCommand]:
    """Make a command of the nats tool; `refused` names flags of the original, blank separated."""

    def decorate(function: Callable[..., Any]) -> NatsCommand:
        command = click.command(
            name,
            cls=NatsCommand,
            refused=refused,
            context_settings={"help_option_names": ["-h", "--help"]},
            options_metavar="[FLAGS]",
            **options,
        )(click.pass_obj(function))
        assert isinstance(command, NatsCommand)
        return command

    return decorate


def seconds(duration_ns: int) -> float:
    """For the libraries that count in seconds."""
    return duration_ns / NS_PER_S
