"""Faults of what the taker imports: nothing, something else, under another name; above all acks."""

from collections.abc import Callable

from sharing.catalogue.exports import ASK_INFO, DELIVERING, PULLING, drop_import
from sharing.catalogue.fault import Fault, steps
from sharing.catalogue.feeds import BY_PUSH_SHARE, DELIVER, PUSH_ACK
from sharing.catalogue.pulled import BY_SHARE
from sharing.catalogue.setup import MANY, SERVICE
from sharing.catalogue.world import ACK, CONSUMER, GIVER, INFO, NEXT, TAKER, World, local


def without_import(subject: str) -> Callable[[World], object]:
    return lambda world: drop_import(world, subject)


def renamed(subject: str, here: str) -> Callable[[World], object]:
    return lambda world: world.edit_import(subject, local_subject=here)


def ack_without_tail(world: World) -> None:
    """`.>` was forgotten, on both sides: every acknowledgement has five tokens more."""
    short = ACK.removesuffix(".>")
    drop_import(world, ACK)
    world.ok(f"delete export --account {GIVER} --subject '{ACK}'")
    world.export(short, SERVICE)
    world.grant(short, short)


def ack_of_another(world: World) -> None:
    """Exported and imported is the way of another consumer's acknowledgements."""
    other = ACK.replace(CONSUMER, "RESTOCKEVENTS-C2")
    drop_import(world, ACK)
    world.export(other, SERVICE)
    world.grant(other, other)


def next_of_another(world: World) -> None:
    other = NEXT.replace(CONSUMER, "RESTOCKEVENTS-C2")
    drop_import(world, NEXT)
    world.export(other, SERVICE, MANY)
    world.grant(other, local(other))


def mapped_away(world: World) -> None:
    """The taker maps the subject away before its import could see it."""
    world.ok(f"add mapping --account {TAKER} --from '{local(NEXT)}' --to elsewhere")


IMPORTS: dict[str, Fault] = {
    "next-not-imported": Fault(
        "guide", without_import(NEXT), ("import_missing",), local(NEXT), PULLING
    ),
    "next-not-imported-by-share": Fault(
        "guide", without_import(NEXT), ("import_missing",), NEXT, PULLING, ask=BY_SHARE
    ),
    "info-not-imported": Fault(
        "guide", without_import(INFO), ("import_missing",), local(INFO), steps("info"), ask=ASK_INFO
    ),
    "imported-under-another-prefix": Fault(
        "guide",
        renamed(NEXT, local(NEXT, "ACCTC.JS")),
        ("import_missing", "import_subject"),
        local(NEXT),
        PULLING,
    ),
    "other-consumer-imported": Fault(
        "guide", next_of_another, ("import_missing", "import_subject"), local(NEXT), PULLING
    ),
    "imported-as-stream": Fault(
        "public-exports",
        lambda world: world.edit_import(NEXT, type="stream"),
        ("import_kind",),
        NEXT,
        PULLING,
    ),
    "news-imported-as-service": Fault(
        "news-public",
        lambda world: world.edit_import("retail.v1.cart.>", type="service"),
        ("import_kind",),
        "retail.v1.cart.>",
    ),
    "mapped-away": Fault("guide", mapped_away, ("import_shadowed",), local(NEXT), PULLING),
    "ack-not-imported": Fault(
        "guide", without_import(ACK), ("ack_import_missing",), ACK, steps("ack")
    ),
    "ack-not-imported-by-share": Fault(
        "guide", without_import(ACK), ("ack_import_missing",), ACK, steps("ack"), ask=BY_SHARE
    ),
    "ack-renamed": Fault(
        "guide",
        renamed(ACK, ACK.replace("$JS.ACK", "ACCTC.ACK")),
        ("ack_import_renamed",),
        ACK.replace("$JS.ACK", "ACCTC.ACK"),
        steps("ack"),
    ),
    "ack-of-another-consumer": Fault(
        "guide", ack_of_another, ("ack_import_missing",), ACK, steps("ack")
    ),
    "ack-without-tail": Fault(
        "guide", ack_without_tail, ("ack_import_missing", "ack_export_missing"), ACK, steps("ack")
    ),
    "ack-imported-as-stream": Fault(
        "public-exports",
        lambda world: world.edit_import(ACK, type="stream"),
        ("import_kind", "ack_import_missing"),
        ACK,
        steps("ack"),
    ),
    "pushed-ack-not-imported": Fault(
        "push",
        without_import(PUSH_ACK),
        ("ack_import_missing",),
        PUSH_ACK,
        steps("ack"),
        ask=BY_PUSH_SHARE,
    ),
    "pushed-ack-renamed": Fault(
        "push",
        renamed(PUSH_ACK, "ACCTC.ACK.>"),
        ("ack_import_renamed",),
        "ACCTC.ACK.>",
        steps("ack"),
        ask=BY_PUSH_SHARE,
    ),
    "delivery-not-imported": Fault(
        "push",
        without_import(DELIVER),
        ("import_missing",),
        DELIVER,
        DELIVERING,
        ask=BY_PUSH_SHARE,
        hidden=True,
    ),
    "news-not-imported": Fault(
        "news", without_import("retail.v1.cart.>"), ("import_missing",), "retail.v1.cart.started"
    ),
    "service-not-imported": Fault(
        "service", without_import("stock.check"), ("import_missing",), "stock.check"
    ),
}
