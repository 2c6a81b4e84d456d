"""Share a push consumer as a stream: ACCTA's orders, delivered to a group of workers in ACCTB."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from isthmus.cli.demo.setting import (
    consumer_configuration,
    stream_configuration,
    write_configuration,
)
from isthmus.cli.demo.shell import DemoError, Shell, check

DELIVER = "deliver.retail.v1.order.events"
ACK = "$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.>"
INFO = "$JS.API.CONSUMER.INFO.ORDEREVENTS.ORDEREVENTS-C1"
ASKED_MAX = 10
# name, subject in ACCTA, subject in ACCTB, kind
GRANTS = (
    ("DELIVER", DELIVER, "retail.v1.order.events", ""),
    ("ACK", ACK, ACK, " --service"),
    ("INFO", INFO, INFO.replace("$JS.API", "ACCTA.API"), " --service"),
)


def story(shell: Shell, keys: Mapping[str, str]) -> None:
    """Shared, used, revoked, restored."""
    shell.say("A stream of orders in ACCTA, and a consumer that pushes them to a group")
    consumer = consumer_configuration("ORDEREVENTS-C1") | {
        "deliver_subject": DELIVER,
        "deliver_group": "order-processor",
    }
    write_configuration(shell.folder, stream_configuration("ORDEREVENTS", "retail.v1.order.>"))
    write_configuration(shell.folder, consumer)
    shell.run("nats stream add --context ACCTA --config ORDEREVENTS.conf")
    shell.run("nats consumer add --context ACCTA ORDEREVENTS --config ORDEREVENTS-C1.conf")
    shell.say("ACCTA shares what it delivers, acknowledgements and information with ACCTB")
    for grant, subject, local, kind in GRANTS:
        name = f"ORDEREVENTS-GRANT-{grant}"
        shell.run(
            f"nsc add export --private --account ACCTA --name {name} --subject '{subject}'{kind}"
        )
        shell.run(
            f"nsc generate activation --output-file {name}-ACCTB.tok --account ACCTA "
            f"--subject '{subject}' --target-account {keys['ACCTB']}"
        )
        shell.run(
            f"nsc add import --token {name}-ACCTB.tok --account ACCTB --name {name} "
            f"--local-subject '{local}'"
        )
    shell.run("nsc push --all")
    shell.say("A worker of ACCTB")
    working = shell.start(
        "nats sub --context ACCTB --js-api-prefix ACCTA.API --ack --queue order-processor "
        "retail.v1.order.events"
    )
    working.wait_for("Subscribing on")
    seq = publish(shell)
    heard = working.wait_for(f"$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.1.{seq}.")
    check('"retail.v1.order.captured"' in heard, "ACCTB's worker receives the order")
    check(ack_floor(shell, at_least=seq) == seq, "and its acknowledgement arrives")
    shell.say("ACCTA revokes the delivery, and restores it")
    target = f"--account ACCTA --subject '{DELIVER}' --target-account {keys['ACCTB']}"
    shell.run(f"nsc revocations add-activation {target}")
    shell.run("nsc push --account ACCTA")
    held = publish(shell)
    check(ack_floor(shell) == seq, "revoked: the order waits in ACCTA")
    shell.run(f"nsc revocations delete-activation {target}")
    shell.run("nsc push --account ACCTA")
    heard = working.wait_for(f"$JS.ACK.ORDEREVENTS.ORDEREVENTS-C1.1.{held}.")
    check('"retail.v1.order.captured"' in heard, "restored: ACCTB's worker receives it")
    shell.close()


def publish(shell: Shell) -> int:
    """An order in ACCTA; its sequence."""
    out = shell.run('nats request --context ACCTA retail.v1.order.captured "Captured order 1234!"')
    found = re.search(r'"stream":"ORDEREVENTS".*"seq":(\d+)', out)
    if found is None:
        raise DemoError("the order was not stored")
    return int(found[1])


def ack_floor(shell: Shell, *, at_least: int = 0) -> int:
    """The last order that ACCTA knows as processed, asked by ACCTB; an ack may be on its way."""
    floor = 0
    for _ in range(ASKED_MAX):
        text = shell.run(
            "nats consumer info --context ACCTB --js-api-prefix ACCTA.API --json "
            "ORDEREVENTS ORDEREVENTS-C1"
        )
        floor = int(json.loads(text)["ack_floor"]["stream_seq"])
        if floor >= at_least:
            break
    return floor
