import pytest

from isthmus.cli.context import Context, ContextStore
from isthmus.cli.groups import CommandError
from isthmus.cli.nats.settings import (
    DEFAULT_TIMEOUT_NS,
    Given,
    overlay,
    resolve,
    shell_overrides,
    with_environment,
)


@pytest.fixture
def store(tmp_path):
    made = ContextStore(tmp_path / "nats", {"HOME": "/home/me"})
    made.save("A", Context(url="nats://a", jetstream_api_prefix="P.A"))
    made.save("U", Context(url="nats://u", user="u", password="p"))
    made.select("A")
    return made


def test_without_anything_it_is_the_local_server(tmp_path):
    found = resolve(Given(), {}, ContextStore(tmp_path, {}))
    assert found.urls == ["nats://127.0.0.1:4222"]
    assert (found.name, found.timeout_ns) == ("", DEFAULT_TIMEOUT_NS)


def test_the_selected_context_is_used(store):
    assert resolve(Given(), {}, store).urls == ["nats://a"]


def test_a_named_context_wins_over_the_selected_one(store):
    assert resolve(Given(context="U"), {}, store).name == "U"
    assert resolve(Given(), {"NATS_CONTEXT": "U"}, store).name == "U"
    assert resolve(Given(context="A"), {"NATS_CONTEXT": "U"}, store).name == "A"


def test_no_context_ignores_all_of_them(store):
    found = resolve(Given(no_context=True, context="A"), {}, store)
    assert (found.name, found.context.jetstream_api_prefix) == ("", "")


def test_flag_wins_over_environment_over_context(store):
    environ = {"NATS_URL": "nats://env"}
    assert resolve(Given(), environ, store).urls == ["nats://env"]
    assert resolve(Given(url="nats://flag"), environ, store).urls == ["nats://flag"]


def test_one_field_is_overridden_and_the_rest_of_the_context_applies(store):
    found = resolve(Given(url="nats://flag"), {}, store)
    assert found.context.jetstream_api_prefix == "P.A"


def test_an_empty_variable_is_unset(store):
    assert resolve(Given(), {"NATS_URL": ""}, store).urls == ["nats://a"]


def test_given_credentials_take_the_place_of_those_of_the_context(store):
    found = resolve(Given(context="U", creds="/b.creds"), {}, store).context
    assert (found.user, found.password, found.creds) == ("", "", "/b.creds")


def test_a_user_without_password_is_a_token(store):
    found = resolve(Given(user="secret", no_context=True), {}, store).context
    assert (found.user, found.token) == ("", "secret")


def test_overlay_keeps_what_is_not_given():
    saved = Context(user="u", password="p", url="x")
    assert overlay(saved, Given(password="new")) == Context(user="u", password="new", url="x")


def test_an_unknown_context_is_an_error_not_the_local_server(store):
    with pytest.raises(CommandError, match='context not found: "NOPE"'):
        resolve(Given(context="NOPE"), {}, store)


def test_a_broken_context_is_an_error_not_the_local_server(store):
    store.path("A").write_text("{")
    with pytest.raises(CommandError, match="cannot read context"):
        resolve(Given(context="A"), {}, store)


def test_the_timeout_comes_from_flag_then_environment(store):
    environ = {"NATS_TIMEOUT": "2d"}
    assert resolve(Given(), environ, store).timeout_ns == 2 * 86_400 * 10**9
    assert resolve(Given(timeout_ns=7), environ, store).timeout_ns == 7
    with pytest.raises(CommandError, match="NATS_TIMEOUT: not a duration"):
        resolve(Given(), {"NATS_TIMEOUT": "soon"}, store)


def test_servers_are_separated_by_commas(store):
    assert resolve(Given(url="a:1, b:2,"), {}, store).urls == ["a:1", "b:2"]


def test_files_are_expanded(store):
    assert resolve(Given(creds="~/x"), {}, store).context.creds == "/home/me/x"


def test_environment_fills_only_what_is_open():
    environ = {"NATS_CREDS": "e.creds", "NATS_JWT": "jwt", "NATS_SEED": "seed"}
    found = with_environment(Given(creds="f.creds"), environ)
    assert (found.creds, found.user_jwt, found.user_seed) == ("f.creds", "jwt", "seed")


def test_overrides_are_named_in_order():
    environ = {"NATS_CREDS": "x", "NATS_URL": "y", "NATS_TOKEN": "t", "NATS_USER": ""}
    assert shell_overrides(environ) == ["NATS_URL", "NATS_CREDS"]
