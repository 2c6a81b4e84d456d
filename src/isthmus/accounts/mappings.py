"""From the mappings of an account, as configured or signed, to what is carried out per message.

Owns the shares: what is left of a hundred stays on the subject itself, or is dropped if the subject
is one of its own destinations. Destinations for a cluster count in that cluster only, which a
single server is not. A mapping that cannot be is left out, and `problems` says why.
"""

import contextlib
from collections.abc import Iterator, Sequence

from isthmus.accounts.destinations import identity, make_rewriting
from isthmus.accounts.pace import MAP_US, Pace
from isthmus.accounts.spec import MappedTo, SubjectMapping
from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.slices import Sliced
from isthmus.core.mapping import MappedSubject, Mapping
from isthmus.core.rewriting import Rewriting

WHOLE = 100
_BUCKETS = ("$KV.>", "$OBJ.>")  # messages published, not requests, below the API's prefix


def make_mapping(mappings: Sequence[SubjectMapping], pace: Pace) -> Sliced[Mapping | None]:
    """What is carried out, or None if nothing is to be; an account may have thousands."""
    entries = []
    for mapping in mappings:
        with contextlib.suppress(UsageError):
            entries.append(make_entry(mapping))
        if pace.full(MAP_US * (1 + len(mapping.to))):
            yield
    return Mapping(entries) if entries else None


def of_domain(domain: str) -> tuple[SubjectMapping, ...]:
    """What clients that name the domain publish into buckets as; nothing without a domain."""
    if not domain:
        return ()
    return tuple(
        SubjectMapping(subject=f"$JS.{domain}.API.{name}", to=(MappedTo(subject=name),))
        for name in _BUCKETS
    )


def problems(mappings: Sequence[SubjectMapping]) -> Iterator[str]:
    """Which mappings are left out, and why."""
    for mapping in mappings:
        try:
            make_entry(mapping)
        except UsageError as error:
            yield f'mapping of "{mapping.subject}" is left out: {error}'


def make_entry(mapping: SubjectMapping) -> MappedSubject:
    """One mapped subject. Raises `UsageError` if it makes no sense."""
    subject = mapping.subject
    if not subjects.valid(subject):
        raise UsageError(f'Subject "{subject}" is not a valid subject')
    ways: list[tuple[int, Rewriting | None]] = []
    left: dict[str, int] = {}
    seen = set()
    for to in mapping.to:
        if (to.subject, to.cluster) in seen:
            raise UsageError(f'duplicate entry for "{to.subject}"')
        seen.add((to.subject, to.cluster))
        left[to.cluster] = left.get(to.cluster, WHOLE) - to.weight
        if left[to.cluster] < 0:
            raise UsageError("total weight needs to be <= 100")
        rewriting = make_rewriting(subject, to.subject)
        if to.weight and not to.cluster:
            ways.append((to.weight, rewriting))
    rest = left.get("", WHOLE)
    if rest:
        itself = any(to.subject == subject and not to.cluster for to in mapping.to)
        ways.append((rest, None if itself else identity(subject)))
    return MappedSubject(subject.encode(), ways)
