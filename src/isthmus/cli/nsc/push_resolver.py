"""What push does at the resolvers of running servers, and the lines about it.

Owns the wording and the signed request to delete accounts; the conversation itself is in
`resolver`, the choice of what to do in `push`.
"""

from collections.abc import Sequence

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc import resolver
from isthmus.cli.nsc.login_flags import LoginFlags
from isthmus.cli.nsc.push_login import make_login
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.resolver import Listing, Pushed, ResolverError
from isthmus.cli.nsc.signers import account_operator_key
from isthmus.cli.nsc.store import Store
from isthmus.identity import jwt
from isthmus.identity.claims import GenericClaims


class Session:
    """One push: the servers behind `url`, and who we are there."""

    def __init__(self, store: Store, url: str, flags: LoginFlags, timeout_s: int) -> None:
        self.store = store
        self.url = url
        self.timeout_s = timeout_s
        self.system_name, self.login = make_login(store, url, flags)

    def push(self, names: Sequence[str]) -> Report:
        """Send accounts, and report what each server said about each."""
        report = Report(with_summary=True)
        tokens = [(name, self.store.account_token(name)) for name in names]
        try:
            pushed = resolver.push(self.login, tokens, timeout_s=self.timeout_s)
        except ResolverError as error:
            report.error(str(error))
            return report
        section = report.section(
            f"push to nats-server {quote(self.url)} using system account {quote(self.system_name)}"
        )
        for result in pushed:
            _report_push(result, section)
        return report

    def compare(self, report: Report, *, prune: bool) -> None:
        """Report which accounts of the servers are in the store; with `prune` remove the others."""
        what = "prune" if prune else "diff"
        section = report.section(f"{what} nats-server with nats account resolver")
        try:
            listings = resolver.list_accounts(self.login, timeout_s=self.timeout_s)
        except ResolverError as error:
            section.error(str(error))
            return
        names = {self.store.account(name).subject: name for name in self.store.accounts()}
        for listing in listings:
            _report_listing(listing, names, section)
        servers = "nats-server" if len(listings) == 1 else "nats-servers"
        section.ok(f"listed accounts from a total of {len(listings)} {servers}")
        if not prune:
            return
        spare = sorted({key for listing in listings for key in listing.accounts} - set(names))
        if spare:
            self._delete(spare, section)
        else:
            section.ok("nothing to prune")

    def remove(self, key: str) -> Report:
        """Remove one account from the servers; the store keeps it."""
        report = Report(with_summary=True)
        self._delete([key], report.section("prune nats-server with nats account resolver"))
        return report

    def _delete(self, keys: list[str], report: Report) -> None:
        if self.store.info().managed:
            raise CommandError("only the operator's keys delete accounts, and they are elsewhere")
        signer = account_operator_key(self.store)
        claims = GenericClaims(subject=signer.public_key, nats={"accounts": keys})
        request = jwt.encode(claims, signer, self.store.surroundings.now_ns)
        try:
            answers = resolver.delete(self.login, request, timeout_s=self.timeout_s)
        except ResolverError as error:
            report.error(str(error))
            return
        for answer in answers:
            if answer.refused:
                report.error(f"server {answer.server} responded with error: {answer.text}")
            else:
                report.ok(f"pruned nats-server {answer.server}: {answer.text}")


def _report_push(result: Pushed, report: Report) -> None:
    name = result.account
    section = report.section(f"push {name} to nats-server with nats account resolver")
    for answer in result.answers:
        if answer.refused:
            section.error(f"server {answer.server} responded with error: {answer.text}")
        else:
            section.ok(f"pushed {quote(name)} to nats-server {answer.server}: {answer.text}")
            for warning in answer.warnings:
                section.warn(warning)
    if not result.answers:
        section.error(f"failed to get response to push account: {result.problem}")
        return
    accepted = sum(not answer.refused for answer in result.answers)
    if accepted:
        servers = "nats-server" if accepted == 1 else "nats-servers"
        section.ok(f"pushed to a total of {accepted} {servers}")


def _report_listing(listing: Listing, names: dict[str, str], report: Report) -> None:
    count = len(listing.accounts)
    section = report.section(f"list {count} accounts from nats-server {listing.server}")
    for key in listing.accounts:
        if key in names:
            section.ok(f"account {key} named {names[key]} exists")
        else:
            section.ok(f"account {key} only exists in server")
