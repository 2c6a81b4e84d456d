"""Subscriptions as a document: pages, tests and slices."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.base import subjects
from isthmus.base.errors import UsageError
from isthmus.base.slices import at_once
from isthmus.monitor.census import SublistSnapshot
from isthmus.monitor.documents import COMPACT, INDENTED
from isthmus.monitor.roster import ConnectionSnapshot, SubscriptionSnapshot
from isthmus.monitor.snapshots import ServerSnapshot
from isthmus.monitor.subsz import Subsz, SubszQuery, write_subsz

SLICE = 3
SERVER = ServerSnapshot(server_id="N", server_name="n", start_ns=0, now_ns=1)


class FixedCensus:
    def sublist(self, name=""):
        return SublistSnapshot(subscriptions=7)


class FixedRoster:
    """Connections by what they are subscribed to."""

    def __init__(self, *listed):
        self.listed = listed

    def open(self, account=""):
        for cid, some in enumerate(self.listed):
            yield ConnectionSnapshot(cid=cid, subscriptions=len(some), account="A")

    def subscriptions(self, cid):
        some = self.listed[cid]
        for at in range(0, len(some), SLICE):
            yield [
                SubscriptionSnapshot(subject=subject, sid=str(number), cid=cid)
                for number, subject in enumerate(some[at : at + SLICE], at)
            ]


def text(roster, layout=COMPACT, **asked):
    query = SubszQuery(subscriptions=True, **asked)
    return b"".join(at_once(write_subsz(SERVER, FixedCensus(), roster, query, layout)))


def document_of(roster, **asked):
    return msgspec.json.decode(text(roster, **asked), type=Subsz)


@given(
    st.lists(st.lists(st.sampled_from(["a", "a.*", "<b>", ">"]), max_size=8), max_size=5),
    st.integers(0, 30),
    st.integers(0, 12),
    st.sampled_from(["", "a", "a.b"]),
)
def test_a_page_is_a_part_of_what_there_is(listed, offset, limit, test):
    roster = FixedRoster(*listed)
    there = [
        (subject, str(number), cid)
        for cid, some in enumerate(listed)
        for number, subject in enumerate(some)
        if not test or subjects.covers(subject, test)
    ]
    document = document_of(roster, offset=offset, limit=limit, test=test)
    found = [(one.subject, one.sid, one.cid) for one in document.subscriptions_list]
    assert found == there[offset : offset + (limit or 1024)]
    assert document.total == len(there)
    assert (document.offset, document.limit) == (min(offset, len(there)), limit or 1024)
    asked = {"offset": offset, "limit": limit, "test": test}
    assert text(roster, INDENTED, **asked) == msgspec.json.format(text(roster, **asked), indent=2)


def test_of_many_no_piece_is_long():
    roster = FixedRoster(["s"] * 3000, ["t"] * 3000)
    query = SubszQuery(subscriptions=True, limit=5000)
    pieces = list(at_once(write_subsz(SERVER, FixedCensus(), roster, query, COMPACT)))
    assert b"".join(pieces).count(b'"sid"') == 5000
    assert max(map(len, pieces)) < 1000


def test_what_is_no_subject_is_not_tested():
    with pytest.raises(UsageError, match="invalid test subject"):
        document_of(FixedRoster(), test="a..b")
