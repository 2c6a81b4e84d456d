"""Faults that only the server knows: not pushed, stale, streams and consumers that do not fit."""

import json

from isthmus.base.values import NS_PER_S
from isthmus.identity import jwt
from isthmus.identity.claims import GenericClaims
from sharing.catalogue.exports import DELIVERING, PULLING
from sharing.catalogue.fault import Fault, nobody
from sharing.catalogue.feeds import BY_PUSH_SHARE, DELIVER, GROUP, PUSH_CONSUMER, PUSH_STREAM
from sharing.catalogue.lab import Lab
from sharing.catalogue.world import CONSUMER, GIVER, NEXT, STREAM, TAKER, World

# -- what is on the server is not what is in the store ---------------------------------------------


def delete_from_server(name: str):
    """The operator takes the account off the server, and forgets to tell."""

    def act(lab: Lab, world: World) -> None:
        operator = world.pair(jwt.decode_operator(world.operator_path.read_text()).subject)
        claims = GenericClaims(subject=operator.public_key, nats={"accounts": [world.public(name)]})
        token = jwt.encode(claims, operator, world.now_s * NS_PER_S)
        answer = lab.system.request("$SYS.REQ.CLAIMS.DELETE", token.encode())
        assert answer is not None
        assert b"deleted 1 accounts" in answer.payload, answer

    return act


def push_without(account: str, subject: str, kind: str):
    """The server gets a version that lacks something; then the store is as it was."""

    def act(lab: Lab, world: World) -> None:
        path = world.path(account)
        healthy = path.read_text()
        world.ok(f"delete {kind} --account {account} --subject '{subject}'")
        assert lab.push(world, account) == []
        path.write_text(healthy)

    return act


# -- streams and consumers -------------------------------------------------------------------------


def delete_stream(lab: Lab, world: World) -> None:
    lab.api(world, f"STREAM.DELETE.{STREAM}", b"")


def delete_consumer(lab: Lab, world: World) -> None:
    lab.api(world, f"CONSUMER.DELETE.{STREAM}.{CONSUMER}", b"")


def again(lab: Lab, world: World, stream: str, consumer: str, **config: object) -> None:
    lab.api(world, f"CONSUMER.DELETE.{stream}.{consumer}", b"")
    lab.add_consumer(world, stream, consumer, **config)


def now_delivers(lab: Lab, world: World) -> None:
    again(lab, world, STREAM, CONSUMER, deliver_subject="deliver.restock")


def now_is_pulled(lab: Lab, world: World) -> None:
    again(lab, world, PUSH_STREAM, PUSH_CONSUMER)


def delivers_elsewhere(lab: Lab, world: World) -> None:
    again(
        lab,
        world,
        PUSH_STREAM,
        PUSH_CONSUMER,
        deliver_subject="deliver.retail.v2.order.events",
        deliver_group=GROUP,
    )


def filters_nothing(lab: Lab, world: World) -> None:
    """The filter matches no subject of the stream."""
    again(lab, world, STREAM, CONSUMER, filter_subject="retail.v2.restock.>")


def pushed_filters_nothing(lab: Lab, world: World) -> None:
    again(
        lab,
        world,
        PUSH_STREAM,
        PUSH_CONSUMER,
        deliver_subject=DELIVER,
        deliver_group=GROUP,
        filter_subject="retail.v2.order.*",
    )


def pull_as_giver(lab: Lab, world: World, count: int) -> list:
    with lab.client(world, GIVER) as client:
        asked = json.dumps({"batch": count, "no_wait": True}).encode()
        return client.answers(NEXT, asked, count=count, wait_s=5)


def nobody_acknowledges(lab: Lab, world: World) -> None:
    """One message may be on its way, and it is: never acknowledged."""
    again(lab, world, STREAM, CONSUMER, max_ack_pending=1)
    (message,) = pull_as_giver(lab, world, 1)
    assert message.reply.startswith("$JS.ACK."), message


def paused(lab: Lab, world: World) -> None:
    body = {"pause_until": "2099-01-01T00:00:00Z"}
    lab.api(world, f"CONSUMER.PAUSE.{STREAM}.{CONSUMER}", body)


def delivered_in_vain(lab: Lab, world: World) -> None:
    """Every delivery runs out of time, and comes again: nobody ever acknowledged one."""
    again(lab, world, STREAM, CONSUMER, ack_wait=NS_PER_S // 20)
    first = pull_as_giver(lab, world, 1)
    with lab.client(world, GIVER) as client:
        asked = json.dumps({"batch": 1, "expires": 5 * NS_PER_S}).encode()
        tries = [client.answers(NEXT, asked, count=1, wait_s=5)[0] for _ in range(8)]
    assert any(message.reply.split(".")[4] != "1" for message in (*first, *tries)), tries


SERVER: dict[str, Fault] = {
    "giver-not-pushed": Fault(
        "service", nobody, ("not_pushed",), GIVER, pushed=(TAKER,), before=()
    ),
    "taker-not-pushed": Fault("guide", nobody, ("not_pushed",), TAKER, pushed=(GIVER,)),
    "giver-taken-off": Fault(
        "guide", nobody, ("not_pushed",), GIVER, act=delete_from_server(GIVER)
    ),
    "giver-stale": Fault(
        "guide", nobody, ("stale",), GIVER, PULLING, act=push_without(GIVER, NEXT, "export")
    ),
    "taker-stale": Fault(
        "guide", nobody, ("stale",), TAKER, PULLING, act=push_without(TAKER, NEXT, "import")
    ),
    "stream-gone": Fault("guide", nobody, ("stream_missing",), STREAM, act=delete_stream),
    "consumer-gone": Fault("guide", nobody, ("consumer_missing",), CONSUMER, act=delete_consumer),
    "pushed-instead-of-pulled": Fault(
        "guide", nobody, ("consumer_push",), "deliver.restock", PULLING | {"ack"}, act=now_delivers
    ),
    "pulled-instead-of-pushed": Fault(
        "push", nobody, ("consumer_pull",), PUSH_CONSUMER, DELIVERING, act=now_is_pulled
    ),
    "delivered-elsewhere": Fault(
        "push",
        nobody,
        ("deliver_subject",),
        "deliver.retail.v2.order.events",
        DELIVERING,
        act=delivers_elsewhere,
    ),
    "filter-matches-nothing": Fault(
        "guide",
        nobody,
        ("filter_mismatch",),
        "retail.v2.restock.>",
        PULLING | {"ack"},
        act=filters_nothing,
    ),
    "pushed-filter-matches-nothing": Fault(
        "push",
        nobody,
        ("filter_mismatch",),
        "retail.v2.order.*",
        DELIVERING,
        act=pushed_filters_nothing,
        ask=BY_PUSH_SHARE,
    ),
    "nobody-acknowledges": Fault(
        "guide", nobody, ("max_ack_pending",), CONSUMER, PULLING | {"ack"}, act=nobody_acknowledges
    ),
    "paused": Fault("guide", nobody, ("consumer_paused",), "2099", PULLING | {"ack"}, act=paused),
    "delivered-in-vain": Fault(
        "guide", nobody, ("not_acknowledged",), CONSUMER, frozenset(), act=delivered_in_vain
    ),
}
