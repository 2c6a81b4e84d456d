"""May this import have what it asks for, and until when.

One decision, made when accounts change, never per message: a `Grant` with its end, or a `Refusal`
with a reason. Rules: measured on nats-server 2.15.1.
"""

from isthmus.accounts.offers import Offers
from isthmus.accounts.spec import AccountSpec, Export, Import
from isthmus.base.values import Value
from isthmus.identity import trust


class Grant(Value):
    """The import is good until `ends_ns` (wall clock; 0: for ever)."""

    export: Export
    ends_ns: int


class Refusal(Value):
    """The import is not active. `code` is stable, `reason` is for people."""

    code: str
    reason: str
    wakes_ns: int = 0  # time alone will change the answer then (not-before of a token)


def authorise(
    importer: AccountSpec,
    wanted: Import,
    exporter: AccountSpec | None,
    now_ns: int,
    offers: Offers | None = None,
) -> Grant | Refusal:
    """Decide one import. A grant is good at `now_ns`: its end, if it has one, is later.

    `offers` are the exporter's exports, for who has looked them through already.
    """
    if importer.expires_ns and now_ns >= importer.expires_ns:
        return Refusal(code="account_expired", reason=f"account {_label(importer)} has expired")
    if exporter is None:
        return Refusal(
            code="account_unknown",
            reason=f"account {wanted.account} is not known to this server; push it first",
        )
    if exporter.expires_ns and now_ns >= exporter.expires_ns:
        return Refusal(code="account_expired", reason=f"account {_label(exporter)} has expired")
    export = (offers or Offers(exporter.exports)).find(wanted.kind, wanted.remote)
    if export is None:
        return Refusal(
            code="export_missing",
            reason=f"account {_label(exporter)} exports no {wanted.kind} that covers "
            f"{wanted.remote!r}",
        )
    if export.approved is not None and importer.name not in export.approved:
        return Refusal(
            code="not_approved",
            reason=f"account {_label(exporter)} exports {export.subject!r} to other accounts only",
        )
    if export.account_token_position:
        tokens = wanted.remote.split(".")
        position = export.account_token_position
        if position > len(tokens) or tokens[position - 1] != importer.name:
            return Refusal(
                code="position_mismatch",
                reason=f"token {position} of {wanted.remote!r} must be {importer.name}",
            )
    ends = [end for end in (exporter.expires_ns, importer.expires_ns) if end]
    if export.token_required:
        offer = trust.Offer(
            kind=wanted.kind,
            subject=wanted.remote,
            importer=importer.name,
            exporter=exporter.name,
            signing_keys=exporter.signing_keys,
            revocations=export.revocations,
        )
        verdict = trust.check_activation(wanted.activation, offer, now_ns)
        if isinstance(verdict, trust.Refusal):
            return Refusal(
                code=verdict.reason.value, reason=verdict.text, wakes_ns=verdict.wakes_ns
            )
        if verdict.ends_ns:
            ends.append(verdict.ends_ns)
    return Grant(export=export, ends_ns=min(ends, default=0))


def _label(account: AccountSpec) -> str:
    return account.label or account.name
