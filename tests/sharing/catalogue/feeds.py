"""Healthy shares of everything that is not pulled: deliveries, plain streams, services, buckets."""

from sharing.catalogue.lab import Lab
from sharing.catalogue.probes import bucket, fed_from, pushed_to, served_by
from sharing.catalogue.setup import SERVICE, Build, Setup, nothing
from sharing.catalogue.world import GIVER, TAKER, World, local

DELIVER = "deliver.retail.v1.order.events"
PUSH_STREAM, PUSH_CONSUMER = "ORDEREVENTS", "ORDEREVENTS-C1"
PUSH_ACK = f"$JS.ACK.{PUSH_STREAM}.{PUSH_CONSUMER}.>"
PUSH_INFO = f"$JS.API.CONSUMER.INFO.{PUSH_STREAM}.{PUSH_CONSUMER}"

# -- a consumer that delivers ----------------------------------------------------------------------

BY_DELIVERY = f"--account {TAKER} --subject retail.v1.order.events"
BY_PUSH_SHARE = f"--account {GIVER} --share {PUSH_STREAM}/{PUSH_CONSUMER} --with {TAKER}"
PUSH_STEPS = frozenset({"feed", "ack", "info"})
GROUP = "order-processor"


def orders(lab: Lab, world: World) -> None:
    lab.add_stream(world, PUSH_STREAM, ["retail.v1.order.>"])
    lab.add_consumer(
        world, PUSH_STREAM, PUSH_CONSUMER, deliver_subject=DELIVER, deliver_group=GROUP
    )


def delivered(build: Build, here: str = "retail.v1.order.events") -> Setup:
    probe = pushed_to(here, publish="retail.v1.order.captured", info=local(PUSH_INFO), group=GROUP)
    asks = (f"--account {TAKER} --subject {here}", BY_PUSH_SHARE)
    return Setup(build, orders, probe, PUSH_STEPS, asks)


def push_guide(world: World) -> None:
    world.accounts()
    world.export(DELIVER)
    world.export(PUSH_ACK, SERVICE)
    world.export(PUSH_INFO, SERVICE)
    world.grant(DELIVER, "retail.v1.order.events")
    world.grant(PUSH_ACK, PUSH_ACK)
    world.grant(PUSH_INFO, local(PUSH_INFO))


def push_public(world: World) -> None:
    world.accounts()
    world.export("deliver.>", public=True)
    world.export(PUSH_ACK, SERVICE, public=True)
    world.export(PUSH_INFO, SERVICE, public=True)
    world.public_import("deliver.>", "from.c.>")
    world.public_import(PUSH_ACK, PUSH_ACK, SERVICE)
    world.public_import(PUSH_INFO, local(PUSH_INFO), SERVICE)


# -- plain streams and services --------------------------------------------------------------------


def news_private(world: World) -> None:
    world.accounts()
    world.export("retail.v1.cart.>")
    world.grant("retail.v1.cart.>")


def news_public(world: World) -> None:
    world.accounts()
    world.export("retail.v1.cart.>", public=True)
    world.public_import("retail.v1.cart.>", "from.c.cart.>")


def news_reordered(world: World) -> None:
    world.accounts()
    world.export("retail.*.*", public=True)
    world.public_import("retail.*.*", "got.$2.$1")


def news_permitted(world: World) -> None:
    """The taker may subscribe to what it imports and nothing else."""
    world.accounts(user="--allow-sub 'retail.v1.cart.>' --deny-pub '>'")
    world.export("retail.v1.cart.>")
    world.grant("retail.v1.cart.>")


def news(build: Build, here: str, publish: str = "retail.v1.cart.started") -> Setup:
    asks = (f"--account {TAKER} --subject {here}",)
    return Setup(build, nothing, fed_from(publish, here), frozenset({"feed"}), asks)


def service(*flags: str, public: bool = False, here: str = "") -> Build:
    def build(world: World) -> None:
        world.accounts()
        world.export("stock.check", SERVICE, *flags, public=public)
        if public:
            world.public_import("stock.check", here, SERVICE)
        else:
            world.grant("stock.check", here)

    return build


def served(build: Build, here: str, *, subject: str = "stock.check", replies: int = 1) -> Setup:
    steps = frozenset({"reply", "replies"} if replies > 1 else {"reply"})
    asks = (f"--account {TAKER} --subject {here}",)
    return Setup(build, nothing, served_by(subject, here, replies=replies), steps, asks)


def service_renamed(world: World) -> None:
    world.accounts()
    world.export("stock.*.check.*", SERVICE, public=True)
    world.public_import("stock.*.check.*", "c.$2.of.$1", SERVICE)


def service_position(world: World) -> None:
    """Each importer has a subject of its own: the second token is its key."""
    world.accounts()
    world.export("orders.*.new", SERVICE, "--account-token-position 2", public=True)
    mine = f"orders.{world.public(TAKER)}.new"
    world.public_import(mine, "orders.new", SERVICE)


def position_prepared(lab: Lab, world: World, broken: object) -> set[str]:
    """The giver answers under the taker's key."""
    subject = f"orders.{world.public(TAKER)}.new"
    return served_by(subject, "orders.new")(lab, world, broken)


def service_chain(world: World) -> None:
    """ACCTD takes from ACCTB what it has from ACCTC."""
    service(public=True, here="stock.c")(world)
    world.account("ACCTD")
    world.export("stock.c", SERVICE, public=True, giver=TAKER)
    world.public_import("stock.c", "stock.far", SERVICE, taker="ACCTD", giver=TAKER)


def both_ways(world: World) -> None:
    """Two accounts that give each other a service."""
    service()(world)
    world.export("price.check", SERVICE, giver=TAKER)
    world.grant("price.check", "", taker=GIVER, giver=TAKER)


# -- buckets ---------------------------------------------------------------------------------------

GET = "$JS.API.DIRECT.GET.KV_CONFIG.$KV.CONFIG.>"
PUT = "$KV.CONFIG.>"


def colours(lab: Lab, world: World) -> None:
    lab.add_stream(world, "KV_CONFIG", ["$KV.CONFIG.>"], allow_direct=True, max_msgs_per_subject=1)
    with lab.client(world, GIVER) as client:
        assert client.request("$KV.CONFIG.colour", b"blue") is not None


def bucket_read(world: World) -> None:
    world.accounts()
    world.export(GET, SERVICE)
    world.grant(GET, local(GET))


def bucket_written(world: World) -> None:
    bucket_read(world)
    world.export(PUT, SERVICE)
    world.grant(PUT, PUT)


def kept(build: Build, *, writing: bool = False) -> Setup:
    asks = (f"--account {TAKER} --subject {local(GET).replace('>', 'colour')}",)
    asks += (f"--account {TAKER} --subject $KV.CONFIG.size",) if writing else ()
    steps = frozenset({"get", "put"} if writing else {"get"})
    return Setup(build, colours, bucket("ACCTC.API", writing=writing), steps, asks)
