"""What a command means when it names nothing."""

import json

import pytest

from support.nsc import Nsc


@pytest.fixture
def nsc(tmp_path) -> Nsc:
    made = Nsc(tmp_path)
    made.ok("add operator O")
    made.ok("add account A")
    made.ok("add account B")
    return made


def selected(nsc: Nsc) -> tuple[str, str]:
    table = nsc("env").err
    rows = {
        row.split("|")[1].strip(): row.split("|")[3].strip()
        for row in table.splitlines()
        if row.count("|") == 4
    }
    return rows["Current Operator"], rows["Current Account"]


def config(nsc: Nsc) -> dict:
    return json.loads((nsc.home / ".config/nats/nsc/nsc.json").read_text())


def test_the_configuration_is_that_of_the_original(nsc):
    text = (nsc.home / ".config/nats/nsc/nsc.json").read_text()
    assert text == (
        f'{{"store_root":"{nsc.stores}","operator":"O","account":"B",'
        '"github_updates":"nats-io/nsc","last_update":1767225600}'
    )


def test_what_was_added_last_is_selected(nsc):
    assert selected(nsc) == ("O", "B")
    nsc.ok("select account A")
    assert selected(nsc) == ("O", "A")


def test_naming_an_account_does_not_select_it(nsc):
    nsc.ok("add user u -a A")
    nsc.ok("list users -a A")
    assert selected(nsc) == ("O", "B")


def test_an_account_may_be_named_by_its_key(nsc):
    assert nsc.ok(f"describe account {nsc.key('A')} --field name") == '"A"\n'


def test_the_only_account_is_selected_even_if_the_configuration_says_otherwise(tmp_path):
    nsc = Nsc(tmp_path)
    nsc.ok("add operator O")
    nsc.ok("add account A")
    path = nsc.home / ".config/nats/nsc/nsc.json"
    path.write_text(path.read_text().replace('"A"', '"gone"'))
    assert selected(nsc) == ("O", "A")


def test_a_selection_that_is_gone_among_several_is_none(nsc):
    path = nsc.home / ".config/nats/nsc/nsc.json"
    path.write_text(path.read_text().replace('"account":"B"', '"account":"gone"'))
    assert selected(nsc) == ("O", "")
    assert "an account is required" in nsc("add user u").err


@pytest.mark.parametrize(
    ("inside", "meant"),
    [
        ("", ("O", "B")),
        ("O", ("O", "B")),
        ("O/accounts", ("O", "B")),
        ("O/accounts/A", ("O", "A")),
        ("O/accounts/A/users", ("O", "A")),
    ],
)
def test_the_working_folder_decides_if_it_lies_in_a_store(nsc, inside, meant):
    nsc.ok("add user u -a A")
    nsc.work = nsc.stores / inside
    assert selected(nsc) == meant
    assert "| From CWD                 |     | Yes" in nsc("env").err


def test_with_cwd_only_the_configuration_counts_for_nothing(nsc):
    nsc.environ["NSC_CWD_ONLY"] = "1"
    assert selected(nsc) == ("", "")
    assert "no stores available" in nsc("add account C").err
    assert "change your cwd" in nsc("env -a A").err
    before = config(nsc)
    nsc.work = nsc.stores / "O"
    nsc.ok("add account C")
    assert config(nsc) == before


def test_all_dirs_keeps_everything_in_one_folder(tmp_path):
    nsc = Nsc(tmp_path)
    nsc.ok(f"-H {tmp_path}/all add operator O --sys")
    nsc.ok(f"add account A -H {tmp_path}/all")
    found = {path.relative_to(tmp_path / "all").parts[0] for path in (tmp_path / "all").iterdir()}
    assert found == {"nsc.json", "O", "keys", "creds", ".gitignore"}
    assert not any(nsc.home.iterdir())


def test_another_operator_is_selected_with_its_only_account(nsc):
    nsc.ok("add operator P")
    nsc.ok("add account C")
    nsc.ok("select operator O")
    assert selected(nsc) == ("O", "")
    nsc.ok("env -o P")
    assert selected(nsc) == ("P", "C")
    nsc.ok("env -o O -a B")
    assert selected(nsc) == ("O", "B")


def test_another_store_is_selected(nsc, tmp_path):
    nsc.ok(f"--data-dir {tmp_path}/other add operator P")
    nsc.ok(f"env -s {nsc.stores}")
    assert selected(nsc)[0] == "O"
    nsc.ok(f"env -s {tmp_path}/other")
    assert selected(nsc) == ("P", "")


def test_a_folder_without_its_token_is_no_account(nsc):
    (nsc.stores / "O" / "accounts" / "X").mkdir()
    assert "| X " not in nsc("list accounts").err


def test_no_git_ignore_is_written_if_it_is_not_wanted(tmp_path):
    nsc = Nsc(tmp_path, environ={"NSC_NO_GIT_IGNORE": "1"})
    nsc.ok("add operator O")
    assert not (nsc.keys / ".gitignore").exists()
