"""A configuration to options: the top level, JetStream, authorization."""

import pytest

from isthmus.base.values import NS_PER_S
from isthmus.config import ConfigError, Options
from isthmus.config.check import check
from isthmus.config.load import load_text
from isthmus.config.parser import parse


def refusal(source):
    with pytest.raises(ConfigError) as caught:
        load_text(source)
    return str(caught.value)


def warnings(source):
    entries = parse(source, file="t.conf", environment={})
    return [str(one) for one in check(entries, file="t.conf", read=lambda _: "")[1]]


def test_an_empty_configuration_is_the_default():
    options = load_text("")
    assert options == Options(config_digest=options.config_digest)


def test_an_empty_configuration_is_doubted():
    assert warnings("") == ["t.conf: config has no values or is empty"]


@pytest.mark.parametrize(
    ("source", "field", "value"),
    [
        ("port: 5222", "port", 5222),
        ("port: -1", "port", -1),
        ("port: 0", "port", 4222),
        ("host: 127.0.0.1", "host", "127.0.0.1"),
        ("net: 127.0.0.1", "host", "127.0.0.1"),
        ("server_name: n1", "server_name", "n1"),
        ("client_advertise: 'a:1'", "client_advertise", "a:1"),
        ("http_port: 8222", "http_port", 8222),
        ("monitor_port: 8222", "http_port", 8222),
        ("http: 8222", "http_port", 8222),
        ("http_base_path: /nats", "http_base_path", "/nats"),
        ("debug: yes", "debug", True),
        ("trace: true", "trace", True),
        ("logtime: off", "logtime", False),
        ("logfile: 'a.log'", "log_file", "a.log"),
        ("pid_file: 'a.pid'", "pid_file", "a.pid"),
        ("ports_file_dir: 'p'", "ports_file_dir", "p"),
        ("max_connections: 7", "max_connections", 7),
        ("max_conn: 0", "max_connections", -1),
        ("max_control_line: 8k", "max_control_line", 8000),
        ("max_payload: 2MB", "max_payload", 2 * 1024 * 1024),
        ("max_payload: 0", "max_payload", 1024 * 1024),
        ("max_pending: 128MB", "max_pending", 128 * 1024 * 1024),
        ("max_subs: 9", "max_subscriptions", 9),
        ("max_sub_tokens: 9", "max_subscription_tokens", 9),
        ("max_traced_msg_len: 9", "max_traced_message", 9),
        ("ping_interval: '20s'", "ping_interval_ns", 20 * NS_PER_S),
        ("ping_interval: '0s'", "ping_interval_ns", 120 * NS_PER_S),
        ("ping_max: 3", "ping_max", 3),
        ("write_deadline: '3s'", "write_deadline_ns", 3 * NS_PER_S),
        ("no_header_support: true", "no_header_support", True),
        ("lame_duck_duration: '1m'", "lame_duck_duration_ns", 60 * NS_PER_S),
        ("lame_duck_grace_period: '1s'", "lame_duck_grace_ns", NS_PER_S),
        ("system_account: SYS\naccounts {SYS {}}", "system_account", "SYS"),
        ("system: SYS\naccounts {SYS {}}", "system_account", "SYS"),
        ("no_auth_user: u", "no_auth_user", "u"),
        ("server_tags: a", "server_tags", ("a",)),
        ("server_tags: [a, b]", "server_tags", ("a", "b")),
        ("server_metadata {a: b}", "server_metadata", (("a", "b"),)),
        ("PORT: 5222", "port", 5222),
    ],
)
def test_an_option_fills_its_field(source, field, value):
    options = load_text(source)
    assert getattr(options, field) == value


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("4333", "0.0.0.0", 4333),
        ("'127.0.0.1:4333'", "127.0.0.1", 4333),
        ("127.0.0.1:4333", "127.0.0.1", 4333),
        ("'[::1]:4333'", "::1", 4333),
        ("':4333'", "0.0.0.0", 4333),
        ("'localhost:-1'", "localhost", -1),
    ],
)
def test_listen_is_host_and_port(address, host, port):
    options = load_text(f"listen: {address}")
    assert (options.host, options.port) == (host, port)


@pytest.mark.parametrize("address", ["'127.0.0.1'", "'::1:4222'", "'a:b'", "true", "'a:70000'"])
def test_listen_is_nothing_else(address):
    assert refusal(f"listen: {address}").startswith("1:0: ")


def test_trace_verbose_traces():
    options = load_text("trace_verbose: true")
    assert options.trace
    assert options.trace_verbose


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("foo: 1", '1:0: unknown field "foo"'),
        ("port: abc", "1:0: port must be an integer, not a string"),
        ("port: 1.5", "1:0: port must be an integer, not a number with a fraction"),
        ("port: true", "1:0: port must be an integer, not a boolean"),
        ("port: 70000", "1:0: port value is too big; at most 65535"),
        ("port: -2", "1:0: port value is too small; at least -1"),
        ("debug: 1", "1:0: debug must be a boolean, not an integer"),
        ("host: [a]", "1:0: host must be a string, not an array"),
        ("server_name: 'a b'", "1:0: server name cannot contain spaces"),
        ("max_payload: 4GB", "1:0: max_payload value is too big; at most 2147483647"),
        ("max_sub_tokens: 256", "1:0: max_sub_tokens value is too big; at most 255"),
        ("ping_interval: 'abc'", "1:0: ping_interval: not a duration"),
        ("ping_interval: [1]", '1:0: ping_interval must be a duration such as "2s", not an array'),
        ("lame_duck_duration: '5s'", "1:0: invalid lame_duck_duration of 5s, minimum is 30"),
        ("lame_duck_grace_period: '-1s'", "1:0: invalid lame_duck_grace_period, needs to be pos"),
        ("server_tags: [a, 1]", "1:17: server_tags: every element must be a string"),
        ("server_metadata {a: 1}", "1:17: server_metadata: a must be a string"),
        ("accounts: 5", "1:0: accounts must be a map or an array of names, not an integer"),
        ("jetstream: 5", "1:0: Expected map, bool or string to define JetStream, got an integer"),
        ("jetstream: maybe", "1:0: Expected 'enabled' or 'disabled' for string value, got 'maybe'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(source, text):
    assert refusal(source).startswith(text)


def test_every_mistake_is_told_in_file_order():
    lines = refusal("port: x\nfoo: 1\njetstream { bar: 2 }\naccounts { A { limits: 5 } }").split(
        "\n"
    )
    assert [line.split(": ")[0] for line in lines] == ["1:0", "2:1", "3:13", "4:16"]


@pytest.mark.parametrize(
    "source", ["tls {}", "cluster {}", "leafnodes {}", "websocket {}", "mqtt {}", "gateway {}"]
)
def test_what_is_not_implemented_is_refused_by_name(source):
    name = source.split()[0]
    assert refusal(source).startswith(f'1:0: "{name}" is not implemented in isthmus: ')


@pytest.mark.parametrize(
    "source", ["syslog: false", "https_port: 0", "allow_non_tls: no", "disable_sublist_cache: off"]
)
def test_an_option_that_asks_for_nothing_is_accepted(source):
    assert load_text(source).port == 4222


def test_a_used_variable_is_no_unknown_field():
    assert load_text("p: 4333\nport: $p").port == 4333


@pytest.mark.parametrize("name", ["ping_interval", "write_deadline"])
def test_seconds_without_a_unit_are_taken_with_a_warning(name):
    text = f't.conf:1:0: invalid use of field "{name}": {name} should be converted to a duration'
    assert warnings(f"{name}: 5") == [text]
    assert getattr(load_text(f"{name}: 5"), f"{name}_ns") == 5 * NS_PER_S


# ---------------------------------------------------------------------- jetstream


@pytest.mark.parametrize(
    "source", ["jetstream: enabled", "jetstream: true", "jetstream {}", "jetstream {enabled: true}"]
)
def test_ways_to_enable_jetstream(source):
    assert load_text(source).jetstream is not None


@pytest.mark.parametrize(
    "source", ["", "jetstream: disabled", "jetstream: false", "jetstream {enabled: false}"]
)
def test_ways_not_to(source):
    assert load_text(source).jetstream is None


def test_jetstream_options():
    jetstream = load_text("""
        jetstream {
          store_dir: "/data", domain: hub, max_mem: 1GB, max_file: "10G", strict: false
          sync_interval: "5s"
          limits { max_ack_pending: 5, max_request_batch: 6, duplicate_window: "1m" }
        }
    """).jetstream
    assert (jetstream.store_dir, jetstream.domain) == ("/data", "hub")
    assert (jetstream.max_memory, jetstream.max_file) == (1024**3, 10 * 1024**3)
    assert not jetstream.strict
    assert not jetstream.sync_always
    assert jetstream.sync_interval_ns == 5 * NS_PER_S
    assert jetstream.limits.max_ack_pending == 5
    assert jetstream.limits.max_request_batch == 6
    assert jetstream.limits.duplicate_window_ns == 60 * NS_PER_S


@pytest.mark.parametrize("source", ["", "sync_interval: always", 'sync: "Always"', "sync: '0s'"])
def test_a_publish_is_synced_unless_an_interval_is_given(source):
    assert load_text(f"jetstream {{ {source} }}").jetstream.sync_always


def test_the_store_is_named_once():
    assert load_text("store_dir: a\njetstream: enabled").jetstream.store_dir == "a"
    assert "Duplicate 'store_dir'" in refusal("store_dir: a\njetstream { store_dir: b }")


@pytest.mark.parametrize("size", ['"10GB"', '"x"', '""', "true", "[1]"])
def test_a_size_of_the_store_is_no_other_text(size):
    assert "max_file_store" in refusal(f"jetstream {{ max_file: {size} }}")


# ---------------------------------------------------------------------- authorization


def test_one_user_or_a_token():
    authorization = load_text("authorization { user: u, password: p, timeout: 3 }").authorization
    assert (authorization.user, authorization.password) == ("u", "p")
    assert authorization.timeout_ns == 3 * NS_PER_S
    assert load_text("authorization { token: t }").authorization.token == "t"


@pytest.mark.parametrize(
    ("timeout", "ns"), [("0.5", 500_000_000), ('"250ms"', 250_000_000), ("0", 2_000_000_000)]
)
def test_the_timeout_is_seconds_or_a_duration(timeout, ns):
    source = f"authorization {{ timeout: {timeout} }}"
    assert load_text(source).authorization.timeout_ns == ns


@pytest.mark.parametrize("timeout", ["-1", "x", "true", "[1]"])
def test_the_timeout_is_nothing_else(timeout):
    assert "timeout" in refusal(f"authorization {{ timeout: {timeout} }}")


def test_a_long_timeout_is_doubted():
    assert "is high" in warnings("authorization { timeout: 1m }")[0]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("user: a, password: b, token: c", "Cannot have a user/pass and token"),
        ("user: a, users: []", "Can not have a single user/pass and a users array"),
        ("token: a, users: []", "Can not have a token and a users array"),
        ("password: a", 'a password without a "user" would let everybody in'),
        ("users: [{user: a}, {user: a}]", 'Duplicate user "a" detected'),
    ],
)
def test_what_does_not_go_together(source, text):
    assert text in refusal(f"authorization {{ {source} }}")


@pytest.mark.parametrize("source", ["user: x, password: y", "token: x"])
def test_users_of_accounts_do_not_go_with_a_single_user(source):
    accounts = "accounts { A { users: [{user: a, password: b}] } }"
    assert "and a users array" in refusal(f"{accounts}\nauthorization {{ {source} }}")


def test_a_user_has_one_account():
    source = "accounts { A { users: [{user: a}] }, B { users: [{user: a}] } }"
    assert 'Duplicate user "a" detected' in refusal(source)
    source = "accounts { A { users: [{user: a}] } }\nauthorization { users: [{user: a}] }"
    assert 'Duplicate user "a" detected' in refusal(source)


def test_no_secret_shows_in_the_repr_of_options():
    options = load_text("""
        authorization { users: [{user: u, password: hunter2}] }
        accounts { A { users: [{user: v, password: hunter2}] } }
    """)
    assert "hunter2" not in repr(options)
    for source in ("user: u, password: hunter2", "token: hunter2"):
        assert "hunter2" not in repr(load_text(f"authorization {{ {source} }}"))
