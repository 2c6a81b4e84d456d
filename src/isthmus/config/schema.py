"""One table of every option of the configuration file: what it is called, takes and does.

Owns names, aliases, types and defaults of nats-server's options, and which of them are implemented
here. Knows no text and no values: `block.py` reads a map along its table, so a name that is not
there is an unknown field, and one that is not implemented is refused by name, never ignored.
`docs/reference/configuration.md` is written from it (`python -m isthmus.config.document`).

To implement an option: remove its `missing`, name the `field` of the options struct it fills (or
read it in `check.py`), and say what it does in `about`.
"""

from enum import Enum

from isthmus.base.values import Value


class Type(Enum):
    """What an option takes, in the words of the documentation."""

    TEXT = "a string"
    TEXTS = "a string or an array of strings"
    FLAG = "a boolean"
    NUMBER = "an integer"
    SIZE = "a size"
    STORAGE = 'a size; quoted only as "10K", "10M", "10G", "10T"'
    DURATION = "a duration"
    ADDRESS = '"host:port" or a port'
    MAP = "a map"
    MAPS = "an array of maps"
    ANY = "see the text"


class Option(Value, kw_only=False):
    """One row."""

    name: str
    type: Type
    about: str
    default: str = ""
    aliases: tuple[str, ...] = ()
    field: str = ""  # the attribute of the options struct that simply takes the value
    block: str = ""  # the table for the entries of a MAP, or of each of MAPS
    least: int | None = None  # the smallest value accepted
    most: int | None = None  # the greatest
    zero_is_default: bool = False
    seconds: bool = (
        False  # a duration that was an integer of seconds once; accepted, with a warning
    )
    missing: str = ""  # not implemented: what to do instead
    inert: bool = False  # not implemented, but `false` and 0 ask for nothing and are accepted


_REMOVE = "remove it"
_CLUSTER = "remove it; servers of a cluster run nats-server"
_LISTENER = "remove it; clients connect over TCP"
_TLS = "remove it and let a proxy in front of the server speak TLS"
_BUILT_IN = "remove it; the built-in behaviour applies"
_INT32 = 2**31 - 1

_TEXT, _TEXTS, _FLAG = Type.TEXT, Type.TEXTS, Type.FLAG
_NUMBER, _SIZE, _DURATION = Type.NUMBER, Type.SIZE, Type.DURATION
_ADDRESS, _MAP, _MAPS, _ANY = Type.ADDRESS, Type.MAP, Type.MAPS, Type.ANY

_TOP = (
    Option("listen", _ADDRESS, "Where clients connect.", "0.0.0.0:4222"),
    Option("host", _TEXT, "Address to listen on.", "0.0.0.0", ("net",), "host"),  # noqa: S104
    Option("port", _NUMBER, "Port for clients; -1 takes a free one.", "4222", (), "port",
           zero_is_default=True, least=-1, most=65535),
    Option("client_advertise", _TEXT, "`host:port` told to clients instead of the listen address.",
           field="client_advertise"),
    Option("server_name", _TEXT, "Name of the server, without blanks.", "the server id",
           field="server_name"),
    Option("http", _ADDRESS, "Where monitoring listens.", "off"),
    Option("http_port", _NUMBER, "Port for monitoring, on `host`; -1 takes a free one.", "off",
           ("monitor_port",), "http_port", least=-1, most=65535),
    Option("http_base_path", _TEXT, "Path before every monitoring path.", "/",
           field="http_base_path"),
    Option("debug", _FLAG, "Log debug lines.", "false", field="debug"),
    Option("trace", _FLAG, "Log every protocol line and payload.", "false", field="trace"),
    Option("trace_verbose", _FLAG, "Trace the system account as well.", "false"),
    Option("logtime", _FLAG, "Log lines begin with date and time.", "true", field="logtime"),
    Option("logtime_utc", _FLAG, "Times in the log are UTC.", "false", field="logtime_utc"),
    Option("log_file", _TEXT, "File for the log.", "stderr", ("logfile",), "log_file"),
    Option("pid_file", _TEXT, "File that gets the process id.", "", ("pidfile",), "pid_file"),
    Option("ports_file_dir", _TEXT, "Folder that gets `<name>_<pid>.ports` with the bound URLs.",
           field="ports_file_dir"),
    Option("max_connections", _NUMBER, "Most client connections; 0 or less admits nobody.",
           "65536", ("max_conn",)),
    Option("max_control_line", _SIZE, "Most bytes of arguments in one protocol line.", "4096", (),
           "max_control_line", zero_is_default=True, least=0, most=_INT32),
    Option("max_payload", _SIZE, "Most bytes of one message, headers included; -1 is unlimited. "
           "At most `max_pending`.", "1MB", (), "max_payload", zero_is_default=True, least=-1,
           most=_INT32),
    Option("max_pending", _SIZE, "Most bytes waiting for one slow client before it is cut.",
           "64MB", (), "max_pending", zero_is_default=True, least=0),
    Option("max_subscriptions", _NUMBER, "Most subscriptions of one connection; 0 is unlimited.",
           "0", ("max_subs",), "max_subscriptions"),
    Option("max_sub_tokens", _NUMBER, "Most tokens in a subscription's subject.", "unlimited",
           ("max_subscription_tokens",), "max_subscription_tokens", least=1, most=255),
    Option("max_traced_msg_len", _NUMBER, "Most payload bytes shown in a trace; 0 shows all.", "0",
           (), "max_traced_message", least=0),
    Option("ping_interval", _DURATION, "How often an idle client is pinged.", "2m", (),
           "ping_interval_ns", zero_is_default=True, least=0, seconds=True),
    Option("ping_max", _NUMBER, "Unanswered pings after which a client is stale.", "2", (),
           "ping_max", zero_is_default=True),
    Option("write_deadline", _DURATION, "How long one write to a client may block.", "10s", (),
           "write_deadline_ns", zero_is_default=True, least=0, seconds=True),
    Option("no_header_support", _FLAG, "Refuse message headers.", "false",
           field="no_header_support"),
    Option("lame_duck_duration", _DURATION, "How long clients are sent away before the stop; at "
           "least 30s.", "2m"),
    Option("lame_duck_grace_period", _DURATION, "How long the first client is left alone; less "
           "than the duration.", "10s"),
    Option("authorization", _MAP, "Who may connect, when no account says so.",
           block="authorization"),
    Option("no_auth_user", _TEXT, "User (name or nkey) of clients that present nothing.",
           field="no_auth_user"),
    Option("accounts", _ANY, "Map of account names to accounts, or an array of names.",
           block="account"),
    Option("system_account", _TEXT, "Account that gets the server's events; its name, or in "
           "operator mode its public key.", "$SYS", ("system",), "system_account"),
    Option("operator", _TEXTS, "Operator tokens, or files that hold them: operator mode.", "",
           ("operators", "roots", "root", "root_operators", "root_operator")),
    Option("resolver", _ANY, "Where account tokens are: `MEMORY`, `URL(http://…)` (the account's "
           "key follows), or a map with `type: full` or `type: cache`.", "",
           ("account_resolver", "accounts_resolver"), block="resolver"),
    Option("resolver_preload", _MAP, "Map of account public keys to tokens."),
    Option("resolver_pinned_accounts", _TEXTS, "Accounts that may log in here; none means all.",
           field="resolver_pinned_accounts"),
    Option("jetstream", _ANY, "`enabled`, `disabled`, a boolean, or a map.", "disabled",
           block="jetstream"),
    Option("store_dir", _TEXT, "Folder for JetStream; the same as `store_dir` in `jetstream`.", "",
           ("storedir",)),
    Option("server_tags", _TEXTS, "Labels of this server.", field="server_tags"),
    Option("server_metadata", _MAP, "Named labels of this server."),
    Option("mappings", _MAP, "Subjects of the global account that stand for others; as in an "
           "account.", aliases=("maps",)),
    Option("tls", _MAP, "TLS for clients.", missing=_TLS),
    Option("allow_non_tls", _FLAG, "Clients may choose not to use TLS.", missing=_TLS, inert=True),
    Option("ocsp", _ANY, "OCSP stapling.", missing=_TLS, inert=True),
    Option("ocsp_cache", _ANY, "OCSP response cache.", missing=_TLS, inert=True),
    Option("resolver_tls", _MAP, "TLS towards a URL resolver.", missing=_TLS),
    Option("https", _ADDRESS, "Monitoring over TLS.", missing=_TLS),
    Option("https_port", _NUMBER, "Monitoring over TLS.", missing=_TLS, inert=True),
    Option("cluster", _MAP, "Routes to other servers.", missing=_CLUSTER),
    Option("gateway", _MAP, "Gateways to other clusters.", missing=_CLUSTER),
    Option("leafnodes", _MAP, "Leaf node connections.", aliases=("leaf",), missing=_CLUSTER),
    Option("connect_error_reports", _NUMBER, "How often a failing route is logged.",
           missing=_CLUSTER),
    Option("reconnect_error_reports", _NUMBER, "How often a failing route is logged.",
           missing=_CLUSTER),
    Option("default_js_domain", _MAP, "Default JetStream domains of accounts.", missing=_CLUSTER),
    Option("websocket", _MAP, "WebSocket listener.", aliases=("ws",), missing=_LISTENER),
    Option("mqtt", _MAP, "MQTT listener.", missing=_LISTENER),
    Option("proxy_protocol", _FLAG, "PROXY protocol on the client port.", missing=_LISTENER,
           inert=True),
    Option("proxies", _MAP, "Trusted proxies.", missing=_REMOVE),
    Option("default_sentinel", _TEXT, "Bearer token of clients that present nothing.",
           missing=_REMOVE),
    Option("trusted_keys", _TEXTS, "Operator public keys.", aliases=("trusted",),
           missing="use operator with the operator's token"),
    Option("no_system_account", _FLAG, "Run without a system account.",
           aliases=("no_system", "no_sys_acc"), missing=_REMOVE, inert=True),
    Option("disable_sublist_cache", _FLAG, "No cache of matches.", aliases=("no_sublist_cache",),
           missing=_BUILT_IN, inert=True),
    Option("no_fast_producer_stall", _FLAG, "Never pause fast producers.", missing=_BUILT_IN,
           inert=True),
    Option("write_timeout", _TEXT, "What a missed write deadline does.", missing=_BUILT_IN),
    Option("max_closed_clients", _NUMBER, "Closed connections remembered.", missing=_REMOVE),
    Option("feature_flags", _MAP, "Switches of nats-server's internals.", missing=_REMOVE),
    Option("trace_headers", _FLAG, "Trace headers only.", missing="use trace", inert=True),
    Option("log_size_limit", _SIZE, "Size at which the log is rotated.",
           aliases=("logfile_size_limit",), missing="rotate with logrotate and SIGUSR1",
           inert=True),
    Option("log_max_num", _NUMBER, "Rotated logs kept.", aliases=("logfile_max_num",),
           missing="rotate with logrotate and SIGUSR1", inert=True),
    Option("syslog", _FLAG, "Log to syslog.", missing="use log_file, or systemd", inert=True),
    Option("remote_syslog", _TEXT, "Log to a remote syslog.", missing="use log_file, or systemd"),
    Option("prof_port", _NUMBER, "Go profiling.", missing=_REMOVE, inert=True),
    Option("prof_block_rate", _NUMBER, "Go profiling.", missing=_REMOVE, inert=True),
)  # fmt: skip

_AUTHORIZATION = (
    Option("user", _TEXT, "The one user.", "", ("username",), "user"),
    Option("password", _TEXT, "The one user's password, or its bcrypt hash.", "", ("pass",),
           "password"),
    Option("token", _TEXT, "The token clients present, or its bcrypt hash.", field="token"),
    Option("users", _MAPS, "Users of the global account.", block="user"),
    Option("default_permissions", _MAP, "Permissions of users without own ones.", "",
           ("default_permission", "permissions"), block="permissions"),
    Option("timeout", _ANY, "How long a client may take to present itself; seconds or a duration.",
           "2s"),
    Option("auth_callout", _MAP, "Ask a service who may connect.", aliases=("auth_hook",),
           missing=_REMOVE),
    Option("proxy_required", _FLAG, "Only through a trusted proxy.", missing=_REMOVE, inert=True),
)  # fmt: skip

_USER = (
    Option("user", _TEXT, "Name.", "", ("username",), "name"),
    Option("password", _TEXT, "Password, or its bcrypt hash.", "", ("pass",), "password"),
    Option("nkey", _TEXT, "Public user key (`U…`) instead of name and password.", field="nkey"),
    Option("permissions", _MAP, "What it may publish and subscribe to.", "all",
           ("permission", "authorization"), block="permissions"),
    Option("allowed_connection_types", _TEXTS, "Kinds of connection it may use.", "all",
           ("connection_types", "clients")),
    Option("proxy_required", _FLAG, "Only through a trusted proxy.", missing=_REMOVE, inert=True),
)  # fmt: skip

_PERMISSIONS = (
    Option("publish", _ANY, "Subjects: a string, an array, or a map of `allow` and `deny`.", "all",
           ("pub", "import"), block="subject rules"),
    Option("subscribe", _ANY, 'Likewise; an entry may be `"subject queue"`.', "all",
           ("sub", "export"), block="subject rules"),
    Option("allow_responses", _ANY, "It may answer requests it got: `true`, or a map.", "false",
           ("publish_allow_responses",), block="responses"),
)  # fmt: skip

_SUBJECT_RULES = (
    Option("allow", _TEXTS, "Subjects that may be used."),
    Option("deny", _TEXTS, "Subjects that may not, even if allowed."),
)

_RESPONSES = (
    Option("max", _NUMBER, "Answers to one request; negative is unlimited.", "1",
           ("max_msgs", "max_messages", "max_responses"), "max_messages", zero_is_default=True),
    Option("expires", _DURATION, "How long they may take; negative is unlimited.", "2m",
           ("expiration", "ttl"), "expires_ns", zero_is_default=True),
)  # fmt: skip

_ACCOUNT = (
    Option("nkey", _TEXT, "Public account key (`A…`); informative.", field="nkey"),
    Option("users", _MAPS, "Its users.", block="user"),
    Option("default_permissions", _MAP, "Permissions of users without own ones.",
           block="permissions"),
    Option("exports", _MAPS, "What other accounts may import.", block="export"),
    Option("imports", _MAPS, "What it takes from other accounts.", block="import"),
    Option("jetstream", _ANY, "`enabled`, `disabled`, a boolean, or a map of limits.", "disabled",
           block="account jetstream"),
    Option("limits", _MAP, "What it may use of the server.", block="limits"),
    Option("mappings", _MAP, "Subjects that stand for others: `subject: destination`, or an array "
           "of maps with `destination`, `weight` (per cent) and `cluster`. What is left of 100 % "
           "stays on the subject.", aliases=("maps",)),
    Option("msg_trace", _ANY, "Where message traces go.", aliases=("trace_dest",),
           missing=_REMOVE),
)  # fmt: skip

_EXPORT = (
    Option("stream", _TEXT, "Subjects whose messages are shared."),
    Option("service", _TEXT, "Subjects on which requests are answered."),
    Option("accounts", _TEXTS, "The only accounts that may import it.", "every account"),
    Option("response_type", _TEXT, "`singleton`, `stream` or `chunked`.", "singleton",
           ("response",)),
    Option("response_threshold", _DURATION, "How long answers may take.", "2m",
           ("threshold", "response_max_time", "response_time"), "response_threshold_ns"),
    Option("account_token_position", _NUMBER, "Which token of the subject, from 1, is the "
           "importer's name.", "", (), "account_token_position", least=0),
    Option("latency", _ANY, "Subject that hears how long the service takes.", block="latency"),
    Option("allow_trace", _FLAG, "Traces may cross.", "false", (), "allow_trace", missing=_REMOVE,
           inert=True),
)  # fmt: skip

_LATENCY = (
    Option("subject", _TEXT, "Subject of the measurements."),
    Option("sampling", _ANY, "Percent of requests, 1 to 100, or `headers`.", "100"),
)

_IMPORT = (
    Option("stream", _MAP, "Account and subject of the stream.", block="import source"),
    Option("service", _MAP, "Account and subject of the service.", block="import source"),
    Option("to", _TEXT, "Subject it has here; `$1` is the first wildcard.", "the same subject"),
    Option("prefix", _TEXT, "Literal tokens put before a stream's subject."),
    Option("share", _FLAG, "The exporter may see who asks.", "false", field="share"),
    Option("allow_trace", _FLAG, "Traces may cross.", "false", (), "allow_trace", missing=_REMOVE,
           inert=True),
)  # fmt: skip

_IMPORT_SOURCE = (
    Option("account", _TEXT, "Name of the exporting account."),
    Option("subject", _TEXT, "Its subject."),
)

_LIMITS = (
    Option("max_connections", _NUMBER, "Client connections.", "-1", ("max_conn",),
           "max_connections"),
    Option("max_subscriptions", _NUMBER, "Subscriptions of one connection.", "-1", ("max_subs",),
           "max_subscriptions"),
    Option("max_payload", _SIZE, "Bytes of one message.", "-1", ("max_pay",), "max_payload",
           most=_INT32),
    Option("max_leafnodes", _NUMBER, "Leaf node connections.", "-1", ("max_leafs",),
           "max_leafnodes"),
)  # fmt: skip

_ACCOUNT_JETSTREAM = (
    Option("max_memory", _SIZE, "Bytes of memory streams.", "-1", ("max_mem", "mem", "memory"),
           "max_memory"),
    Option("max_file", _SIZE, "Bytes of file streams.", "-1",
           ("max_store", "max_disk", "store", "disk"), "max_file"),
    Option("max_streams", _NUMBER, "Streams.", "-1", ("streams",), "max_streams"),
    Option("max_consumers", _NUMBER, "Consumers.", "-1", ("consumers",), "max_consumers"),
    Option("max_ack_pending", _NUMBER, "Most `max_ack_pending` of a consumer.", "-1", (),
           "max_ack_pending"),
    Option("max_bytes_required", _FLAG, "A stream must name its `max_bytes`.", "false",
           ("max_stream_bytes", "max_bytes"), "max_bytes_required"),
    Option("mem_max_stream_bytes", _SIZE, "Most `max_bytes` of a memory stream.", "-1",
           ("memory_max_stream_bytes",), "memory_max_stream_bytes"),
    Option("disk_max_stream_bytes", _SIZE, "Most `max_bytes` of a file stream.", "-1",
           ("store_max_stream_bytes",), "file_max_stream_bytes"),
    Option("cluster_traffic", _TEXT, "Account of replication traffic.", missing=_CLUSTER),
)  # fmt: skip

_JETSTREAM = (
    Option("enabled", _FLAG, "JetStream runs.", "true", ("enable",)),
    Option("store_dir", _TEXT, "Folder; the data is in `jetstream` below it.",
           "`nats` in the temporary folder", ("store", "storedir")),
    Option("domain", _TEXT, "Name of this JetStream: `$JS.<domain>.API`.", "", (), "domain"),
    Option("max_memory_store", Type.STORAGE, "Bytes of memory streams.", "75 % of the memory",
           ("max_mem_store", "max_mem"), "max_memory"),
    Option("max_file_store", Type.STORAGE, "Bytes of file streams.",
           "75 % of what the disk has free", ("max_file",), "max_file"),
    Option("sync_interval", _DURATION, "`always`: an acknowledged publish is on disk. A duration: "
           "the acknowledgement follows the write, the disk is synced so often.", "always",
           ("sync",),
           seconds=True, least=0),
    Option("strict", _FLAG, "Unknown fields in API requests are errors.", "true", (), "strict"),
    Option("limits", _MAP, "Limits for every account.", block="jetstream limits"),
    Option("key", _TEXT, "Encryption key.", aliases=("ek", "encryption_key"), missing=_REMOVE),
    Option("prev_key", _TEXT, "Previous encryption key.",
           aliases=("prev_ek", "prev_encryption_key"), missing=_REMOVE),
    Option("cipher", _TEXT, "Encryption cipher.", missing=_REMOVE),
    Option("tpm", _MAP, "Encryption by a TPM.", missing=_REMOVE),
    Option("unique_tag", _TEXT, "Placement of replicas.", missing=_CLUSTER),
    Option("extension_hint", _TEXT, "Leaf node domains.", missing=_CLUSTER),
    Option("max_outstanding_catchup", _SIZE, "Replication.", missing=_CLUSTER),
    Option("meta_compact", _NUMBER, "Replication.", missing=_CLUSTER, inert=True),
    Option("meta_compact_size", _SIZE, "Replication.", missing=_CLUSTER, inert=True),
    Option("meta_compact_sync", _FLAG, "Replication.", missing=_CLUSTER, inert=True),
    Option("max_buffered_size", _SIZE, "Bytes queued for a stream.", missing=_BUILT_IN),
    Option("max_buffered_msgs", _NUMBER, "Messages queued for a stream.", missing=_BUILT_IN),
    Option("request_queue_limit", _NUMBER, "API requests queued.", missing=_BUILT_IN),
    Option("info_queue_limit", _NUMBER, "API information requests queued.", missing=_BUILT_IN),
    Option("max_concurrent_io", _NUMBER, "Parallel disk operations.", missing=_BUILT_IN),
)  # fmt: skip

_JETSTREAM_LIMITS = (
    Option("max_ack_pending", _NUMBER, "Most `max_ack_pending` of a consumer; 0 is unlimited.",
           "0", (), "max_ack_pending"),
    Option("max_ha_assets", _NUMBER, "Replicated streams and consumers.", missing=_CLUSTER,
           inert=True),
    Option("max_request_batch", _NUMBER, "Most `max_batch` of a pull; 0 is unlimited.", "0", (),
           "max_request_batch"),
    Option("duplicate_window", _DURATION, "Longest duplicate window of a stream.", "unlimited", (),
           "duplicate_window_ns"),
    Option("batch", _MAP, "Atomic publishing.", missing=_REMOVE),
)  # fmt: skip

_RESOLVER = (
    Option("type", _TEXT, "`full`: all tokens. `cache`: those used last, other servers have "
           "the rest. `memory`.", ""),
    Option("dir", _TEXT, "Folder of `<public key>.jwt` files.", field="folder"),
    Option("allow_delete", _FLAG, "Accounts may be deleted over `$SYS`.", "false", (),
           "allow_delete"),
    Option("hard_delete", _FLAG, "Deleting removes the file instead of renaming it.", "false", (),
           "hard_delete"),
    Option("interval", _DURATION, "How often servers compare their accounts; `full` only.", "1m",
           (), "interval_ns", zero_is_default=True, least=0),
    Option("limit", _NUMBER, "Most accounts; 0 or less is the default. In a `cache` the one used "
           "longest ago makes room.", "unlimited; `cache`: 1000", (), "limit",
           zero_is_default=True),
    Option("timeout", _DURATION, "How long to wait for an account that is not here.", "1.9s", (),
           "timeout_ns", zero_is_default=True, least=0),
    Option("ttl", _DURATION, "How long a token that nobody uses stays; `cache` only.", "for ever",
           (), "ttl_ns", zero_is_default=True, least=0),
)  # fmt: skip

SCHEMA: dict[str, tuple[Option, ...]] = {
    "": _TOP,
    "authorization": _AUTHORIZATION,
    "user": _USER,
    "permissions": _PERMISSIONS,
    "subject rules": _SUBJECT_RULES,
    "responses": _RESPONSES,
    "account": _ACCOUNT,
    "export": _EXPORT,
    "latency": _LATENCY,
    "import": _IMPORT,
    "import source": _IMPORT_SOURCE,
    "limits": _LIMITS,
    "account jetstream": _ACCOUNT_JETSTREAM,
    "jetstream": _JETSTREAM,
    "jetstream limits": _JETSTREAM_LIMITS,
    "resolver": _RESOLVER,
}

LOOKUP: dict[str, dict[str, Option]] = {
    block: {name: row for row in rows for name in (row.name, *row.aliases)}
    for block, rows in SCHEMA.items()
}
