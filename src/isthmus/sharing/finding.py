"""What is wrong with a grant, as values: findings, the hops they stand at, and a whole explanation.

Owns the list of codes and of hops; nothing else says what a code means. Knows no accounts and no
servers: `explain`, `lint` and `refused` find out what is wrong. Invariant: a finding's code is in
`CODES` and its hop in `HOPS`.

A message from one account to another passes these, in this order:

    permissions   may the user publish or subscribe to the subject at all
    import        does an import of the account take the subject, and is it the right kind
    activation    does the token open the export: whose, for whom, what, until when
    export        does the other account offer it, as the right kind, with the right response type
    pushed        does the server have both accounts, as they stand in the store
    stream        does the stream exist
    consumer      does the consumer exist, and does it fit: pull or push, deliver subject, filter
    ack           do acknowledgements find their way back, unrenamed
    acknowledged  does somebody acknowledge
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from isthmus.base.values import Value

State = Literal["ok", "broken", "unknown"]
HOPS = (
    "permissions",
    "import",
    "activation",
    "export",
    "pushed",
    "stream",
    "consumer",
    "ack",
    "acknowledged",
)
CODES = {
    # permissions
    "permission_denied": "the user's permissions forbid the subject",
    "user_missing": "the account has no such user in the store",
    "user_expired": "the user's token has expired",
    "user_early": "the user's token is not valid yet",
    "user_revoked": "the account has revoked the user",
    "user_issuer": "the key that signed the user belongs to the account no more",
    "user_invalid": "the user's token is refused whatever the time",
    # the accounts themselves
    "account_missing": "the account is not in the store, or the server does not know it",
    "account_expired": "the account's token has expired",
    "account_early": "the account's token is not valid yet",
    "account_invalid": "the account's token is refused as a whole",
    "account_untrusted": "the account is not signed by a key of the operator",
    # import
    "import_missing": "no import takes the subject",
    "import_kind": "the import is a service where a stream is offered, or the reverse",
    "import_subject": "the import does not cover the subject",
    "import_shadowed": "another import takes the subject first",
    "import_rewriting": "the import's two subjects do not fit each other",
    "import_cycle": "requests would come back to the account they left",
    "limit_imports": "the account has more imports than the operator allows",
    # activation
    "activation_missing": "the export is private and the import has no token",
    "activation_invalid": "the token can not be read, or is not valid in itself",
    "activation_account": "the token is for another account",
    "activation_subject": "the token is for another subject",
    "activation_kind": "the token is for the other kind of export",
    "activation_issuer": "the key that signed the token does not speak for the exporter",
    "activation_expired": "the token has expired",
    "activation_early": "the token is not valid yet",
    "activation_revoked": "the exporter has revoked the token",
    # export
    "export_missing": "the other account exports no such subject",
    "export_type": "the other account exports the subject as the other kind",
    "response_type": "the export lets through fewer responses than the subject needs",
    "position_mismatch": "a token of the subject has to name the importing account",
    "not_approved": "the export is for other accounts only",
    "limit_exports": "the account has more exports than the operator allows",
    "limit_wildcards": "the operator allows the account no wildcard exports",
    "jetstream_disabled": "the account that owns the stream has no JetStream",
    # pushed: what only a server can tell
    "server_unreachable": "the server does not answer",
    "not_pushed": "the server has not got the account",
    "stale": "the server has another version of the account than the store",
    "import_inactive": "the server says that the import is not active",
    "connection_limit": "the account has as many connections as it may",
    "subscription_limit": "the account has as many subscriptions as it may",
    # stream and consumer
    "stream_missing": "the stream does not exist",
    "jetstream_limit": "the account has reached a limit of JetStream",
    "consumer_missing": "the consumer does not exist",
    "consumer_push": "the consumer pushes, where a pull consumer is wanted",
    "consumer_pull": "the consumer is pulled from, where a push consumer is wanted",
    "deliver_subject": "the consumer delivers to another subject than the one that is shared",
    "filter_mismatch": "the consumer's filter matches no subject of the stream",
    "consumer_paused": "the consumer is paused",
    # acknowledgements
    "ack_import_missing": "no import carries the acknowledgements back",
    "ack_import_renamed": "acknowledgements are imported under another name than they are sent to",
    "ack_export_missing": "the acknowledgements are not exported",
    "max_ack_pending": "as many messages wait for an acknowledgement as the consumer allows",
    "not_acknowledged": "messages are delivered and nobody acknowledges them",
    # what works, but should be otherwise
    "broad_grant": "the grant opens more than one stream or consumer needs",
    "public_jetstream": "every account may import a JetStream subject",
    "no_expiry": "the grant never ends by itself",
    "expires_soon": "the grant ends soon",
    "unused_signing_key": "nothing in the store is signed by the signing key",
}


class Finding(Value):
    """One thing that is wrong. `cause` is one line; `fix` are whole command lines, in order."""

    code: str
    hop: str
    cause: str
    subject: str = ""
    fix: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold every author to the one list, and the cause to one line."""
        assert self.code in CODES, self.code
        assert self.hop in HOPS, self.hop
        msgspec.structs.force_setattr(self, "cause", one_line(self.cause))


class Hop(Value):
    """One place that a message passes, and whether it gets through."""

    name: str
    state: State
    text: str
    subject: str = ""


class Explanation(Value):
    """Why something works or not. `findings`: the most fundamental cause first."""

    account: str
    what: str
    hops: tuple[Hop, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """True if nothing is known to be wrong (hops may be unknown)."""
        return not self.findings

    def document(self) -> dict[str, object]:
        """The JSON form, which programs read."""
        return {
            "ok": self.ok,
            "account": self.account,
            "what": self.what,
            "hops": [_hop(hop) for hop in self.hops],
            "findings": [finding_document(finding) for finding in self.findings],
        }


def finding_document(finding: Finding) -> dict[str, object]:
    """The JSON form of one finding."""
    return {
        "code": finding.code,
        "hop": finding.hop,
        "subject": finding.subject,
        "cause": finding.cause,
        "fix": list(finding.fix),
    }


def _hop(hop: Hop) -> dict[str, object]:
    return {"hop": hop.name, "state": hop.state, "text": hop.text, "subject": hop.subject}


def by_hop(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in the order in which a message meets their hops; equal ones once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: HOPS.index(finding.hop)))


def one_line(text: str) -> str:
    """Text from a token or a server, safe to print: control characters are escaped."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in text)


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
