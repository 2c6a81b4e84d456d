"""Each thing that can be shared, its subjects, and the way back from subjects to things."""

import pytest

from isthmus.sharing import (
    Bucket,
    Feed,
    Origin,
    PullConsumer,
    PushConsumer,
    Service,
    ShareError,
    Terms,
    accept,
    instructions,
    read_invite,
    write_invite,
)
from isthmus.sharing.recognise import of_exports, of_imports
from support.shares import NOW_NS, giver, shared, taker

ITEMS = [
    PullConsumer(stream="S", consumer="C"),
    PullConsumer(stream="S", consumer="C", info=False),
    PushConsumer(stream="S", consumer="P", deliver="deliver.p"),
    PushConsumer(stream="S", consumer="P", deliver="deliver.p", ack=False, flow=True),
    Feed(subject="retail.v1.cart.>"),
    Service(subject="retail.v1.payment.>"),
    Service(subject="many.*.answers", response_type="Chunked"),
    Bucket(bucket="conf"),
    Bucket(bucket="conf", keys="a.>", writable=True),
    Bucket(bucket="conf", keys="a.b", info=False),
    Origin(stream="S", deliver="copies.S.x"),
    Origin(stream="S", deliver="copies.S.x", filter="s.*.>"),
]


def grants(item):
    return [(g.role, g.kind, g.subject, g.response_type) for g in item.grants]


def test_a_push_consumer():
    item = PushConsumer(stream="ORDERS", consumer="ORDERS-C1", deliver="deliver.o", flow=True)
    assert grants(item) == [
        ("DELIVER", "stream", "deliver.o", ""),
        ("ACK", "service", "$JS.ACK.ORDERS.ORDERS-C1.>", "Singleton"),
        ("FLOW", "service", "$JS.FC.ORDERS.ORDERS-C1.>", "Singleton"),
        ("INFO", "service", "$JS.API.CONSUMER.INFO.ORDERS.ORDERS-C1", "Singleton"),
    ]
    assert [grant.local("P") for grant in item.grants] == [
        "deliver.o",
        "$JS.ACK.ORDERS.ORDERS-C1.>",
        "$JS.FC.ORDERS.ORDERS-C1.>",
        "P.CONSUMER.INFO.ORDERS.ORDERS-C1",
    ]


def test_a_bucket():
    item = Bucket(bucket="conf", keys="a.>", writable=True)
    assert grants(item) == [
        ("GET", "service", "$JS.API.DIRECT.GET.KV_conf.$KV.conf.a.>", "Singleton"),
        ("STREAM", "stream", "$KV.conf.a.>", ""),
        ("PUT", "service", "$KV.conf.a.>", "Singleton"),
        ("INFO", "service", "$JS.API.STREAM.INFO.KV_conf", "Singleton"),
    ]
    assert "PUT" not in [grant.role for grant in Bucket(bucket="conf").grants]


def test_a_stream_to_be_copied():
    assert grants(Origin(stream="S", deliver="to.b")) == [
        ("CREATE", "service", "$JS.API.CONSUMER.CREATE.S", "Singleton"),
        ("FILTERED", "service", "$JS.API.CONSUMER.CREATE.S.>", "Singleton"),
        ("FLOW", "service", "$JS.FC.S.>", "Singleton"),
        ("COPY", "stream", "to.b.>", ""),
    ]
    assert grants(Origin(stream="S", deliver="to.b", filter="s.x"))[0] == (
        "CREATE",
        "service",
        "$JS.API.CONSUMER.CREATE.S.*.s.x",
        "Singleton",
    )


def test_a_feed_and_a_service_are_one_subject():
    assert grants(Feed(subject="a.>")) == [("STREAM", "stream", "a.>", "")]
    assert grants(Service(subject="a.>", response_type="Stream")) == [
        ("SERVICE", "service", "a.>", "Stream")
    ]
    assert Feed(subject="a.>").grants[0].local("x.y") == "x.y.a.>"
    assert Feed(subject="a.>").grants[0].local("") == "a.>"


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.stem)
def test_shared_and_accepted_it_is_the_same_item(item):
    made = shared(item=item)
    assert read_invite(write_invite(made.invite)) == made.invite
    taken = accept(taker(), made.invite, NOW_NS, giver=made.giver).taker
    assert len(taken.nats.imports) == len(item.grants)
    assert of_exports(made.giver.nats.exports) == [item]
    (found,) = of_imports(taken.nats.imports)
    assert {g.subject for g in found.grants} == {g.subject for g in item.grants}
    assert type(found) is type(item)
    assert instructions(item, "P").command.startswith("nats ")


def test_many_things_of_one_account_are_told_apart():
    claims = giver()
    various = [
        PullConsumer(stream="S", consumer="C"),
        PullConsumer(stream="S", consumer="D"),
        PushConsumer(stream="S", consumer="P", deliver="deliver.p"),
        Bucket(bucket="one", keys="a.>"),
        Bucket(bucket="one", keys="b.>", writable=True),
        Feed(subject="f.>"),
        Service(subject="f.>"),
        Origin(stream="S", deliver="copies.S.x"),
        Origin(stream="S", deliver="copies.S.y"),
    ]
    for item in various:
        claims = shared(claims, item).giver
    found = of_exports(claims.nats.exports)
    assert len(found) == len(various)
    assert all(item in found for item in various)


def test_the_guides_push_consumer_is_recognised_by_its_name():
    made = shared(item=PushConsumer(stream="S", consumer="S-C", deliver="deliver.s"))
    named = [
        type(export)(
            **{f: getattr(export, f) for f in export.__struct_fields__ if f != "name"}
            | {"name": f"S-GRANT-{export.name.rpartition('-')[2]}"}
        )
        for export in made.giver.nats.exports
    ]
    (item,) = of_exports(named)
    assert item == PushConsumer(stream="S", consumer="S-C", deliver="deliver.s")


@pytest.mark.parametrize(
    "item",
    [
        PushConsumer(stream="S", consumer="P", deliver="deliver.*"),
        PushConsumer(stream="S", consumer="P", deliver=""),
        PushConsumer(stream="S", consumer="P", deliver="a b"),
        PushConsumer(stream="S", consumer="P", deliver="d", group="a b"),
        PushConsumer(stream="S.x", consumer="P", deliver="d"),
        Feed(subject=""),
        Feed(subject=">"),
        Feed(subject="*.a"),
        Feed(subject="a..b"),
        Feed(subject="a.>.b"),
        Feed(subject="a\x00b"),
        Service(subject=">"),
        Service(subject="a", response_type="Often"),
        Bucket(bucket=""),
        Bucket(bucket="a.b"),
        Bucket(bucket="a", keys="x y"),
        Bucket(bucket="../a"),
        Origin(stream="S", deliver="$JS.x"),
        Origin(stream="S", deliver="a.*"),
        Origin(stream="a.b", deliver="a"),
        Origin(stream="S", deliver="a", filter="a b"),
    ],
    ids=repr,
)
def test_what_there_cannot_be_is_refused(item):
    with pytest.raises(ShareError) as caught:
        shared(item=item)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("subject", ["$JS.API.>", "$SYS.REQ.>", "_INBOX.>", "_R_.>", "$KV.mine.>"])
@pytest.mark.parametrize("kind", [Feed, Service])
def test_a_taker_keeps_its_own_subjects_to_itself(subject, kind):
    invite = shared(item=kind(subject=subject), terms=Terms()).invite
    with pytest.raises(ShareError, match="every account has for itself"):
        accept(taker(), invite, NOW_NS)
    made = accept(taker(), invite, NOW_NS, prefix="from.c")
    assert made.added[0].local == f"from.c.{subject}"
