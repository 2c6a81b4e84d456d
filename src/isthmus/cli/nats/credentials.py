"""Who connects: the credentials a context or a flag refers to, read and ready to sign.

Owns the forms in which a reference may stand (a path, `file://`, `env://`, `data:`, `nsc://`), and
the order in which the kinds of credentials win. Knows no connection. Invariant: a secret is in no
message of this module.

    user and password → creds → nkey → JWT with seed → JWT alone;  a token goes along with any
"""

import base64
import binascii
import re
import ssl
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from isthmus.base.errors import AuthError
from isthmus.base.values import Value
from isthmus.cli.context import Context
from isthmus.cli.groups import CommandError
from isthmus.identity.creds import parse_creds
from isthmus.identity.nkeys import KeyPair, NkeyError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two letters or more: C:\\ is a path
_NSC_TIMEOUT_S = 30

Signer = Callable[[str], bytes]


class Credentials(Value):
    """What goes into CONNECT. `sign` makes the base64 signature of the server's nonce."""

    user: str = ""
    password: str = ""
    token: str = ""
    jwt: str = ""
    public_key: str = ""
    sign: Signer | None = None


class _Profile(Value):
    user_creds: str = ""


def read_credentials(context: Context, environ: Mapping[str, str]) -> Credentials:
    """The credentials that win, read from where they are."""
    token = _literal(context.token, environ, "token")
    if context.user:
        password = _literal(context.password, environ, "password")
        return Credentials(user=context.user, password=password, token=token)
    creds = context.creds or context.nsc
    if creds:
        return _from_creds(_content(creds, environ), creds, token)
    if context.nkey:
        pair = _key_pair(_content(context.nkey, environ).strip(), context.nkey)
        return Credentials(public_key=pair.public_key, sign=_signer(pair), token=token)
    if context.user_jwt:
        jwt = _literal(context.user_jwt, environ, "jwt")
        if not context.user_seed:
            return Credentials(jwt=jwt, sign=_signer(None), token=token)
        pair = _key_pair(_literal(context.user_seed, environ, "seed"), "--seed")
        return Credentials(jwt=jwt, sign=_signer(pair), token=token)
    return Credentials(token=token)


def tls_context(context: Context) -> ssl.SSLContext:
    """The authorities to trust and the certificate to show."""
    if bool(context.cert) != bool(context.key):
        raise CommandError("a TLS certificate and its key are given together: --tlscert, --tlskey")
    try:
        made = ssl.create_default_context(cafile=context.ca.removeprefix("file://") or None)
        if context.cert:
            made.load_cert_chain(
                context.cert.removeprefix("file://"), context.key.removeprefix("file://")
            )
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(name for name in (context.ca, context.cert, context.key) if name)
        raise CommandError(f"cannot use the TLS files {files}: {_reason(error)}") from None
    return made


def reference_state(reference: str) -> str:
    """How a context view marks a reference: readable, not readable, or found elsewhere."""
    scheme = _scheme(reference)
    if scheme == "data":
        return "embedded data"
    elsewhere = {"op": "1Password", "nsc": "nsc", "env": "runtime environment"}
    if scheme in elsewhere:
        return f"{reference} ({elsewhere[scheme]})"
    path = Path(reference.removeprefix("file://"))
    return f"{reference} ({'OK' if path.is_file() else 'ERROR'})"


def _content(reference: str, environ: Mapping[str, str]) -> str:
    """The text behind a reference whose bare form is a path."""
    scheme = _scheme(reference)
    if scheme not in {"", "file"}:
        return _resolved(scheme, reference, environ)
    path = reference.removeprefix("file://") if scheme else reference
    try:
        return Path(path).read_text()
    except UnicodeDecodeError:
        raise CommandError(f"nats: {path} holds no text: not a credentials file") from None
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise CommandError(f"nats: open {path}: {reason}") from None


def _literal(reference: str, environ: Mapping[str, str], kind: str) -> str:
    """The text behind a reference whose bare form is the text itself."""
    scheme = _scheme(reference)
    if scheme == "file":
        return _content(reference, environ).rstrip("\r\n")
    if scheme in {"op", "nsc", "env", "data"}:
        return _resolved(scheme, reference, environ).rstrip("\r\n")
    return reference


def _resolved(scheme: str, reference: str, environ: Mapping[str, str]) -> str:
    rest = reference.partition(":")[2]
    if scheme == "env":
        name = rest.removeprefix("//")
        if not environ.get(name):
            state = "is empty" if name in environ else "is not set"
            raise CommandError(f'env: variable "{name}" {state}')
        return environ[name]
    if scheme == "data":
        _, mark, payload = rest.partition("base64,")
        if not mark:
            raise CommandError("data: only data:[type];base64,… is understood")
        try:
            return base64.b64decode(payload, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise CommandError("data: the embedded credentials are not base64 text") from None
    if scheme == "nsc":
        return _from_nsc(reference, environ)
    raise CommandError(f'credentials by "{scheme}:" are not supported; use a file, env:// or data:')


def _from_nsc(reference: str, environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 — a fixed program; the reference is one argument
            ["nsc", "generate", "profile", reference],  # noqa: S607 — nsc is found on the PATH
            capture_output=True,
            text=True,
            timeout=_NSC_TIMEOUT_S,
            check=False,
            env=dict(environ),
        )
    except FileNotFoundError:
        raise CommandError("cannot find 'nsc' in user path") from None
    except subprocess.TimeoutExpired:
        raise CommandError(f"nsc invoke failed: no answer within {_NSC_TIMEOUT_S} s") from None
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise CommandError(f"nsc invoke failed: exit status {done.returncode}: {said}")
    try:
        profile = msgspec.json.decode(done.stdout, type=_Profile)
    except msgspec.DecodeError as error:
        raise CommandError(f"could not parse nsc output: {error}") from None
    if not profile.user_creds:
        raise CommandError("nsc output did not include user_creds")
    return _content(profile.user_creds, environ)


def _scheme(reference: str) -> str:
    found = _SCHEME.match(reference)
    scheme = found[1].lower() if found else ""
    return scheme if scheme in {"file", "op", "nsc", "env", "data"} else ""


def _from_creds(text: str, reference: str, token: str) -> Credentials:
    """What a creds file holds; a bearer's has no seed."""
    try:
        creds = parse_creds(text)
    except AuthError as error:
        raise CommandError(f'nats: no credentials in "{_shown(reference)}": {error}') from None
    return Credentials(jwt=creds.token, sign=_signer(creds.key), token=token)


def _key_pair(seed: str, reference: str) -> KeyPair:
    try:
        return KeyPair.from_seed(seed)
    except NkeyError as error:
        raise CommandError(f'no usable nkey seed in "{_shown(reference)}": {error}') from None


def _signer(pair: KeyPair | None) -> Signer:
    """Signs with the key of `pair`; without a key, as a bearer does: not at all."""
    if pair is None:
        return lambda _: b""
    return lambda nonce: base64.b64encode(pair.sign(nonce.encode()))


def _shown(reference: str) -> str:
    """The reference as it may be printed: embedded credentials stay unseen."""
    return "embedded data" if _scheme(reference) == "data" else reference


def _reason(error: OSError | ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or error}".lower().replace("_", " ")
    return (error.strerror or str(error)).lower()


def plain_path(reference: str) -> str:
    """The path a reference names, empty if it names something else."""
    scheme = _scheme(reference)
    return "" if scheme not in {"", "file"} else reference.removeprefix("file://")
