"""nsc expirations: what ends soon, or has ended."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.command import Invocation, NscCommand
from isthmus.cli.nsc.flags import flag, switch
from isthmus.cli.nsc.folders import shortened
from isthmus.cli.nsc.moments import format_distance, parse_moment_s, titled
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.cli.tables import ascii_table
from isthmus.identity import jwt
from isthmus.identity.claims import Claims
from isthmus.identity.creds import find_token
from isthmus.identity.payload import TokenError


class Options(Value):
    """What was asked for."""

    within: str = "1M"
    json: bool = False
    skip: bool = False


class Row(Value):
    """One token, key for key as in the JSON."""

    resource: str
    id: str
    when: str
    expiry: int
    expiration_date: str
    expires_soon: bool
    expired: bool


class Document(Value):
    """The JSON."""

    expiration_threshold: str
    report: tuple[Row, ...]


@click.command(
    "expirations", cls=NscCommand, help="Show when the operator, its accounts and users expire."
)
@flag("-e", "--within", help="what soon means: a date, or a distance such as 1w; default 1M")
@switch("--json", help="JSON instead of a table")
@switch("--skip", help="only what expires soon, or has expired")
@click.pass_obj
def command(invocation: Invocation, /, **values: Any) -> None:
    """Fill the options and run."""
    given = {name: value for name, value in values.items() if value is not None}
    invocation.show(run, Options(**given))


def run(options: Options, store: Store) -> Report:
    """The tokens and creds files of the operator, with their ends."""
    now_s, zone = store.surroundings.now_s, store.surroundings.zone
    try:
        until_s = parse_moment_s("within", options.within, now_s, zone)
    except ValueError as error:
        raise CommandError(str(error)) from None
    rows = [_row(name, claims, now_s, until_s) for name, claims in _tokens(store)]
    if options.skip:
        rows = [row for row in rows if row.expired or row.expires_soon]
    report = Report()
    if options.json:
        document = Document(expiration_threshold=_date(until_s), report=tuple(rows))
        text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
        report.body = text + "\n"
        return report
    title = f"Expiration Report ({titled(format_distance(until_s, now_s))})"
    home = store.surroundings.home
    cells = [
        (
            _state(row),
            shortened(row.resource, home),
            f"{row.expiration_date or _date(0)} - {row.when}",
        )
        for row in rows
    ]
    table = ascii_table(title, ["Expired", "Resource", "Expiration"], cells)
    report.notes += [*table.splitlines(), ""]
    return report


def _tokens(store: Store) -> Iterator[tuple[str, Claims]]:
    operator = store.operator()
    yield operator.name, operator
    for account in store.accounts():
        yield f"{operator.name}/{account}", store.account(account)
        for user in store.users(account):
            claims = store.user(account, user)
            yield f"{operator.name}/{account}/{user}", claims
            yield from _creds(store, account, user)


def _creds(store: Store, account: str, user: str) -> Iterator[tuple[str, Claims]]:
    """The creds file of a user, which may be older than its token."""
    path = store.creds_path(account, user)
    content = store.transaction.read(path)
    if content is None:
        return
    try:
        yield str(path), jwt.decode_user(find_token(content.decode("utf-8", "replace")))
    except TokenError as error:
        raise CommandError(f"{store.shown(path)} is damaged: {error}") from None


def _row(name: str, claims: Claims, now_s: int, until_s: int) -> Row:
    expires_s = claims.expires_s
    expired = 0 < expires_s <= now_s
    return Row(
        resource=name,
        id=claims.subject,
        when=titled(format_distance(expires_s, now_s)) or "Never",
        expiry=expires_s,
        expiration_date=_date(expires_s) if expires_s else "",
        expires_soon=not expired and 0 < expires_s <= until_s,
        expired=expired,
    )


def _state(row: Row) -> str:
    return "Yes" if row.expired else "Soon" if row.expires_soon else "No"


def _date(moment_s: int) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
