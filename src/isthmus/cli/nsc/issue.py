"""Signing claims and storing the tokens.

Owns the last step of every verb that changes an operator, an account or a user: check the claims,
sign them, decide on the files. Knows no flags. A change that brings an error into a token is
refused, so the server need not be the one who finds it; an error that was there before is not in
the way of another change.
"""

from isthmus.base.quoting import quote
from isthmus.cli.groups import CommandError
from isthmus.cli.nsc.push_http import exchange
from isthmus.cli.nsc.report import Report
from isthmus.cli.nsc.signers import account_signer, operator_signer
from isthmus.cli.nsc.store import Store
from isthmus.identity import creds, jwt, validate
from isthmus.identity.claims import AccountClaims, AnyClaims, OperatorClaims, UserClaims
from isthmus.identity.nkeys import KeyPair, Kind


def new_key(store: Store, kind: Kind) -> KeyPair:
    """A new key, stored in the keystore."""
    pair = KeyPair.make(kind, store.surroundings.entropy)
    store.keys.put(pair)
    return pair


def issue_operator(store: Store, claims: OperatorClaims, signer: KeyPair | None = None) -> None:
    """Sign and store the operator."""
    name = store.operator_name
    before = store.operator() if store.has_operator() else None
    _require_no_new_error(claims, before, store.surroundings.now_ns)
    signer = signer or operator_signer(store, claims)
    store.put_operator(name, jwt.encode(claims, signer, store.surroundings.now_ns))


def issue_account(
    store: Store,
    claims: AccountClaims,
    name: str,
    report: Report,
    *,
    signer: KeyPair | None = None,
    checked: bool = True,
) -> None:
    """Sign and store an account under its local name.

    Where the operator is managed by somebody else, the account signs itself and its token is
    exchanged for one that the operator signed.
    """
    before = store.account(name) if store.has_account(name) else None
    if checked:
        _require_subjects(claims, before)
        _require_no_new_error(claims, before, store.surroundings.now_ns)
    signer = signer or account_signer(store, claims)
    store.put_account(jwt.encode(claims, signer, store.surroundings.now_ns), name)
    if signer.kind is Kind.ACCOUNT:
        exchange(store, name, report)


def issue_user(store: Store, claims: UserClaims, account: str, signer: KeyPair) -> bool:
    """Sign and store a user, and the creds if the user's seed is here; tell whether it is."""
    before = store.user(account, claims.name) if claims.name in store.users(account) else None
    _require_no_new_error(claims, before, store.surroundings.now_ns)
    token = jwt.encode(claims, signer, store.surroundings.now_ns)
    store.put_user(account, token, claims.name)
    seed = store.keys.seed(claims.subject)
    if not seed:
        return False
    store.keys.put_creds(store.creds_path(account, claims.name), creds.make_creds(token, seed))
    return True


def report_creds(store: Store, account: str, user: str, *, written: bool, report: Report) -> None:
    """The line about the creds file."""
    if written:
        report.ok(f"generated user creds file {store.shown(store.creds_path(account, user))}")
    else:
        report.ok("skipped generating creds file - user private key is not available")


def _require_subjects(claims: AccountClaims, before: AccountClaims | None) -> None:
    """What is newly shared has a subject that somebody can publish or subscribe to."""
    known = set(_shared_subjects(before)) if before else set()
    for subject in _shared_subjects(claims):
        if subject not in known and ">" in subject.split(".")[:-1]:
            raise CommandError(f"subject {quote(subject)} can have a `>` at its end only")


def _shared_subjects(claims: AccountClaims) -> list[str]:
    exported = [shared.subject for shared in claims.nats.exports]
    return exported + [shared.subject for shared in claims.nats.imports]


def _require_no_new_error(claims: AnyClaims, before: AnyClaims | None, now_ns: int) -> None:
    known = validate.blocking(validate.validate(before, now_ns)) if before else []
    for finding in validate.blocking(validate.validate(claims, now_ns)):
        if finding not in known:
            raise CommandError(finding.text)
