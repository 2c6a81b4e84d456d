"""What is wrong with a set of claims: findings, each with a severity.

Owns the order of the checks; the rules themselves are in `subject_rules`, `sharing_rules`,
`account_rules` and `urls`. Knows no trust: claims without a finding may still be signed by nobody
we know. Time zones are data of the machine, so who wants them checked passes `zone_known`.
"""

import ipaddress
import re
from collections.abc import Callable

from isthmus.base.quoting import quote
from isthmus.base.values import NS_PER_S
from isthmus.identity import nkeys
from isthmus.identity.account_rules import check_account
from isthmus.identity.claims import (
    AccountClaims,
    ActivationClaims,
    AnyClaims,
    OperatorClaims,
    TimeRange,
    UserClaims,
    UserLimits,
)
from isthmus.identity.findings import Finding, Findings, Severity, blocking, check_times, error
from isthmus.identity.nkeys import Kind
from isthmus.identity.sharing_rules import check_activation
from isthmus.identity.subject_rules import check_permissions
from isthmus.identity.urls import check_account_server_url, check_service_url

__all__ = ["Finding", "Severity", "blocking", "check_limits", "parse_network", "validate"]

_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?")
_NETWORK = re.compile(r"([0-9A-Fa-f:.]+)/(\d{1,9})")
_MAPPED_BITS = 96  # before an IPv4 address in `::ffff:0:0/96`
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def validate(
    claims: AnyClaims, now_ns: int, zone_known: Callable[[str], bool] | None = None
) -> list[Finding]:
    """Everything that is wrong with `claims`, in the order of the original library."""
    findings = list(check_times(claims.expires_s, claims.not_before_s, now_ns // NS_PER_S))
    if isinstance(claims, OperatorClaims):
        findings += _check_operator(claims)
    elif isinstance(claims, AccountClaims):
        findings += check_account(claims)
    elif isinstance(claims, UserClaims):
        findings += _check_user(claims, zone_known)
    elif isinstance(claims, ActivationClaims):
        findings += check_activation(claims)
    return findings


def _check_operator(claims: OperatorClaims) -> Findings:
    operator = claims.nats
    yield from check_account_server_url(operator.account_server_url)
    for url in operator.operator_service_urls:
        yield from check_service_url(url)
    for key in operator.signing_keys:
        if not nkeys.is_public(key, Kind.OPERATOR):
            yield error(f"{key} is not an operator public key")
    if operator.system_account and not nkeys.is_public(operator.system_account, Kind.ACCOUNT):
        yield error(f"{operator.system_account} is not an account public key")
    for complaint in _check_version(operator.assert_server_version):
        yield error(f"assert server version error: {complaint.text}")


def _check_version(version: str) -> Findings:
    if not version:
        return
    parts = version.split(".")
    if len(parts) != 3:
        yield error("asserted server version must be of the form <major>.<minor>.<update>")
        return
    for part in parts:
        if not re.fullmatch(r"[+-]?\d{1,18}", part, re.ASCII):
            yield error(f"asserted server version cant parse {part} to int")
            return
    if any(int(part) < 0 for part in parts):
        yield error(f"asserted server version can'b contain negative values: {version}")


def _check_user(claims: UserClaims, zone_known: Callable[[str], bool] | None) -> Findings:
    user = claims.nats
    yield from check_limits(user)
    if user.zone and zone_known is not None and not zone_known(user.zone):
        yield error(f"could not parse iana time zone by name: unknown time zone {user.zone}")
    if user.issuer_account and not nkeys.is_public(user.issuer_account, Kind.ACCOUNT):
        yield error("account_id is not an account public key")


def check_limits(limits: UserLimits) -> Findings:
    """What a user may do, whoever it is: subjects, networks, times of day."""
    yield from check_permissions(limits.permissions)
    for source in limits.sources:
        if parse_network(source) is None:
            yield error(f"invalid cidr {quote(source)} in user src limits")
    for window in limits.times:
        yield from _check_window(window)


def _check_window(window: TimeRange) -> Findings:
    for name, text in (("start", window.start), ("end", window.end)):
        if not text:
            yield error(
                f"time ranges {name} must contain {'a' if name == 'start' else 'an'} {name}"
            )
        elif not _CLOCK_TIME.fullmatch(text):
            yield error(f"{name} in time range is invalid {quote(text)}")


def parse_network(text: str) -> Network | None:
    """The network of `address/bits`, None for anything else.

    IPv4 addresses in the clothes of IPv6 (`::ffff:10.0.0.0/104`) are those of IPv4.
    """
    if not _NETWORK.fullmatch(text):
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network
