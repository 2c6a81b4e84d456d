"""Service imports between accounts of a `support.core.World`."""

import re

from isthmus.core.crossing import Crossing
from isthmus.core.latency import Latency
from support.core import MemoryConnection, World


def cross(
    world: World,
    local: bytes,
    remote: bytes = b"",
    parts: list[bytes | int] | None = None,
    *,
    importer: str = "B",
    exporter: str = "A",
    **settings: object,
) -> Crossing:
    """An open import, subscribed."""
    crossing = Crossing(
        world.account(importer),
        world.account(exporter),
        local=local,
        remote=remote or local,
        parts=parts,
        **settings,
    )
    crossing.open(0)
    crossing.subscribe()
    return crossing


def reply_of(heard: bytes) -> bytes:
    """The reply subject of the first message in `heard`."""
    found = re.match(rb"H?MSG \S+ \S+ (_R_\S+) \d", heard)
    assert found, heard
    return found[1]


def info(account: bytes = b"B") -> bytes:
    return b'{"acc":"%s","rtt":1000}' % account


def chain(
    world: World, *, shares: tuple[bool, bool] = (False, False), last: Latency | None = None
) -> tuple[MemoryConnection, ...]:
    """C imports from B what B imports from A; connections in C and A."""
    cross(world, b"top", b"mid", [b"mid"], importer="C", exporter="B", share=shares[0])
    deep = cross(world, b"mid", b"deep", [b"deep"], importer="B", exporter="A", share=shares[1])
    deep.measure(last)
    asker, service = world.connect("C"), world.connect("A")
    asker.say(b"SUB _INBOX.c 1")
    service.say(b"SUB deep 1")
    return asker, service
