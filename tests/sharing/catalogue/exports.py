"""Faults of what the giver exports: gone, of another kind, of another response type."""

from collections.abc import Callable

from msgspec.structs import replace

from sharing.catalogue.fault import Fault, steps
from sharing.catalogue.feeds import BY_PUSH_SHARE, DELIVER, GET, PUT
from sharing.catalogue.pulled import BY_SHARE
from sharing.catalogue.setup import SERVICE
from sharing.catalogue.world import (
    ACK,
    CONSUMER,
    GIVER,
    INFO,
    NEXT,
    STRANGER,
    TAKER,
    World,
    local,
)

PULLING = steps("pull", "batch")
DELIVERING = steps("feed", "ack")
ASK_INFO = f"--account {TAKER} --subject {local(INFO)}"
ASK_PUT = f"--account {TAKER} --subject $KV.CONFIG.size"


def without_export(subject: str) -> Callable[[World], object]:
    return lambda world: world.ok(f"delete export --account {GIVER} --subject '{subject}'")


def change_export(subject: str, /, **changes: object) -> Callable[[World], object]:
    return lambda world: world.edit_export(subject, **changes)


def drop_import(world: World, subject: str) -> None:
    world.ok(f"delete import --account {TAKER} --subject '{subject}'")


def forgotten_service_flag(world: World) -> None:
    """`--service` was forgotten: export, token and import agree, and nothing can be asked."""
    drop_import(world, NEXT)
    world.ok(f"delete export --account {GIVER} --subject '{NEXT}'")
    world.export(NEXT)
    world.grant(NEXT, local(NEXT))


def as_service(subject: str, here: str) -> Callable[[World], object]:
    """A feed that is exported, granted and imported as a service."""

    def plant(world: World) -> None:
        drop_import(world, subject)
        world.ok(f"delete export --account {GIVER} --subject '{subject}'")
        world.export(subject, SERVICE)
        world.grant(subject, here)

    return plant


def from_account(public_key: Callable[[World], str]) -> Callable[[World], object]:
    """Every import of the taker names another giver."""

    def plant(world: World) -> None:
        wrong = public_key(world)

        def change(body):
            return replace(body, imports=tuple(replace(i, account=wrong) for i in body.imports))

        world.edit(TAKER, change)

    return plant


def bystander(world: World) -> str:
    world.account("ACCTX")
    return world.public("ACCTX")


def someone_elses_position(world: World) -> None:
    """The taker imports the subject that belongs to the giver."""
    mine, other = (f"orders.{world.public(name)}.new" for name in (TAKER, GIVER))
    world.edit_import(mine, subject=other)


EXPORTS: dict[str, Fault] = {
    "next-not-exported": Fault("guide", without_export(NEXT), ("export_missing",), NEXT, PULLING),
    "next-not-exported-by-share": Fault(
        "guide", without_export(NEXT), ("export_missing",), NEXT, PULLING, ask=BY_SHARE
    ),
    "ack-not-exported": Fault(
        "guide", without_export(ACK), ("ack_export_missing",), ACK, steps("ack")
    ),
    "info-not-exported": Fault(
        "guide", without_export(INFO), ("export_missing",), INFO, steps("info"), ask=ASK_INFO
    ),
    "other-consumer-exported": Fault(
        "guide",
        change_export(NEXT, subject=NEXT.replace(CONSUMER, "RESTOCKEVENTS-C11")),
        ("export_missing",),
        NEXT,
        PULLING,
    ),
    "export-narrower-than-import": Fault(
        "wildcard-imports",
        change_export(NEXT.replace(CONSUMER, "*"), subject=NEXT),
        ("export_missing",),
        NEXT.replace(CONSUMER, "*"),
        PULLING,
    ),
    "exported-as-stream": Fault(
        "guide",
        change_export(NEXT, type="stream", response_type=""),
        ("export_type",),
        NEXT,
        PULLING,
    ),
    "service-flag-forgotten": Fault(
        "guide", forgotten_service_flag, ("export_type", "import_kind"), NEXT, PULLING
    ),
    "ack-exported-as-stream": Fault(
        "guide",
        change_export(ACK, type="stream", response_type=""),
        ("export_type", "ack_export_missing"),
        ACK,
        steps("ack"),
    ),
    "one-answer-only": Fault(
        "guide",
        change_export(NEXT, response_type="Singleton"),
        ("response_type",),
        "Singleton",
        steps("batch"),
    ),
    "no-response-type": Fault(
        "public-exports",
        change_export(NEXT, response_type=""),
        ("response_type",),
        NEXT,
        steps("batch"),
    ),
    "private-after-all": Fault(
        "public-exports",
        change_export(NEXT, token_required=True),
        ("activation_missing",),
        NEXT,
        PULLING,
    ),
    "other-giver": Fault(
        "public-exports",
        from_account(bystander),
        ("export_missing",),
        "ACCTX",
    ),
    "unknown-giver": Fault(
        "public-exports",
        from_account(lambda world: STRANGER.public_key),
        ("account_missing",),
        STRANGER.public_key,
    ),
    "position-of-another": Fault(
        "service-position",
        someone_elses_position,
        ("position_mismatch",),
        "orders.",
    ),
    "delivery-not-exported": Fault(
        "push", without_export(DELIVER), ("export_missing",), DELIVER, DELIVERING
    ),
    "delivery-exported-as-service": Fault(
        "push",
        as_service(DELIVER, "retail.v1.order.events"),
        ("export_type", "import_kind"),
        DELIVER,
        DELIVERING,
        ask=BY_PUSH_SHARE,
        hidden=True,
    ),
    "news-not-exported": Fault(
        "news", without_export("retail.v1.cart.>"), ("export_missing",), "retail.v1.cart.>"
    ),
    "news-exported-as-service": Fault(
        "news-public",
        change_export("retail.v1.cart.>", type="service", response_type="Singleton"),
        ("export_type", "import_kind"),
        "retail.v1.cart.>",
    ),
    "service-not-exported": Fault(
        "service", without_export("stock.check"), ("export_missing",), "stock.check"
    ),
    "chain-broken-at-its-end": Fault(
        "service-chain", without_export("stock.check"), ("export_missing",), "stock.check"
    ),
    "bucket-not-exported": Fault("bucket-read", without_export(GET), ("export_missing",), GET),
    "bucket-not-writable": Fault(
        "bucket-written", without_export(PUT), ("export_missing",), PUT, steps("put"), ask=ASK_PUT
    ),
}
