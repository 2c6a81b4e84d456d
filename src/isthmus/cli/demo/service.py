"""Share a service: ACCTA tenders payments, ACCTB asks it to."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.cli.demo.shell import Shell, check

SUBJECT = "retail.v1.payment.>"
ANSWER = "Payment tendered!"


def story(shell: Shell, keys: Mapping[str, str]) -> None:
    """Before the grant, with it, revoked, restored, deleted."""
    shell.say("A service of ACCTA")
    answering = shell.start(
        f'nats reply --context ACCTA --queue payment-responder retail.v1.payment.tender "{ANSWER}"'
    )
    answering.wait_for("Listening on")
    check(ANSWER not in ask(shell, fails=True), "nobody answers ACCTB before the grant")
    shell.say("ACCTA shares it with ACCTB, privately")
    shell.run(
        "nsc add export --private --name PAYMENTAPI-GRANT-SERVICE --account ACCTA "
        f"--subject '{SUBJECT}' --service"
    )
    shell.run(
        "nsc generate activation --output-file PAYMENTAPI-GRANT-SERVICE-ACCTB.tok "
        f"--account ACCTA --subject '{SUBJECT}' --target-account {keys['ACCTB']}"
    )
    shell.run(
        "nsc add import --token PAYMENTAPI-GRANT-SERVICE-ACCTB.tok --account ACCTB "
        f"--name PAYMENTAPI-GRANT-SERVICE --local-subject '{SUBJECT}'"
    )
    shell.run("nsc push --all")
    check(ANSWER in ask(shell), "ACCTB is answered")
    heard = answering.wait_for("Tender my payment please!")
    check(f'{{"acc":"{keys["ACCTB"]}"' in heard, "ACCTA sees which account asks")
    shell.say("ACCTA revokes the grant, and restores it")
    target = f"--account ACCTA --service --subject '{SUBJECT}' --target-account {keys['ACCTB']}"
    shell.run(f"nsc revocations add-activation {target}")
    shell.run("nsc push --account ACCTA")
    check(ANSWER not in ask(shell, fails=True), "revoked: nobody answers ACCTB")
    shell.run(f"nsc revocations delete-activation {target}")
    shell.run("nsc push --account ACCTA")
    check(ANSWER in ask(shell), "restored: ACCTB is answered")
    shell.say("Import and export are deleted")
    shell.run(
        f"nsc delete import --account ACCTB --src-account {keys['ACCTA']} --subject '{SUBJECT}'"
    )
    shell.run(f"nsc delete export --account ACCTA --subject '{SUBJECT}'")
    shell.run("nsc push --all")
    check(ANSWER not in ask(shell, fails=True), "deleted: nobody answers ACCTB")
    shell.close()


def ask(shell: Shell, *, fails: bool = False) -> str:
    """ACCTB's request."""
    return shell.run(
        "nats request --context ACCTB --timeout 2s retail.v1.payment.tender "
        '"Tender my payment please!"',
        fails=fails,
    )
