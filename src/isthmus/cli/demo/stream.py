"""Share a stream of messages, without JetStream: ACCTA's cart events, processed in ACCTB."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.cli.demo.shell import Shell, check

SUBJECT = "retail.v1.cart.>"


def story(shell: Shell, keys: Mapping[str, str]) -> None:
    """Shared, revoked, restored, deleted."""
    shell.say("A stream of ACCTA's messages, shared with ACCTB, privately")
    shell.run(
        "nsc add export --private --name CARTEVENTS-GRANT-STREAM --account ACCTA "
        f"--subject '{SUBJECT}'"
    )
    shell.run(
        "nsc generate activation --output-file CARTEVENTS-GRANT-STREAM-ACCTB.tok "
        f"--account ACCTA --subject '{SUBJECT}' --target-account {keys['ACCTB']}"
    )
    shell.run(
        "nsc add import --token CARTEVENTS-GRANT-STREAM-ACCTB.tok --account ACCTB "
        f"--name CARTEVENTS-GRANT-STREAM --local-subject '{SUBJECT}'"
    )
    shell.run("nsc push --all")
    listening = shell.start(f"nats sub --context ACCTB --queue cart-processor '{SUBJECT}'")
    listening.wait_for("Subscribing on")
    publish(shell, "Customer initiated Cart 1")
    heard = listening.wait_for("Customer initiated Cart 1")
    check('Received on "retail.v1.cart.started"' in heard, "ACCTB receives it")
    shell.say("ACCTA revokes the grant, and restores it")
    target = f"--account ACCTA --subject '{SUBJECT}' --target-account {keys['ACCTB']}"
    shell.run(f"nsc revocations add-activation {target}")
    shell.run("nsc push --account ACCTA")
    publish(shell, "Customer initiated Cart 2")
    shell.run(f"nsc revocations delete-activation {target}")
    shell.run("nsc push --account ACCTA")
    publish(shell, "Customer initiated Cart 3")
    heard = listening.wait_for("Customer initiated Cart 3")
    check("Cart 2" not in heard, "ACCTB did not receive what was published while it was revoked")
    shell.say("Import and export are deleted")
    shell.run(
        f"nsc delete import --account ACCTB --src-account {keys['ACCTA']} --subject '{SUBJECT}'"
    )
    shell.run(f"nsc delete export --account ACCTA --subject '{SUBJECT}'")
    shell.run("nsc push --all")
    publish(shell, "Customer initiated Cart 4")
    shell.run("nats pub --context ACCTB retail.v1.cart.own 'a message of ACCTB itself'")
    heard = listening.wait_for("a message of ACCTB itself")
    check("Cart 4" not in heard, "deleted: ACCTB receives its own messages only")
    shell.close()


def publish(shell: Shell, text: str) -> None:
    """ACCTA's event."""
    shell.run(f'nats pub --context ACCTA retail.v1.cart.started "{text}"')
