import hashlib
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.base.errors import StoreError
from isthmus.base.values import NS_PER_S
from isthmus.identity.nkeys import Kind
from isthmus.server.resolvers import DirectoryResolver, MemoryResolver
from support.file_size import file_size_limit
from support.operator_mode import account_token
from support.tokens import NOW_NS, NOW_S, key

ACCOUNTS = [key(Kind.ACCOUNT, name) for name in "abc"]
A, B, C = (account.public_key for account in ACCOUNTS)
TOKEN_A, TOKEN_B, TOKEN_C = (account_token(account) for account in ACCOUNTS)
NEWER_A = account_token(ACCOUNTS[0], name="newer", now_ns=NOW_NS + NS_PER_S)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "jwt"


@pytest.fixture
def directory(folder):
    """Opens the directory again and again: each time the one before lets go of it."""
    opened = []

    def open_(**options):
        if opened:
            opened.pop().close()
        opened.append(DirectoryResolver(folder, **options))
        return opened[-1]

    yield open_
    for resolver in opened:
        resolver.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_memory_knows_what_it_was_given():
    resolver = MemoryResolver({A: TOKEN_A})
    assert (resolver.load(A), resolver.load(B)) == (TOKEN_A, "")


def test_a_token_is_a_file_for_nobody_else(directory, folder):
    directory().save(A, TOKEN_A)
    assert names(folder) == [f"{A}.jwt"]
    assert (folder / f"{A}.jwt").read_text() == TOKEN_A
    assert (mode(folder), mode(folder / f"{A}.jwt")) == (0o700, 0o600)


def test_saved_tokens_are_there_after_a_restart(directory):
    directory().save(A, TOKEN_A)
    resolver = directory()
    assert (resolver.load(A), resolver.keys(NOW_NS), len(resolver)) == (TOKEN_A, [A], 1)


def test_unknown_accounts_have_no_token(directory):
    resolver = directory()
    for name in (A, "", "../../etc/passwd", "*"):
        assert resolver.load(name) == ""


def test_a_token_replaces_the_one_before(directory, folder):
    resolver = directory()
    resolver.save(A, TOKEN_A)
    resolver.save(A, NEWER_A)
    assert resolver.load(A) == NEWER_A
    assert names(folder) == [f"{A}.jwt"]


def test_files_of_others_are_left_alone(directory, folder):
    directory()
    for name in ("notes.txt", "x.jwt", f"{A}.jwt.deleted", f"{A}.JWT"):
        (folder / name).write_text("x")
    assert directory().keys(NOW_NS) == []
    assert len(names(folder)) == 4


def test_a_write_that_a_crash_interrupted_is_cleared_away(directory, folder):
    directory().save(A, TOKEN_A)
    (folder / f"{A}.jwt.tmp").write_text(NEWER_A[:10])
    assert directory().load(A) == TOKEN_A
    assert names(folder) == [f"{A}.jwt"]


def test_a_write_that_fails_leaves_the_old_token(directory, folder):
    resolver = directory()
    resolver.save(A, TOKEN_A)
    (folder / f"{A}.jwt.tmp").mkdir()  # opening the temporary file fails
    before = resolver.pack_hash()
    with pytest.raises(OSError):
        resolver.save(A, NEWER_A)
    assert (resolver.load(A), resolver.pack_hash()) == (TOKEN_A, before)


def test_a_disk_that_fills_up_leaves_the_old_token(directory, folder):
    resolver = directory()
    resolver.save(A, TOKEN_A)
    with file_size_limit(10), pytest.raises(OSError, match="File too large"):
        resolver.save(A, NEWER_A)
    assert resolver.load(A) == TOKEN_A
    assert names(folder) == [f"{A}.jwt"]


def test_a_folder_that_can_not_be_used_is_named(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"resolver directory .*file can not be used"):
        DirectoryResolver(tmp_path / "file")
    (folder / f"{A}.jwt").mkdir(parents=True)
    for _ in range(2):  # the second time, too: the first let go of the lock
        with pytest.raises(StoreError, match=rf"Is a directory .*{A}\.jwt"):
            DirectoryResolver(folder)


def test_a_damaged_file_is_handed_out_as_it_is(directory, folder):
    directory().save(A, TOKEN_A)
    (folder / f"{A}.jwt").write_bytes(b"\xff\x00")
    resolver = directory()
    assert resolver.load(A) == "\ufffd\x00"
    assert resolver.save_if_newer(A, TOKEN_A)
    assert resolver.load(A) == TOKEN_A


def test_a_file_that_vanished_is_an_unknown_account(directory, folder):
    resolver = directory()
    resolver.save(A, TOKEN_A)
    (folder / f"{A}.jwt").unlink()
    assert resolver.load(A) == ""
    assert list(resolver.pack(NOW_NS)) == []
    assert resolver.delete(A)


def test_one_process_at_a_time_has_the_directory(directory, folder):
    first = directory()
    with pytest.raises(StoreError, match="is in use by another server"):
        DirectoryResolver(folder)
    first.save(A, TOKEN_A)
    assert directory().load(A) == TOKEN_A


# -- newer -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "token", "saved"),
    [
        ("", TOKEN_A, True),
        (TOKEN_A, TOKEN_A, False),
        (TOKEN_A, NEWER_A, True),
        (NEWER_A, TOKEN_A, False),
    ],
)
def test_preloading_never_replaces_a_newer_token(directory, stored, token, saved):
    resolver = directory()
    if stored:
        resolver.save(A, stored)
    assert resolver.save_if_newer(A, token) is saved
    assert resolver.load(A) == (token if saved else stored)


# -- limits, deletion, expiry ----------------------------------------------------------------------


def test_a_full_directory_takes_changes_only(directory):
    resolver = directory(limit=2)
    resolver.save(A, TOKEN_A)
    resolver.save(B, TOKEN_B)
    with pytest.raises(StoreError, match=r"^jwt store is full$"):
        resolver.save(C, TOKEN_C)
    resolver.save(A, NEWER_A)
    resolver.delete(B)
    resolver.save(C, TOKEN_C)
    assert resolver.keys(NOW_NS) == sorted([A, C])


def test_a_deleted_token_stays_under_another_name(directory, folder):
    resolver = directory()
    resolver.save(A, TOKEN_A)
    assert resolver.delete(A)
    assert not resolver.delete(A)
    assert resolver.load(A) == ""
    assert names(folder) == [f"{A}.jwt.deleted"]
    assert mode(folder / f"{A}.jwt.deleted") == 0o600
    assert directory().keys(NOW_NS) == []


def test_a_hard_deleted_token_is_gone(directory, folder):
    resolver = directory(hard_delete=True)
    resolver.save(A, TOKEN_A)
    assert resolver.delete(A)
    assert names(folder) == []


def test_expired_tokens_are_swept_away(directory):
    resolver = directory()
    resolver.save(A, account_token(ACCOUNTS[0], exp=NOW_S + 5))
    resolver.save(B, TOKEN_B)
    resolver.save(C, account_token(ACCOUNTS[2], exp=NOW_S + 5))
    resolver.save(C, TOKEN_C)  # no longer expires
    resolver = directory()
    assert resolver.sweep(NOW_NS) == []
    assert resolver.sweep(NOW_NS + 5 * NS_PER_S) == [A]
    assert resolver.keys(NOW_NS) == sorted([B, C])
    assert resolver.sweep(NOW_NS + 9 * NS_PER_S) == []


def test_expired_tokens_are_not_listed(directory):
    resolver = directory()
    resolver.save(A, account_token(ACCOUNTS[0], exp=NOW_S + 5))
    resolver.save(B, account_token(ACCOUNTS[1], nbf=NOW_S + 9))
    assert resolver.keys(NOW_NS) == sorted([A, B])
    assert resolver.keys(NOW_NS + 5 * NS_PER_S) == [B]
    assert [name for name, _ in resolver.pack(NOW_NS + 5 * NS_PER_S)] == [B]
    assert len(resolver) == 2


# -- the pack --------------------------------------------------------------------------------------


def xor_of_hashes(tokens):
    total = 0
    for token in tokens:
        total ^= int.from_bytes(hashlib.sha256(token.encode()).digest(), "big")
    return total.to_bytes(32, "big")


steps = st.lists(
    st.tuples(
        st.sampled_from([A, B, C]), st.sampled_from(["", TOKEN_A, TOKEN_B, TOKEN_C, NEWER_A])
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)  # it syncs files
@given(steps)
def test_the_hash_is_that_of_all_tokens_whatever_came_before(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("pack")
    resolver = DirectoryResolver(folder)
    model = {}
    for name, token in changes:
        if token:
            resolver.save(name, token)
            model[name] = token
        else:
            assert resolver.delete(name) == (model.pop(name, None) is not None)
    assert list(resolver.pack(NOW_NS)) == sorted(model.items())
    assert resolver.pack_hash() == xor_of_hashes(model.values())
    resolver.close()
    again = DirectoryResolver(folder)
    assert again.pack_hash() == resolver.pack_hash()
    again.close()
