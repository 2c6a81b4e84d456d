"""From the mappings of an account, as configured or signed, to what is carried out per message.

Owns the shares: what is left of a hundred stays on the subject itself, or is dropped if the subject
is one of its own destinations. Destinations for a cluster count in that cluster only, which a
single server is not. A mapping that cannot be is left out, and `problems` says why.
"""

from collections.abc import Iterator, Sequence

from isthmus.accounts.destinations import identity, make_rewriting
from isthmus.accounts.spec import SubjectMapping
from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.core.mapping import MappedSubject, Mapping
from isthmus.core.rewriting import Rewriting

WHOLE = 100


def make_mapping(mappings: Sequence[SubjectMapping]) -> Mapping | None:
    """What is carried out, or None if nothing is to be."""
    entries = []
    for mapping in mappings:
        try:
            entries.append(make_entry(mapping))
        except UsageError:
            continue
    return Mapping(entries) if entries else None


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
