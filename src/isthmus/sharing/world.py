"""What is known when somebody asks why a share does not work: claims, users, what a server said.

Plain values with a few look-ups. Knows no files and no connection: `nsc` fills it from its store
and, if asked, from a server. What is not in it is not known, and is called so.
"""

from isthmus.accounts import claims as specs
from isthmus.accounts.spec import AccountSpec
from isthmus.base.values import Value
from isthmus.identity.claims import AccountClaims, OperatorClaims, UserClaims
from isthmus.identity.trust import Trust
from isthmus.sharing.told import Told


class World(Value):
    """Accounts by public key. `complete`: the operator has no other accounts than these."""

    now_ns: int
    operator: OperatorClaims
    accounts: dict[str, AccountClaims] = {}
    names: dict[str, str] = {}  # public key -> name in the store
    tokens: dict[str, str] = {}  # public key -> the account's token, as the store has it
    users: dict[str, tuple[UserClaims, ...]] = {}
    complete: bool = True
    told: Told | None = None  # None: no server was asked
    seen: dict[str, AccountSpec] = {}  # what `spec` has made

    def name(self, key: str) -> str:
        """The name that people know an account by."""
        return self.names.get(key, key)

    def spec(self, key: str) -> AccountSpec | None:
        """The account as a server would run it."""
        claims = self.accounts.get(key)
        if claims is not None and key not in self.seen:
            self.seen[key] = specs.make_spec(claims, "")
        return self.seen.get(key)

    @property
    def trust(self) -> Trust:
        """Whose signature under an account counts."""
        return Trust.from_operators([self.operator])


class Question(Value):
    """What is asked about. Exactly one of `subject`, `share`, `taken`, `offered` or `other`.

    `share` is a stream and a consumer, which is empty for a whole stream; the account gives it and
    `other` takes it. `taken` and `offered` name an import or export, or give its subject.
    """

    account: str  # public key, as `other`
    subject: str = ""
    share: tuple[str, str] | None = None
    taken: str = ""
    offered: str = ""
    other: str = ""
    user: str = ""
