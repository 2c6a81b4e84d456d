"""What one run of the nats tool connects to, and as whom: flags, environment and context together.

Owns the precedence. Knows no network. Invariant: a value given on the command line wins over the
environment, which wins over the context, which wins over the default.
"""

from collections.abc import Mapping

import msgspec

from isthmus.base.values import NS_PER_S, Value, parse_duration_ns
from isthmus.cli.context import DEFAULT_URL, Context, ContextStore
from isthmus.cli.groups import CommandError

DEFAULT_TIMEOUT_NS = 5 * NS_PER_S


class Given(Value):
    """What the command line said about the connection; None where it said nothing."""

    context: str | None = None
    no_context: bool = False
    url: str | None = None
    user: str | None = None
    password: str | None = None
    token: str | None = None
    creds: str | None = None
    nkey: str | None = None
    user_jwt: str | None = None
    user_seed: str | None = None
    cert: str | None = None
    key: str | None = None
    ca: str | None = None
    tls_first: bool | None = None
    jetstream_api_prefix: str | None = None
    jetstream_event_prefix: str | None = None
    jetstream_domain: str | None = None
    inbox_prefix: str | None = None
    timeout_ns: int | None = None
    connection_name: str | None = None
    trace: bool = False


class Settings(Value):
    """Everything that one run needs to know about its connection."""

    name: str  # of the context; empty if there is none
    context: Context
    timeout_ns: int = DEFAULT_TIMEOUT_NS
    connection_name: str = ""
    trace: bool = False

    @property
    def urls(self) -> list[str]:
        """The servers, in the order given."""
        return [part.strip() for part in self.context.url.split(",") if part.strip()]


# The variables of the original: name → the field of `Given` it stands for.
ENVIRONMENT = {
    "NATS_URL": "url",
    "NATS_USER": "user",
    "NATS_PASSWORD": "password",
    "NATS_TOKEN": "token",
    "NATS_CREDS": "creds",
    "NATS_NKEY": "nkey",
    "NATS_JWT": "user_jwt",
    "NATS_SEED": "user_seed",
    "NATS_CERT": "cert",
    "NATS_KEY": "key",
    "NATS_CA": "ca",
    "NATS_CONTEXT": "context",
}
_CREDENTIALS = ("user", "password", "token", "creds", "nkey", "user_jwt", "user_seed")
_SHOWN_OVERRIDES = (
    *("NATS_URL", "NATS_USER", "NATS_PASSWORD", "NATS_CREDS", "NATS_NKEY"),
    *("NATS_CERT", "NATS_KEY", "NATS_CA", "NATS_TIMEOUT", "NATS_SOCKS_PROXY", "NATS_COLOR"),
)


def with_environment(given: Given, environ: Mapping[str, str]) -> Given:
    """Fill what the command line left open from the environment; an empty variable is unset."""
    found: dict[str, str | int] = {
        field: environ[variable]
        for variable, field in ENVIRONMENT.items()
        if environ.get(variable) and not getattr(given, field)
    }
    if environ.get("NATS_TIMEOUT") and given.timeout_ns is None:
        try:
            found["timeout_ns"] = parse_duration_ns(environ["NATS_TIMEOUT"], long_units=True)
        except ValueError as error:
            raise CommandError(f"NATS_TIMEOUT: {error}") from None
    return msgspec.structs.replace(given, **found)


def overlay(context: Context, given: Given) -> Context:
    """`context` with the fields that were given. A user without a password is a token."""
    fields = {
        name: value
        for name in Context.__struct_fields__
        if (value := getattr(given, name, None)) not in {None, ""}
    }
    if given.user and not given.password:
        fields["token"] = fields.pop("user")
    return msgspec.structs.replace(context, **fields)


def shell_overrides(environ: Mapping[str, str]) -> list[str]:
    """The variables of `environ` that change what a context says."""
    return [name for name in _SHOWN_OVERRIDES if environ.get(name)]


def resolve(given: Given, environ: Mapping[str, str], store: ContextStore) -> Settings:
    """What this run connects to, and as whom.

    A context that was asked for and cannot be read is an error, never an empty context: a typo must
    not send a command to the wrong server. Credentials that are given take the place of all that
    the context has, of whatever kind: who typed `--creds` connects with them.
    """
    given = with_environment(given, environ)
    name = "" if given.no_context else given.context or store.selected()
    saved = store.load(name) if name else Context()
    if given.user or given.creds or given.nkey or given.user_jwt:
        saved = msgspec.structs.replace(saved, **dict.fromkeys(_CREDENTIALS, ""))
    context = overlay(saved, given)
    if not context.url:
        context = msgspec.structs.replace(context, url=DEFAULT_URL)
    return Settings(
        name=name,
        context=store.expanded(context),
        timeout_ns=DEFAULT_TIMEOUT_NS if given.timeout_ns is None else given.timeout_ns,
        connection_name=given.connection_name or "",
        trace=given.trace,
    )
