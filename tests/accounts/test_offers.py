"""The export that offers a subject, beside a walk through the exports in their order."""

from hypothesis import given
from hypothesis import strategies as st

from isthmus.accounts.offers import Offers
from isthmus.accounts.spec import Export
from isthmus.base import subjects

TOKENS = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=3)
SUBJECTS = st.builds(
    lambda tokens, tail: ".".join([*tokens, *tail]), TOKENS, st.sampled_from([[], [">"]])
)
KINDS = st.sampled_from(["service", "stream"])


def walk(exports: list[Export], kind: str, subject: str) -> Export | None:
    offers = [export for export in exports if export.kind == kind]
    exact = [export for export in offers if export.subject == subject]
    covering = [export for export in offers if subjects.covers(export.subject, subject)]
    return next(iter(exact + covering), None)


@given(st.lists(st.tuples(KINDS, SUBJECTS), max_size=8), KINDS, SUBJECTS)
def test_what_is_found_is_what_a_walk_finds(offered, kind, subject):
    exports = [
        Export(kind=one, subject=name, threshold_ns=place)
        for place, (one, name) in enumerate(offered)
    ]
    assert Offers(exports).find(kind, subject) is walk(exports, kind, subject)
