"""Which differences of two configurations a running server takes."""

import pytest

from isthmus.base.errors import UsageError
from isthmus.config import AuthorizationOptions, JetStreamOptions, Options
from isthmus.server.reload import RELOADABLE, Reload


def test_nothing_changed():
    assert Reload.of(Options(), Options()).lines == ()


def test_the_name_and_digest_of_the_file_are_no_change():
    new = Options(config_file="b", config_digest="sha256:2")
    assert Reload.of(Options(config_file="a"), new) == Reload(options=new, lines=())


def test_each_change_is_a_line_in_the_words_of_the_file():
    new = Options(debug=True, max_connections=7, ping_interval_ns=5_000_000_000)
    assert Reload.of(Options(), new).lines == (
        "Reloaded: debug = true",
        "Reloaded: max_connections = 7",
        "Reloaded: ping_interval = 5s",
    )


@pytest.mark.parametrize(
    ("new", "text"),
    [
        (Options(port=4333), "config reload not supported for port: old=4222, new=4333"),
        (Options(server_name="b"), "config reload not supported for server_name: old=, new=b"),
        (Options(jetstream=JetStreamOptions()), "config reload not supported for jetstream"),
        (Options(debug=True, port=1), "config reload not supported for port: old=4222, new=1"),
    ],
)
def test_what_needs_a_restart_is_named(new, text):
    with pytest.raises(UsageError) as caught:
        Reload.of(Options(), new)
    assert str(caught.value) == text


def test_no_secret_is_shown():
    new = Options(authorization=AuthorizationOptions(user="u", password="hunter2"))
    with pytest.raises(UsageError) as caught:
        Reload.of(Options(), new)
    assert str(caught.value) == "config reload not supported for authorization"


def test_the_list_names_options():
    assert set(Options.__struct_fields__) >= RELOADABLE
