"""The guide "Share JetStream as a Service", typed and checked.

ACCTC owns a stream and a consumer and shares the consumer; ACCTB takes and acknowledges events
through its own account. The first thing that is not as it must be raises `DemoError`.
"""

from __future__ import annotations

import json
import re

from isthmus.cli.demo.shell import DemoError, DemoServer, Shell, check

PREFIX = "ACCTC.API"
MESSAGE = "Restock for item 5678 pronto!"
NEXT = "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
ACK = "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
INFO = "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
GRANTS = (("NEXT", NEXT), ("ACK", ACK), ("INFO", INFO))

STREAM_CONFIG = {
    "name": "RESTOCKEVENTS",
    "subjects": ["retail.v1.restock.>"],
    "retention": "limits",
    "max_consumers": -1,
    "max_msgs": -1,
    "max_bytes": 1048576,
    "max_age": 31536000000000000,
    "max_msg_size": -1,
    "storage": "file",
    "discard": "old",
    "num_replicas": 1,
    "duplicate_window": 120000000000,
}
CONSUMER_CONFIG = {
    "durable_name": "RESTOCKEVENTS-C1",
    "deliver_policy": "all",
    "ack_policy": "explicit",
    "ack_wait": 30000000000,
    "max_deliver": -1,
    "max_ack_pending": 100,
    "replay_policy": "instant",
}


def ack_floor(shell: Shell) -> int:
    """The last stream sequence that ACCTC's consumer knows as processed."""
    text = shell.run("nats consumer info --context ACCTC --json RESTOCKEVENTS RESTOCKEVENTS-C1")
    return int(json.loads(text)["ack_floor"]["stream_seq"])


def set_up(shell: Shell, server: DemoServer) -> str:
    """Operator, accounts, users, server, contexts, stream and consumer; ACCTB's public key."""
    shell.say("An operator, three accounts, one user each")
    shell.run("nsc add operator --name DEMO --sys")
    for account in ("ACCTA", "ACCTB", "ACCTC"):
        shell.run(f"nsc add account --name {account}")
        shell.run(f"nsc add user --account {account} --name {account}-USER")
    shell.run(
        "nsc edit account --name ACCTC --js-mem-storage -1 --js-disk-storage -1 "
        "--js-streams -1 --js-consumer -1"
    )
    shell.say("A server that trusts this operator, in the JetStream domain ngs")
    shell.run("nsc generate config --nats-resolver --sys-account SYS --config-file resolver.conf")
    (shell.folder / "server.conf").write_text(
        "listen: 127.0.0.1:-1\n"
        "server_name: demo\n"
        'jetstream { store_dir: "./store", domain: ngs }\n'
        "include ./resolver.conf\n"
    )
    print("$ isthmus server -c server.conf &", flush=True)
    server.start()
    print(f"listening on {server.url}", flush=True)
    shell.run(f"nsc edit operator --service-url {server.url} --account-jwt-server-url {server.url}")
    shell.run("nsc push --all")
    shell.say("A context for each user; stream and consumer in ACCTC")
    for account in ("ACCTA", "ACCTB", "ACCTC"):
        shell.run(
            f"nsc generate creds --account {account} --name {account}-USER "
            f"--output-file {account}.creds"
        )
        shell.run(f"nats context add {account} --server {server.url} --creds {account}.creds")
    (shell.folder / "RESTOCKEVENTS.conf").write_text(json.dumps(STREAM_CONFIG, indent=2))
    (shell.folder / "RESTOCKEVENTS-C1.conf").write_text(json.dumps(CONSUMER_CONFIG, indent=2))
    shell.run("nats stream add --context ACCTC --config RESTOCKEVENTS.conf")
    shell.run("nats consumer add --context ACCTC RESTOCKEVENTS --config RESTOCKEVENTS-C1.conf")
    key = shell.run("nsc describe account --name ACCTB --field sub").strip().strip('"')
    if not re.fullmatch("A[A-Z2-7]{55}", key):
        raise DemoError(f"not an account key: {key!r}")
    return key


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


def story(shell: Shell, server: DemoServer) -> None:
    """The whole demonstration."""
    key = set_up(shell, server)
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
