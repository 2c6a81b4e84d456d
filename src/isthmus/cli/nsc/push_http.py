"""What push and pull do at an HTTP account server, and the lines about it.

POST <url>/accounts/<public key>   a token in the body
GET  <url>/accounts/<public key>   the token, as the operator signed it
GET  <url>/operator                the operator's token
POST <url>/activations             an activation
"""

from collections.abc import Sequence

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.http import Answer, HttpError, get, is_http, post_token
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store
from isthmus.identity import jwt
from isthmus.identity.creds import find_token
from isthmus.identity.payload import TokenError

ACCEPTED = {201, 202}


def account_url(url: str, key: str) -> str:
    """Where an account server has an account."""
    return f"{url.rstrip('/')}/accounts/{key}"


def push_all(store: Store, url: str, names: Sequence[str]) -> Report:
    """Hand in accounts, one after the other."""
    report = Report(with_summary=True)
    for name in names:
        token = store.account_token(name)
        try:
            answer = post_token(account_url(url, store.account(name).subject), token)
        except HttpError as error:
            section = report.section(f"push {name} to account server")
            section.error(f"failed to push account {quote(name)}: {error}")
            continue
        if answer.found and not answer.text:
            report.ok(f"pushed {quote(name)} to account server")
            continue
        done = f"pushed {quote(name)}" if answer.found else f"push {name}"
        _report_answer(answer, report.section(f"{done} to account server"))
    return report


def hand_in(url: str, token: str, report: Report) -> None:
    """Hand in one token that nothing can go on without: a refusal ends the command."""
    try:
        answer = post_token(url, token)
    except HttpError as error:
        raise CommandError(f"failed to push to {quote(url)}: {error}") from None
    if not answer.found and answer.status not in ACCEPTED:
        said = f" - {answer.text.splitlines()[0]}" if answer.text else ""
        raise CommandError(
            f"failed to push account to remote server: {answer.status} {answer.reason}{said}"
        )
    _report_answer(answer, report.section("push jwt to account server"))


def _report_answer(answer: Answer, report: Report) -> None:
    if answer.found:
        report.ok("pushed account jwt to the account server")
    elif answer.status in ACCEPTED:
        report.warn("pushed account jwt was accepted by the account server")
    else:
        report.error(f"failed to push account to remote server: {answer.status} {answer.reason}")
    report.server(answer.text)


def exchange(store: Store, name: str, report: Report) -> None:
    """Hand in an account that signed itself, and take it back as the operator signed it."""
    operator = store.operator()
    url = operator.nats.account_server_url
    if not is_http(url):
        report.warn(
            f"unable to push to {quote(operator.name)} - operator doesn't set an account server"
            " url or manual exchange necessary"
        )
        report.warn("perform push/pull again or exchange self-signed JWT manually")
        return
    key = store.account(name).subject
    hand_in(account_url(url, key), store.account_token(name), report)
    token = fetch_account(url, key)
    try:
        found = jwt.decode_account(token).subject
    except TokenError:
        found = ""
    if found != key:
        raise CommandError(f"what the account server has for {key} is no token of that account")
    store.put_account(token, name)
    report.ok("pull jwt from account server")


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
