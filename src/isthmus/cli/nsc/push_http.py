"""What push and pull do at an HTTP account server, and the lines about it.

POST <url>/accounts/<public key>   a token in the body
GET  <url>/accounts/<public key>   the token
GET  <url>/operator                the operator's token
"""

from collections.abc import Sequence

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.http import HttpError, get, post_token
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.identity.creds import find_token

ACCEPTED = {201, 202}


def account_url(url: str, key: str) -> str:
    """Where an account server has an account."""
    return f"{url.rstrip('/')}/accounts/{key}"


def push_all(store: Store, url: str, names: Sequence[str]) -> Report:
    """Hand in accounts, one after the other."""
    report = Report(with_summary=True)
    for name in names:
        push_one(store, url, name, report)
    return report


def push_one(store: Store, url: str, name: str, report: Report) -> bool:
    """Hand in one account; tell whether the server took it."""
    try:
        answer = post_token(
            account_url(url, store.account(name).subject), store.account_token(name)
        )
    except HttpError as error:
        section = report.section(f"push {name} to account server")
        section.error(f"failed to push account {quote(name)}: {error}")
        return False
    if answer.found:
        report.ok(f"pushed {quote(name)} to account server")
        return True
    section = report.section(f"push {name} to account server")
    if answer.status in ACCEPTED:
        section.warn("pushed account jwt was accepted by the account server")
    else:
        section.error(f"failed to push account to remote server: {answer.status} {answer.reason}")
    section.server(answer.text)
    return answer.status in ACCEPTED


def fetch_account(url: str, key: str) -> str:
    """The token an account server has for an account."""
    return fetch(account_url(url, key))


def fetch_operator(url: str) -> str:
    """The token of the operator an account server works for."""
    return fetch(f"{url.rstrip('/')}/operator")


def fetch(url: str) -> str:
    """The token behind a URL; anything else is an error."""
    try:
        answer = get(url)
    except HttpError as error:
        raise CommandError(f"error reading {quote(url)}: {error}") from None
    if not answer.found:
        raise CommandError(f"error reading {quote(url)}: {answer.status} {answer.reason}")
    return find_token(answer.text)
