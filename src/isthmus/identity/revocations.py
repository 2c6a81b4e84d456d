"""Revocation lists: key → second, meaning that whatever was issued until then counts no more.

The key `*` stands for everybody. Lists are plain dictionaries inside frozen claims, so every change
makes a new one.
"""

from collections.abc import Mapping

EVERYBODY = "*"


def is_revoked(revocations: Mapping[str, int], key: str, issued_s: int) -> bool:
    """True if claims about `key`, issued at `issued_s`, are revoked.

    Claims that do not say about whom or since when are, too: nobody could revoke them.
    """
    if not key or issued_s <= 0:
        return True
    if not revocations:
        return False
    return max(revocations.get(key, 0), revocations.get(EVERYBODY, 0)) >= issued_s


def with_revocation(revocations: Mapping[str, int], key: str, until_s: int) -> dict[str, int]:
    """The list with `key` revoked until `until_s`; a later moment that stands there stays."""
    return {**revocations, key: max(until_s, revocations.get(key, until_s))}


def without_revocation(revocations: Mapping[str, int], key: str) -> dict[str, int]:
    """The list without the entry for `key`."""
    return {name: until_s for name, until_s in revocations.items() if name != key}


def compacted(revocations: Mapping[str, int]) -> dict[str, int]:
    """The list without the entries that the one for everybody includes."""
    if EVERYBODY not in revocations:
        return dict(revocations)
    floor_s = revocations[EVERYBODY]
    return {
        key: until_s
        for key, until_s in revocations.items()
        if key == EVERYBODY or until_s > floor_s
    }
