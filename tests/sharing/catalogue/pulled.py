"""Healthy shares of a consumer that is pulled from, as in the guide, in its many variants."""

from msgspec.structs import replace

from sharing.catalogue.lab import Lab
from sharing.catalogue.probes import pull_from
from sharing.catalogue.setup import MANY, SERVICE, Build, Setup
from sharing.catalogue.world import (
    ACK,
    CONSUMER,
    GIVER,
    HOUR_S,
    INFO,
    NEXT,
    STREAM,
    TAKER,
    World,
    local,
)

BY_SUBJECT = f"--account {TAKER} --subject {local(NEXT)}"
BY_SHARE = f"--account {GIVER} --share {STREAM}/{CONSUMER} --with {TAKER}"
PULL_STEPS = frozenset({"info", "pull", "batch", "ack"})


def stock(lab: Lab, world: World) -> None:
    """The guide's stream and consumer, and five messages."""
    lab.add_stream(world, STREAM, ["retail.v1.restock.>"])
    lab.add_consumer(world, STREAM, CONSUMER)
    lab.publish(world, "retail.v1.restock.requested", 5)


def share(build: Build, *asks: str, **probe: str) -> Setup:
    return Setup(build, stock, pull_from(**probe), PULL_STEPS, asks or (BY_SUBJECT, BY_SHARE))


def give_consumer(world: World, *, public: bool = False, consumer: str = CONSUMER) -> None:
    """The guide's three exports."""
    for subject, flags in ((NEXT, MANY), (ACK, ""), (INFO, "")):
        world.export(subject.replace(CONSUMER, consumer), SERVICE, flags, public=public)


def take_consumer(
    world: World,
    *flags: str,
    prefix: str = "ACCTC.API",
    taker: str = TAKER,
    consumer: str = CONSUMER,
) -> None:
    """The guide's three tokens, with `flags`, and its three imports."""
    for subject in (NEXT, ACK, INFO):
        subject = subject.replace(CONSUMER, consumer)  # noqa: PLW2901
        world.grant(subject, local(subject, prefix), *flags, taker=taker)


def guide(world: World) -> None:
    world.accounts()
    give_consumer(world)
    take_consumer(world)


def public_exports(world: World) -> None:
    world.accounts()
    give_consumer(world, public=True)
    for subject in (NEXT, ACK, INFO):
        world.public_import(subject, local(subject), SERVICE)


def without_info(world: World) -> None:
    world.accounts()
    world.export(NEXT, SERVICE, MANY)
    world.export(ACK, SERVICE)
    for subject in (NEXT, ACK):
        world.grant(subject, local(subject))


def other_prefix(world: World) -> None:
    world.accounts()
    give_consumer(world)
    take_consumer(world, prefix="shops.north.js")


def chunked(world: World) -> None:
    world.accounts()
    world.export(NEXT, SERVICE, "--response-type Chunked")
    world.export(ACK, SERVICE)
    world.export(INFO, SERVICE)
    take_consumer(world)


def wildcard_exports(world: World) -> None:
    """The giver exports every consumer of the stream, the taker may have one of them."""
    world.accounts()
    world.export(NEXT.replace(CONSUMER, "*"), SERVICE, MANY)
    world.export(ACK.replace(CONSUMER, "*"), SERVICE)
    world.export(INFO.replace(CONSUMER, "*"), SERVICE)
    take_consumer(world)


def wildcard_imports(world: World) -> None:
    """The taker imports every consumer of the stream."""
    world.accounts()
    for subject, flags in ((NEXT, MANY), (ACK, ""), (INFO, "")):
        wide = subject.replace(CONSUMER, "*")
        world.export(wide, SERVICE, flags)
        world.grant(wide, local(wide))


def whole_api(world: World) -> None:
    """Broad, and nobody should; but it works."""
    world.accounts()
    world.export("$JS.API.>", SERVICE, MANY)
    world.export("$JS.ACK.>", SERVICE)
    world.grant("$JS.API.>", "ACCTC.API.>")
    world.grant("$JS.ACK.>", "$JS.ACK.>")


def token_is_wider(world: World) -> None:
    """The taker imports less than its tokens allow."""
    world.accounts()
    for subject, flags in ((NEXT, MANY), (ACK, ""), (INFO, "")):
        wide = subject.replace(CONSUMER, "*")
        world.export(wide, SERVICE, flags)
        token = world.token(wide)
        (world.work / "wide.tok").write_text(token)
        world.ok(
            f"add import --account {TAKER} --token wide.tok --name '{subject}' "
            f"--local-subject '{local(wide)}'"
        )
        world.edit_import(wide, subject=subject, local_subject=local(subject))


def signing_key(world: World) -> None:
    """The tokens are signed by a signing key of the giver."""
    world.accounts()
    world.ok(f"edit account --name {GIVER} --sk generate")
    give_consumer(world)
    take_consumer(world, f"-K {signing_key_of(world)}")


def signing_key_of(world: World, account: str = GIVER) -> str:
    (found,) = world.claims(account).nats.signing_keys
    return found if isinstance(found, str) else found.key


def scoped_user(world: World) -> None:
    """The taker's user gets its permissions from a scoped signing key: just enough of them."""
    world.account(GIVER, storing=True)
    world.ok(f"add account --name {TAKER}")
    world.ok(
        f"edit signing-key --account {TAKER} --sk generate --role puller "
        "--allow-pub 'ACCTC.API.>,$JS.ACK.>' --allow-sub '_INBOX.>'"
    )
    world.ok(f"add user --account {TAKER} --name {TAKER}-USER -K {signing_key_of(world, TAKER)}")
    give_consumer(world)
    take_consumer(world)


def enough_permissions(world: World) -> None:
    """Exactly what pulling needs: the three subjects, and the inbox."""
    allowed = ",".join((local(NEXT), local(INFO), ACK))
    world.accounts(user=f"--allow-pub '{allowed}' --allow-sub '_INBOX.>'")
    give_consumer(world)
    take_consumer(world)


def other_things_denied(world: World) -> None:
    world.accounts(user="--deny-pub 'orders.>,$JS.API.>' --deny-sub '_R_.>,secret.>'")
    give_consumer(world)
    take_consumer(world)


def default_permissions(world: World) -> None:
    world.accounts()
    world.ok(
        f"edit account --name {TAKER} --allow-pub 'ACCTC.API.>,$JS.ACK.>' --allow-sub '_INBOX.>'"
    )
    give_consumer(world)
    take_consumer(world)


def expiry_in_future(world: World) -> None:
    world.accounts(user="--expiry 2d")
    give_consumer(world)
    take_consumer(world, "--expiry 1h")
    for account in (GIVER, TAKER):
        world.ok(f"edit account --name {account} --expiry 90d")


def started_already(world: World) -> None:
    world.accounts()
    give_consumer(world)
    take_consumer(world, "--start=-1h", "--expiry 30d")


def two_consumers(world: World) -> None:
    world.accounts()
    for consumer in (CONSUMER, "RESTOCKEVENTS-C2"):
        give_consumer(world, consumer=consumer)
        take_consumer(world, consumer=consumer)


def two_takers(world: World) -> None:
    world.accounts()
    world.account("ACCTD")
    give_consumer(world)
    take_consumer(world)
    take_consumer(world, taker="ACCTD", prefix="JS.C")


def revoke(world: World, subject: str, whom: str, *flags: str, giver: str = GIVER) -> None:
    world.ok(
        f"revocations add-activation --account {giver} --service --subject '{subject}' "
        f"--target-account '{whom}' " + " ".join(flags)
    )


def revoked_then_renewed(world: World) -> None:
    """Everything was revoked; later tokens count again."""
    guide(world)
    for subject in (NEXT, ACK, INFO):
        revoke(world, subject, TAKER)
        revoke(world, subject, "*")
    world.now_s += 5
    for subject in (NEXT, ACK, INFO):
        world.ok(f"delete import --account {TAKER} --subject '{subject}'")
    take_consumer(world)


def others_revoked(world: World) -> None:
    two_takers(world)
    for subject in (NEXT, ACK, INFO):
        revoke(world, subject, "ACCTD")


def revocation_is_older(world: World) -> None:
    guide(world)
    for subject in (NEXT, ACK, INFO):
        revoke(world, subject, TAKER, f"--at {world.now_s - HOUR_S}")


def revocation_deleted(world: World) -> None:
    guide(world)
    revoke(world, NEXT, TAKER)
    world.ok(
        f"revocations delete-activation --account {GIVER} --service --subject '{NEXT}' "
        f"--target-account {TAKER}"
    )


def many_more_exports(world: World) -> None:
    """Other exports and imports around the share, some of which overlap it by name."""
    guide(world)
    world.export("$JS.API.STREAM.INFO.RESTOCKEVENTS", SERVICE, public=True)
    world.export("retail.v1.stock.>", public=True)
    world.public_import("retail.v1.stock.>", "stock.>")
    world.public_import("$JS.API.STREAM.INFO.RESTOCKEVENTS", "other.info", SERVICE)


def limits_just_enough(world: World) -> None:
    guide(world)
    world.ok(f"edit account --name {TAKER} --imports 3 --exports 0")
    world.ok(f"edit account --name {GIVER} --imports 0 --exports 3")


def mapped_elsewhere(world: World) -> None:
    """Mappings of subjects that have nothing to do with the share."""
    guide(world)
    world.ok(f"add mapping --account {TAKER} --from orders.new --to orders.v2")
    world.ok(f"add mapping --account {GIVER} --from retail.v0.> --to retail.v1.>")


def old_users_revoked(world: World) -> None:
    """Users of an hour ago are revoked, today's are not."""
    guide(world)
    world.ok(
        f"revocations add-user --account {TAKER} --user-public-key '*' --at {world.now_s - HOUR_S}"
    )


def shared_information(world: World) -> None:
    guide(world)
    for subject in (NEXT, ACK, INFO):
        world.edit_import(subject, share=True)


def with_bystander(build: Build) -> Build:
    """With an account in the store that has nothing to do with it."""

    def both(world: World) -> None:
        build(world)
        world.account("ACCTX", storing=True)

    return both


def imported_wide(world: World) -> None:
    """The ack import is wider than the share, its export wider still."""
    world.accounts()
    world.export(NEXT, SERVICE, MANY)
    world.export("$JS.ACK.>", SERVICE)
    world.export(INFO, SERVICE)
    wide = f"$JS.ACK.{STREAM}.>"
    world.grant(NEXT, local(NEXT))
    world.grant(INFO, local(INFO))
    world.grant(wide, wide)


def tiered_storage(world: World) -> None:
    """The giver has JetStream in a tier, as clusters have it."""
    world.account(GIVER)
    world.ok(f"edit account --name {GIVER} --js-enable 1")
    world.account(TAKER)
    give_consumer(world)
    take_consumer(world)


def tags_and_texts(world: World) -> None:
    guide(world)
    world.edit_export(NEXT, name="Ein anderer Name", description="zieht Nachschub", advertise=True)
    world.edit_import(NEXT, name="pull, please")
    world.edit(TAKER, lambda body: replace(body, tags=("eu", "shop"), description="north"))
