"""May this import have what it asks for, and until when.

One decision, made when accounts change, never per message: a `Grant` with its end, or a `Refusal`
with a reason. Rules: `docs/reference/accounts.md`, "Authorisation".
"""

from isthmus.accounts.spec import AccountSpec, Export, Import
from isthmus.base import subjects
from isthmus.base.errors import AuthError
from isthmus.base.values import NS_PER_S, Value
from isthmus.identity import jwt


class Grant(Value):
    """The import is good until `ends_ns` (wall clock; 0: for ever)."""

    export: Export
    ends_ns: int


class Refusal(Value):
    """The import is not active. `code` is stable, `reason` is for people."""

    code: str
    reason: str
    wakes_ns: int = 0  # time alone will change the answer then (not-before of a token)


def find_export(exporter: AccountSpec, wanted: Import) -> Export | None:
    """The export that offers the imported subject: the same subject first, else one that covers it."""
    offers = [export for export in exporter.exports if export.kind == wanted.kind]
    for export in offers:
        if export.subject == wanted.remote:
            return export
    for export in offers:
        if subjects.covers(export.subject, wanted.remote):
            return export
    return None


def authorise(
    importer: AccountSpec, wanted: Import, exporter: AccountSpec | None, now_ns: int
) -> Grant | Refusal:
    """Decide one import."""
    if exporter is None:
        return Refusal(
            code="account_unknown",
            reason=f"account {wanted.account} is not known to this server; push it first",
        )
    if exporter.expires_ns and now_ns >= exporter.expires_ns:
        return Refusal(code="account_expired", reason=f"account {_label(exporter)} has expired")
    export = find_export(exporter, wanted)
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
    if export.account_token_position and export.subject != wanted.remote:
        tokens = wanted.remote.split(".")
        position = export.account_token_position
        if position > len(tokens) or tokens[position - 1] != importer.name:
            return Refusal(
                code="position_mismatch",
                reason=f"token {position} of {wanted.remote!r} must be {importer.name}",
            )
    ends = [end for end in (exporter.expires_ns, importer.expires_ns) if end]
    if export.token_required:
        verdict = _check_activation(importer, wanted, exporter, export, now_ns)
        if isinstance(verdict, Refusal):
            return verdict
        if verdict:
            ends.append(verdict)
    return Grant(export=export, ends_ns=min(ends, default=0))


def _check_activation(
    importer: AccountSpec, wanted: Import, exporter: AccountSpec, export: Export, now_ns: int
) -> Refusal | int:
    """The end of the activation (0: none), or what is wrong with it."""
    if not wanted.activation:
        return Refusal(
            code="activation_missing",
            reason=f"{export.subject!r} of account {_label(exporter)} is private: the import needs "
            "an activation token",
        )
    try:
        token = jwt.decode_activation(wanted.activation)
    except AuthError as error:
        return Refusal(code="activation_invalid", reason=f"activation token: {error}")
    body = token.nats
    if body.issuer_account:
        signed = body.issuer_account == exporter.name and (
            token.issuer == exporter.name or token.issuer in exporter.signing_keys
        )
    else:
        signed = token.issuer == exporter.name
    if not signed:
        return Refusal(
            code="activation_issuer",
            reason=f"activation token was not signed by account {_label(exporter)} "
            "or one of its current signing keys",
        )
    if token.subject != importer.name:
        return Refusal(
            code="activation_account",
            reason=f"activation token is for account {token.subject}, not for {importer.name}",
        )
    if body.kind != wanted.kind:
        return Refusal(
            code="activation_kind", reason=f"activation token is for a {body.kind}, not a {wanted.kind}"
        )
    if not subjects.covers(body.subject, wanted.remote):
        return Refusal(
            code="activation_subject",
            reason=f"activation token for {body.subject!r} does not cover {wanted.remote!r}",
        )
    if token.not_before_s * NS_PER_S > now_ns:
        return Refusal(
            code="activation_early",
            reason="activation token is not valid yet",
            wakes_ns=token.not_before_s * NS_PER_S,
        )
    if token.expires_s and token.expires_s * NS_PER_S <= now_ns:
        return Refusal(code="activation_expired", reason="activation token has expired")
    for key in (importer.name, "*"):
        if export.revocations.get(key, -1) >= token.issued_s:
            return Refusal(code="activation_revoked", reason="activation token was revoked")
    return token.expires_s * NS_PER_S


def _label(account: AccountSpec) -> str:
    return account.label or account.name
