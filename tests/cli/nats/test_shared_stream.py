"""The guide's commands across two accounts, with the grants in the server's configuration."""

import json
import re

import pytest

GRANTS = {
    "next": ("ACCTC.API.CONSUMER.MSG.NEXT", "$JS.API.CONSUMER.MSG.NEXT", "response: stream"),
    "info": ("ACCTC.API.CONSUMER.INFO", "$JS.API.CONSUMER.INFO", ""),
    "ack": ("$JS.ACK", "$JS.ACK", ""),
}


def sharing(folder, grants) -> str:
    exports, imports = [], []
    for grant in grants:
        here, there, response = GRANTS[grant]
        rest = "RESTOCKEVENTS.RESTOCKEVENTS-C1" + (".>" if grant == "ack" else "")
        exports.append(f'{{service: "{there}.{rest}", {response}}}')
        imports.append(
            f'{{service: {{account: C, subject: "{there}.{rest}"}}, to: "{here}.{rest}"}}'
        )
    return f"""
        jetstream {{ store_dir: "{folder}/store" }}
        accounts {{
          C: {{ jetstream: enabled, users: [{{user: c, password: c}}],
               exports: [{", ".join(exports)}] }}
          B: {{ users: [{{user: b, password: b}}], imports: [{", ".join(imports)}] }}
        }}
    """


@pytest.fixture
def share(kind, start_server, tool, tmp_path):
    """Contexts ACCTB and ACCTC, the guide's stream and consumer, one message; some grants."""

    def share(*grants: str):
        server = start_server(kind, config=sharing(tmp_path, grants))
        for account in "BC":
            tool.ok(
                *("context", "add", f"ACCT{account}", "--server", server.url),
                *("--user", account.lower(), "--password", account.lower()),
            )
        tool.ok(
            *("--context", "ACCTC", "stream", "add", "RESTOCKEVENTS"),
            *("--subjects", "retail.v1.restock.>", "--storage", "file", "--defaults"),
        )
        tool.ok(
            *("--context", "ACCTC", "consumer", "add", "RESTOCKEVENTS", "RESTOCKEVENTS-C1"),
            *("--pull", "--defaults"),
        )
        publish(tool)
        return tool

    return share


def publish(tool) -> None:
    tool.ok(
        *("--context", "ACCTC", "pub", "-J", "retail.v1.restock.requested"),
        "Restock for item 5678 pronto!",
    )


NEXT = (
    *("--context", "ACCTB", "consumer", "next", "RESTOCKEVENTS", "RESTOCKEVENTS-C1"),
    *("--js-api-prefix", "ACCTC.API", "--ack", "--timeout", "5s"),
)


def ack_floor(tool) -> int:
    out = tool.ok(
        "--context", "ACCTC", "consumer", "info", "RESTOCKEVENTS", "RESTOCKEVENTS-C1", "--json"
    )
    return json.loads(out)["ack_floor"]["stream_seq"]


def test_the_guides_pull_through_the_grants(share):
    tool = share("next", "ack", "info")
    out = tool.ok(*NEXT, "--count", "1")
    assert re.fullmatch(
        r"\[\d\d:\d\d:\d\d\] subj: retail\.v1\.restock\.requested / tries: 1 / cons seq: 1 / "
        r"str seq: 1 / pending: 0\n\nRestock for item 5678 pronto!\n\nAcknowledged message\n\n",
        out,
    )
    assert ack_floor(tool) == 1


def test_five_at_once(share):
    tool = share("next", "ack", "info")
    for _ in range(4):
        publish(tool)
    assert tool.ok(*NEXT, "--count", "5").count("Acknowledged message") == 5
    assert ack_floor(tool) == 5


def test_the_info_grant_is_optional(share):
    tool = share("next", "ack")
    assert "pending: 0" in tool.ok(*NEXT)
    assert ack_floor(tool) == 1
    said = tool.fails(*NEXT, "--timeout", "600ms")
    assert said == "no message received: nats: timeout"


def test_the_info_grant_alone_shows_the_consumer(share):
    tool = share("info")
    out = tool.ok(
        *("--context", "ACCTB", "consumer", "info", "RESTOCKEVENTS", "RESTOCKEVENTS-C1"),
        *("--js-api-prefix", "ACCTC.API"),
    )
    assert "Unprocessed Messages: 1\n" in out


def test_nothing_comes_without_a_grant(share):
    tool = share()
    done = tool(*NEXT)
    assert done.code == 1
    assert done.out == ""
    assert "no responders available for request" in done.err


def test_what_is_not_granted_stays_closed(share):
    tool = share("next", "ack", "info")
    for line in (
        "stream info RESTOCKEVENTS",
        "stream purge RESTOCKEVENTS -f",
        "stream rm RESTOCKEVENTS -f",
        "consumer rm RESTOCKEVENTS RESTOCKEVENTS-C1 -f",
        "consumer ls RESTOCKEVENTS",
    ):
        said = tool.fails("--context", "ACCTB", "--js-api-prefix", "ACCTC.API", *line.split())
        assert said.endswith("nats: no responders available for request")


def test_the_prefix_may_stand_in_the_context(share):
    tool = share("next", "ack")
    tool.ok("context", "add", "ACCTB", "--js-api-prefix", "ACCTC.API")
    assert "pending: 0" in tool.ok(
        "--context", "ACCTB", "consumer", "next", "RESTOCKEVENTS", "RESTOCKEVENTS-C1"
    )
