import base64
import json

import pytest


def test_a_new_context_is_saved_and_shown(tool):
    out = tool.ok("context", "add", "A", "--server", "nats://one", "--description", "First")
    assert out == (
        'NATS Configuration Context "A"\n'
        "\n"
        "  Description: First\n"
        "  Server URLs: nats://one\n"
        f"         Path: {tool.contexts}/context/A.json\n"
        "\n"
    )


def test_without_a_server_it_is_the_local_one(tool):
    assert "Server URLs: nats://127.0.0.1:4222\n" in tool.ok("context", "add", "A")


@pytest.mark.parametrize("word", ["add", "save", "create"])
def test_select_makes_it_the_default(tool, word):
    tool.ok("context", word, "A", "--server", "nats://one", "--select")
    assert (tool.contexts / "context.txt").read_text() == "A"


def test_adding_again_changes_only_what_is_given(tool):
    tool.ok("context", "add", "A", "--server", "nats://one", "--user", "u", "--password", "secret")
    out = tool.ok("context", "add", "A", "--js-api-prefix", "ACCTC.API")
    assert "Server URLs: nats://one\n" in out
    assert "JS API Prefix: ACCTC.API\n" in out
    assert "Password: ******\n" in out
    assert "secret" not in out


def test_a_new_one_can_begin_as_a_copy(tool):
    tool.ok("context", "add", "A", "--server", "nats://one")
    assert "nats://one" in tool.ok("context", "add", "B", "--context", "A")
    tool.ok("context", "select", "A")
    assert "nats://one" not in tool.ok("context", "add", "C")


def test_the_environment_is_saved_too_and_warned_of(tool):
    tool.environ["NATS_URL"] = "nats://env"
    out = tool.ok("context", "add", "A")
    assert "Server URLs: nats://env\n" in out
    assert out.endswith("WARNING: Shell environment overrides in place using NATS_URL\n")


def test_credentials_can_be_embedded(tool, tmp_path):
    creds = tmp_path / "a.creds"
    creds.write_text("the credentials")
    out = tool.ok("context", "add", "A", "--creds", str(creds), "--embed")
    assert "Credentials: embedded data\n" in out
    saved = json.loads((tool.contexts / "context" / "A.json").read_text())
    assert saved["creds"] == "data:;base64," + base64.b64encode(b"the credentials").decode()
    said = tool.fails("context", "add", "B", "--creds", "/nope", "--embed")
    assert said == "cannot embed /nope: no such file or directory"


def test_a_file_that_is_missing_is_marked(tool, tmp_path):
    creds = tmp_path / "a.creds"
    creds.write_text("x")
    assert f"Credentials: {creds} (OK)\n" in tool.ok("context", "add", "A", "--creds", str(creds))
    creds.unlink()
    assert f"Credentials: {creds} (ERROR)\n" in tool.ok("context", "info", "A")


def test_a_refused_context_is_not_written(tool):
    said = tool.fails("context", "add", "A", "--creds", "c", "--nkey", "n")
    assert said.startswith("too many types of credentials")
    assert tool.fails("context", "add", "a/b").startswith("invalid context name")
    assert not (tool.contexts / "context").exists()


def test_contexts_stand_in_a_table_with_the_selected_one_marked(tool):
    assert tool.ok("context", "ls") == "No known contexts\n"
    tool.ok("context", "add", "ACCTC", "--description", "Retail inventory")
    tool.ok("context", "add", "ACCTB", "--description", "Supply chain", "--select")
    assert tool.ok("context", "ls") == (
        "╭───────────────────────────╮\n"
        "│       Known Contexts      │\n"
        "├────────┬──────────────────┤\n"
        "│ Name   │ Description      │\n"
        "├────────┼──────────────────┤\n"
        "│ ACCTB* │ Supply chain     │\n"
        "│ ACCTC  │ Retail inventory │\n"
        "╰────────┴──────────────────╯\n"
        "\n"
    )
    assert tool.ok("context", "ls", "--names") == "ACCTB\nACCTC\n"
    found = json.loads(tool.ok("context", "ls", "--json"))
    assert [list(one)[:2] for one in found] == [["name", "description"]] * 2


def test_one_that_cannot_be_read_does_not_hide_the_others(tool):
    tool.ok("context", "add", "A")
    (tool.contexts / "context" / "BAD.json").write_text("{bad")
    done = tool("context", "ls", "--names")
    assert (done.code, done.out) == (0, "A\n")
    assert "Could not load context BAD: cannot read context" in done.err


def test_info_shows_the_selected_one_or_the_named_one(tool):
    assert tool.fails("context", "info") == "no default context and no name supplied"
    tool.ok("context", "add", "A", "--select")
    tool.ok("context", "add", "B")
    assert 'Context "A"' in tool.ok("context", "info")
    assert 'Context "B"' in tool.ok("context", "show", "B")
    assert json.loads(tool.ok("context", "info", "B", "--json"))["name"] == "B"
    assert tool.fails("context", "info", "NOPE") == 'context not found: "NOPE"'


def test_connecting_is_tried_if_asked_for(nats):
    nats.ok("context", "add", "GOOD")
    nats.ok("context", "add", "BAD", "--creds", "/nope.creds")
    assert "  Connection: OK\n" in nats.ok("context", "info", "GOOD", "--connect")
    assert "Connection: nats: open /nope.creds: no such file or directory\n" in nats.ok(
        "context", "info", "BAD", "--connect"
    )


def test_select_previous_unselect(tool):
    assert tool.fails("context", "select") == "no context defined"
    tool.ok("context", "add", "A")
    tool.ok("context", "add", "B")
    assert 'Context "A"' in tool.ok("context", "select", "A")
    tool.ok("context", "select", "B")
    assert 'Context "A"' in tool.ok("context", "previous")
    assert tool.ok("context", "unselect") == 'Unselected the "A" context\n'
    assert tool.ok("context", "unselect") == "No context currently selected\n"
    assert tool.fails("context", "select", "NOPE") == 'context not found: "NOPE"'


def test_a_broken_context_is_not_selected(tool):
    tool.ok("context", "add", "A", "--select")
    (tool.contexts / "context" / "BAD.json").write_text("{bad")
    tool.fails("context", "select", "BAD")
    assert (tool.contexts / "context.txt").read_text() == "A"


def test_removing(tool):
    tool.ok("context", "add", "A", "--select")
    tool.ok("context", "add", "B")
    assert "cannot remove the selected context" in tool.fails("context", "rm", "A")
    assert "without a terminal" in tool.fails("context", "rm", "B")
    assert tool.ok("context", "rm", "B", "-f") == ""
    assert tool.ok("context", "rm", "A", "--force") == ""
    assert tool.ok("context", "ls") == "No known contexts\n"
    assert not (tool.contexts / "context.txt").exists()


def test_a_selected_context_that_is_gone_is_unselected_and_said(tool):
    tool.ok("context", "add", "A", "--select")
    (tool.contexts / "context" / "A.json").unlink()
    said = tool.fails("pub", "a", "b")
    assert said.startswith('context not found: "A"')
    assert not (tool.contexts / "context.txt").exists()


def test_a_misspelled_context_does_not_unselect_the_right_one(tool):
    tool.ok("context", "add", "A", "--select")
    assert tool.fails("pub", "a", "b", "--context", "NOPE") == 'context not found: "NOPE"'
    assert (tool.contexts / "context.txt").read_text() == "A"


def test_a_context_with_a_proxy_is_refused_by_name(tool):
    tool.ok("context", "add", "A", "--select")
    path = tool.contexts / "context" / "A.json"
    path.write_text(json.dumps({"url": "nats://x", "socks_proxy": "socks5://y"}))
    assert tool.fails("pub", "a", "b") == (
        'context "A" names a SOCKS proxy, which is not supported yet'
    )
