"""Which key signs what.

Owns the choice: what `-K` names, or else the first key that may sign and whose seed is in the
keystore. Knows no verb and writes nothing. A key that may not sign is refused here, not by the
server that reads the token later.

    operator token      the operator's key or a signing key of it
    account token       the same; only a signing key if the operator is strict; the account itself
                        where the operator is managed by somebody else
    user, activation    the account's key or a signing key of it; likewise
"""

from collections.abc import Sequence

from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.store import Store
from isthmus.identity import nkeys
from isthmus.identity.claims import AccountClaims, OperatorClaims
from isthmus.identity.nkeys import KeyPair, Kind, NkeyError


def operator_keys(operator: OperatorClaims) -> list[str]:
    """Keys that may sign accounts, in the order they are tried."""
    keys = list(operator.nats.signing_keys)
    return keys if operator.nats.strict_signing_key_usage else [operator.subject, *keys]


def account_keys(account: AccountClaims, operator: OperatorClaims) -> list[str]:
    """Keys that may sign an account's users and activations, in the order they are tried."""
    keys = sorted(account.nats.scopes)
    return keys if operator.nats.strict_signing_key_usage else [account.subject, *keys]


def operator_signer(store: Store, operator: OperatorClaims) -> KeyPair:
    """The key for the operator's own token."""
    keys = [operator.subject, *operator.nats.signing_keys]
    return _choose(store, Kind.OPERATOR, keys, "invalid operator signer")


def account_signer(store: Store, account: AccountClaims) -> KeyPair:
    """The key for an account's token; who signed it last comes first.

    The account itself signs where others hold the operator's keys.
    """
    if not store.info().managed:
        return account_operator_key(store, previous=account.issuer)
    keys = [*operator_keys(store.operator()), account.subject]
    if store.private_key:
        return _named(store, (Kind.OPERATOR, Kind.ACCOUNT), keys, "invalid account signer")
    return _from_keystore(store, keys)


def account_operator_key(store: Store, *, previous: str = "") -> KeyPair:
    """The operator's key for what it says about accounts, their deletion included."""
    keys = operator_keys(store.operator())
    return _choose(store, Kind.OPERATOR, keys, "invalid account signer", previous)


def user_signer(store: Store, account: AccountClaims, *, previous: str = "") -> KeyPair:
    """The key for a user of `account`, or for one of its activations."""
    keys = account_keys(account, store.operator())
    if not keys:
        raise CommandError(
            "unable to issue users when operator requires signing keys and the account has none",
            hint=f"add one: nsc edit account {account.name} --sk generate",
        )
    named = key_of_role(account, store.private_key)
    if named:
        return _from_keystore(store, [named])
    return _choose(store, Kind.ACCOUNT, keys, "invalid user signer", previous)


def key_of_role(account: AccountClaims, role: str) -> str:
    """The scoped signing key of that role; empty if there is none."""
    scopes = sorted(account.nats.scopes.items())
    return next((key for key, scope in scopes if role and scope and scope.role == role), "")


def issuer_account(signer: KeyPair, account: AccountClaims) -> str:
    """What a token must say besides its issuer: the account, if a signing key issued it."""
    return "" if signer.public_key == account.subject else account.subject


def load_key(store: Store, text: str, *kinds: Kind) -> KeyPair:
    """The key pair that `text` means: a seed, a file with one, or a public key in the keystore."""
    if nkeys.is_public(text, *kinds):
        return _from_keystore(store, [text])
    return _require_kind(_parse_seed(store, text), kinds)


def _choose(
    store: Store, kind: Kind, keys: Sequence[str], complaint: str, previous: str = ""
) -> KeyPair:
    if store.private_key:
        return _named(store, (kind,), keys, complaint)
    ordered = sorted(keys, key=lambda key: key != previous) if previous else list(keys)
    return _from_keystore(store, ordered)


def _named(store: Store, kinds: Sequence[Kind], keys: Sequence[str], complaint: str) -> KeyPair:
    """The key that -K names, if it may sign."""
    pair = load_key(store, store.private_key, *kinds)
    if pair.public_key not in keys:
        raise CommandError(complaint, hint=f"{pair.public_key} is none of: {', '.join(keys)}")
    return pair


def _from_keystore(store: Store, keys: Sequence[str]) -> KeyPair:
    for key in keys:
        pair = store.keys.load(key)
        if pair is not None:
            return pair
    raise CommandError(
        "unable to resolve any of the following signing keys in the keystore: " + ", ".join(keys),
        hint="name the key file or the seed: -K <file>",
    )


def _parse_seed(store: Store, text: str) -> KeyPair:
    """A seed, or the first line of a file that is one. An error never quotes the text."""
    try:
        return KeyPair.from_seed(text)
    except NkeyError:
        pass
    try:
        lines = store.path(text).read_text(encoding="ascii", errors="replace").splitlines()
    except (OSError, ValueError):
        raise CommandError("the key is no seed, no public key and no readable file") from None
    for line in lines:
        if nkeys.is_seed(line.strip()):
            return KeyPair.from_seed(line.strip())
    raise CommandError(f"there is no seed in {store.shown(text)}")


def _require_kind(pair: KeyPair, kinds: Sequence[Kind]) -> KeyPair:
    if pair.kind not in kinds:
        wanted = " or ".join(kind.title for kind in kinds)
        raise CommandError(f"the key is for {pair.kind.title}, not for {wanted}")
    return pair
