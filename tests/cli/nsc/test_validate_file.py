"""Tokens of a file, one a line, checked one by one."""

import pytest

from support.nsc import Nsc, guide


@pytest.fixture
def nsc(tmp_path) -> Nsc:
    made = Nsc(tmp_path)
    guide(made)
    return made


def token(nsc: Nsc, line: str) -> str:
    return nsc.ok(f"describe {line} --raw").strip()


def test_each_token_has_a_table_and_several_a_summary(nsc):
    nsc.ok("edit account ACCTB --expiry 1m")
    nsc.ok("edit account ACCTC --expiry 1m")
    nsc.now_s += 120
    keys = {name: nsc.key(name) for name in ("ACCTB", "ACCTC", "SYS")}
    lines = [f"{key}|{token(nsc, f'account {name}')}" for name, key in keys.items()]
    (nsc.work / "pack").write_text("\n".join([*lines, "", token(nsc, "user -a ACCTC C")]) + "\n")
    done = nsc("validate --file pack")
    assert done.code == 1
    assert done.err.splitlines()[-1] == "Error: validation found errors"
    for key in keys.values():
        assert f'Account "{key}"' in done.err
    assert 'User "U' in done.err
    assert 'Account "summary of all accounts"' in done.err
    assert "| 1 | ! | claim is expired (2 occurrences) |" in done.err


def test_a_single_sound_token_needs_no_summary(nsc):
    (nsc.work / "one").write_text(token(nsc, "account ACCTB"))
    done = nsc("validate --file one")
    assert done.code == 0
    assert "summary" not in done.err
    assert done.err.count("No issues found") == 2


def test_a_line_that_is_no_token_is_shown_shortened(nsc):
    (nsc.work / "wrong").write_text("x" * 500)
    done = nsc("validate --file wrong")
    assert done.code == 1
    assert done.err == f"Error: claim decoding error: 'expected 3 chunks' claim: '{'x' * 60}'\n"
