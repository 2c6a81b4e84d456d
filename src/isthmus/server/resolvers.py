"""Where account tokens live: in memory, or as files of one directory.

Owns finding, saving and removing tokens by account key. Knows nothing of what they say beyond id,
issue time and expiry, and trusts nobody: whether a token may be saved is decided before (in
`claims_service`), whether it may be used is decided after (in `identity.trust`). A call blocks for
the small files it is given, and waits once for the names of all; `pack` is lazy, so that who sends
many tokens can pause in between. One thread may save and delete while another one loads.

    jwt/                                0700, locked by one process
        AB….jwt            0600         the token, nothing else; replaced by rename, never rewritten
        AC….jwt.deleted                 what was removed, unless `hard_delete`
"""

import contextlib
import fcntl
import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from isthmus.base.errors import AuthError, StoreError
from isthmus.base.values import NS_PER_S
from isthmus.core.whole_file import put_whole_files
from isthmus.identity import jwt, nkeys
from isthmus.identity.claims import Claims
from isthmus.identity.nkeys import Kind

NO_LIMIT = -1
HASH_BYTES = 32
_SUFFIX = ".jwt"
_DELETED = ".deleted"
_TEMPORARY = ".tmp"


class MemoryResolver:
    """The tokens of the configuration. What is pushed changes running accounts, not these."""

    shared = False  # nothing to list or to hand to other servers

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = dict(tokens)

    def load(self, key: str) -> str:
        """The token of an account, or an empty text."""
        return self._tokens.get(key, "")


class DirectoryResolver:
    """All tokens of an operator, one file each.

    `limit` bounds how many. Removed tokens leave a `.deleted` file behind unless `hard_delete`.
    Raises `StoreError` if the directory is in use or unusable.
    """

    shared = True

    def __init__(self, folder: Path, *, limit: int = NO_LIMIT, hard_delete: bool = False) -> None:
        self._folder = folder
        self._limit = limit
        self._hard_delete = hard_delete
        self._digests: dict[str, int] = {}  # account key -> SHA-256 of its token, a number
        self._ends_s: dict[str, int] = {}  # account key -> expiry, for those that have one
        self._hash = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _lock(folder)
        except OSError as error:
            raise _unusable(folder, error) from None
        try:
            self._scan()
        except OSError as error:
            os.close(self._lock)
            raise _unusable(folder, error) from None

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self._lock)

    def __len__(self) -> int:
        return len(self._digests)

    def load(self, key: str) -> str:
        """The token of an account, or an empty text."""
        if key not in self._digests:
            return ""
        with contextlib.suppress(FileNotFoundError):
            return self._path(key).read_bytes().decode("ascii", "replace")
        return ""

    def keys(self, now_ns: int) -> list[str]:
        """The keys of all accounts whose tokens have not expired, sorted."""
        return sorted(self._digests.keys() - self._expired(now_ns))

    def save(self, key: str, token: str) -> None:
        """Write a token to stable storage; raise `StoreError` if the directory is full."""
        [error] = self.save_all([(key, token)])
        if error is not None:
            raise error

    def save_all(self, tokens: Iterable[tuple[str, str]]) -> list[StoreError | OSError | None]:
        """Write tokens to stable storage, in order, so that they wait for it together.

        What each failed with, or None. Two of one account wait one after the other.
        """
        out: list[StoreError | OSError | None] = []
        waiting = deque(tokens)
        while waiting:
            some = self._take_some(waiting)
            if some:
                out += self._put(some)
            else:
                waiting.popleft()
                out.append(StoreError("jwt store is full"))
        return out

    def _take_some(self, waiting: deque[tuple[str, str]]) -> dict[str, str]:
        """The first few of different accounts for which there is room, even if none fails."""
        some: dict[str, str] = {}
        room = self._limit - len(self._digests)
        while waiting:
            key, token = waiting[0]
            if key not in self._digests:
                if room <= 0 <= self._limit:
                    break
                room -= 1
            if key in some:
                break
            some[key] = token
            waiting.popleft()
        return some

    def _put(self, some: Mapping[str, str]) -> list[OSError | None]:
        files = []
        for key, token in some.items():
            assert nkeys.is_public(key, Kind.ACCOUNT)
            name = f"{key}{_SUFFIX}"
            files.append((name.encode(), f"{name}{_TEMPORARY}".encode(), token.encode()))
        errors = put_whole_files(self._lock, files)
        for (key, token), error in zip(some.items(), errors, strict=True):
            if error is None:
                self._note(key, token)
        return errors

    def save_if_newer(self, key: str, token: str) -> bool:
        """Save unless the token here is the same or was issued later; true if it was saved."""
        stored = self.load(key)
        if stored and not supersedes(token, stored):
            return False
        self.save(key, token)
        return True

    def delete(self, key: str) -> bool:
        """Forget an account; false if nobody knew it."""
        if key not in self._digests:
            return False
        path = self._path(key)
        with contextlib.suppress(FileNotFoundError):
            if self._hard_delete:
                path.unlink()
            else:
                path.replace(path.with_name(path.name + _DELETED))
        os.fsync(self._lock)
        self._forget(key)
        return True

    def sweep(self, now_ns: int) -> list[str]:
        """Delete the tokens that have expired; whose they were."""
        gone = sorted(self._expired(now_ns))
        for key in gone:
            self.delete(key)
        return gone

    def pack_hash(self) -> bytes:
        """One hash over all tokens in any order, expired or not: the XOR of their SHA-256."""
        return self._hash.to_bytes(HASH_BYTES, "big")

    def pack(self, now_ns: int) -> Iterator[tuple[str, str]]:
        """The accounts of `keys`, with their tokens as they are when their turn comes."""
        for key in self.keys(now_ns):
            token = self.load(key)
            if token:
                yield key, token

    def _expired(self, now_ns: int) -> set[str]:
        now_s = now_ns // NS_PER_S
        ends = list(self._ends_s.items())  # at once: another thread may be saving
        return {key for key, ends_s in ends if ends_s <= now_s}

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _scan(self) -> None:
        for name in sorted(os.listdir(self._folder)):  # noqa: PTH208 - a fifth of iterdir's time
            key, _, suffix = name.partition(".")
            path = self._folder / name
            if f".{suffix}" == _SUFFIX + _TEMPORARY:
                path.unlink()  # a write that a crash interrupted: the old token still stands
            elif f".{suffix}" == _SUFFIX and nkeys.is_public(key, Kind.ACCOUNT):
                self._note(key, path.read_bytes().decode("ascii", "replace"))

    def _note(self, key: str, token: str) -> None:
        digest = int.from_bytes(hashlib.sha256(token.encode()).digest(), "big")
        expires_s = _peek(token).expires_s
        # in one step each: who loads an account meanwhile always finds it
        self._hash ^= self._digests.get(key, 0) ^ digest
        self._digests[key] = digest
        if expires_s > 0:
            self._ends_s[key] = expires_s
        else:
            self._ends_s.pop(key, None)

    def _forget(self, key: str) -> None:
        self._hash ^= self._digests.pop(key, 0)
        self._ends_s.pop(key, None)


def supersedes(token: str, stored: str) -> bool:
    """True if `token` takes the place of `stored`: it is another, and was not issued before it."""
    here, there = _peek(stored), _peek(token)
    return here.id != there.id and here.issued_s <= there.issued_s


def _lock(folder: Path) -> int:
    """A descriptor of the directory that keeps other processes out."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreError(f"resolver directory {folder} is in use by another server") from None
    return descriptor


def _unusable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"resolver directory {folder} can not be used: {error.strerror} ({error.filename});"
        " it must be a directory that this user may read and write"
    )


def _peek(token: str) -> Claims:
    """What a token says of itself, unverified; nothing if it is no token."""
    try:
        return jwt.peek(token)
    except AuthError:
        return Claims()
