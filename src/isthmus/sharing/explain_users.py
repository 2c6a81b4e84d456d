"""May the account's user do what a share takes: publish here, subscribe there, get in at all.

Owns the hop `permissions`. Knows claims only: what counts is what a server would decide about the
user's token, its scope, the account's default permissions and revocations.
"""

from collections.abc import Iterator, Sequence

import msgspec

from isthmus.base import subjects
from isthmus.base.values import NS_PER_S, Value
from isthmus.identity import trust
from isthmus.identity.claims import AccountClaims, Permission, UserClaims, UserLimits
from isthmus.identity.findings import Severity
from isthmus.identity.revocations import EVERYBODY, is_revoked
from isthmus.identity.validate import validate
from isthmus.sharing.asset import shared_form
from isthmus.sharing.finding import Finding, Hop
from isthmus.sharing.mending import edit_account, nsc
from isthmus.sharing.world import World

HOP = "permissions"
INBOX = "_INBOX.>"


class Need(Value):
    """Subjects, literal or patterns, as the importing account knows them."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


def check_users(
    world: World, account: str, name: str, need: Need
) -> tuple[Hop, tuple[Finding, ...]]:
    """The hop, and what is wrong with the user `name`; with none named, with every user."""
    users = world.users.get(account, ())
    subject = (*need.publish, *need.subscribe, "")[0]
    if name:
        users = tuple(user for user in users if user.name == name)
        if not users:
            finding = _missing(world, account, name)
            return _broken([finding], subject), (finding,)
    if not users:
        text = f"the store has no user of {world.name(account)}"
        return Hop(name=HOP, state="unknown", text=text, subject=subject), ()
    found = {user.name: tuple(_check(world, account, user, need)) for user in users}
    fine = [user for user, findings in found.items() if not findings]
    if fine:
        others = f" (of {len(found)} users: name one with --user)" if len(found) > len(fine) else ""
        text = f"user {fine[0]} may{others}"
        return Hop(name=HOP, state="ok", text=text, subject=subject), ()
    findings = next(iter(found.values()))
    return _broken(findings, subject), findings


def _broken(findings: Sequence[Finding], subject: str) -> Hop:
    return Hop(name=HOP, state="broken", text=findings[0].cause, subject=subject)


def _missing(world: World, account: str, name: str) -> Finding:
    return Finding(
        code="user_missing",
        hop=HOP,
        subject=name,
        cause=f"account {world.name(account)} has no user {name} in the store",
        fix=(nsc("add", "user", "--account", world.name(account), "--name", name),),
    )


def _check(world: World, account: str, user: UserClaims, need: Need) -> Iterator[Finding]:
    claims = world.accounts[account]
    yield from _check_token(world, claims, user)
    limits = trust.limits_of(user, claims, world.trust)
    if isinstance(limits, trust.Refusal):
        if limits.reason is not trust.Reason.ISSUER_UNKNOWN:
            yield _finding("user_invalid", world, claims, user, limits.text)
        else:
            yield _finding(
                "user_issuer",
                world,
                claims,
                user,
                f"was signed by {user.issuer}, which does not sign for the account",
                _edit(world, claims, user, "-K", _signer(world, claims)),
            )
        limits = UserLimits(pub=user.nats.pub, sub=user.nats.sub, resp=user.nats.resp)
    yield from _check_limits(world, claims, user, limits)
    yield from _check_subjects(world, claims, user, limits, need)


def _check_token(world: World, claims: AccountClaims, user: UserClaims) -> Iterator[Finding]:
    now_ns = world.now_ns
    if trust.expired(user.expires_s, now_ns):
        fix = _edit(world, claims, user, "--expiry", "1y")
        yield _finding("user_expired", world, claims, user, "has expired", fix)
    if user.not_before_s * NS_PER_S > now_ns:
        fix = _edit(world, claims, user, "--start", "0")
        yield _finding("user_early", world, claims, user, "is not valid yet", fix)
    for finding in validate(user, now_ns):
        if finding.severity is Severity.ERROR:
            yield _finding("user_invalid", world, claims, user, f"is not valid: {finding.text}")
    if claims.nats.limits.disallow_bearer and user.nats.bearer_token:
        fix = _edit(world, claims, user, "--bearer=false")
        text = "is a bearer, which the account does not allow"
        yield _finding("user_invalid", world, claims, user, text, fix)
    if is_revoked(claims.nats.revocations, user.subject, user.issued_s):
        who = user.subject
        if not is_revoked({who: claims.nats.revocations.get(who, 0)}, who, user.issued_s):
            who = EVERYBODY
        fix = nsc("revocations", "delete-user", "-a", world.name(claims.subject), "-u", who)
        whom = "all users" if who == EVERYBODY else "the user"
        text = f"is revoked: account {world.name(claims.subject)} has revoked {whom}"
        yield _finding("user_revoked", world, claims, user, text, fix)


def _check_limits(
    world: World, claims: AccountClaims, user: UserClaims, limits: UserLimits
) -> Iterator[Finding]:
    """Zero is a real limit: nobody gets in, or nobody hears anything."""
    account = world.name(claims.subject)
    if claims.nats.limits.connections == 0:
        yield Finding(
            code="connection_limit",
            hop=HOP,
            cause=f"account {account} allows no connection at all",
            fix=(edit_account(world, claims.subject, "--conns=-1"),),
        )
    if claims.nats.limits.subs == 0:
        yield Finding(
            code="subscription_limit",
            hop=HOP,
            cause=f"account {account} allows no subscription at all",
            fix=(edit_account(world, claims.subject, "--subscriptions=-1"),),
        )
    elif limits.subs == 0 and user.issuer in {claims.subject, *claims.nats.scopes}:
        fix = _edit(world, claims, user, "--subs=-1")
        yield _finding("subscription_limit", world, claims, user, "may not subscribe at all", fix)


class _Who(Value):
    """A user, the account, and where the user's permissions come from: `scope`, `default`, ``."""

    claims: AccountClaims
    user: UserClaims
    source: str
    allowed: tuple[str, ...] = ()  # in the direction that is looked at


def _check_subjects(
    world: World, claims: AccountClaims, user: UserClaims, limits: UserLimits, need: Need
) -> Iterator[Finding]:
    source = ""
    if claims.nats.scopes.get(user.issuer) is not None:
        source = "scope"
    elif trust.says_nothing(limits):
        limits, source = trust.with_defaults(limits, claims), "default"
    who = _Who(claims=claims, user=user, source=source)
    answers = limits.resp is not None and not limits.pub.allow and not limits.pub.deny
    for direction, rule, wanted in (
        ("pub", limits.pub, need.publish),
        ("sub", limits.sub, need.subscribe),
    ):
        who = msgspec.structs.replace(who, allowed=rule.allow)
        closed = answers and direction == "pub"
        for entry, denied in _denied(rule, wanted).items():
            yield _forbidden(world, who, direction, denied, entry)
        names = [name for name in wanted if closed or not _allowed(rule, name)]
        if names:
            yield _forbidden(world, who, direction, names, "")


def _denied(rule: Permission, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Entries of the deny list, and what of the wanted each takes away."""
    found: dict[str, list[str]] = {}
    for name in wanted:
        for entry in rule.deny:
            pattern, _, queue = entry.partition(" ")
            if not queue and subjects.covers(pattern, name):
                found.setdefault(entry, []).append(name)
    return found


def _allowed(rule: Permission, name: str) -> bool:
    """An inbox of its own is as good as the usual one; a part of a pattern is enough."""
    if not rule.allow:
        return True
    patterns = [entry.partition(" ")[0] for entry in rule.allow]
    if name == INBOX and any(pattern.startswith("_INBOX") for pattern in patterns):
        return True
    return any(subjects.collide(pattern, name) for pattern in patterns)


def _forbidden(
    world: World, who: _Who, direction: str, names: Sequence[str], entry: str
) -> Finding:
    """One entry that denies, or for want of one the list that does not allow."""
    claims, user, source = who.claims, who.user, who.source
    names = [shared_form(name) for name in names]
    verb = "publish" if direction == "pub" else "subscribe"
    why = f"{entry!r} is denied" if entry else "no allowed subject covers it"
    by = {"scope": " by the scope of its signing key", "default": " by the account's default"}
    words = ["--rm", entry] if entry else []
    for name in [] if entry else names:
        words += [f"--allow-{direction}", name]
    again = [f"--allow-{direction}", entry] if entry in who.allowed else []  # `--rm` takes all
    account = world.name(claims.subject)
    fix = tuple(_permit(world, who, *flags) for flags in (words, again) if flags)
    return Finding(
        code="permission_denied",
        hop=HOP,
        subject=names[0],
        cause=f"user {user.name} of {account} may not {verb} to {', '.join(names)}:"
        f" {why}{by.get(source, '')}",
        fix=fix,
    )


def _permit(world: World, who: _Who, *words: str) -> str:
    """Change permissions where they come from."""
    claims, user = who.claims, who.user
    scope = claims.nats.scopes.get(user.issuer)
    if who.source == "scope" and scope is not None:
        key, account = scope.role or scope.key, world.name(claims.subject)
        return nsc("edit", "signing-key", "--account", account, "--sk", key, *words)
    if who.source == "default":
        return edit_account(world, claims.subject, *words)
    return _edit(world, claims, user, *words)


def _finding(
    code: str, world: World, claims: AccountClaims, user: UserClaims, text: str, *fix: str
) -> Finding:
    return Finding(
        code=code,
        hop=HOP,
        subject=user.name,
        cause=f"user {user.name} of {world.name(claims.subject)} {text}",
        fix=fix,
    )


def _edit(world: World, claims: AccountClaims, user: UserClaims, *words: str) -> str:
    return nsc("edit", "user", "--account", world.name(claims.subject), "--name", user.name, *words)


def _signer(world: World, claims: AccountClaims) -> str:
    """A key that may sign for the account."""
    strict = world.operator.nats.strict_signing_key_usage
    plain = [key for key, scope in claims.nats.scopes.items() if scope is None]
    return plain[0] if strict and plain else claims.subject
