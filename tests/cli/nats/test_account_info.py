import re


def test_user_connection_and_use(restock):
    out = restock.ok("account", "info")
    assert out.startswith("Account Information\n\n")
    lines = out.splitlines()
    for row in (
        "                        Account: $G ($G)",
        "                 System Account: false",
        "                        Expires: never",
        "              Headers Supported: true",
        "                Maximum Payload: 1.0 MiB",
        f"                  Connected URL: {restock.environ['NATS_URL']}",
        "                 TLS Connection: no",
        "JetStream Account Information:",
        "                        Streams: 1",
        "                      Consumers: 1",
        "  Tier: Default:",
        "        Stream Requires Max Bytes Set: false",
        "                              Streams: 1 of Unlimited",
        "                            Consumers: Unlimited",
    ):
        assert row in lines, out
    assert re.search(r"^ +Client ID: \d+$", out, re.MULTILINE)
    assert re.search(r"^ +Storage: \d+ B of Unlimited $", out, re.MULTILINE)


def test_without_jetstream_it_says_so(kind, start_server, tool):
    tool.environ["NATS_URL"] = start_server(kind).url
    out = tool.ok("account", "info")
    assert out.endswith("\n\n    JetStream is not supported in this account\n")


def test_permissions_are_listed(kind, start_server, tool):
    server = start_server(
        kind,
        config='authorization { users: [{user: me, password: p, permissions: {publish: ["b",'
        ' "$SYS.REQ.>", "$JS.API.>"], subscribe: {deny: ["secret.>"]}}}] }',
    )
    tool.environ |= {"NATS_URL": server.url, "NATS_USER": "me", "NATS_PASSWORD": "p"}
    out = tool.ok("account", "info")
    assert "User: me\n" in out
    assert "Connection Permissions:\n\n   Publish:\n\n" in out
    assert re.search(r"Allow: \$JS\.API\.>\n +\$SYS\.REQ\.>\n +b\n", out)
    assert "   Subscribe:\n\n" in out
    assert "Deny: secret.>" in out
