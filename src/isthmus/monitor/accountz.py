"""/accountz: which accounts there are, and what one of them is, offers and takes.

Owns the fields and their order. Every import of the account is there. One that is not active is
`invalid`, and has a field that nats-server's document has not: `finding`, the reason by its code
and in words, as `nsc explain` gives it. Other additions: `usage` of each import, and `takers`, who
imports what this account offers, with the same usage. Imports that every account has of itself (of
the system account's services) are listed as well.
"""

from typing import Any

from isthmus.accounts.spec import Export, Latency, SubjectMapping
from isthmus.base.errors import AuthError, UsageError
from isthmus.base.values import Value, always, format_time, moment_ns
from isthmus.identity import jwt
from isthmus.monitor.census import (
    Census,
    ImportSnapshot,
    SublistSnapshot,
    Taker,
    TenantSnapshot,
)
from isthmus.monitor.documents import Document
from isthmus.monitor.snapshots import ServerSnapshot
from isthmus.monitor.usage import Usage, make_usage
from isthmus.sharing import refused
from isthmus.sharing.finding import finding_document

_RESPONSE_TYPES = {"Singleton": "Singleton", "Stream": "Streamed", "Chunked": "Chunked"}


class SublistStats(Value):
    """Subscriptions; what this server does not count is 0."""

    num_subscriptions: int = 0
    num_cache: int = 0
    num_inserts: int = 0
    num_removes: int = 0
    num_matches: int = 0
    cache_hit_rate: float = 0
    max_fanout: int = 0
    avg_fanout: float = 0


class ServiceLatency(Value):
    """How often a service is measured, and where the result is published."""

    sampling: int
    results: str


class ExportDetail(Document, kw_only=True):
    """What the account offers."""

    subject: str
    type: str
    token_req: bool = False
    response_type: str = ""
    service_latency: ServiceLatency | None = None
    approved_accounts: tuple[str, ...] = ()
    revoked_activations: dict[str, str] = {}


class ImportDetail(Document, kw_only=True):
    """What the account takes. `finding` is why it does not get it."""

    subject: str
    account: str
    to: str = ""
    local_subject: str
    type: str
    invalid: bool = always(False)
    share: bool = always(False)
    tracking: bool = always(False)
    latency: ServiceLatency | None = None
    finding: dict[str, object] | None = None
    usage: Usage | None = None


class TakerDetail(Document, kw_only=True):
    """Another account's import of what this one offers."""

    account: str
    name_tag: str = ""
    export: str = ""
    subject: str
    local_subject: str
    type: str
    invalid: bool = always(False)
    usage: Usage | None = None


class MappedDetail(Document, kw_only=True):
    """One destination of a mapped subject."""

    subject: str
    weight: int
    cluster: str = ""


class AccountDetail(Document, kw_only=True):
    """One account."""

    account_name: str
    update_time: str
    is_system: bool = False
    expired: bool = always(False)
    complete: bool = always(False)
    jetstream_enabled: bool = always(False)
    leafnode_connections: int = always(0)
    client_connections: int = always(0)
    subscriptions: int = always(0)
    mappings: dict[str, tuple[MappedDetail, ...]] = {}
    exports: tuple[ExportDetail, ...] = ()
    imports: tuple[ImportDetail, ...] = ()
    takers: tuple[TakerDetail, ...] = ()
    taking_accounts: int = 0
    jwt: str = ""
    issuer_key: str = ""
    name_tag: str = ""
    tags: tuple[str, ...] = ()
    decoded_jwt: dict[str, Any] | None = None
    revoked_user: dict[str, str] = {}
    sublist_stats: SublistStats = always(SublistStats())


class Accountz(Document, kw_only=True):
    """The document: all names, or one account in detail."""

    server_id: str
    now: str
    system_account: str = ""
    accounts: tuple[str, ...] = ()
    account_detail: AccountDetail | None = None


def make_accountz(server: ServerSnapshot, census: Census, account: str) -> Accountz:
    """The document of a moment. Raises `UsageError` if there is no such account."""
    return Accountz(
        server_id=server.server_id,
        now=format_time(server.now_ns),
        system_account=server.system_account,
        accounts=() if account else tuple(census.names()),
        account_detail=make_detail(server, census, account) if account else None,
    )


def make_detail(server: ServerSnapshot, census: Census, account: str) -> AccountDetail:
    """One account, as INFO answers it. Raises `UsageError` if there is no such account."""
    tenant = census.tenant(account)
    if tenant is None:
        raise UsageError(f"Account {account} does not exist")
    spec, body = tenant.spec, _body(tenant.spec.token)
    imports = [_import(snapshot) for snapshot in tenant.imports]
    return AccountDetail(
        account_name=spec.name,
        update_time=format_time(tenant.updated_ns),
        is_system=tenant.is_system,
        expired=tenant.expired,
        complete=all(snapshot.refusal is None for snapshot in tenant.imports),
        jetstream_enabled=tenant.jetstream,
        client_connections=tenant.connections,
        subscriptions=tenant.sublist.subscriptions,
        mappings={mapping.subject: _mapped(mapping) for mapping in spec.mappings},
        exports=tuple(_export(export) for export in spec.exports)
        + (_OF_THE_SYSTEM if tenant.is_system else ()),
        imports=(*imports, *_of_itself(tenant, server)),
        takers=tuple(_taker(taker) for taker in tenant.takers),
        taking_accounts=tenant.taking_accounts,
        jwt=spec.token,
        issuer_key=str(body.get("iss", "")),
        name_tag=spec.label or spec.name,
        tags=_tags(body),
        decoded_jwt=body or None,
        revoked_user=_times(spec.revocations),
        sublist_stats=make_stats(tenant.sublist),
    )


def make_stats(sublist: SublistSnapshot) -> SublistStats:
    """The part of a document that counts subscriptions."""
    hits = sublist.cache_hits / sublist.matches if sublist.matches else 0
    return SublistStats(
        num_subscriptions=sublist.subscriptions,
        num_inserts=sublist.inserts,
        num_removes=sublist.removes,
        num_matches=sublist.matches,
        cache_hit_rate=hits,
    )


def _mapped(mapping: SubjectMapping) -> tuple[MappedDetail, ...]:
    return tuple(
        MappedDetail(subject=to.subject, weight=to.weight, cluster=to.cluster) for to in mapping.to
    )


def _export(export: Export) -> ExportDetail:
    service = export.kind == "service"
    return ExportDetail(
        subject=export.subject,
        type=export.kind,
        token_req=export.token_required,
        response_type=_RESPONSE_TYPES[export.response_type] if service else "",
        service_latency=_latency(export.latency),
        approved_accounts=tuple(sorted(export.approved or ())),
        revoked_activations=_times(export.revocations),
    )


def _import(snapshot: ImportSnapshot) -> ImportDetail:
    wanted = snapshot.wanted
    refusal = snapshot.refusal
    return ImportDetail(
        subject=wanted.remote,
        account=wanted.account,
        to=wanted.local if wanted.kind == "service" else "",
        local_subject=wanted.local,
        type=wanted.kind,
        invalid=refusal is not None,
        share=wanted.share,
        latency=_latency(snapshot.latency),
        finding=None if refusal is None else finding_document(refused(refusal, wanted)),
        usage=make_usage(snapshot),
    )


def _taker(taker: Taker) -> TakerDetail:
    taken = taker.taken
    return TakerDetail(
        account=taker.account,
        name_tag=taker.label,
        export=taker.export,
        subject=taken.wanted.remote,
        local_subject=taken.wanted.local,
        type=taken.wanted.kind,
        invalid=taken.refusal is not None,
        usage=make_usage(taken),
    )


def _latency(latency: Latency | None) -> ServiceLatency | None:
    if latency is None:
        return None
    return ServiceLatency(sampling=latency.percent, results=latency.subject)


def _times(revocations: dict[str, int]) -> dict[str, str]:
    return {key: format_time(moment_ns(moment_s)) for key, moment_s in revocations.items()}


def _body(token: str) -> dict[str, Any]:
    """What the account's token says; nothing in configuration mode."""
    if not token:
        return {}
    try:
        return jwt.document(token)
    except AuthError:  # accepted before, so readable; a document must not fail for it
        return {}


def _tags(body: dict[str, Any]) -> tuple[str, ...]:
    nats = body.get("nats")
    tags = nats.get("tags") if isinstance(nats, dict) else None
    return tuple(map(str, tags)) if isinstance(tags, list) else ()


# --- what every account has of itself ---

_OF_THE_SYSTEM = (
    ExportDetail(subject="$SYS.DEBUG.SUBSCRIBERS", type="service", response_type="Singleton"),
    ExportDetail(subject="$SYS.REQ.USER.*.INFO", type="service", response_type="Singleton"),
    ExportDetail(subject="$JS.API.>", type="service", response_type="Singleton"),
    ExportDetail(subject="$SYS.REQ.ACCOUNT.*.CONNZ", type="service", response_type="Streamed"),
    ExportDetail(subject="$SYS.REQ.ACCOUNT.*.STATZ", type="service", response_type="Streamed"),
)
_ASKED_OF_SERVERS = (
    ("$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.ACCOUNT.{}.CONNZ"),
    ("$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.{}.CONNZ"),
    ("$SYS.REQ.ACCOUNT.PING.STATZ", "$SYS.REQ.ACCOUNT.{}.STATZ"),
)


def _of_itself(tenant: TenantSnapshot, server: ServerSnapshot) -> list[ImportDetail]:
    """Services of the system account that need no grant."""
    name, system = tenant.spec.name, server.system_account
    if not system:
        return []

    def taken(local: str, remote: str, *, share: bool = False) -> ImportDetail:
        return ImportDetail(
            subject=remote,
            account=system,
            to=local,
            local_subject=local,
            type="service",
            share=share,
        )

    found = [taken("$SYS.REQ.USER.INFO", f"$SYS.REQ.USER.{name}.INFO", share=True)]
    if tenant.is_system:
        return found
    found += [taken(local, remote.format(name)) for local, remote in _ASKED_OF_SERVERS]
    if server.jetstream:
        found.append(taken("$JS.API.>", "$JS.API.>", share=True))
    return found
