"""Operators, accounts and users as files: the same files the original tool keeps.

Owns the layout of a store and the way from a name or a public key to the claims behind it. Knows no
command and prints nothing. Every read and write goes through one transaction, so a command either
changes everything it means to change, or nothing.

    <stores>/<operator>/.nsc                                        what kind of store this is
    <stores>/<operator>/<operator>.jwt
    <stores>/<operator>/accounts/<account>/<account>.jwt
    <stores>/<operator>/accounts/<account>/users/<user>.jwt         each a bare token, no newline
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from isthmus.base.errors import NatsError
from isthmus.base.quoting import back_quote, quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc import context as contexts
from isthmus.cli.nsc.context import ACCOUNTS, OPERATOR_FILE, USERS, ConfigFile, Context
from isthmus.cli.nsc.folders import FolderFlags, Folders, expand, find_folders, shortened
from isthmus.cli.nsc.keystore import KeyStore
from isthmus.cli.nsc.names import is_token_name, plain
from isthmus.cli.nsc.surroundings import Surroundings
from isthmus.cli.nsc.transaction import Transaction, locked
from isthmus.identity import jwt, nkeys
from isthmus.identity.claims import AccountClaims, OperatorClaims, UserClaims
from isthmus.identity.nkeys import Kind

C = TypeVar("C", OperatorClaims, AccountClaims, UserClaims)


class OperatorInfo(msgspec.Struct):
    """`.nsc` of an operator, key for key. A managed operator was imported: others hold its key."""

    managed: bool = False
    name: str = ""
    kind: str = "operator"
    version: str = "1"


class Store:
    """Everything one run of nsc reads and writes, seen through one transaction."""

    def __init__(
        self, surroundings: Surroundings, flags: FolderFlags, *, private_key: str = ""
    ) -> None:
        self.surroundings = surroundings
        self.private_key = private_key  # what -K said
        self.folders: Folders = find_folders(surroundings, flags)
        self.transaction = Transaction()
        self.keys = KeyStore(
            self.folders.keys,
            self.transaction,
            git_ignore="NSC_NO_GIT_IGNORE" not in surroundings.environ,
        )
        self._context: Context | None = None

    # -- the run -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store; commit what was decided if the block ends well, nothing if not."""
        folder = self.context.stores
        if folder is None:
            yield
            self.transaction.commit()
            return
        with locked(folder):
            self._context = None  # what was read before the lock may have changed
            yield
            self.transaction.commit()

    @property
    def context(self) -> Context:
        """The current store, operator and account."""
        if self._context is None:
            config = contexts.load_config(self.folders.config_file, self.transaction)
            self._context = contexts.find_context(
                self.folders, config or ConfigFile(), self.surroundings, self.transaction
            )
        return self._context

    def select(self, *, stores: Path | None = None, operator: str = "", account: str = "") -> None:
        """Make these the current ones. With NSC_CWD_ONLY the working folder decides instead."""
        config = contexts.load_config(self.folders.config_file, self.transaction)
        config = config or ConfigFile(last_update=self.surroundings.now_s)
        config.store_root = str(stores or self.context.stores or self.folders.default_stores)
        config.operator, config.account = operator, account
        self._context = msgspec.structs.replace(
            self.context, stores=Path(config.store_root), operator=operator, account=account
        )
        if "NSC_CWD_ONLY" not in self.surroundings.environ:
            self.transaction.put(self.folders.config_file, msgspec.json.encode(config))

    def shown(self, path: Path | str) -> str:
        """A path in backquotes, the home folder as `~`."""
        return back_quote(shortened(path, self.surroundings.home))

    def put_output(self, text: str, content: str) -> str:
        """Decide on a file a person named; its path as reports show it. Its folder must exist."""
        path = self.path(text)
        if path.is_dir():
            raise CommandError(f"open {text}: is a directory")
        if not path.parent.is_dir():
            raise CommandError(f"open {text}: no such file or directory")
        self.transaction.put(path, content.encode())
        return self.shown(text)

    def path(self, text: str) -> Path:
        """A path a person typed."""
        return expand(text, self.surroundings)

    # -- operators ---------------------------------------------------------------------------------

    @property
    def stores(self) -> Path:
        """The folder that holds the operators."""
        if self.context.stores is None:
            raise CommandError("no stores available", hint="select one: nsc env -s <folder>")
        return self.context.stores

    def operators(self) -> list[str]:
        """Names, sorted."""
        return contexts.operator_names(self.stores, self.transaction)

    @property
    def operator_name(self) -> str:
        """The current operator."""
        name = self.context.operator
        if not name:
            raise CommandError("set an operator -- 'nsc env -o operatorName'")
        return name

    @property
    def folder(self) -> Path:
        """The folder of the current operator."""
        return self.stores / self.operator_name

    def require_operator(self, name: str) -> None:
        """Raise if there is no such operator."""
        if name not in self.operators():
            raise CommandError(f"operator {quote(name)} not in {back_quote(str(self.stores))}")

    def look_at(self, operator: str) -> None:
        """Mean another operator for the rest of this run; nothing is selected."""
        self._context = msgspec.structs.replace(self.context, operator=operator, account="")

    def looking_at(self, operator: str) -> "Store":
        """The same store, meaning another operator."""
        other = copy.copy(self)
        other.look_at(operator)
        return other

    def info(self) -> OperatorInfo:
        """What kind of store the current operator's is."""
        path = self.folder / OPERATOR_FILE
        content = self.transaction.read(path)
        if content is None:
            raise CommandError(
                f"{back_quote(str(self.folder))} is not a valid data directory:"
                f" {path} does not exist"
            )
        try:
            return msgspec.json.decode(content, type=OperatorInfo)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CommandError(f"{back_quote(str(path))} is damaged: {error}") from None

    def operator(self) -> OperatorClaims:
        """Claims of the current operator."""
        name = self.operator_name
        return jwt_at(jwt.decode_operator, self.operator_token(), self.folder / f"{name}.jwt")

    def has_operator(self) -> bool:
        """False while the current operator is being made."""
        return self.transaction.exists(self.folder / f"{self.operator_name}.jwt")

    def operator_token(self) -> str:
        """The token of the current operator."""
        name = self.operator_name
        token = self._token(self.folder / f"{name}.jwt")
        if token is None:
            raise CommandError(f"operator {name} does not exist")
        return token

    def put_operator(self, name: str, token: str, *, managed: bool = False) -> None:
        """Store an operator's token, making its folder; `managed` if others hold its keys."""
        folder = self.stores / name
        if managed or not self.transaction.exists(folder / OPERATOR_FILE):
            info = OperatorInfo(managed=managed, name=name)
            self.transaction.put(folder / OPERATOR_FILE, msgspec.json.encode(info))
        self.transaction.put(folder / f"{name}.jwt", token.encode())

    # -- accounts ----------------------------------------------------------------------------------

    def accounts(self) -> list[str]:
        """Names, sorted."""
        self.info()
        return contexts.account_names(self.folder, self.transaction)

    def account_path(self, name: str) -> Path:
        """The file of an account's token."""
        return self.folder / ACCOUNTS / name / f"{name}.jwt"

    def has_account(self, name: str) -> bool:
        """True if there is an account of this name, in whatever state."""
        return self.transaction.exists(self.account_path(name))

    def account_name(self, text: str) -> str:
        """The account `text` names, by name or public key; the current one if it is empty."""
        name = text or self.context.account
        if not name:
            self.info()
            raise CommandError("an account is required", hint="name it: -a <account>")
        names = self.accounts()
        if name in names:
            return name
        if nkeys.is_public(name, Kind.ACCOUNT):
            found = self.name_of_account(name)
            if found:
                return found
            raise CommandError(f"no account found with public key {name}")
        raise CommandError(
            f"{quote(name)} not in accounts for operator {quote(self.operator_name)}"
            f" in {back_quote(str(self.stores))}",
            hint=f"it has: {', '.join(names)}" if names else "add one: nsc add account <name>",
        )

    def name_of_account(self, public_key: str) -> str:
        """The local name of an account; empty if it is not in this store."""
        for name in self.accounts():
            if self.account(name).subject == public_key:
                return name
        return ""

    def account_key(self, text: str, flag: str) -> str:
        """The public key that a flag such as `--target-account` means: a key, or a local name."""
        if not text:
            raise CommandError(
                f"{flag} cannot be empty", hint=f"give a public key or a name: --{flag}"
            )
        if nkeys.is_public(text, Kind.ACCOUNT):
            return text
        if nkeys.kind_of(text) is not None:
            raise CommandError(f'{text} is not a valid "account" public key')
        return self.account(text).subject

    def account(self, name: str) -> AccountClaims:
        """Claims of an account of the current operator."""
        return jwt_at(jwt.decode_account, self.account_token(name), self.account_path(name))

    def account_token(self, name: str) -> str:
        """The token of an account of the current operator."""
        token = self._token(self.account_path(name)) if plain(name) else None
        if token is None:
            raise CommandError(f"account {name} does not exist in the current operator")
        return token

    def put_account(self, token: str, name: str) -> None:
        """Store an account's token."""
        self.transaction.put(self.account_path(name), token.encode())

    def remove_account(self, name: str) -> None:
        """Remove an account and its users. It is no longer the current one."""
        self.transaction.remove_folder(self.folder / ACCOUNTS / name)
        if self.context.account == name:
            self.select(operator=self.operator_name)

    # -- users -------------------------------------------------------------------------------------

    def users(self, account: str) -> list[str]:
        """Names of an account's users, sorted."""
        names = self.transaction.names(self.folder / ACCOUNTS / account / USERS)
        return [name.removesuffix(".jwt") for name in names if is_token_name(name)]

    def user_path(self, account: str, name: str) -> Path:
        """The file of a user's token."""
        return self.folder / ACCOUNTS / account / USERS / f"{name}.jwt"

    def user(self, account: str, name: str) -> UserClaims:
        """Claims of a user."""
        token = self.user_token(account, name)
        return jwt_at(jwt.decode_user, token, self.user_path(account, name))

    def user_token(self, account: str, name: str) -> str:
        """The token of a user."""
        token = self._token(self.user_path(account, name)) if plain(name) else None
        if token is None:
            raise CommandError(f"user {name} does not exist in the current account")
        return token

    def put_user(self, account: str, token: str, name: str) -> None:
        """Store a user's token."""
        self.transaction.put(self.user_path(account, name), token.encode())

    def remove_user(self, account: str, name: str) -> None:
        """Remove a user's token."""
        self.transaction.remove(self.user_path(account, name))

    def creds_path(self, account: str, user: str) -> Path:
        """The file of a user's creds in the keystore."""
        return self.keys.creds_path(self.operator_name, account, user)

    def _token(self, path: Path) -> str | None:
        content = self.transaction.read(path)
        return None if content is None else content.decode("utf-8", "replace").strip()


def jwt_at(decode: Callable[[str], C], token: str, path: Path) -> C:
    """Decode a token of the store; an error names its file."""
    try:
        return decode(token)
    except NatsError as error:
        raise CommandError(
            f"{back_quote(str(path))} is damaged: {error}",
            hint="restore the file, or remove it if it can be made again",
        ) from None
