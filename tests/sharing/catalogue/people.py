"""Faults of users and accounts: not permitted, at a limit, expired, revoked, gone."""

from collections.abc import Callable

from msgspec.structs import replace

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.creds import make_creds
from sharing.catalogue.exports import DELIVERING, PULLING
from sharing.catalogue.fault import Fault, steps
from sharing.catalogue.feeds import BY_PUSH_SHARE
from sharing.catalogue.pulled import signing_key_of
from sharing.catalogue.world import ACK, GIVER, HOUR_S, NEXT, TAKER, World, local

USER = f"{TAKER}-USER"
ACK_STEM = ACK.removesuffix(">")


def user(flags: str, *, account: str = TAKER) -> Callable[[World], object]:
    return lambda world: world.ok(f"edit user --account {account} --name {account}-USER {flags}")


def account(flags: str, *, name: str = TAKER) -> Callable[[World], object]:
    return lambda world: world.ok(f"edit account --name {name} {flags}")


def limited(name: str, **limits: object) -> Callable[[World], object]:
    return lambda world: world.limit(name, **limits)


def scope_without_acks(world: World) -> None:
    """The role of the taker's signing key no longer includes acknowledging."""
    role = f"--account {TAKER} --sk {signing_key_of(world, TAKER)}"
    world.ok(f"edit signing-key {role} --deny-pub '$JS.ACK.>'")


def user_expired(world: World) -> None:
    claims = world.user_claims(TAKER)
    claims = replace(claims, expires_s=world.now_s - HOUR_S)
    pair = world.pair(claims.subject)
    token = jwt.encode(claims, world.pair(world.public(TAKER)), world.now_s * NS_PER_S)
    world.path(TAKER, USER).write_text(token)
    (world.keys / f"creds/O/{TAKER}/{USER}.creds").write_text(make_creds(token, pair.seed))


def account_expired(name: str) -> Callable[[World], object]:
    return lambda world: world.write(replace(world.claims(name), expires_s=world.now_s - HOUR_S))


def user_revoked(whom: str) -> Callable[[World], object]:
    def plant(world: World) -> None:
        world.now_s += 5
        world.ok(f"revocations add-user --account {TAKER} --user-public-key '{whom}'")

    return plant


PEOPLE: dict[str, Fault] = {
    "pulling-denied": Fault(
        "guide",
        user("--deny-pub 'ACCTC.API.>'"),
        ("permission_denied",),
        local(NEXT),
        PULLING | {"info"},
    ),
    "pulling-not-allowed": Fault(
        "guide",
        user("--allow-pub 'orders.>,$JS.ACK.>'"),
        ("permission_denied",),
        local(NEXT),
        PULLING | {"info"},
    ),
    "acknowledging-denied": Fault(
        "guide", user("--deny-pub '$JS.ACK.>'"), ("permission_denied",), ACK_STEM, steps("ack")
    ),
    "acknowledging-not-allowed": Fault(
        "guide", user("--allow-pub 'ACCTC.API.>'"), ("permission_denied",), ACK_STEM, steps("ack")
    ),
    "inbox-denied": Fault("guide", user("--deny-sub '_INBOX.>'"), ("permission_denied",), "_INBOX"),
    "inbox-not-allowed": Fault(
        "guide", user("--allow-sub 'orders.>'"), ("permission_denied",), "_INBOX"
    ),
    "scope-denies-acknowledging": Fault(
        "scoped-user", scope_without_acks, ("permission_denied",), ACK_STEM, steps("ack")
    ),
    "denied-by-default": Fault(
        "default-permissions",
        account("--deny-pub 'ACCTC.API.CONSUMER.MSG.>'"),
        ("permission_denied",),
        local(NEXT),
        PULLING,
    ),
    "delivery-denied": Fault(
        "push",
        user("--deny-sub 'retail.>'"),
        ("permission_denied",),
        "retail.v1.order.events",
        DELIVERING,
    ),
    "pushed-ack-denied": Fault(
        "push",
        user("--deny-pub '$JS.>'"),
        ("permission_denied",),
        "$JS.ACK",
        steps("ack"),
        ask=BY_PUSH_SHARE,
    ),
    "news-denied": Fault(
        "news",
        user("--deny-sub 'retail.v1.cart.*'"),
        ("permission_denied",),
        "retail.v1.cart.started",
    ),
    "asking-denied": Fault(
        "service", user("--deny-pub 'stock.*'"), ("permission_denied",), "stock.check"
    ),
    "user-expired": Fault("guide", user_expired, ("user_expired",), USER),
    "user-revoked": Fault("guide", user_revoked(USER), ("user_revoked",), USER),
    "users-revoked": Fault("guide", user_revoked("*"), ("user_revoked",), USER),
    "taker-expired": Fault("guide", account_expired(TAKER), ("account_expired",), TAKER),
    # the real server keeps imports of an expired account until it starts again
    "giver-expired": Fault(
        "guide", account_expired(GIVER), ("account_expired",), GIVER, only={"real": frozenset()}
    ),
    "too-many-imports": Fault(
        "guide",
        limited(TAKER, imports=2),
        ("limit_imports",),
        "2",
        refusal="contains more imports than allowed",
    ),
    "too-many-exports": Fault(
        "guide",
        limited(GIVER, exports=2),
        ("limit_exports",),
        "2",
        frozenset(),
        refusal="contains more exports than allowed",
    ),
    # ours refuses what is new and lets consumers go on that are there
    "jetstream-off": Fault(
        "guide",
        account("--js-disable", name=GIVER),
        ("jetstream_disabled",),
        GIVER,
    ),
    "no-connections": Fault("guide", limited(TAKER, connections=0), ("connection_limit",), TAKER),
    "no-subscriptions": Fault("guide", limited(TAKER, subs=0), ("subscription_limit",), TAKER),
}
