"""Operators, users and activations as tables for people. Accounts are in `account_tables`.

Pure: claims in, text out; names of other accounts are looked up by the caller.
"""

from isthmus.cli.nsc.describe_rows import (
    RULE,
    connection_rows,
    head_rows,
    listed,
    permission_rows,
    scope_table,
    user_limit_rows,
    yes_no,
)
from isthmus.cli.tables import Row, ascii_table
from isthmus.identity.claims import ActivationClaims, OperatorClaims, UserClaims, UserScope
from isthmus.identity.payload import make_hash_id


def operator_table(claims: OperatorClaims, system_account_name: str) -> str:
    """The operator, in one table."""
    body = claims.nats
    rows = head_rows(claims, "Operator", body.tags)
    if body.account_server_url:
        rows.append(("Account JWT Server", body.account_server_url))
    rows += listed("Operator Service URLs", body.operator_service_urls)
    if body.system_account:
        shown = f"{body.system_account} / {system_account_name}".removesuffix(" / ")
        rows.append(("System Account", shown))
    rows.append(("Require Signing Keys", str(body.strict_signing_key_usage).lower()))
    if body.signing_keys:
        rows += [RULE, *listed("Signing Keys", body.signing_keys)]
    return ascii_table("Operator Details", [], rows)


def user_tables(claims: UserClaims, scope: UserScope | None, *, scoped: bool) -> list[str]:
    """The user, and the scope it gets its limits from if that is known."""
    body = claims.nats
    rows = head_rows(claims, "User", body.tags, body.issuer_account)
    if scoped:
        rows.append(("Issuer Scoped", "Yes"))
        table = ascii_table("User", [], rows)
        return [table, scope_table(scope)] if scope else [table]
    rows += [
        ("Bearer Token", yes_no(body.bearer_token)),
        *permission_rows(body.permissions, before=RULE),
        RULE,
        *user_limit_rows(body),
        *connection_rows(body),
    ]
    return [ascii_table("User", [], rows)]


def activation_table(claims: ActivationClaims) -> str:
    """The grant, in one table."""
    body = claims.nats
    rows: list[Row] = [
        *head_rows(claims, "Account", body.tags, body.issuer_account),
        RULE,
        ("Hash ID", make_hash_id(claims)),
        RULE,
        ("Import Type", body.kind.title()),
        ("Import Subject", body.subject),
        RULE,
    ]
    return ascii_table("Activation", [], rows)
