"""What `--sk` means: a key that exists, or a new one."""

from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.issue import new_key
from isthmus.cli.nsc.signers import load_key
from isthmus.cli.nsc.store import Store
from isthmus.identity import nkeys
from isthmus.identity.nkeys import Kind

GENERATE = "generate"


def signing_key(store: Store, text: str, kind: Kind) -> str:
    """The public key to add; a seed that was given or made goes into the keystore."""
    if text.lower() == GENERATE:
        return new_key(store, kind).public_key
    if nkeys.is_public(text, kind):
        return text
    if nkeys.kind_of(text) is not None:
        raise CommandError(f"{text} is not the public key of an {kind.title}")
    pair = load_key(store, text, kind)
    store.keys.put(pair)
    return pair.public_key
