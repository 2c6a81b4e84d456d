"""What streams reserve: an account's within the server's."""

import pytest

from isthmus.jetstream.limits import AccountLimits
from isthmus.jetstream.reservations import Reservations
from isthmus.jetstream.stream_config import Storage, StreamConfig


def stream(size: int, storage: Storage = Storage.FILE) -> StreamConfig:
    return StreamConfig(name="S", max_bytes=size, storage=storage)


def test_what_an_account_reserves_counts_for_the_server():
    whole = Reservations(1000, 2000)
    one, other = Reservations(above=whole), Reservations(above=whole)
    one.add(stream(700))
    one.add(stream(30, Storage.MEMORY))
    other.add(stream(500))
    other.add(stream(-1))
    assert (one.memory, one.storage, other.memory, other.storage) == (30, 700, 0, 500)
    assert (whole.memory, whole.storage) == (30, 1200)
    one.remove(stream(700))
    assert (one.storage, whole.storage) == (0, 500)


@pytest.mark.parametrize(("limit", "whole", "others", "found"), [
    (-1, -1, 50, -1), (10, -1, 50, 10), (-1, 100, 0, 100), (-1, 100, 60, 40), (10, 100, 60, 10),
    (50, 100, 60, 40), (50, 100, 100, 0), (-1, 100, 130, 0),
])  # fmt: skip
def test_an_account_may_what_others_leave(limit, whole, others, found):
    server = Reservations(whole, whole)
    mine, theirs = Reservations(above=server), Reservations(above=server)
    mine.add(stream(5))
    mine.add(stream(7, Storage.MEMORY))
    theirs.add(stream(others))
    theirs.add(stream(others, Storage.MEMORY))
    room = mine.within(AccountLimits(max_memory=limit, max_storage=limit, max_streams=3))
    assert (room.max_memory, room.max_storage, room.max_streams) == (found, found, 3)


def test_without_a_server_around_only_the_account_counts():
    limits = AccountLimits(max_memory=1, max_storage=2)
    assert Reservations().within(limits) == limits
