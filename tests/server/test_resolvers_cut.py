"""Tokens that are saved together, when a system call fails, or the power, between any two."""

import pytest

from isthmus.identity.nkeys import Kind
from support.operator_mode import account_token
from support.system_calls import Disk, Run, runs_with_each_call_failing
from support.tokens import NOW_NS, key

ACCOUNTS = [key(Kind.ACCOUNT, f"cut-{name}") for name in "abc"]
A, B, C = (account.public_key for account in ACCOUNTS)
OLD, NEW, NEWEST = (account_token(ACCOUNTS[0], name=f"{n}", now_ns=NOW_NS) for n in range(3))
TOKEN_B, TOKEN_C = (account_token(account, now_ns=NOW_NS) for account in ACCOUNTS[1:])
BEFORE = [(A, OLD)]
GROUP = [(A, NEW), (B, TOKEN_B), (A, NEWEST), (C, TOKEN_C)]
# what a name may be: the file that was there, then one for each push of the account
FILES = {
    f"{A}.jwt": ["old", f"{A}.jwt.tmp 0", f"{A}.jwt.tmp 1"],
    f"{B}.jwt": ["", f"{B}.jwt.tmp 0"],
    f"{C}.jwt": ["", f"{C}.jwt.tmp 0"],
}
PLACES = [(f"{key_}.jwt", 2 if token == NEWEST else 1) for key_, token in GROUP]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> list[Run]:
    return runs_with_each_call_failing(tmp_path_factory.mktemp("cut"), BEFORE, GROUP)


def test_each_call_fails_once(runs: list[Run]):
    failed = [[words for words in run.calls if words[-1] == "failed"] for run in runs]
    assert [len(calls) for calls in failed] == [1] * (len(runs) - 1) + [0]
    kinds = {words[0] for [words] in failed[:-1]}
    assert kinds == {"open", "mode", "write", "sync", "close", "rename"}
    assert len(runs) == len(runs[-1].calls) + 1


def test_a_power_cut_leaves_each_file_whole_and_no_older_one_over_a_newer(runs: list[Run]):
    for run in runs:
        disk = Disk({f"{A}.jwt": "old"}, run.folder)
        for words in run.calls:
            before = dict(disk.names)
            disk.call(words)
            for name, files in FILES.items():
                assert disk.after_a_cut(name) <= set(files), (run, words)
                at, was = (files.index(names.get(name, "")) for names in (disk.names, before))
                assert at >= was, (run, words)


def test_what_was_promised_is_there_after_a_power_cut(runs: list[Run]):
    for run in runs:
        disk = Disk({f"{A}.jwt": "old"}, run.folder)
        for words in run.calls:
            disk.call(words)
        for (name, place), error in zip(PLACES, run.errors, strict=True):
            if not error:
                assert disk.after_a_cut(name) <= set(FILES[name][place:]), run


def test_a_call_that_fails_concerns_its_own_token_or_all_that_wait_for_the_folder(runs: list[Run]):
    for run in runs[:-1]:
        [failed] = [words for words in run.calls if words[-1] == "failed"]
        refused = [PLACES[at][0] for at, error in enumerate(run.errors) if error]
        if failed[0] == "sync" and failed[2] == run.folder:
            assert refused in ([f"{A}.jwt", f"{B}.jwt"], [f"{A}.jwt", f"{C}.jwt"])
        else:
            assert len(refused) == 1, run
    assert runs[-1].errors == [""] * len(GROUP)


def test_nothing_else_is_left(runs: list[Run]):
    tokens = {
        f"{key_}.jwt": {token for name, token in [*BEFORE, *GROUP] if name == key_}
        for key_ in (A, B, C)
    }
    for run in runs:
        for name, text in run.left.items():
            assert text in tokens[name], run
    assert runs[-1].left == {f"{A}.jwt": NEWEST, f"{B}.jwt": TOKEN_B, f"{C}.jwt": TOKEN_C}


def test_the_group_waits_for_its_folder_once_for_each_time_an_account_comes(runs: list[Run]):
    run = runs[-1]
    assert sum(words[0] == "sync" and words[2] == run.folder for words in run.calls) == 2
