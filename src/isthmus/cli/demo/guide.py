"""The guide "Share JetStream as a Service", typed and checked.

ACCTC owns a stream and a consumer and shares the consumer; ACCTB takes and acknowledges events
through its own account. The first thing that is not as it must be raises `DemoError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from isthmus.cli.demo.setting import (
    consumer_configuration,
    stream_configuration,
    write_configuration,
)
from isthmus.cli.demo.shell import Shell, check

PREFIX = "ACCTC.API"
MESSAGE = "Restock for item 5678 pronto!"
NEXT = "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
ACK = "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
INFO = "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
GRANTS = (("NEXT", NEXT), ("ACK", ACK), ("INFO", INFO))


def ack_floor(shell: Shell) -> int:
    """The last stream sequence that ACCTC's consumer knows as processed."""
    text = shell.run("nats consumer info --context ACCTC --json RESTOCKEVENTS RESTOCKEVENTS-C1")
    return int(json.loads(text)["ack_floor"]["stream_seq"])


def add_stream(shell: Shell) -> None:
    """ACCTC's stream and consumer."""
    shell.say("Stream and consumer in ACCTC")
    write_configuration(shell.folder, stream_configuration("RESTOCKEVENTS", "retail.v1.restock.>"))
    write_configuration(shell.folder, consumer_configuration("RESTOCKEVENTS-C1"))
    shell.run("nats stream add --context ACCTC --config RESTOCKEVENTS.conf")
    shell.run("nats consumer add --context ACCTC RESTOCKEVENTS --config RESTOCKEVENTS-C1.conf")


def share(shell: Shell, key: str) -> None:
    """The guide's nine commands: export, activate, import."""
    shell.say("ACCTC exports three services, privately")
    for grant, subject in GRANTS:
        response = ' --response-type "Stream"' if grant == "NEXT" else ""
        shell.run(
            f'nsc add export --private --account "ACCTC" --name "RESTOCKEVENTS-GRANT-{grant}" '
            f"--subject '{subject}' --service{response}"
        )
    shell.say("ACCTC allows ACCTB to use them")
    for grant, subject in GRANTS:
        shell.run(
            f'nsc generate activation --output-file "RESTOCKEVENTS-GRANT-{grant}-ACCTB.tok" '
            f'--account "ACCTC" --subject \'{subject}\' --target-account "{key}"'
        )
    shell.say("ACCTB accepts")
    for grant, subject in GRANTS:
        local = subject if grant == "ACK" else subject.replace("$JS.API", PREFIX)
        shell.run(
            f'nsc add import --token "RESTOCKEVENTS-GRANT-{grant}-ACCTB.tok" --account "ACCTB" '
            f"--name \"RESTOCKEVENTS-GRANT-{grant}\" --local-subject '{local}'"
        )
    shell.run("nsc push --all")


def take(shell: Shell, count: int = 1, *, fails: bool = False) -> str:
    """The guide's last command, by ACCTB."""
    timeout = " --timeout 1s" if fails else ""
    return shell.run(
        f'nats consumer next --context "ACCTB" --js-api-prefix "{PREFIX}" --ack --count {count}'
        f'{timeout} "RESTOCKEVENTS" "RESTOCKEVENTS-C1"',
        fails=fails,
    )


def publish(shell: Shell) -> int:
    """One restock event by ACCTC; its sequence."""
    out = shell.run(f'nats request --context "ACCTC" "retail.v1.restock.requested" "{MESSAGE}"')
    found = re.search(r'\{"stream":"RESTOCKEVENTS","domain":"ngs","seq":(\d+)\}', out)
    check(found, "the event is stored, and the answer names stream, domain and sequence")
    assert found is not None
    return int(found[1])


def story(shell: Shell, keys: Mapping[str, str]) -> None:
    """From the stream to the revocation and its end."""
    key = keys["ACCTB"]
    add_stream(shell)
    shell.say("ACCTC publishes a restock event")
    seq = publish(shell)
    shell.say("Before the grant, ACCTB gets nothing")
    check(MESSAGE not in take(shell, fails=True), "nothing for ACCTB before the grant")
    share(shell, key)
    shell.say("ACCTB takes the event and acknowledges it, through its own account")
    out = take(shell)
    line = (
        f"subj: retail.v1.restock.requested / tries: 1 / cons seq: {seq} / str seq: {seq} "
        "/ pending: 0"
    )
    check(line in out, line)
    check(MESSAGE in out, "the event itself")
    check("Acknowledged message" in out, "acknowledged")
    check(ack_floor(shell) == seq, f"in ACCTC the consumer's acknowledgement floor is {seq}")
    shell.say("Five at once")
    for _ in range(5):
        seq = publish(shell)
    check(take(shell, 5).count(MESSAGE) == 5, "five events for a count of 5")
    check(ack_floor(shell) == seq, f"the acknowledgement floor is {seq}")
    shell.say("What was not granted stays closed")
    shell.run(
        f"nats stream info --context ACCTB --js-api-prefix {PREFIX} --timeout 1s RESTOCKEVENTS",
        fails=True,
    )
    shell.say("ACCTC revokes the grant, and restores it")
    seq = publish(shell)
    target = f"--account ACCTC --service --subject '{NEXT}' --target-account {key}"
    shell.run(f"nsc revocations add-activation {target}")
    shell.run("nsc push --account ACCTC")
    check(MESSAGE not in take(shell, fails=True), "revoked: ACCTB gets nothing")
    shell.run(f"nsc revocations delete-activation {target}")
    shell.run("nsc push --account ACCTC")
    check(MESSAGE in take(shell), "restored: ACCTB gets the event")
    check(ack_floor(shell) == seq, f"the acknowledgement floor is {seq}")
