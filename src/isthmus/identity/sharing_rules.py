"""Rules about what crosses between accounts: exports, imports, activations.

Knows one account's claims at a time: whether the exporting account agrees is a question of trust
(`trust`), and whether the import works today one of the registry.
"""

from collections.abc import Sequence

from isthmus.base import subjects
from isthmus.base.patterns import Patterns, first_overlap
from isthmus.base.quoting import quote
from isthmus.identity import jwt, nkeys
from isthmus.identity.claims import ActivationClaims, Export, Import, ServiceLatency
from isthmus.identity.findings import Findings, error, warning
from isthmus.identity.nkeys import Kind
from isthmus.identity.payload import TokenError
from isthmus.identity.subject_rules import (
    check_renaming,
    check_subject,
    contained_in,
    has_wildcards,
    without_references,
)
from isthmus.identity.urls import check_info

RESPONSE_TYPES = ("Singleton", "Stream", "Chunked")
COMPARED_MAX = 500  # subjects of which each is compared with each, to name all that overlap


# -- exports ---------------------------------------------------------------------------------------


def check_exports(exports: Sequence[Export]) -> Findings:
    """Each export by itself, then all of one type against each other."""
    for export in exports:
        yield from check_export(export)
    for kind in ("service", "stream"):
        yield from _check_overlaps(
            kind,
            [item.subject for item in exports if (item.type == "service") == (kind == "service")],
        )


def check_export(export: Export) -> Findings:
    """One export by itself."""
    service = export.type == "service"
    if not export.type:
        yield error('invalid export type: "unknown"')
    if service and export.response_type not in {"", *RESPONSE_TYPES}:
        yield error(f"invalid response type for service: {quote(export.response_type)}")
    if export.type == "stream" and export.response_type:
        yield error(f"invalid response type for stream: {quote(export.response_type)}")
    if export.type == "stream" and export.allow_trace:
        yield error("AllowTrace only valid for service export")
    if export.service_latency is not None:
        if not service:
            yield error("latency tracking only permitted for services")
        yield from _check_latency(export.service_latency)
    if export.threshold_ns < 0:
        yield error("negative response threshold is invalid")
    if export.threshold_ns > 0 and not service:
        yield error("response threshold only valid for services")
    yield from check_subject(export.subject)
    if export.account_token_position > 0:
        yield from _check_token_position(export.subject, export.account_token_position)
    yield from check_info(export.description, export.info_url)


def _check_latency(latency: ServiceLatency) -> Findings:
    if isinstance(latency.sampling, int) and not 0 <= latency.sampling <= 100:
        yield error("sampling percentage needs to be between 1-100")
    yield from check_subject(latency.results)
    if has_wildcards(latency.results):
        yield error("results subject can not contain wildcards")


def _check_token_position(subject: str, position: int) -> Findings:
    tokens = subject.split(".")
    if not has_wildcards(subject):
        yield error(f"Account Token Position can only be used with wildcard subjects: {subject}")
    elif position > len(tokens):
        yield error(f"Account Token Position {position} exceeds length of subject '{subject}'")
    elif tokens[position - 1] != "*":
        yield error(
            f"Account Token Position {position} matches '{tokens[position - 1]}'"
            f" but must match a * in: {subject}"
        )


def _check_overlaps(kind: str, names: Sequence[str]) -> Findings:
    """One finding for each subject that holds another: the first it holds."""
    if Patterns(names).too_varied:
        yield error(f"{kind} export subjects have their wildcards in too many different places")
        return
    overlap = first_overlap(names)
    if overlap is None:
        return
    if len(names) > COMPARED_MAX:
        yield error(
            f"{kind} export subject {quote(overlap[1])} already exports {quote(overlap[0])}"
        )
        return
    held: dict[str, str] = {}
    for place, narrow in enumerate(names):
        for other, broad in enumerate(names):
            if place != other and contained_in(narrow, broad):
                held.setdefault(broad, narrow)
    for broad, narrow in held.items():
        yield error(f"{kind} export subject {quote(broad)} already exports {quote(narrow)}")


# -- imports ---------------------------------------------------------------------------------------


def check_imports(imports: Sequence[Import], importer: str) -> Findings:
    """Each import by itself, and local subjects of services from one account against each other."""
    services: dict[str, list[str]] = {}
    for item in imports:
        if item.type == "service":
            services.setdefault(item.account, []).append(_local(item))
    unclear = {}
    for account, names in services.items():
        complaint = _overlap(names, account)
        if complaint or first_overlap(names) is not None:
            unclear[account] = complaint
    taken: dict[str, list[str]] = {}
    for item in imports:
        if item.type == "service" and item.account in unclear:
            complaint = unclear[item.account]
            if not complaint:
                yield from _check_local(
                    _local(item), taken.setdefault(item.account, []), item.account
                )
            elif item.account not in taken:
                taken[item.account] = []
                yield error(complaint)
        yield from check_import(item, importer)


def _local(item: Import) -> str:
    return item.to or without_references(item.local_subject) or item.subject


def _overlap(names: Sequence[str], account: str) -> str:
    """What to say of very many local subjects that overlap: of few, all that do are named."""
    if len(names) <= COMPARED_MAX:
        return ""
    if Patterns(names).too_varied:
        return (
            f"local subjects of account {quote(account)} have their wildcards in too many"
            " different places"
        )
    overlap = first_overlap(names)
    if overlap is None:
        return ""
    return (
        f"overlapping subject namespace for {quote(overlap[0])} and {quote(overlap[1])}"
        f" in same account {quote(account)}"
    )


def _check_local(local: str, taken: list[str], account: str) -> Findings:
    for other in taken:
        if contained_in(local, other) or contained_in(other, local):
            yield error(
                f"overlapping subject namespace for {quote(local)} and {quote(other)}"
                f" in same account {quote(account)}"
            )
    if local in taken:
        yield error(f"overlapping subject namespace for {quote(local)} in account {quote(account)}")
    else:
        taken.append(local)


def check_import(item: Import, importer: str) -> Findings:
    """One import into the account `importer` by itself."""
    if not item.type:
        yield error('invalid import type: "unknown"')
    if item.type == "service" and item.allow_trace:
        yield error("AllowTrace only valid for stream import")
    if not item.account:
        yield error("account to import from is not specified")
    if item.to:
        yield warning("the field to has been deprecated (use LocalSubject instead)")
    yield from check_subject(item.subject)
    if item.local_subject:
        yield from check_renaming(item.local_subject, item.subject)
        if item.to:
            yield error("Local Subject replaces To")
    if item.share and item.type != "service":
        yield error(
            "sharing information (for latency tracking) is only valid for services:"
            f" {quote(item.subject)}"
        )
    if not item.token:
        return
    try:
        activation = jwt.decode_activation(item.token)
    except TokenError:
        yield error(f"import {quote(item.subject)} contains an invalid activation token")
    else:
        yield from _check_token(item, activation, importer)


def _check_token(item: Import, activation: ActivationClaims, importer: str) -> Findings:
    subject = quote(item.subject)
    if item.account not in {activation.issuer, activation.nats.issuer_account}:
        yield error(f"activation token doesn't match account for import {subject}")
    if activation.subject != importer:
        yield error(f"activation token doesn't match account it is being included in, {subject}")
    if activation.nats.kind != item.type:
        yield error(
            f"mismatch between token import type {activation.nats.kind or 'unknown'}"
            f" and type of import {item.type or 'unknown'}"
        )
    yield from check_activation(activation)
    if not subjects.covers(activation.nats.subject, item.remote):
        granted = quote(activation.nats.subject)
        yield error(f"activation token import subject {granted} doesn't match import {subject}")


def check_activation(activation: ActivationClaims) -> Findings:
    """An activation by itself, whenever it is."""
    if not activation.nats.kind:
        yield error('invalid import type: "unknown"')
    yield from check_subject(activation.nats.subject)
    account = activation.nats.issuer_account
    if account and not nkeys.is_public(account, Kind.ACCOUNT):
        yield error("account_id is not an account public key")
