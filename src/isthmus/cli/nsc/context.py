"""The current store, operator and account.

Owns `nsc.json` and the rules that fill in what a command does not name. Reads the folder layout,
never a token. The order: `nsc.json`, then the working folder if it lies in a store, then the only
choice where there is just one.
"""

from pathlib import Path

import msgspec

from isthmus.base.quoting import back_quote
from isthmus.base.values import Value
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.folders import Folders
from isthmus.cli.nsc.surroundings import Surroundings
from isthmus.cli.nsc.transaction import Transaction

OPERATOR_FILE = ".nsc"
ACCOUNTS, USERS = "accounts", "users"


class ConfigFile(msgspec.Struct):
    """`nsc.json`, key for key."""

    store_root: str = ""
    operator: str = ""
    account: str = ""
    github_updates: str = "nats-io/nsc"
    last_update: int = 0


class Context(Value):
    """What a command means when it names nothing. Empty texts: nothing is selected."""

    stores: Path | None
    operator: str = ""
    account: str = ""
    from_cwd: bool = False


def load_config(path: Path, transaction: Transaction) -> ConfigFile | None:
    """The configuration; None if there is none yet."""
    content = transaction.read(path)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=ConfigFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(
            f"{back_quote(str(path))} is not a configuration of nsc: {error}",
            hint="mend the file, or remove it and select again: nsc env -s <folder> -o <operator>",
        ) from None


def find_context(
    folders: Folders, config: ConfigFile, surroundings: Surroundings, transaction: Transaction
) -> Context:
    """Apply the rules."""
    cwd_only = "NSC_CWD_ONLY" in surroundings.environ
    context = Context(stores=None)
    if not cwd_only:
        stores = folders.stores or Path(config.store_root or folders.default_stores)
        context = Context(stores=stores, operator=config.operator, account=config.account)
    if folders.stores is None:
        context = _from_folder(surroundings.cwd, surroundings.home, context)
    return normalised(context, transaction)


def normalised(context: Context, transaction: Transaction) -> Context:
    """Select the only choice; drop a selection that does not exist among several."""
    if context.stores is None or not context.stores.is_dir():
        return context
    operators = operator_names(context.stores, transaction)
    operator = _only_or_known(operators, context.operator)
    accounts: list[str] = []
    if operator:
        accounts = account_names(context.stores / operator, transaction)
    return msgspec.structs.replace(
        context, operator=operator, account=_only_or_known(accounts, context.account)
    )


def operator_names(stores: Path, transaction: Transaction) -> list[str]:
    """Operators of a store, sorted."""
    return [
        name
        for name in transaction.names(stores)
        if transaction.exists(stores / name / OPERATOR_FILE)
    ]


def account_names(folder: Path, transaction: Transaction) -> list[str]:
    """Accounts of the operator in `folder`, sorted. A folder without its token is no account."""
    accounts = folder / ACCOUNTS
    return [
        name
        for name in transaction.names(accounts)
        if transaction.exists(accounts / name / f"{name}.jwt")
    ]


def _only_or_known(names: list[str], current: str) -> str:
    if len(names) == 1:
        return names[0]
    return current if current in names else ""


def _from_folder(cwd: Path, home: Path, before: Context) -> Context:
    """`before` as the working folder changes it, if that lies in a store."""
    for folder in (cwd, *cwd.parents):
        if (folder / OPERATOR_FILE).is_file():
            inside = cwd.relative_to(folder).parts
            account = inside[1] if len(inside) > 1 and inside[0] == ACCOUNTS else before.account
            return Context(
                stores=folder.parent, operator=folder.name, account=account, from_cwd=True
            )
    if cwd != home and _holds_operators(cwd):
        return msgspec.structs.replace(before, stores=cwd, from_cwd=True)
    return before


def _holds_operators(folder: Path) -> bool:
    try:
        return any((child / OPERATOR_FILE).is_file() for child in folder.iterdir())
    except OSError:
        return False
