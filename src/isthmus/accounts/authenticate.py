"""CONNECT to the user it is, or why not.

Owns the users of a configuration. In operator mode the chain of tokens decides (`identity.trust`).
Knows no socket. Every failure is an `AuthError` whose text is for the log: the peer only ever hears
"Authorization Violation". A bcrypt password takes long on purpose, so it comes back as a
`PasswordCheck` that the caller runs where it may block; an account that is not here as an
`AccountCheck`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from isthmus.accounts.permissions import Permissions
from isthmus.base.errors import AuthError
from isthmus.base.handshake import ConnectInfo
from isthmus.base.values import Value
from isthmus.identity import nkeys, trust


class User(Value):
    """Who a connection is. `name` is what monitoring shows, `label` what the log shows."""

    account: str
    name: str
    label: str
    permissions: Permissions = Permissions()
    has_default_permissions: bool = False  # those of the account: they change with it
    subscriptions_max: int = -1
    payload_max: int = -1
    expires_ns: int = 0
    issued_s: int = 0
    token: str = ""
    issuer_key: str = ""
    name_tag: str = ""
    tags: tuple[str, ...] = ()
    connection_types: tuple[str, ...] = ()
    bearer: bool = False


class Login(Value):
    """A user of the configuration and its secret: a password (plain or bcrypt), or an nkey."""

    user: User
    password: str = ""
    nkey: str = ""

    def __repr__(self) -> str:
        """Name the user, never the password."""
        return f"Login({self.user.label!r})"


class PasswordCheck(Value):
    """Run `password_matches` on it in a worker; then `user` is in."""

    user: User
    given: str
    stored: str

    def __repr__(self) -> str:
        """Name the user, never the password."""
        return f"PasswordCheck({self.user.label!r})"


class AccountCheck(Value):
    """Look for the account, which is not here; then authenticate again."""

    account: str


class Loading(NamedTuple):
    """Accounts have to be loaded first; then `steps` returns the user.

    Or the account that must be looked for elsewhere. A step may raise `AuthError`; it yields the
    name of an account that has to be decided before the next one, or nothing: it was a slice.
    """

    steps: Generator[str, None, User | AccountCheck]


Verdict = User | PasswordCheck | AccountCheck | Loading


_BCRYPT = ("$2a$", "$2b$", "$2x$", "$2y$")
_BCRYPT_BYTES = 72  # what the algorithm looks at


def password_matches(check: PasswordCheck) -> bool:
    """Compare with bcrypt: a hundred milliseconds, without the interpreter lock."""
    import bcrypt  # noqa: PLC0415 — where nobody has such a password it is not needed

    stored = check.stored
    if stored[:4] in ("$2x$", "$2y$"):
        stored = "$2b$" + stored[4:]
    return bcrypt.checkpw(check.given.encode()[:_BCRYPT_BYTES], stored.encode())


def is_bcrypt(password: str) -> bool:
    """True if a configured password is a bcrypt hash."""
    return password[:4] in _BCRYPT and password[4:6].isdigit() and password[6:7] == "$"


def require_signature(connect: ConnectInfo, nkey: str, nonce: str) -> None:
    """The client signed our nonce with `nkey`. Raises `AuthError`."""
    try:
        signature = trust.parse_signature(connect.sig)
    except ValueError as error:
        raise AuthError("signature of the nonce is not base64") from error
    nkeys.verify(nkey, nonce.encode(), signature)


class Authenticator:
    """Who may connect, by configuration.

    `default` is the user of clients that say nothing (no authorization configured, or
    `no_auth_user`); None refuses them. `token` is the one shared token, plain or bcrypt. `verify`,
    called with CONNECT, nonce and address, is operator mode: it takes the place of everything else.
    """

    def __init__(
        self,
        logins: Sequence[Login] = (),
        *,
        default: User | None = None,
        token: str = "",
        token_user: User | None = None,
        verify: Callable[[ConnectInfo, str, str], User | Loading | AccountCheck] | None = None,
    ) -> None:
        self._by_name = {login.user.name: login for login in logins if not login.nkey}
        self._by_nkey = {login.nkey: login for login in logins if login.nkey}
        self._default = default
        self._token = token
        self._token_user = token_user
        self._verify = verify

    @property
    def required(self) -> bool:
        """True if a client must say who it is (INFO.auth_required)."""
        return self._default is None

    @property
    def uses_nonce(self) -> bool:
        """True if some user signs a nonce."""
        return bool(self._by_nkey) or self._verify is not None

    def authenticate(self, connect: ConnectInfo, nonce: str, address: str) -> Verdict:
        """Decide one CONNECT that came from `address`. Raises `AuthError`."""
        if self._verify is not None:
            return self._verify(connect, nonce, address)
        if connect.nkey:
            login = self._by_nkey.get(connect.nkey)
            if login is None:
                raise AuthError(f"unknown nkey {connect.nkey}")
            require_signature(connect, connect.nkey, nonce)
            return login.user
        if self._token and self._token_user is not None:
            return self._compare(self._token_user, connect.auth_token, self._token)
        if connect.user and self._by_name:
            login = self._by_name.get(connect.user)
            if login is None:
                raise AuthError(f'User "{connect.user}"')
            return self._compare(login.user, connect.password, login.password)
        if self._default is not None and not (
            self._by_name and (connect.user or connect.password or connect.auth_token)
        ):
            return self._default
        raise AuthError("no credentials given")

    @staticmethod
    def _compare(user: User, given: str, stored: str) -> User | PasswordCheck:
        if is_bcrypt(stored):
            return PasswordCheck(user=user, given=given, stored=stored)
        if not hmac.compare_digest(given.encode(), stored.encode()):
            raise AuthError(f"wrong password for {user.label}")
        return user
