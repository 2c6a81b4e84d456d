"""The guide's nine commands and our two: the same grants, the same effect, on both servers."""

import pytest

from isthmus.identity import jwt
from oracle.test_guide import (
    GUIDE_ACTIVATIONS,
    GUIDE_EXPORTS,
    GUIDE_IMPORTS,
    Guide,
)

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

SHARE = (
    "nsc share consumer --account ACCTC --stream RESTOCKEVENTS --consumer RESTOCKEVENTS-C1 "
    "--with ACCTB"
)
ACCEPT = "nsc accept RESTOCKEVENTS-RESTOCKEVENTS-C1-ACCTB.invite --account ACCTB"
DELETE = (
    ("ACCTB", "import", "--src-account {giver} "),
    ("ACCTC", "export", ""),
)
SUBJECTS = (
    "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1",
    "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>",
    "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1",
)


@pytest.fixture
def guide(kind, tmp_path):
    made = Guide(kind, tmp_path)
    yield made
    made.stop()


def granted(guide):
    """What the two accounts' tokens say about sharing, without names, times and signatures."""
    exports, imports = (
        jwt.decode_account(guide.shell.run(f"nsc describe account {name} --raw").strip())
        for name in ("ACCTC", "ACCTB")
    )
    opened = {
        (e.subject, e.type, e.response_type, e.token_required, e.threshold_ns, e.allow_trace)
        for e in exports.nats.exports
    }
    taken = set()
    for item in imports.nats.imports:
        token = jwt.decode_activation(item.token)
        assert token.expires_s == 0
        said = (token.subject, token.issuer, token.nats.subject, token.nats.kind)
        taken.add((item.subject, item.local_subject, item.type, item.account, item.share, said))
    return opened, taken


def forget(guide):
    giver = guide.key("ACCTC")
    for account, what, more in DELETE:
        for subject in SUBJECTS:
            guide.shell.run(
                f"nsc delete {what} --account {account} {more.format(giver=giver)}"
                f"--subject '{subject}'"
            )
    guide.push()


def test_two_commands_are_the_guides_nine(guide):
    guide.add_stream()
    guide.type(GUIDE_EXPORTS)
    guide.type(GUIDE_ACTIVATIONS)
    guide.type(GUIDE_IMPORTS)
    nine = granted(guide)
    assert (len(nine[0]), len(nine[1])) == (3, 3)
    guide.push()
    seq = guide.publish()
    guide.next(seq)
    forget(guide)
    seq = guide.publish()
    guide.next_fails()

    guide.shell.run(SHARE)
    out = guide.shell.run(ACCEPT)
    assert granted(guide) == nine
    guide.push()
    guide.next(seq)
    assert guide.ack_floor() == seq

    # what `accept` printed works as it stands there
    seq = guide.publish()
    use = next(line.strip() for line in out.splitlines() if "nats consumer next" in line)
    printed = guide.shell.run(use.replace("nats ", "nats --context ACCTB ", 1))
    assert "Acknowledged message" in printed
    seq = guide.publish()
    python = [line.strip("\n") for line in out.partition("connection `nc`:")[2].splitlines()]
    program = "\n".join(
        [
            "import asyncio, nats",
            "async def main():",
            f"    nc = await nats.connect({guide.server.url!r}, user_credentials='ACCTB.creds')",
            *python,
            "    await nc.flush()",
            "    await nc.close()",
            "asyncio.run(main())",
        ]
    )
    (guide.shell.folder / "use.py").write_text(program)
    guide.shell.run("python use.py")
    assert guide.ack_floor() == seq


def test_one_command_where_both_accounts_are_in_the_store(guide):
    guide.add_stream()
    seq = guide.publish()
    guide.shell.run(f"{SHARE} --accept --expires 30d")
    assert not list(guide.shell.folder.glob("*.invite"))
    guide.push()
    guide.next(seq)
    assert guide.ack_floor() == seq
