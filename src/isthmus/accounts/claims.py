"""From an account token to what the account should be.

Texts that many accounts share (whom they import from, and what) are one object for all of them.
"""

from sys import intern

from msgspec.structs import replace

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
from isthmus.base.values import moment_ns
from isthmus.identity import claims as tokens


def make_spec(claims: tokens.AccountClaims, token: str) -> AccountSpec:
    """The account of a decoded token (its issuer was checked before)."""
    body = claims.nats
    return AccountSpec(
        name=claims.subject,
        label=claims.name,
        exports=tuple(_export(export) for export in body.exports),
        imports=tuple(
            Import(
                kind="stream" if entry.type == "stream" else "service",
                account=intern(entry.account),
                remote=intern(entry.remote),
                local=intern(entry.local),
                share=entry.share,
                activation=entry.token,
                name=intern(entry.name),
            )
            for entry in body.imports
        ),
        mappings=tuple(
            SubjectMapping(
                subject=subject,
                to=tuple(
                    MappedTo(subject=to.subject, weight=to.weight or 100, cluster=to.cluster)
                    for to in destinations
                ),
            )
            for subject, destinations in body.mappings.items()
        ),
        limits=Limits(
            connections=body.limits.connections,
            subscriptions=body.limits.subs,
            payload=body.limits.payload,
            disallow_bearer=body.limits.disallow_bearer,
        ),
        jetstream=_jetstream(body.limits) if body.limits.has_jetstream else None,
        default_permissions=make_permissions(body.default_permissions),
        signing_keys=frozenset(body.scopes),
        revocations=dict(body.revocations),
        expires_ns=moment_ns(claims.expires_s),
        token=token,
    )


def make_permissions(body: tokens.Permissions) -> Permissions:
    """Permissions of a user or the default of an account."""
    return Permissions(
        publish=Rule(allow=body.pub.allow or None, deny=body.pub.deny),
        subscribe=Rule(allow=body.sub.allow or None, deny=body.sub.deny),
        responses_max=0 if body.resp is None else body.resp.messages_max or 1,
        responses_ttl_ns=0 if body.resp is None else body.resp.lifetime_ns,
    )


def _export(export: tokens.Export) -> Export:
    response_type = export.response_type or "Singleton"
    return Export(
        kind="stream" if export.type == "stream" else "service",
        subject=export.subject,
        response_type="Stream"
        if response_type == "Stream"
        else "Chunked"
        if response_type == "Chunked"
        else "Singleton",
        threshold_ns=export.threshold_ns or RESPONSE_THRESHOLD_NS,
        latency=_latency(export) if response_type == "Singleton" else None,
        token_required=export.token_required,
        account_token_position=export.account_token_position,
        revocations=dict(export.revocations),
    )


def _latency(export: tokens.Export) -> Latency | None:
    """Only a single answer has a latency; the sampling of a valid token is 1 to 100, or headers."""
    wanted = export.service_latency
    if wanted is None:
        return None
    percent = 0 if wanted.sampling == "headers" else min(max(int(wanted.sampling), 0), 100)
    return Latency(subject=wanted.results, percent=percent)


def _jetstream(limits: tokens.AccountLimits) -> JetStreamLimits:
    """Flat limits, or the R1 tier: streams of one server have no other."""
    if not limits.tiers:
        return _flat(limits.jetstream)
    tiers = {name: _flat(tier) for name, tier in sorted(limits.tiers.items())}
    return replace(tiers.get("R1", JetStreamLimits(applicable=False)), tiers=tiers)


def _flat(flat: tokens.JetStreamLimits) -> JetStreamLimits:
    """Zero counts and sizes mean no bound."""
    return JetStreamLimits(
        memory=flat.memory_bytes,
        storage=flat.disk_bytes,
        streams=flat.streams,
        consumers=flat.consumers,
        ack_pending=flat.ack_pending_max or -1,
        memory_stream_bytes=flat.memory_stream_bytes_max or -1,
        storage_stream_bytes=flat.disk_stream_bytes_max or -1,
        bytes_required=flat.bytes_required,
    )
