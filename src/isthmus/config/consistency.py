"""Do the options agree with one another? Asked once, before a server starts with them.

Owns the rules between options that each are fine alone, after file and command line were merged.
Knows no text: its errors have no position.
"""

import re
from collections.abc import Iterator

from isthmus.base import subjects
from isthmus.base.constants import SERVER_VERSION
from isthmus.base.errors import UsageError
from isthmus.base.values import format_duration
from isthmus.config.accounts import GLOBAL_ACCOUNT
from isthmus.config.options import Options, UserOptions
from isthmus.identity import jwt, nkeys
from isthmus.identity.claims import OperatorClaims

DEFAULT_SYSTEM_ACCOUNT = "$SYS"
_ADVERTISED = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+)(:\d{1,5})?")


def require_consistent(options: Options) -> None:
    """Raise `UsageError` with the first thing that keeps a server from running with `options`."""
    for problem in _problems(options):
        raise UsageError(problem)


def _problems(options: Options) -> Iterator[str]:
    duration_ns, grace_ns = options.lame_duck_duration_ns, options.lame_duck_grace_ns
    if grace_ns >= duration_ns:
        yield (
            f"lame duck grace period ({format_duration(grace_ns)}) should be strictly lower than "
            f"lame duck duration ({format_duration(duration_ns)})"
        )
    if options.max_payload > options.max_pending:
        yield (
            f"max_payload ({options.max_payload}) cannot be higher than "
            f"max_pending ({options.max_pending})"
        )
    if " " in options.server_name:
        yield "server name cannot contain spaces"
    if options.client_advertise and not _ADVERTISED.fullmatch(options.client_advertise):
        yield (
            f'client_advertise "{options.client_advertise}" is not host or host:port; an IPv6 '
            "address stands in brackets"
        )
    if options.operators:
        yield from _operator_mode(options)
    else:
        yield from _account_mode(options)
    yield from _authorization(options)
    if options.jetstream is not None:
        yield from _domain(options.jetstream.domain)


# ---------------------------------------------------------------------- operator mode


def _operator_mode(options: Options) -> Iterator[str]:
    if options.resolver is None:
        yield "operators require an account resolver to be configured"
    elif options.resolver.kind == "url" and options.resolver_preload:
        yield "resolver preloads only available for writeable resolver types MEM/DIR/CACHE_DIR"
    if options.accounts:
        yield "operators do not allow Accounts to be configured directly"
    if options.authorization.users:
        yield "operators do not allow users to be configured directly"
    authorization = options.authorization
    if authorization.user or authorization.token:
        yield "operators do not allow a user or a token to be configured directly"
    operators = [jwt.decode_operator(token) for token in options.operators]
    yield from _system_account(options, operators)
    for operator in operators:
        yield from _version(operator)
    for key in options.resolver_pinned_accounts:
        if not nkeys.is_public(key, nkeys.Kind.ACCOUNT):
            yield f'pinned account key "{key}" is not a valid public account nkey'
    if options.no_auth_user:
        yield "no_auth_user not compatible with Trusted Operator"


def _system_account(options: Options, operators: list[OperatorClaims]) -> Iterator[str]:
    named = {operator.nats.system_account for operator in operators} - {""}
    if options.system_account:
        if named and options.system_account not in named:
            yield "system_account in config and operator JWT must be identical"
        elif not nkeys.is_public(options.system_account, nkeys.Kind.ACCOUNT):
            yield (
                f'system_account "{options.system_account}" is not a public account key; '
                "with operators it is one (A…)"
            )
    elif options.resolver is not None and options.resolver.kind in {"full", "cache"}:
        yield (
            "using nats based account resolver - the system account needs to be specified in "
            "configuration or the operator jwt"
        )


def _version(operator: OperatorClaims) -> Iterator[str]:
    wanted = operator.nats.assert_server_version
    if not wanted:
        return
    have = SERVER_VERSION.split(".")
    parts = wanted.removeprefix("v").split(".")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        yield f'operator {operator.subject} expects version "{wanted}"; right is major.minor.update'
        return
    for notion, expected, actual in zip(("major", "minor", "update"), parts, have, strict=True):
        if int(expected) > int(actual):
            yield (
                f"operator {operator.subject} expected {notion} version {expected} > server "
                f"{notion} version {actual}"
            )
        if int(expected) != int(actual):
            return


# ---------------------------------------------------------------------- accounts of the file


def _account_mode(options: Options) -> Iterator[str]:
    if options.resolver is not None or options.resolver_preload:
        yield "a resolver needs an operator: accounts come from the configuration without one"
    names = {account.name for account in options.accounts}
    known = names | {"", DEFAULT_SYSTEM_ACCOUNT, GLOBAL_ACCOUNT}
    system = options.system_account
    if system not in known:
        yield f'system_account "{system}" is not among the accounts'
    for account in options.accounts:
        if account.jetstream is not None and account.name == (system or DEFAULT_SYSTEM_ACCOUNT):
            yield "Not allowed to enable JetStream on the system account"


def _authorization(options: Options) -> Iterator[str]:
    if not options.no_auth_user or options.operators:
        return
    everyone: list[UserOptions] = [*options.authorization.users]
    for account in options.accounts:
        everyone += account.users
    if not everyone:
        yield f'no_auth_user: "{options.no_auth_user}" present, but users/nkeys are not defined'
    elif all(options.no_auth_user not in {user.name, user.nkey} for user in everyone):
        yield (
            f'no_auth_user: "{options.no_auth_user}" not present as user or nkey in authorization '
            "block or account configuration"
        )


def _domain(domain: str) -> Iterator[str]:
    if any(character in domain for character in ".*>"):
        yield "invalid domain name: may not contain ., * or >"
    elif domain and not subjects.valid(f"$JS.{domain}.API.>"):
        yield f'invalid domain name: derived "$JS.{domain}.API.>" is not a valid subject'
