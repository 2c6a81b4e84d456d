"""Tokens in a file, checked one by one: what servers have, as `nats` and `nsc` print it.

A line holds one token; what stands before a `|` is not looked at, nor is an empty line.
"""

from collections import Counter

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.store import Store
from isthmus.cli.nsc.tokens import read_text
from isthmus.identity import jwt
from isthmus.identity.payload import TokenError
from isthmus.identity.validate import Finding, validate

_SHOWN_MAX = 60  # characters of a line that is no token


def file_findings(store: Store, text: str) -> dict[str, list[Finding]]:
    """What is wrong with each token of the file, under its title; with several, a summary."""
    found: dict[str, list[Finding]] = {}
    for line in read_text(store, text).splitlines():
        token = line.partition("|")[2] or line
        if not token.strip():
            continue
        try:
            claims = jwt.decode(token.strip())
        except TokenError as error:
            raise CommandError(
                f"claim decoding error: '{error}' claim: '{line[:_SHOWN_MAX]}'"
            ) from None
        title = f"{jwt.kind_name(claims).title()} {quote(claims.subject)}"
        found[title] = validate(claims, store.surroundings.now_ns)
    titles = sorted(found)
    result = {title: found[title] for title in titles}
    if len(titles) > 1:
        counts = Counter(finding for findings in found.values() for finding in findings)
        result['Account "summary of all accounts"'] = [
            Finding(severity=finding.severity, text=f"{finding.text} ({count} occurrences)")
            for finding, count in counts.items()
        ]
    return result
