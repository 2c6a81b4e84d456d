"""From the options of a configuration to accounts and users.

Translates values: `config.options` says what was written, `accounts` what it means. Nothing here
runs per message or per connection.
"""

from collections.abc import Sequence

from isthmus.accounts.authenticate import Authenticator, Login, User
from isthmus.accounts.permissions import Permissions, Rule
from isthmus.accounts.spec import (
    AccountSpec,
    Export,
    Import,
    JetStreamLimits,
    Latency,
    Limits,
    MappedTo,
    SubjectMapping,
)
from isthmus.base.constants import RESPONSE_THRESHOLD_NS
from isthmus.base.errors import UsageError
from isthmus.config import options as configured

GLOBAL_ACCOUNT = "$G"
SYSTEM_ACCOUNT = "$SYS"

_RESPONSE_TYPES = {"singleton": "Singleton", "stream": "Stream", "chunked": "Chunked"}


def make_specs(options: configured.Options) -> list[AccountSpec]:
    """All accounts of configuration mode, `$G` and the system account among them.

    `$G` has JetStream where nobody else is there to have it, as with nats-server.
    """
    assert not options.operators
    specs = [_account(account) for account in options.accounts]
    names = {spec.name for spec in specs}
    system = options.system_account or SYSTEM_ACCOUNT
    if GLOBAL_ACCOUNT not in names:
        stores = options.jetstream is not None and names <= {system}
        specs.append(
            AccountSpec(
                name=GLOBAL_ACCOUNT,
                jetstream=JetStreamLimits() if stores else None,
                mappings=_mappings(options.mappings),
            )
        )
    if system not in names:
        specs.append(AccountSpec(name=system))
    return specs


def make_authenticator(options: configured.Options) -> Authenticator:
    """Who may connect in configuration mode."""
    rules = options.authorization
    logins = [_login(user, GLOBAL_ACCOUNT, rules.default_permissions) for user in rules.users]
    for account in options.accounts:
        logins += [
            _login(user, account.name, account.default_permissions) for user in account.users
        ]
    default: User | None = None
    if rules.user:
        user = User(account=GLOBAL_ACCOUNT, name=rules.user, label=f"user:{rules.user}")
        logins.append(Login(user=user, password=rules.password))
    token_user = User(account=GLOBAL_ACCOUNT, name="", label="token") if rules.token else None
    system = options.system_account or SYSTEM_ACCOUNT
    if options.no_auth_user:
        named = [login for login in logins if options.no_auth_user in {login.user.name, login.nkey}]
        if not named:
            raise UsageError(
                f'no_auth_user: "{options.no_auth_user}" not present as user or nkey in '
                "authorization block or account configuration"
            )
        default = named[0].user
    elif not rules.token and all(login.user.account == system for login in logins):
        default = User(account=GLOBAL_ACCOUNT, name="", label="")
    return Authenticator(logins, default=default, token=rules.token, token_user=token_user)


def _login(
    user: configured.UserOptions, account: str, default: configured.PermissionsOptions | None
) -> Login:
    name = user.name or user.nkey
    kind = "nkey" if user.nkey else "user"
    permissions = _permissions(user.permissions or default)
    return Login(
        user=User(
            account=account,
            name=name,
            label=f"{kind}:{name}",
            permissions=permissions,
            connection_types=user.connection_types,
        ),
        password=user.password,
        nkey=user.nkey,
    )


def _permissions(rules: configured.PermissionsOptions | None) -> Permissions:
    if rules is None:
        return Permissions()
    return Permissions(
        publish=_rule(rules.publish),
        subscribe=_rule(rules.subscribe),
        responses_max=0 if rules.responses is None else rules.responses.max_messages,
        responses_ttl_ns=0 if rules.responses is None else rules.responses.expires_ns,
    )


def _rule(rules: configured.SubjectRules | None) -> Rule:
    return Rule() if rules is None else Rule(allow=rules.allow, deny=rules.deny)


def _account(account: configured.AccountOptions) -> AccountSpec:
    return AccountSpec(
        name=account.name,
        exports=tuple(_export(export) for export in account.exports),
        imports=tuple(
            Import(
                kind=entry.kind,
                account=entry.account,
                remote=entry.subject,
                local=entry.local_subject,
                share=entry.share,
            )
            for entry in account.imports
        ),
        mappings=_mappings(account.mappings),
        limits=Limits(
            connections=account.limits.max_connections,
            subscriptions=account.limits.max_subscriptions,
            payload=account.limits.max_payload,
        ),
        jetstream=None if account.jetstream is None else _jetstream(account.jetstream),
        default_permissions=_permissions(account.default_permissions),
    )


def _mappings(given: Sequence[configured.MappingOptions]) -> tuple[SubjectMapping, ...]:
    return tuple(
        SubjectMapping(
            subject=mapping.subject,
            to=tuple(
                MappedTo(subject=to.subject, weight=to.weight, cluster=to.cluster)
                for to in mapping.to
            ),
        )
        for mapping in given
    )


def _export(export: configured.ExportOptions) -> Export:
    return Export(
        kind=export.kind,
        subject=export.subject,
        response_type=_RESPONSE_TYPES[export.response_type],  # type: ignore[arg-type]
        threshold_ns=export.response_threshold_ns or RESPONSE_THRESHOLD_NS,
        approved=None if export.accounts is None else frozenset(export.accounts),
        latency=None
        if export.latency is None
        else Latency(subject=export.latency.subject, percent=export.latency.sampling_percent),
        account_token_position=export.account_token_position,
    )


def _jetstream(limits: configured.AccountJetStream) -> JetStreamLimits:
    return JetStreamLimits(
        memory=limits.max_memory,
        storage=limits.max_file,
        streams=limits.max_streams,
        consumers=limits.max_consumers,
        ack_pending=limits.max_ack_pending,
        memory_stream_bytes=limits.memory_max_stream_bytes,
        storage_stream_bytes=limits.file_max_stream_bytes,
        bytes_required=limits.max_bytes_required,
    )
