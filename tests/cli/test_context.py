import json
import stat

import pytest

from isthmus.cli.context import Context, ContextStore, named
from isthmus.cli.groups import CommandError

FIELDS = [
    *("description", "url", "socks_proxy", "token", "user", "password", "creds", "nkey"),
    *("cert", "key", "ca", "nsc", "jetstream_domain", "jetstream_api_prefix"),
    *("jetstream_event_prefix", "inbox_prefix", "user_jwt", "user_seed", "color_scheme"),
    *("tls_first", "windows_cert_store", "windows_cert_match_by", "windows_cert_match"),
    "windows_ca_certs_match",
]


@pytest.fixture
def store(tmp_path):
    return ContextStore(tmp_path / "nats", {"HOME": "/home/me", "KEYS": "/keys"})


def test_every_field_is_written_in_the_order_of_the_original(store):
    store.save("A", Context(url="nats://one:4222"))
    text = store.path("A").read_text()
    assert list(json.loads(text)) == FIELDS
    assert text.startswith('{\n  "description": "",\n  "url": "nats://one:4222",\n')
    assert text.endswith('"windows_ca_certs_match": null\n}')


def test_angle_brackets_are_escaped_as_the_original_escapes_them(store):
    store.save("A", Context(description="<a&b>"))
    assert r'"\u003ca\u0026b\u003e"' in store.path("A").read_text()


def test_a_saved_context_is_what_is_loaded(store):
    context = Context(url="tls://x", creds="~/a.creds", tls_first=True, jetstream_domain="hub")
    store.save("A", context)
    assert store.load("A") == context


def test_only_the_owner_may_read_what_is_saved(store):
    store.save("A", Context())
    assert stat.S_IMODE(store.path("A").stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path("A").parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_saving_leaves_no_temporary_file(store):
    store.save("A", Context())
    store.save("A", Context(url="x"))
    assert [path.name for path in store.path("A").parent.iterdir()] == ["A.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(store, monkeypatch):
    store.save("A", Context(url="old"))

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("isthmus.cli.context.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.save("A", Context(url="new"))
    assert store.load("A").url == "old"
    assert [path.name for path in store.path("A").parent.iterdir()] == ["A.json"]


def test_unknown_and_missing_fields_are_fine(store):
    store.save("A", Context())
    store.path("A").write_text('{"url": "x", "new_field": 1}')
    assert store.load("A") == Context(url="x")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "name is empty"),
        ("a..b", '"a..b" must not contain ".."'),
        ("a/b", '"a/b" must not contain "/" or "\\"'),
        ("a\\b", '"a\\b" must not contain "/" or "\\"'),
    ],
)
def test_a_name_that_would_leave_the_folder_is_refused(store, name, problem):
    with pytest.raises(CommandError) as error:
        store.save(name, Context())
    assert str(error.value) == f"invalid context name: {problem}"


def test_names_are_sorted_and_leave_out_what_is_no_context(store):
    for name in ("b", "a b", "A"):
        store.save(name, Context())
    folder = store.path("b").parent
    (folder / "empty.json").touch()
    (folder / "notes.txt").write_text("x")
    (folder / "x..y.json").write_text("{}")
    (folder / "folder.json").mkdir()
    assert store.names() == ["A", "a b", "b"]


def test_a_store_that_does_not_exist_has_no_names(store):
    assert store.names() == []
    assert store.selected() == ""


def test_selecting_remembers_the_one_before(store):
    store.save("A", Context())
    store.save("B", Context())
    store.select("A")
    assert (store.selected(), store.previous()) == ("A", "")
    store.select("B")
    assert (store.selected(), store.previous()) == ("B", "A")
    assert (store.folder / "context.txt").read_text() == "B"


def test_unselecting_removes_the_file_and_remembers(store):
    store.save("A", Context())
    store.select("A")
    store.unselect()
    assert (store.selected(), store.previous()) == ("", "A")
    assert not (store.folder / "context.txt").exists()


def test_an_unknown_context_cannot_be_selected(store):
    with pytest.raises(CommandError, match='context not found: "NOPE"'):
        store.select("NOPE")
    assert store.selected() == ""


def test_a_broken_file_is_an_error_that_names_it(store):
    store.save("A", Context())
    store.path("A").write_text("{bad")
    with pytest.raises(CommandError, match=r"cannot read context .*A\.json: JSON is malformed"):
        store.load("A")


def test_a_path_is_a_context_too(store, tmp_path):
    elsewhere = tmp_path / "mine.json"
    elsewhere.write_text('{"url": "nats://there"}')
    assert store.load(str(elsewhere)).url == "nats://there"


def test_home_and_variables_are_expanded_where_files_are_named(store):
    context = Context(creds="~/a.creds", nkey="$KEYS/n", ca="${KEYS}/ca", description="~$KEYS")
    found = store.expanded(context)
    assert (found.creds, found.nkey, found.ca) == ("/home/me/a.creds", "/keys/n", "/keys/ca")
    assert found.description == "~$KEYS"


@pytest.mark.parametrize(
    "context",
    [
        Context(user="u", creds="c"),
        Context(creds="c", nkey="n"),
        Context(nkey="n", user_jwt="j"),
        Context(nsc="nsc://o/a/u", creds="c"),
    ],
)
def test_two_kinds_of_credentials_are_refused_before_anything_is_written(store, context):
    with pytest.raises(CommandError, match="too many types of credentials"):
        store.save("A", context)
    assert not store.exists("A")


def test_json_shows_the_name_first():
    assert list(named("A", Context())) == ["name", *FIELDS]


def test_the_users_store_is_below_the_configuration_folder(tmp_path):
    assert ContextStore.of_user({"XDG_CONFIG_HOME": "/cfg"}).folder.as_posix() == "/cfg/nats"
    home = ContextStore.of_user({"HOME": str(tmp_path)}).folder
    assert home == tmp_path / ".config" / "nats"


def test_removing_an_unknown_context_is_fine(store):
    store.remove("NOPE")
