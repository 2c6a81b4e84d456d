"""Rules about an account's own affairs: limits, mappings, keys, traces, external authorization."""

from isthmus.base.quoting import quote
from isthmus.identity import nkeys
from isthmus.identity.claims import (
    NO_LIMIT,
    Account,
    AccountClaims,
    AccountLimits,
    ExternalAuthorization,
    JetStreamLimits,
    MessageTrace,
    WeightedMapping,
)
from isthmus.identity.findings import Findings, error, warning
from isthmus.identity.nkeys import Kind
from isthmus.identity.sharing_rules import check_exports, check_imports
from isthmus.identity.subject_rules import check_permissions, check_subject, has_wildcards
from isthmus.identity.urls import check_info

_NO_LIMITS_SET = AccountLimits()


def check_account(claims: AccountClaims) -> Findings:
    """Everything in an account, whenever it is."""
    account = claims.nats
    yield from check_imports(account.imports, claims.subject)
    yield from check_exports(account.exports)
    yield from _check_limits(account.limits)
    yield from check_permissions(account.default_permissions)
    for subject, destinations in sorted(account.mappings.items()):
        yield from check_mapping(subject, destinations)
    yield from _check_authorization(account.authorization)
    if account.trace is not None:
        yield from _check_trace(account.trace)
    yield from _check_counts(account)
    yield from _check_signing_keys(account)
    yield from check_info(account.description, account.info_url)
    if account.cluster_traffic not in {"", "system", "owner"}:
        yield error(f"unknown cluster traffic option: {quote(account.cluster_traffic)}")
    if nkeys.is_public(claims.issuer, Kind.ACCOUNT) and account.limits != _NO_LIMITS_SET:
        yield warning("self-signed account JWTs shouldn't contain operator limits")


def _check_limits(limits: AccountLimits) -> Findings:
    if limits.tiers and limits.jetstream != JetStreamLimits():
        yield error("JetStream Limits and tiered JetStream Limits are mutually exclusive")
    if "" in limits.tiers:
        yield error('Tiered JetStream Limits can not contain a blank "" tier name')


def check_mapping(subject: str, destinations: tuple[WeightedMapping, ...]) -> Findings:
    """One mapped subject: where to, and that the shares are no more than the whole."""
    yield from check_subject(subject)
    name = quote(subject)
    sums: dict[str, int] = {"": 0}
    for destination in destinations:
        yield from check_subject(destination.subject)
        weight = destination.weight or 100
        if weight > 100:
            yield error(f"Mapping {name} has a weight {weight} that exceeds 100")
        cluster = destination.cluster
        sums[cluster] = sums.get(cluster, 0) + weight
        if cluster and sums[cluster] > 100:
            yield error(
                f"Mapping {name} in cluster {quote(cluster)} exceeds 100%"
                " among all of it's weighted to mappings"
            )
    if sums[""] > 100:
        yield error(f"Mapping {name} exceeds 100% among all of it's weighted to mappings")


def _check_authorization(authorization: ExternalAuthorization) -> Findings:
    accounts = authorization.allowed_accounts
    if accounts and not authorization.auth_users:
        yield error("External authorization cannot have accounts without users specified")
    for user in authorization.auth_users:
        if not nkeys.is_public(user, Kind.USER):
            yield error(f"AuthUser {quote(user)} is not a valid user public key")
    for account in accounts:
        if account == "*" and len(accounts) > 1:
            yield error('AllowedAccounts can only be a list of accounts or "*"')
        elif account != "*" and not nkeys.is_public(account, Kind.ACCOUNT):
            yield error(f"Account {quote(account)} is not a valid account public key")
    if authorization.xkey and not nkeys.is_public(authorization.xkey, Kind.CURVE):
        yield error(f"XKey {quote(authorization.xkey)} is not a valid public xkey")


def _check_trace(trace: MessageTrace) -> Findings:
    for finding in check_subject(trace.destination):
        yield error(f"the account Trace.Destination {finding.text}")
        break
    if has_wildcards(trace.destination):
        yield error(
            f"the account Trace.Destination subject {quote(trace.destination)}"
            " is not a valid publish subject"
        )
    if not 0 <= trace.sampling <= 100:
        yield error(
            f"the account Trace.Sampling value '{trace.sampling}' is not valid,"
            " should be in the range [1..100]"
        )


def _check_counts(account: Account) -> Findings:
    limits = account.limits
    too_many = error("the account contains more imports than allowed by the operator")
    if limits != _NO_LIMITS_SET and 0 <= limits.imports < len(account.imports):
        yield too_many
    if limits.imports != NO_LIMIT and len(account.imports) > limits.imports:
        yield too_many  # said twice by the original, too
    if limits.exports == NO_LIMIT:
        return
    if len(account.exports) > limits.exports:
        yield error("the account contains more exports than allowed by the operator")
    for export in account.exports:
        if not limits.wildcards and has_wildcards(export.subject):
            yield error(
                "the account contains wildcard exports that are not allowed by the operator"
            )


def _check_signing_keys(account: Account) -> Findings:
    for key, scope in account.scopes.items():
        if nkeys.is_public(key, Kind.ACCOUNT):
            continue
        if scope is None:
            yield error(f"{quote(key)} is not a valid account signing key")
        else:
            yield error(f"{key} is not an account public key")
