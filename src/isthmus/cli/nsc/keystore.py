"""Private keys and creds files on disk.

Owns the layout of the keystore. Knows no tokens and no operators beyond the names in a creds path.
A seed goes into a file of mode 0600 and nowhere else.

    <keys>/.gitignore                                written once, keeps secrets out of repositories
    <keys>/keys/<first letter>/<next two>/<PUBLIC>.nk      one seed, no newline
    <keys>/creds/<operator>/<account>/<user>.creds
"""

from pathlib import Path

from isthmus.base.errors import StoreError
from isthmus.base.ports import Entropy
from isthmus.base.quoting import back_quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.transaction import Transaction
from isthmus.identity.nkeys import KeyPair, Kind, NkeyError, decode_seed
from isthmus.identity.xkeys import CurveKeyPair

AnyKeyPair = KeyPair | CurveKeyPair

_GIT_IGNORE = b"# ignore all nk files \n**/*.nk\n\n# ignore all creds files\n**/*.creds\n"


def make_pair(kind: Kind, entropy: Entropy) -> AnyKeyPair:
    """A new key of any kind."""
    return CurveKeyPair.make(entropy) if kind is Kind.CURVE else KeyPair.make(kind, entropy)


def parse_seed(text: str) -> AnyKeyPair:
    """The key a seed stands for, of any kind; raise `NkeyError` if it is none."""
    kind, _ = decode_seed(text)
    return CurveKeyPair.from_seed(text) if kind is Kind.CURVE else KeyPair.from_seed(text)


class KeyStore:
    """The keys below one folder, read and written through one transaction."""

    def __init__(self, folder: Path, transaction: Transaction, *, git_ignore: bool = True) -> None:
        self.folder = folder
        self._transaction = transaction
        self._git_ignore = git_ignore

    def key_path(self, public_key: str) -> Path:
        """Where the seed of `public_key` is, or would be."""
        letters = public_key
        return self.folder / "keys" / letters[:1] / letters[1:3] / f"{public_key}.nk"

    def creds_path(self, operator: str, account: str, user: str) -> Path:
        """Where the creds of a user are, or would be."""
        return self.folder / "creds" / operator / account / f"{user}.creds"

    def has(self, public_key: str) -> bool:
        """True if the seed of `public_key` is here."""
        return self._transaction.exists(self.key_path(public_key))

    def load(self, public_key: str) -> KeyPair | None:
        """The key pair of `public_key`; None if its seed is not here."""
        path = self.key_path(public_key)
        content = self._transaction.read(path)
        if content is None:
            return None
        try:
            pair = KeyPair.from_seed(content.decode("ascii").strip())
        except (NkeyError, UnicodeDecodeError):
            raise StoreError(f"{back_quote(str(path))} holds no seed") from None
        if pair.public_key != public_key:
            raise StoreError(f"{back_quote(str(path))} holds the seed of another key")
        return pair

    def seed(self, public_key: str) -> str:
        """The seed of `public_key`, curve keys included; empty if it is not here."""
        content = self._transaction.read(self.key_path(public_key))
        return "" if content is None else content.decode("ascii", "replace").strip()

    def put(self, pair: AnyKeyPair) -> None:
        """Store a key. The same seed again is fine; another one under the same name is not."""
        path = self.key_path(pair.public_key)
        before = self._transaction.read(path)
        seed = pair.seed.encode()
        if before is not None and before.strip() != seed:
            raise CommandError(f"key {back_quote(str(path))} already exists and is different")
        if before is None:
            self._put_git_ignore()
            self._transaction.put(path, seed)

    def remove(self, public_key: str) -> bool:
        """Forget a key; false if its seed is not here."""
        return self._remove(self.key_path(public_key))

    def remove_creds(self, path: Path) -> bool:
        """Remove a creds file; false if there is none."""
        return self._remove(path)

    def put_creds(self, path: Path, content: str) -> None:
        """Store a creds file; the one before is replaced."""
        self._put_git_ignore()
        self._transaction.put(path, content.encode())

    def public_keys(self) -> list[str]:
        """All keys whose seed is here, sorted."""
        return sorted(path.stem for path in (self.folder / "keys").glob("*/*/*.nk"))

    def require_current_layout(self) -> None:
        """Refuse a keystore of the old flat layout, as the original does."""
        for name in self._transaction.names(self.folder):
            if name in {"keys", "creds"}:
                continue
            path = self.folder / name
            if _is_secret(path) or (
                len(name) == 1 and path.is_dir() and any(map(_is_secret, path.rglob("*")))
            ):
                raise CommandError(
                    f"the keystore {back_quote(str(self.folder))} needs migration"
                    " - type `nsc keys migrate` to update"
                )

    def _remove(self, path: Path) -> bool:
        there = self._transaction.exists(path)
        if there:
            self._transaction.remove(path)
        return there

    def _put_git_ignore(self) -> None:
        path = self.folder / ".gitignore"
        if self._git_ignore and not self._transaction.exists(path):
            self._transaction.put(path, _GIT_IGNORE)


def _is_secret(path: Path) -> bool:
    return path.suffix in {".nk", ".creds"}
