"""The guide "Share JetStream as a Service", verbatim, with our tools, on both servers.

GUIDE_… hold the guide's command lines as they stand there; only the placeholders in angle brackets
(account names, contexts, the account's public key) are replaced.
"""

import asyncio
import json
import re
from pathlib import Path

import nats
import pytest

from support.sharing import SharingWorld

pytestmark = [pytest.mark.oracle, pytest.mark.slow]

MESSAGE = "Restock for item 5678 pronto!"

GUIDE_PUBLISH = (
    'nats request --context "<ACCTC USER CONTEXT>" "retail.v1.restock.requested" '
    '"Restock for item 5678 pronto!"'
)
GUIDE_EXPORTS = r"""
nsc add export --private --account "<ACCTC NAME>" --name "RESTOCKEVENTS-GRANT-NEXT" --subject "\$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1" --service --response-type "Stream"
nsc add export --private --account "<ACCTC NAME>" --name "RESTOCKEVENTS-GRANT-ACK" --subject "\$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>" --service
nsc add export --private --account "<ACCTC NAME>" --name "RESTOCKEVENTS-GRANT-INFO" --subject "\$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1" --service
"""  # noqa: E501
GUIDE_ACTIVATIONS = r"""
nsc generate activation --output-file "RESTOCKEVENTS-GRANT-NEXT-ACCTB.tok" --account "<ACCTC NAME>" --subject "\$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1" --target-account "<ACCTB PUBLICKEY>"
nsc generate activation --output-file "RESTOCKEVENTS-GRANT-ACK-ACCTB.tok" --account "<ACCTC NAME>" --subject "\$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>" --target-account "<ACCTB PUBLICKEY>"
nsc generate activation --output-file "RESTOCKEVENTS-GRANT-INFO-ACCTB.tok" --account "<ACCTC NAME>" --subject "\$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"  --target-account "<ACCTB PUBLICKEY>"
"""  # noqa: E501
GUIDE_IMPORTS = r"""
nsc add import --token "RESTOCKEVENTS-GRANT-NEXT-ACCTB.tok" --account "<ACCTB NAME>" --name "RESTOCKEVENTS-GRANT-NEXT" --local-subject "ACCTC.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1"
nsc add import --token "RESTOCKEVENTS-GRANT-ACK-ACCTB.tok" --account "<ACCTB NAME>" --name "RESTOCKEVENTS-GRANT-ACK" --local-subject "\$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>"
nsc add import --token "RESTOCKEVENTS-GRANT-INFO-ACCTB.tok" --account "<ACCTB NAME>" --name "RESTOCKEVENTS-GRANT-INFO" --local-subject "ACCTC.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1"
"""  # noqa: E501
GUIDE_NEXT = (
    'nats consumer next --context "<ACCTB USER CONTEXT>" --js-api-prefix "ACCTC.API" --ack '
    '--count 1 "RESTOCKEVENTS" "RESTOCKEVENTS-C1"'
)

# The demo's configuration files, unchanged.
STREAM_CONF = {
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
CONSUMER_CONF = {
    "ack_policy": "explicit",
    "ack_wait": 30000000000,
    "deliver_policy": "all",
    "durable_name": "RESTOCKEVENTS-C1",
    "max_ack_pending": 100,
    "max_deliver": -1,
    "replay_policy": "instant",
}


class Guide(SharingWorld):
    """The guide's lines by name."""

    def __init__(self, kind: str, folder: Path) -> None:
        super().__init__(kind, folder, storing=("ACCTC",))
        self.write("RESTOCKEVENTS.conf", STREAM_CONF)
        self.write("RESTOCKEVENTS-C1.conf", CONSUMER_CONF)
        self.target = self.key("ACCTB")

    def fill_in(self, line: str) -> str:
        return (
            line.replace("<ACCTC NAME>", "ACCTC")
            .replace("<ACCTB NAME>", "ACCTB")
            .replace("<ACCTB PUBLICKEY>", self.target)
            .replace("<ACCTC USER CONTEXT>", "ACCTC")
            .replace("<ACCTB USER CONTEXT>", "ACCTB")
        )

    def type(self, lines: str, *, without: str = "-none-") -> str:
        """Type the guide's lines; what the last one printed."""
        kept = [line for line in lines.strip().splitlines() if without not in line]
        return super().type(self.fill_in("\n".join(kept)))

    def add_stream(self) -> None:
        self.shell.run("nats stream add --context ACCTC --config RESTOCKEVENTS.conf")
        self.shell.run(
            "nats consumer add --context ACCTC RESTOCKEVENTS --config RESTOCKEVENTS-C1.conf"
        )

    def publish(self) -> int:
        out = self.type(GUIDE_PUBLISH)
        found = re.search(r'\{"stream":"RESTOCKEVENTS","domain":"ngs","seq":(\d+)\}', out)
        assert found, out
        return int(found[1])

    def next_fails(self) -> None:
        out = self.shell.fail(self.fill_in(GUIDE_NEXT) + " --timeout 1s")
        assert MESSAGE not in out

    def next(self, seq: int) -> None:
        out = self.type(GUIDE_NEXT)
        subject = "retail.v1.restock.requested"
        line = f"subj: {subject} / tries: 1 / cons seq: {seq} / str seq: {seq} / pending: 0"
        assert line in out, out
        assert MESSAGE in out
        assert "Acknowledged message" in out

    def ack_floor(self) -> int:
        out = self.shell.run(
            "nats consumer info --context ACCTC --json RESTOCKEVENTS RESTOCKEVENTS-C1"
        )
        return json.loads(out)["ack_floor"]["stream_seq"]


@pytest.fixture
def guide(kind, tmp_path):
    made = Guide(kind, tmp_path)
    yield made
    made.stop()


def test_the_guide_from_the_first_line_to_the_last(guide):
    guide.add_stream()
    seq = guide.publish()
    guide.next_fails()  # nothing for ACCTB before the grant

    guide.type(GUIDE_EXPORTS)
    guide.type(GUIDE_ACTIVATIONS)
    guide.type(GUIDE_IMPORTS)
    guide.push()
    guide.next(seq)
    assert guide.ack_floor() == seq

    for _ in range(5):
        seq = guide.publish()
    out = guide.shell.run(guide.fill_in(GUIDE_NEXT.replace("--count 1", "--count 5")))
    assert out.count(MESSAGE) == 5
    assert guide.ack_floor() == seq

    # what was not granted stays closed
    guide.shell.fail(
        "nats stream info --context ACCTB --js-api-prefix ACCTC.API --timeout 1s RESTOCKEVENTS"
    )

    seq = guide.publish()
    target = (
        "--account ACCTC --service --subject "
        "'$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1' "
        f"--target-account {guide.target}"
    )
    guide.shell.run(f"nsc revocations add-activation {target}")
    guide.push()
    guide.next_fails()
    guide.shell.run(f"nsc revocations delete-activation {target}")
    guide.push()
    guide.next(seq)
    assert guide.ack_floor() == seq


def test_with_public_exports(guide):
    guide.add_stream()
    seq = guide.publish()
    guide.type(GUIDE_EXPORTS.replace("--private ", ""))
    account = guide.key("ACCTC")
    for name, subject, local in (
        ("NEXT", "$JS.API.CONSUMER.MSG.NEXT.RESTOCKEVENTS.RESTOCKEVENTS-C1", True),
        ("ACK", "$JS.ACK.RESTOCKEVENTS.RESTOCKEVENTS-C1.>", False),
        ("INFO", "$JS.API.CONSUMER.INFO.RESTOCKEVENTS.RESTOCKEVENTS-C1", True),
    ):
        here = subject.replace("$JS.API", "ACCTC.API") if local else subject
        guide.shell.run(
            f"nsc add import --account ACCTB --name {name} --src-account {account} "
            f"--remote-subject '{subject}' --service --local-subject '{here}'"
        )
    guide.push()
    guide.next(seq)
    assert guide.ack_floor() == seq


def test_with_grants_made_before_the_stream_exists(guide):
    guide.type(GUIDE_EXPORTS)
    guide.type(GUIDE_ACTIVATIONS)
    guide.type(GUIDE_IMPORTS)
    guide.push()
    guide.next_fails()
    guide.add_stream()
    guide.next(guide.publish())


def test_without_the_optional_info_grant(guide):
    guide.add_stream()
    seq = guide.publish()
    guide.type(GUIDE_EXPORTS, without="INFO")
    guide.type(GUIDE_ACTIVATIONS, without="INFO")
    guide.type(GUIDE_IMPORTS, without="INFO")
    guide.push()
    guide.next(seq)
    assert guide.ack_floor() == seq


def test_nats_py_unchanged_in_both_accounts(guide):
    guide.add_stream()
    guide.type(GUIDE_EXPORTS)
    guide.type(GUIDE_ACTIVATIONS)
    guide.type(GUIDE_IMPORTS)
    guide.push()
    asyncio.run(_use_nats_py(guide))


async def _connect(guide, account):
    creds = str(guide.shell.folder / f"{account}.creds")
    return await nats.connect(guide.server.url, user_credentials=creds)


async def _use_nats_py(guide):
    owner, reader = await _connect(guide, "ACCTC"), await _connect(guide, "ACCTB")
    js = owner.jetstream()
    info = await js.add_stream(name="LOCAL", subjects=["local.>"])
    assert info.config.name == "LOCAL"
    for number in range(4):
        ack = await js.publish("local.a", b"%d" % number)
        assert (ack.stream, ack.seq, ack.domain) == ("LOCAL", number + 1, "ngs")
    local = await js.pull_subscribe("local.>", durable="work")
    await _answer_in_every_way(local, 4)
    assert (await js.consumer_info("LOCAL", "work")).num_ack_pending == 0

    # the same through the imports of the other account
    for number in range(4):
        await js.publish("retail.v1.restock.requested", b"%d" % number)
    across = reader.jetstream(prefix="ACCTC.API")
    shared = await across.pull_subscribe_bind("RESTOCKEVENTS-C1", stream="RESTOCKEVENTS")
    await _answer_in_every_way(shared, 4)
    state = await js.consumer_info("RESTOCKEVENTS", "RESTOCKEVENTS-C1")
    assert (state.num_ack_pending, state.ack_floor.stream_seq) == (0, 4)
    await owner.close()
    await reader.close()


async def _answer_in_every_way(subscription, count):
    """ack, term, in_progress and a confirmed ack, nak and the redelivery it brings."""
    first, second, third, fourth = await subscription.fetch(count, timeout=5)
    assert [m.data for m in (first, second, third, fourth)] == [b"0", b"1", b"2", b"3"]
    await first.ack()
    await second.term()
    await third.in_progress()
    await third.ack_sync()
    await fourth.nak()
    (again,) = await subscription.fetch(1, timeout=5)
    assert (again.data, again.metadata.num_delivered) == (b"3", 2)
    await again.ack_sync()
