"""The guide's family, verbatim, with our tools, on both servers.

Share a service, a plain stream, a pull consumer (publicly and privately) and a push consumer: the
command lines stand here as they are typed there, with account names and keys in shell variables.
Each ends with the guide's revocation and restoration, and with its deletes.
"""

import json
import re

import pytest

from support.sharing import SharingWorld
from support.waiting import wait_for

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SERVICE_EXPORTS = r"""
nsc add export --private --name "PAYMENTAPI-GRANT-SERVICE" --account $ACCTA --subject "retail.v1.payment.>" --service
nsc generate activation --output-file "PAYMENTAPI-GRANT-SERVICE-ACCTB.tok" --account $ACCTA --subject "retail.v1.payment.>" --target-account $ACCTBPUBKEY
"""  # noqa: E501
SERVICE_IMPORTS = r"""
nsc add import --token "PAYMENTAPI-GRANT-SERVICE-ACCTB.tok" --account $ACCTB --name "PAYMENTAPI-GRANT-SERVICE" --local-subject "retail.v1.payment.>"
"""  # noqa: E501
SERVICE_REPLY = (
    'nats reply --context "test-a" --queue "payment-responder" "retail.v1.payment.tender" '
    '"Payment tendered!"'
)
SERVICE_REQUEST = (
    'nats request --context "test-b" "retail.v1.payment.tender" "Tender my payment please!"'
)
SERVICE_DELETES = r"""
nsc delete import --account $ACCTB --src-account $ACCTAPUBKEY --subject "retail.v1.payment.>"
nsc delete export --account $ACCTA --subject "retail.v1.payment.>"
"""

STREAM_EXPORTS = r"""
nsc add export --private --name "CARTEVENTS-GRANT-STREAM" --account $ACCTA --subject "retail.v1.cart.>"
nsc generate activation --output-file "CARTEVENTS-GRANT-STREAM-ACCTB.tok" --account $ACCTA --subject "retail.v1.cart.>" --target-account $ACCTBPUBKEY
"""  # noqa: E501
STREAM_IMPORTS = r"""
nsc add import --token "CARTEVENTS-GRANT-STREAM-ACCTB.tok" --account $ACCTB --name "CARTEVENTS-GRANT-STREAM" --local-subject "retail.v1.cart.>"
"""  # noqa: E501
STREAM_SUB = 'nats sub --context "test-b" --queue "cart-processor" "retail.v1.cart.>"'
STREAM_PUB = 'nats pub --context "test-a" "retail.v1.cart.started" "Customer initiated Cart 1234!"'
STREAM_DELETES = r"""
nsc delete import --account $ACCTB --src-account $ACCTAPUBKEY --subject "retail.v1.cart.>"
nsc delete export --account $ACCTA --subject "retail.v1.cart.>"
"""

PULL_BOOTSTRAP = r"""
nats str add --context test-a --config "$(pwd)/conf/jetstream/FULFILLEVENTS.conf"
nats con add --context test-a FULFILLEVENTS --config "$(pwd)/conf/jetstream/FULFILLEVENTS-C1.conf"
nats str add --context test-c --config "$(pwd)/conf/jetstream/RESTOCKEVENTS.conf"
nats con add --context test-c RESTOCKEVENTS --config "$(pwd)/conf/jetstream/RESTOCKEVENTS-C1.conf"
"""
PULL_EXPORTS = r"""
nsc add export --account $ACCTA --name "FULFILLEVENTS-GRANT-NEXT" --subject "\$JS.API.CONSUMER.MSG.NEXT.FULFILLEVENTS.FULFILLEVENTS-C1" --service --response-type "Stream"
nsc add export --account $ACCTA --name "FULFILLEVENTS-GRANT-ACK" --subject "\$JS.ACK.FULFILLEVENTS.FULFILLEVENTS-C1.>" --service
nsc add export --account $ACCTA --name "FULFILLEVENTS-GRANT-INFO" --subject "\$JS.API.CONSUMER.INFO.FULFILLEVENTS.FULFILLEVENTS-C1" --service
nsc add export --private --account $ACCTC --name "RESTOCKEVENTS-GRANT-NEXT" --subject "\$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1" --service --response-type "Stream"
nsc add export --private --account $ACCTC --name "RESTOCKEVENTS-GRANT-ACK" --subject "\$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>" --service
nsc add export --private --account $ACCTC --name "RESTOCKEVENTS-GRANT-INFO" --subject "\$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1" --service
nsc generate activation --output-file "RESTOCKEVENTS-GRANT-NEXT-ACCTB.tok" --account $ACCTC --subject "\$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1" --target-account $ACCTBPUBKEY
nsc generate activation --output-file "RESTOCKEVENTS-GRANT-ACK-ACCTB.tok" --account $ACCTC --subject "\$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>" --target-account $ACCTBPUBKEY
nsc generate activation --output-file "RESTOCKEVENTS-GRANT-INFO-ACCTB.tok" --account $ACCTC --subject "\$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"  --target-account $ACCTBPUBKEY
"""  # noqa: E501
PULL_IMPORTS = r"""
nsc add import --account $ACCTB --name "FULFILLEVENTS-GRANT-NEXT" --src-account $ACCTAPUBKEY --remote-subject "\$JS.API.CONSUMER.MSG.NEXT.FULFILLEVENTS.FULFILLEVENTS-C1" --local-subject "ACCTA.API.CONSUMER.MSG.NEXT.FULFILLEVENTS.FULFILLEVENTS-C1" --service
nsc add import --account $ACCTB --name "FULFILLEVENTS-GRANT-ACK" --remote-subject "\$JS.ACK.FULFILLEVENTS.FULFILLEVENTS-C1.>" --src-account $ACCTAPUBKEY --local-subject "\$JS.ACK.FULFILLEVENTS.FULFILLEVENTS-C1.>" --service
nsc add import --account $ACCTB --name "FULFILLEVENTS-GRANT-INFO" --remote-subject "\$JS.API.CONSUMER.INFO.FULFILLEVENTS.FULFILLEVENTS-C1" --src-account $ACCTAPUBKEY --local-subject "ACCTA.API.CONSUMER.INFO.FULFILLEVENTS.FULFILLEVENTS-C1" --service
nsc add import --token "RESTOCKEVENTS-GRANT-NEXT-ACCTB.tok" --account $ACCTB --name "RESTOCKEVENTS-GRANT-NEXT" --local-subject "ACCTC.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
nsc add import --token "RESTOCKEVENTS-GRANT-ACK-ACCTB.tok" --account $ACCTB --name "RESTOCKEVENTS-GRANT-ACK" --local-subject "\$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
nsc add import --token "RESTOCKEVENTS-GRANT-INFO-ACCTB.tok" --account $ACCTB --name "RESTOCKEVENTS-GRANT-INFO" --local-subject "ACCTC.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
"""  # noqa: E501
PULL_PUBLISH_A = (
    'nats request --context "test-a" "retail.v1.fulfill.completed" '
    '"Fulfill for order 1234 completed!"'
)
PULL_NEXT_A = (
    'nats consumer next --context "test-b" --js-api-prefix "ACCTA.API" --ack --count 1 '
    '"FULFILLEVENTS" "FULFILLEVENTS-C1"'
)
PULL_PUBLISH_C = (
    'nats request --context "test-c" "retail.v1.restock.requested" "Restock for item 5678 pronto!"'
)
PULL_NEXT_C = (
    'nats consumer next --context "test-b" --js-api-prefix "ACCTC.API" --ack --count 1 '
    '"RESTOCKEVENTS" "RESTOCKEVENTS-C1"'
)
PULL_NEXT_SUBJECT = r"\$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
PULL_REVOKE = (
    f'nsc revocations add-activation --account "ACCTC" --service --subject "{PULL_NEXT_SUBJECT}" '
    '--target-account "$ACCTBPUBKEY"'
)
PULL_REVOKED = (
    f'nsc revocations list-activations --account "ACCTC" --service --subject "{PULL_NEXT_SUBJECT}"'
)
PULL_RESTORE = PULL_REVOKE.replace("add-activation", "delete-activation")
PULL_DELETES = r"""
nsc delete import --account $ACCTB --src-account $ACCTAPUBKEY --subject "\$JS.API.CONSUMER.MSG.NEXT.FULFILLEVENTS.FULFILLEVENTS-C1"
nsc delete import --account $ACCTB --src-account $ACCTAPUBKEY --subject "\$JS.ACK.FULFILLEVENTS.FULFILLEVENTS-C1.>"
nsc delete import --account $ACCTB --src-account $ACCTAPUBKEY --subject "\$JS.API.CONSUMER.INFO.FULFILLEVENTS.FULFILLEVENTS-C1"
nsc delete import --account $ACCTB --src-account $ACCTCPUBKEY --subject "\$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
nsc delete import --account $ACCTB --src-account $ACCTCPUBKEY --subject "\$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
nsc delete import --account $ACCTB --src-account $ACCTCPUBKEY --subject "\$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
nsc delete export --account $ACCTA --subject "\$JS.API.CONSUMER.MSG.NEXT.FULFILLEVENTS.FULFILLEVENTS-C1"
nsc delete export --account $ACCTA --subject "\$JS.ACK.FULFILLEVENTS.FULFILLEVENTS-C1.>"
nsc delete export --account $ACCTA --subject "\$JS.API.CONSUMER.INFO.FULFILLEVENTS.FULFILLEVENTS-C1"
nsc delete export --account $ACCTC --subject "\$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
nsc delete export --account $ACCTC --subject "\$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
nsc delete export --account $ACCTC --subject "\$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
"""  # noqa: E501

PUSH_BOOTSTRAP = r"""
nats str add --context test-a --config "$(pwd)/conf/jetstream/ORDEREVENTS.conf"
nats con add --context test-a ORDEREVENTS --config "$(pwd)/conf/jetstream/ORDEREVENTS-C1.conf"
"""
PUSH_EXPORTS = r"""
nsc add export --private --account $ACCTA --name "ORDEREVENTS-GRANT-DELIVER" --subject "deliver.retail.v1.order.events"
nsc add export --private --account $ACCTA --name "ORDEREVENTS-GRANT-ACK" --subject "\$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.>" --service
nsc add export --private --account $ACCTA --name "ORDEREVENTS-GRANT-INFO" --subject "\$JS.API.CONSUMER.INFO.ORDEREVENTS.ORDEREVENTS-C1" --service
nsc generate activation --output-file "ORDEREVENTS-GRANT-DELIVER-ACCTB.tok" --account $ACCTA --subject "deliver.retail.v1.order.events" --target-account $ACCTBPUBKEY
nsc generate activation --output-file "ORDEREVENTS-GRANT-ACK-ACCTB.tok" --account $ACCTA --subject "\$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.>" --target-account $ACCTBPUBKEY
nsc generate activation --output-file "ORDEREVENTS-GRANT-INFO-ACCTB.tok" --account $ACCTA --subject "\$JS.API.CONSUMER.INFO.ORDEREVENTS.ORDEREVENTS-C1" --target-account $ACCTBPUBKEY
"""  # noqa: E501
PUSH_IMPORTS = r"""
nsc add import --token "ORDEREVENTS-GRANT-DELIVER-ACCTB.tok" --account $ACCTB --name "ORDEREVENTS-GRANT-DELIVER" --local-subject "retail.v1.order.events"
nsc add import --token "ORDEREVENTS-GRANT-ACK-ACCTB.tok" --account $ACCTB --name "ORDEREVENTS-GRANT-ACK" --local-subject "\$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.>" --service
nsc add import --token "ORDEREVENTS-GRANT-INFO-ACCTB.tok" --account $ACCTB --name "ORDEREVENTS-GRANT-INFO" --local-subject "ACCTA.API.CONSUMER.INFO.ORDEREVENTS.ORDEREVENTS-C1" --service
"""  # noqa: E501
PUSH_SUB = (
    'nats sub --context "test-b" --js-api-prefix "ACCTA.API" --ack --queue "order-processor" '
    '"retail.v1.order.events"'
)
PUSH_PUBLISH = 'nats request --context "test-a" "retail.v1.order.captured" "Captured order 1234!"'
PUSH_INFO = (
    'nats consumer info --context "test-b" --js-api-prefix "ACCTA.API" '
    '"ORDEREVENTS" "ORDEREVENTS-C1"'
)
PUSH_DELETES = r"""
nsc delete import --account $ACCTB --src-account $ACCTAPUBKEY --subject "deliver.retail.v1.order.events"
nsc delete import --account $ACCTB --src-account $ACCTAPUBKEY --subject "\$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.>"
nsc delete import --account $ACCTB --src-account $ACCTAPUBKEY --subject "\$JS.API.CONSUMER.INFO.ORDEREVENTS.ORDEREVENTS-C1"
nsc delete export --account $ACCTA --subject "deliver.retail.v1.order.events"
nsc delete export --account $ACCTA --subject "\$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.>"
nsc delete export --account $ACCTA --subject "\$JS.API.CONSUMER.INFO.ORDEREVENTS.ORDEREVENTS-C1"
"""  # noqa: E501


def stream(name, subject):
    return {
        "name": name,
        "subjects": [subject],
        "retention": "limits",
        "max_consumers": -1,
        "max_msgs_per_subject": -1,
        "max_msgs": -1,
        "max_bytes": 1048576,
        "max_age": 31536000000000000,
        "max_msg_size": -1,
        "storage": "file",
        "discard": "old",
        "num_replicas": 1,
        "duplicate_window": 120000000000,
    }


def consumer(name, **delivery):
    return {
        "ack_policy": "explicit",
        "ack_wait": 30000000000,
        "deliver_policy": "all",
        **delivery,
        "durable_name": name,
        "max_ack_pending": 100,
        "max_deliver": -1,
        "replay_policy": "instant",
    }


CONFIGURATIONS = {
    "FULFILLEVENTS": stream("FULFILLEVENTS", "retail.v1.fulfill.>"),
    "FULFILLEVENTS-C1": consumer("FULFILLEVENTS-C1"),
    "RESTOCKEVENTS": stream("RESTOCKEVENTS", "retail.v1.restock.>"),
    "RESTOCKEVENTS-C1": consumer("RESTOCKEVENTS-C1"),
    "ORDEREVENTS": stream("ORDEREVENTS", "retail.v1.order.>"),
    "ORDEREVENTS-C1": consumer(
        "ORDEREVENTS-C1",
        deliver_subject="deliver.retail.v1.order.events",
        deliver_group="order-processor",
    ),
}


@pytest.fixture(scope="module", params=["isthmus", "real"])
def world(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenarios")
    made = SharingWorld(request.param, folder, storing=("ACCTA", "ACCTC"), contexts="{}")
    for account, context in (("ACCTA", "test-a"), ("ACCTB", "test-b"), ("ACCTC", "test-c")):
        made.shell.run(
            f"nats context add {context} --server {made.server.url} "
            f"--creds {folder / account}.creds"
        )
    for name, value in CONFIGURATIONS.items():
        made.write(f"conf/jetstream/{name}.conf", value)
    yield made
    made.stop()


def revoke(world, account, subject, *flags):
    """The guide's revocation, for another grant."""
    target = f'--account {account} --subject "{subject}" --target-account $ACCTBPUBKEY'
    world.type(f"nsc revocations add-activation {target} {' '.join(flags)}")
    world.push()
    return f"nsc revocations delete-activation {target} {' '.join(flags)}"


def restore(world, line):
    world.type(line)
    world.push()


def is_answered(world):
    code, out = world.shell.try_run(f"{SERVICE_REQUEST} --timeout 2s")
    assert "Traceback" not in out
    return code == 0 and "Payment tendered!" in out


def test_a_service(world):
    answering = world.background(SERVICE_REPLY)
    answering.wait_for('Listening on "retail.v1.payment.tender" in group "payment-responder"')
    assert not is_answered(world)
    world.type(SERVICE_EXPORTS)
    world.type(SERVICE_IMPORTS)
    world.push()
    assert is_answered(world)
    key = world.shell.environment["ACCTBPUBKEY"]
    answering.wait_for('Received on subject "retail.v1.payment.tender"')
    answering.wait_for(f'Nats-Request-Info: {{"acc":"{key}"')
    answering.wait_for("Tender my payment please!")
    back = revoke(world, "ACCTA", "retail.v1.payment.>", "--service")
    assert not is_answered(world)
    restore(world, back)
    assert is_answered(world)
    world.type(SERVICE_DELETES)
    world.push()
    assert not is_answered(world)


def test_a_stream(world):
    world.type(STREAM_EXPORTS)
    world.type(STREAM_IMPORTS)
    world.push()
    listening = world.background(STREAM_SUB)
    listening.wait_for("Subscribing on retail.v1.cart.>")
    arrived(world, listening, "first")
    back = revoke(world, "ACCTA", "retail.v1.cart.>")
    world.type(publication("while revoked"))
    restore(world, back)
    arrived(world, listening, "second")
    world.type(STREAM_DELETES)
    world.push()
    world.type(publication("after the deletes"))
    assert "while revoked" not in listening.text
    assert "after the deletes" not in listening.text
    assert 'Received on "retail.v1.cart.started"' in listening.text
    assert listening.interrupt() == 130


def publication(text):
    return STREAM_PUB.replace("1234!", text)


def arrived(world, listening, text):
    """Publish until it comes: a subscription is announced before the server has it."""
    for _ in range(20):
        world.type(publication(text))
        if re.search(text, listening.text):
            return
    listening.wait_for(text)


def sequence(out):
    return int(re.search(r'"seq":(\d+)', out)[1])


def test_a_pull_consumer_publicly_and_privately(world):
    world.type(PULL_BOOTSTRAP)
    seq_a = sequence(world.type(PULL_PUBLISH_A))
    seq_c = sequence(world.type(PULL_PUBLISH_C))
    world.shell.fail(f"{PULL_NEXT_A} --timeout 1s")
    world.shell.fail(f"{PULL_NEXT_C} --timeout 1s")
    world.type(PULL_EXPORTS)
    world.type(PULL_IMPORTS)
    world.push()
    for line, subject, seq, text in (
        (PULL_NEXT_A, "retail.v1.fulfill.completed", seq_a, "Fulfill for order 1234 completed!"),
        (PULL_NEXT_C, "retail.v1.restock.requested", seq_c, "Restock for item 5678 pronto!"),
    ):
        out = world.type(line)
        assert f"subj: {subject} / tries: 1 / cons seq: {seq} / str seq: {seq} / pending: 0" in out
        assert text in out
        assert "Acknowledged message" in out
    world.type(PULL_PUBLISH_C)
    world.type(PULL_REVOKE)
    world.push()
    assert world.shell.environment["ACCTBPUBKEY"] in world.type(PULL_REVOKED)
    world.shell.fail(f"{PULL_NEXT_C} --timeout 1s")
    world.type(PULL_RESTORE)
    world.push()
    assert "Restock for item 5678 pronto!" in world.type(PULL_NEXT_C)
    world.type(PULL_PUBLISH_A)
    world.type(PULL_PUBLISH_C)
    world.type(PULL_DELETES)
    world.push()
    world.shell.fail(f"{PULL_NEXT_A} --timeout 1s")
    world.shell.fail(f"{PULL_NEXT_C} --timeout 1s")


DELIVERED = r'"retail.v1.order.captured" with reply "\$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.\d.{}\.'


def push_info(world):
    return json.loads(world.type(f"{PUSH_INFO} --json"))


def test_a_push_consumer(world):
    world.type(PUSH_BOOTSTRAP)
    world.type(PUSH_EXPORTS)
    world.type(PUSH_IMPORTS)
    world.push()
    listening = world.background(PUSH_SUB)
    listening.wait_for("Subscribing on retail.v1.order.events")
    seq = sequence(world.type(PUSH_PUBLISH))
    listening.wait_for("Captured order 1234!")
    listening.wait_for(DELIVERED.format(seq))
    wait_for(lambda: push_info(world)["ack_floor"]["stream_seq"] == seq, within_s=20)
    assert push_info(world)["push_bound"] is True
    assert push_info(world)["num_ack_pending"] == 0
    text = world.type(PUSH_INFO)
    assert "deliver.retail.v1.order.events" in text
    assert "order-processor" in text
    back = revoke(world, "ACCTA", "deliver.retail.v1.order.events")
    held = sequence(world.type(PUSH_PUBLISH))
    assert push_info(world)["ack_floor"]["stream_seq"] == seq
    restore(world, back)
    listening.wait_for(DELIVERED.format(held))
    world.type(PUSH_DELETES)
    world.push()
    world.shell.fail(f"{PUSH_INFO} --timeout 1s")
    world.type(PUSH_PUBLISH)
    assert listening.text.count("Captured order 1234!") == 2
