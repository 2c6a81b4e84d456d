"""What deleting a user does to its files.

Shared by `delete user` and `delete account`: the lines of the report and what they stand for. Knows
no flags; the account's own token is the caller's business.
"""

from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.store import Store


def delete_user(
    store: Store, account: str, name: str, *, revoked: bool, with_key: bool, with_creds: bool
) -> Report:
    """Decide that a user goes; the caller adds the report to its own."""
    key = store.user(account, name).subject
    report = Report(f"user {name} [{key}]")
    if revoked:
        report.ok("revoked user")
    store.remove_user(account, name)
    report.ok("user deleted")
    if with_key:
        gone = store.keys.remove(key)
        report.ok("deleted private key" if gone else "private key is not stored")
    if with_creds:
        gone = store.keys.remove_creds(store.creds_path(account, name))
        report.ok("removed creds file" if gone else "creds file is not stored")
    return report
