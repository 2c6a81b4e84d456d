"""All healthy set-ups: what `nsc explain` must leave alone, and what faults start from.

Faults planted into a set-up ask its first question, unless they have their own.
"""

from sharing.catalogue import feeds, pulled
from sharing.catalogue.probes import served_by
from sharing.catalogue.setup import MANY, Setup, nothing
from sharing.catalogue.world import NEXT, TAKER, local

SETUPS: dict[str, Setup] = {
    "guide": pulled.share(pulled.guide),
    "public-exports": pulled.share(pulled.public_exports),
    "without-info": pulled.share(pulled.without_info)._replace(steps=pulled.PULL_STEPS - {"info"}),
    "other-prefix": pulled.share(
        pulled.other_prefix,
        f"--account {TAKER} --subject {local(NEXT, 'shops.north.js')}",
        pulled.BY_SHARE,
        prefix="shops.north.js",
    ),
    "chunked": pulled.share(pulled.chunked),
    "wildcard-exports": pulled.share(pulled.wildcard_exports),
    "wildcard-imports": pulled.share(pulled.wildcard_imports),
    "whole-api": pulled.share(pulled.whole_api),
    "token-is-wider": pulled.share(pulled.token_is_wider),
    "imported-wide": pulled.share(pulled.imported_wide),
    "signing-key": pulled.share(pulled.signing_key),
    "scoped-user": pulled.share(pulled.scoped_user),
    "enough-permissions": pulled.share(pulled.enough_permissions),
    "other-things-denied": pulled.share(pulled.other_things_denied),
    "default-permissions": pulled.share(pulled.default_permissions),
    "expiry-in-future": pulled.share(pulled.expiry_in_future),
    "started-already": pulled.share(pulled.started_already),
    "two-consumers": pulled.share(pulled.two_consumers),
    "two-takers": pulled.share(pulled.two_takers),
    "second-taker": pulled.share(
        pulled.two_takers,
        f"--account ACCTD --subject {local(NEXT, 'JS.C')}",
        pulled.BY_SHARE.replace(TAKER, "ACCTD"),
        taker="ACCTD",
        prefix="JS.C",
    ),
    "revoked-then-renewed": pulled.share(pulled.revoked_then_renewed),
    "others-revoked": pulled.share(pulled.others_revoked),
    "revocation-is-older": pulled.share(pulled.revocation_is_older),
    "revocation-deleted": pulled.share(pulled.revocation_deleted),
    "many-more-exports": pulled.share(pulled.many_more_exports),
    "limits-just-enough": pulled.share(pulled.limits_just_enough),
    "mapped-elsewhere": pulled.share(pulled.mapped_elsewhere),
    "old-users-revoked": pulled.share(pulled.old_users_revoked),
    "shared-information": pulled.share(pulled.shared_information),
    "tiered-storage": pulled.share(pulled.tiered_storage),
    "tags-and-texts": pulled.share(pulled.tags_and_texts),
    "bystander": pulled.share(pulled.with_bystander(pulled.guide)),
    "push": feeds.delivered(feeds.push_guide),
    "push-public": feeds.delivered(
        feeds.push_public, f"from.c.{feeds.DELIVER.removeprefix('deliver.')}"
    ),
    "news": feeds.news(feeds.news_private, "retail.v1.cart.started"),
    "news-public": feeds.news(feeds.news_public, "from.c.cart.started"),
    "news-reordered": feeds.news(feeds.news_reordered, "got.cart.v1", "retail.v1.cart"),
    "news-permitted": feeds.news(feeds.news_permitted, "retail.v1.cart.started"),
    "service": feeds.served(feeds.service(), "stock.check"),
    "service-public": feeds.served(feeds.service(public=True, here="c.stock"), "c.stock"),
    "service-many": feeds.served(feeds.service(MANY, here="c.stock"), "c.stock", replies=3),
    "service-chunks": feeds.served(
        feeds.service("--response-type Chunked", here="c.stock"), "c.stock", replies=3
    ),
    "service-renamed": feeds.served(
        feeds.service_renamed, "c.two.of.one", subject="stock.one.check.two"
    ),
    "service-position": Setup(
        feeds.service_position,
        nothing,
        feeds.position_prepared,
        frozenset({"reply"}),
        (f"--account {TAKER} --subject orders.new",),
    ),
    "service-chain": Setup(
        feeds.service_chain,
        nothing,
        served_by("stock.check", "stock.far", taker="ACCTD"),
        frozenset({"reply"}),
        ("--account ACCTD --subject stock.far", f"--account {TAKER} --subject stock.c"),
    ),
    "both-ways": feeds.served(feeds.both_ways, "stock.check"),
    "bucket-read": feeds.kept(feeds.bucket_read),
    "bucket-written": feeds.kept(feeds.bucket_written, writing=True),
}
