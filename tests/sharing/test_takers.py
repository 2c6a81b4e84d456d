"""Who has tokens for an export stands in its description."""

import msgspec
import pytest

from isthmus.identity.claims import Export
from isthmus.identity.nkeys import Kind
from isthmus.identity.urls import INFO_CHARS_MAX
from isthmus.sharing.takers import Taker, make_taker, takers, with_taker
from support.tokens import key

NOW_S = 1_800_000_000
EXPORT = Export(name="x", subject="x", type="service", token_required=True)


def account(number):
    return key(Kind.ACCOUNT, f"taker-{number}").public_key


def test_what_was_written_is_read_back():
    both = (
        Taker(key=account(1), name="A (1)", since_s=NOW_S, until_s=NOW_S + 60),
        Taker(key=account(2), since_s=NOW_S),
    )
    export = EXPORT
    for taker in both:
        export = with_taker(export, taker)
    assert takers(export) == both


def test_lines_of_people_stay():
    export = msgspec.structs.replace(EXPORT, description="orders\nshared with nobody")
    changed = with_taker(export, Taker(key=account(1), since_s=NOW_S))
    assert changed.description.startswith("orders\nshared with nobody\nshared with A")
    assert [taker.key for taker in takers(changed)] == [account(1)]


def test_a_taker_has_one_line():
    export = with_taker(EXPORT, Taker(key=account(1), since_s=NOW_S, until_s=NOW_S + 5))
    export = with_taker(export, Taker(key=account(1), since_s=NOW_S + 9))
    assert takers(export) == (Taker(key=account(1), since_s=NOW_S + 9),)


@pytest.mark.parametrize("ended", ["expired", "revoked"])
def test_takers_whose_tokens_count_no_more_make_room(ended):
    until_s = NOW_S + 10 if ended == "expired" else 0
    first = Taker(key=account(0), since_s=NOW_S, until_s=until_s)
    export = with_taker(EXPORT, first)
    count = 1
    while True:
        longer = with_taker(export, Taker(key=account(count), since_s=NOW_S))
        if longer == export:
            break
        export, count = longer, count + 1
    assert count > 50
    assert len(export.description.encode()) <= INFO_CHARS_MAX
    if ended == "revoked":
        export = msgspec.structs.replace(export, revocations={account(0): NOW_S})
    changed = with_taker(export, Taker(key=account(count), since_s=NOW_S + 10))
    names = [taker.key for taker in takers(changed)]
    assert account(0) not in names
    assert names[-1] == account(count)
    assert len(names) == count


def test_names_that_do_not_fit_into_a_line_are_left_out():
    assert make_taker(account(1), "a\nb", NOW_S, 0).name == ""
    assert make_taker(account(1), "x" * 65, NOW_S, 0).name == ""
