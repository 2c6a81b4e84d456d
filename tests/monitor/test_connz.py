"""Connections as a document: sorting, filters and slices."""

import msgspec
import pytest

from isthmus.base.errors import UsageError
from isthmus.base.slices import at_once
from isthmus.base.values import to_json
from isthmus.monitor import connz
from isthmus.monitor.connz import ALL, CLOSED, Connz, ConnzQuery, write_connz
from isthmus.monitor.documents import COMPACT, INDENTED, indented
from isthmus.monitor.roster import AccountTraffic, ConnectionSnapshot, SubscriptionSnapshot
from isthmus.monitor.snapshots import ServerSnapshot

NOW_NS = 100_000_000_000
SLICE = 4  # subscriptions
SERVER = ServerSnapshot(server_id="N", server_name="n", start_ns=0, now_ns=NOW_NS)


class FixedRoster:
    def __init__(self, *connections, ended=(), subjects=()):
        self._connections = connections
        self._ended = list(ended)
        self._subjects = subjects

    def known(self, account):
        return account == "A"

    def open(self, account=""):
        return iter(self._connections)

    def closed(self, account=""):
        return self._ended

    def subscriptions(self, cid):
        for at, some in enumerate(self.subjects(cid)):
            yield [
                SubscriptionSnapshot(subject=subject, sid=f"{at}.{index}", cid=cid)
                for index, subject in enumerate(some)
            ]

    def subjects(self, cid):
        for at in range(0, len(self._subjects), SLICE):
            yield self._subjects[at : at + SLICE]

    def traffic(self, account=""):
        return iter((AccountTraffic(name="A", label="A"),))


def text(roster, asked, layout=COMPACT):
    return b"".join(at_once(write_connz(SERVER, roster, asked, layout)))


def document_of(roster, **asked):
    return msgspec.json.decode(text(roster, ConnzQuery(**asked)), type=Connz)


def connection(cid, **fields):
    return ConnectionSnapshot(cid=cid, **fields)


def cids(roster, **asked):
    return [one.cid for one in document_of(roster, **asked).connections]


MANY = FixedRoster(
    connection(1, started_ns=1, active_ns=9, subscriptions=2, in_messages=5, rtt_ns=3),
    connection(2, started_ns=2, active_ns=8, subscriptions=3, out_bytes=5, rtt_ns=1),
    connection(3, started_ns=3, active_ns=7, subscriptions=1, pending_bytes=5, rtt_ns=2),
)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", [1, 2, 3]),
        ("cid", [1, 2, 3]),
        ("start", [1, 2, 3]),
        ("uptime", [3, 2, 1]),
        ("subs", [2, 1, 3]),
        ("last", [1, 2, 3]),
        ("idle", [3, 2, 1]),
        ("rtt", [1, 3, 2]),
        ("msgs_from", [1, 2, 3]),
        ("bytes_to", [2, 1, 3]),
        ("pending", [3, 1, 2]),
    ],
)
def test_the_order(sort, order):
    assert cids(MANY, sort=sort) == order


def test_those_that_ended():
    ended = [connection(7, stopped_ns=5, reason="b"), connection(8, stopped_ns=9, reason="a")]
    roster = FixedRoster(connection(1), ended=ended)
    assert cids(roster, state=CLOSED) == [7, 8]
    assert cids(roster, state=CLOSED, sort="stop") == [8, 7]
    assert cids(roster, state=CLOSED, sort="reason") == [8, 7]
    assert cids(roster, state=ALL) == [1, 7, 8]


def test_how_long_it_lasted():
    roster = FixedRoster(
        connection(1, started_ns=NOW_NS - 62_000_000_000, active_ns=NOW_NS - 1_000_000_000),
        ended=[connection(2, started_ns=0, active_ns=0, stopped_ns=5_000_000_000)],
    )
    document = document_of(roster, state=ALL)
    assert [(one.uptime, one.idle) for one in document.connections] == [
        ("1m2s", "1s"),
        ("5s", "5s"),
    ]


def slices_and_pieces(roster, asked):
    """How many pauses before the first piece, and how many pieces."""
    work, slices = write_connz(SERVER, roster, asked, COMPACT), 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            return slices, sum(1 for _ in end.value)
        slices += 1


def test_many_connections_and_subscriptions_take_many_slices():
    roster = FixedRoster(
        *(connection(cid) for cid in range(5 * connz.SLICE_CONNECTIONS)),
        subjects=["s"] * (3 * SLICE),
    )
    sorting = 1
    assert slices_and_pieces(roster, ConnzQuery()) == (5 + sorting, 1 + 5 + 1)
    around, between = 2, 2
    asked = ConnzQuery(limit=2, subscriptions=True)
    assert slices_and_pieces(roster, asked) == (5 + sorting, around + between + 2 * (3 + 1))


@pytest.mark.parametrize("connections", [0, 1, 2, 3 * connz.SLICE_CONNECTIONS + 1])
@pytest.mark.parametrize("subjects", [0, 1, SLICE, 3 * SLICE + 1])
@pytest.mark.parametrize("query", [{}, {"subscriptions": True}, {"subscriptions_detail": True}])
def test_what_is_written_in_pieces_is_the_document(connections, subjects, query):
    roster = FixedRoster(
        *(connection(cid, name=f"<{cid}>", subscriptions=subjects) for cid in range(connections)),
        subjects=[f"s.\n{number}.\u20ac" for number in range(subjects)],
    )
    asked = {"sort": "subs", "offset": 1, **query}
    document = document_of(roster, **asked)
    assert [one.cid for one in document.connections] == list(range(1, connections))
    for one in document.connections:
        listed = one.subscriptions_list or one.subscriptions_list_detail
        assert len(listed) == (subjects if query else 0)
    assert text(roster, ConnzQuery(**asked)) == to_json(document)
    assert text(roster, ConnzQuery(**asked), INDENTED) == indented(document)
    pieces = list(at_once(write_connz(SERVER, roster, ConnzQuery(**asked), INDENTED)))
    assert not query or max(map(len, pieces), default=0) < 3000  # whatever there is


def test_many_are_in_order_however_they_were_found():
    number = 3 * connz.SLICE_CHOSEN
    roster = FixedRoster(
        *(connection(cid, subscriptions=cid * 7919 % 100, name=str(cid)) for cid in range(number))
    )
    found = cids(roster, sort="subs", offset=100, limit=2000)
    ordered = sorted(range(number), key=lambda cid: cid * 7919 % 100, reverse=True)
    assert found == ordered[100:2100]


def test_an_account_without_connections_is_not_an_unknown_one():
    empty = document_of(FixedRoster(), acc="A")
    assert (empty.server_id, empty.connections) == ("N", ())
    unknown = document_of(FixedRoster(), acc="B")
    assert (unknown.server_id, unknown.connections) == ("", None)


def test_an_unknown_order_is_refused():
    with pytest.raises(UsageError, match="invalid sorting option: size"):
        document_of(MANY, sort="size")


@pytest.mark.parametrize("query", [{"subscriptions": True}, {"subscriptions_detail": True}])
@pytest.mark.parametrize(
    "name",
    [
        "items of {0}",
        '"items of {0}"',
        '"{0}": [',
        '"{0}": [\n        "items of {0}"\n      ]',
    ],
)
def test_no_name_of_a_client_is_taken_for_the_place_of_its_subscriptions(query, name):
    detailed = "subscriptions_detail" in query
    listed = "subscriptions_list_detail" if detailed else "subscriptions_list"
    said = name.replace("{0}", listed)
    one = connection(1, name=said, lang=said, version=said, subscriptions=1)
    roster = FixedRoster(one, subjects=["s"])
    document = document_of(roster, **query)
    (found,) = document.connections
    assert (found.name, found.lang, found.version) == (said, said, said)
    assert len(getattr(found, listed)) == 1
    assert text(roster, ConnzQuery(**query), INDENTED) == indented(document)
    assert text(roster, ConnzQuery(**query)) == to_json(document)
