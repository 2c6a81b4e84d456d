"""An invite: one text that carries a share from its giver to its taker.

Owns the layout and what can be checked without any account. It holds no secret: its tokens are good
for the taker's account alone. It is not signed as a whole, so nothing in it is believed that its
tokens do not prove: the subjects follow from the item, and the tokens must be for just these.

    -----BEGIN NATS INVITE-----
    {"giver":{…},"taker":{…},"item":{"kind":"consumer",…},"prefix":…,"tokens":{…},"version":1}
    ------END NATS INVITE------
"""

import re

import msgspec

from isthmus.base.quoting import quote
from isthmus.base.values import Value
from isthmus.identity import jwt
from isthmus.identity.claims import ActivationClaims
from isthmus.identity.nkeys import Kind, is_public
from isthmus.identity.payload import TokenError
from isthmus.identity.revocations import EVERYBODY
from isthmus.sharing.grants import Grant, ShareError
from isthmus.sharing.items import Item

VERSION = 1
_BEGIN, _END = "-----BEGIN NATS INVITE-----", "------END NATS INVITE------"
_BLOCK = re.compile(rf"{_BEGIN}\r?\n([^\r\n]*)\r?\n{_END}")


class Party(Value, omit_defaults=True):
    """An account: its key (`*`: everybody), and what it is called by the giver."""

    key: str
    name: str = ""

    @property
    def title(self) -> str:
        """For people: the name where there is one."""
        return "everybody" if self.key == EVERYBODY else self.name or self.key


class Invite(Value, forbid_unknown_fields=True):
    """A share on its way. `tokens`: a grant's role → its activation; none in a public one."""

    giver: Party
    taker: Party
    item: Item
    prefix: str = ""
    tokens: dict[str, str] = {}
    version: int = VERSION

    @property
    def public(self) -> bool:
        """True if anybody may accept it."""
        return self.taker.key == EVERYBODY

    def activation(self, grant: Grant) -> ActivationClaims:
        """What the grant's token says; raise `ShareError` if it is none."""
        try:
            return jwt.decode_activation(self.tokens[grant.role])
        except KeyError:
            raise ShareError(f"the invite has no token for {grant.subject}") from None
        except TokenError as error:
            raise ShareError(
                f"the invite's token for {grant.subject} is not valid: {error}"
            ) from None

    @property
    def ends_s(self) -> int:
        """The end of the share; 0 if it has none."""
        ends = (
            () if self.public else [self.activation(grant).expires_s for grant in self.item.grants]
        )
        return min((end for end in ends if end), default=0)


def write_invite(invite: Invite) -> str:
    """The text of an invite file."""
    return f"{_BEGIN}\n{msgspec.json.encode(invite).decode()}\n{_END}\n"


def read_invite(text: str) -> Invite:
    """The invite in a text; raise `ShareError` with what is wrong with it."""
    found = _BLOCK.search(text)
    if found is None:
        raise ShareError(f"there is no invite in it: the line {_BEGIN} is missing, or its end")
    try:
        version = msgspec.json.decode(found[1], type=_Versioned).version
        if version != VERSION:
            raise ShareError(f"the invite is of version {version}: this nsc reads {VERSION}")
        invite = msgspec.json.decode(found[1], type=Invite)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ShareError(f"the invite is damaged: {error}") from None
    _check(invite)
    return invite


class _Versioned(Value):
    version: int


def _check(invite: Invite) -> None:
    if not is_public(invite.giver.key, Kind.ACCOUNT):
        raise ShareError(f"the invite's giver {quote(invite.giver.key)} is no account key")
    if not invite.public and not is_public(invite.taker.key, Kind.ACCOUNT):
        raise ShareError(f"the invite's taker {quote(invite.taker.key)} is no account key")
    for party in (invite.giver, invite.taker):
        if not party.name.isprintable():
            raise ShareError(f"the invite names an account {quote(party.name)}")
    invite.item.check()
    wanted = set() if invite.public else {grant.role for grant in invite.item.grants}
    spare = set(invite.tokens) - wanted
    if spare:
        raise ShareError(f"the invite has tokens that {invite.item.title} does not need")
    for grant in invite.item.grants:
        if not invite.public:
            _check_token(invite, grant)


def _check_token(invite: Invite, grant: Grant) -> None:
    """Whether the token says what the invite says."""
    token = invite.activation(grant)
    body = token.nats
    giver = body.issuer_account or token.issuer
    for what, says, wanted in (
        ("from", giver, invite.giver.key),
        ("for", token.subject, invite.taker.key),
        ("for the subject", body.subject, grant.subject),
        ("for a", body.kind, grant.kind),
    ):
        if says != wanted:
            raise ShareError(
                f"the invite's token for {grant.subject} is {what} {quote(says)},"
                f" not {quote(wanted)}"
            )
