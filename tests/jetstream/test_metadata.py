from isthmus.jetstream import metadata


def test_the_level_is_ours_to_say_and_versions_are_not_stored():
    stored = metadata.with_required_level(
        {"b": "1", "a": "2", "_nats.req.level": "9", "_nats.ver": "x", "_nats.level": "y"}, 2
    )
    assert list(stored.items()) == [("_nats.req.level", "2"), ("a", "2"), ("b", "1")]


def test_what_is_shown_names_the_server():
    shown = metadata.with_server({"_nats.req.level": "0", "a": "b"})
    assert list(shown) == ["_nats.level", "_nats.req.level", "_nats.ver", "a"]
    assert (shown["_nats.level"], shown["_nats.ver"]) == ("5", "2.15.1")


def test_only_the_servers_own_keys_do_not_count():
    assert metadata.of_client(metadata.with_server({"_nats.req.level": "0"})) == {}
    assert metadata.of_client({"_nats.x": "1", "a": "b"}) == {"_nats.x": "1", "a": "b"}


def test_size_counts_bytes_of_keys_and_values():
    assert metadata.size({"é": "ab", "c": ""}) == 5
