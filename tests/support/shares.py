"""Two accounts and what one shares with the other, as values."""

import msgspec

from isthmus.identity.claims import AccountClaims, Export, make_account
from isthmus.identity.nkeys import Kind
from isthmus.sharing import Item, Party, PullConsumer, Shared, Terms, share
from support.tokens import NOW_NS, key

GIVER, TAKER, OTHER = (key(Kind.ACCOUNT, name) for name in ("giver", "taker", "other"))
TAKING = Party(key=TAKER.public_key, name="ACCTB")
EVERYBODY = Party(key="*")
CONSUMER = PullConsumer(stream="RESTOCKEVENTS", consumer="RESTOCKEVENTS-C1")
NEXT, ACK, INFO = (grant.subject for grant in CONSUMER.grants)
NOW_S = NOW_NS // 1_000_000_000


def account(pair, name: str, *, jetstream: bool = True, **body: object) -> AccountClaims:
    claims = make_account(pair.public_key, name)
    storage = {"memory_bytes": -1, "disk_bytes": -1} if jetstream else {}
    limits = msgspec.structs.replace(claims.nats.limits, **storage)
    nats = msgspec.structs.replace(claims.nats, **{"limits": limits} | body)
    return msgspec.structs.replace(claims, nats=nats)


def giver(*exports: Export, **body: object) -> AccountClaims:
    return account(GIVER, "ACCTC", exports=exports, **body)


def taker(**body: object) -> AccountClaims:
    return account(TAKER, "ACCTB", jetstream=False, **body)


def shared(
    who: AccountClaims | None = None,
    item: Item = CONSUMER,
    whom: Party = TAKING,
    *,
    terms: Terms = Terms(prefix="ACCTC.API"),
    signer=GIVER,
    now_ns: int = NOW_NS,
) -> Shared:
    return share(who or giver(), item, whom, terms, signer, now_ns=now_ns)
