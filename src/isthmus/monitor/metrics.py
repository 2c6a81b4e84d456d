"""/metrics: the server, JetStream and each grant as Prometheus text. nats-server has no such page.

Owns the names of the metrics. All start with `isthmus_`; a grant is one import of one account, told
apart by its labels. At most `GRANTS_MAX` grants are shown, the first by account; how many were left
out is a metric of its own.
"""

from collections.abc import Callable, Iterator

from isthmus.base.slices import Sliced
from isthmus.base.values import NS_PER_S, Value
from isthmus.monitor.census import Census, ImportSnapshot
from isthmus.monitor.snapshots import JetStreamSnapshot, ServerSnapshot

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GRANTS_MAX = 4096
_SLICE = 128  # grants looked at, or lines printed for them, between two pauses

Number = int | float
_ServerMetric = tuple[str, str, str, Callable[[ServerSnapshot], Number]]
_StoreMetric = tuple[str, str, str, Callable[[JetStreamSnapshot], Number]]
_GrantMetric = tuple[str, str, str, Callable[[ImportSnapshot], Number | None]]

_SERVER: tuple[_ServerMetric, ...] = (
    ("start_time_seconds", "gauge", "When the server started", lambda s: s.start_ns / NS_PER_S),
    ("memory_bytes", "gauge", "Resident memory", lambda s: s.memory_bytes),
    ("connections", "gauge", "Client connections", lambda s: s.connections),
    (
        "connections_total",
        "counter",
        "Client connections since the start",
        lambda s: s.total_connections,
    ),
    ("subscriptions", "gauge", "Subscriptions", lambda s: s.subscriptions),
    ("active_accounts", "gauge", "Accounts with connections", lambda s: s.active_accounts),
    ("in_messages_total", "counter", "Messages from clients", lambda s: s.in_messages),
    ("in_bytes_total", "counter", "Bytes from clients", lambda s: s.in_bytes),
    ("out_messages_total", "counter", "Messages to clients", lambda s: s.out_messages),
    ("out_bytes_total", "counter", "Bytes to clients", lambda s: s.out_bytes),
    ("slow_consumers_total", "counter", "Connections cut as too slow", lambda s: s.slow_consumers),
)
_STORE: tuple[_StoreMetric, ...] = (
    ("jetstream_memory_bytes", "gauge", "Bytes of memory streams", lambda j: j.memory),
    ("jetstream_storage_bytes", "gauge", "Bytes of file streams", lambda j: j.storage),
    ("jetstream_streams", "gauge", "Streams", lambda j: j.streams),
    ("jetstream_consumers", "gauge", "Consumers", lambda j: j.consumers),
    ("jetstream_messages", "gauge", "Messages in all streams", lambda j: j.messages),
    ("jetstream_api_total", "counter", "Requests to the JetStream API", lambda j: j.api_total),
    ("jetstream_api_errors_total", "counter", "Of them refused", lambda j: j.api_errors),
    ("jetstream_healthy", "gauge", "1 while messages are stored", lambda j: int(not j.problem)),
)


def _used(name: str) -> Callable[[ImportSnapshot], Number | None]:
    return lambda taken: None if taken.usage is None else getattr(taken.usage, name)


def _unacknowledged(taken: ImportSnapshot) -> Number | None:
    return None if taken.consumer is None else taken.consumer.unacknowledged


def _last_used(taken: ImportSnapshot) -> Number | None:
    usage = taken.usage
    return None if usage is None or not usage.used_ns else usage.used_ns / NS_PER_S


def _last_acknowledged(taken: ImportSnapshot) -> Number | None:
    consumer = taken.consumer
    if consumer is None or not consumer.acknowledged_ns:
        return None
    return consumer.acknowledged_ns / NS_PER_S


_GRANT: tuple[_GrantMetric, ...] = (
    ("grant_active", "gauge", "1 while messages cross", lambda taken: int(taken.refusal is None)),
    (
        "grant_messages_total",
        "counter",
        "Requests of a service, messages of a stream",
        _used("messages"),
    ),
    ("grant_bytes_total", "counter", "Bytes of them", _used("bytes")),
    ("grant_answers_total", "counter", "Answers of a service", _used("answers")),
    ("grant_answer_bytes_total", "counter", "Bytes of them", _used("answer_bytes")),
    (
        "grant_deliveries_total",
        "counter",
        "Answers that want an acknowledgement",
        _used("deliveries"),
    ),
    ("grant_last_used_seconds", "gauge", "When it was last used", _last_used),
    (
        "grant_last_acknowledged_seconds",
        "gauge",
        "When a message of its consumer was last acknowledged",
        _last_acknowledged,
    ),
    (
        "grant_unacknowledged",
        "gauge",
        "Messages of its consumer that wait for an acknowledgement",
        _unacknowledged,
    ),
)


class _Grant(Value):
    labels: str
    taken: ImportSnapshot


def make_metrics(
    server: ServerSnapshot, jetstream: JetStreamSnapshot | None, census: Census
) -> Sliced[bytes]:
    """The page of a moment."""
    lines: list[str] = []
    for name, kind, text, value in _SERVER:
        lines += [*_head(name, kind, text), f"isthmus_{name} {_number(value(server))}"]
    if jetstream is not None:
        for name, kind, text, found in _STORE:
            lines += [*_head(name, kind, text), f"isthmus_{name} {_number(found(jetstream))}"]
    grants: dict[str, _Grant] = {}
    omitted = 0
    for index, (account, label, taken) in enumerate(census.grants()):
        if index % _SLICE == _SLICE - 1:
            yield
        if len(grants) >= GRANTS_MAX:
            omitted += 1
            continue
        labels = _labels(account, label, taken)
        grants[labels] = _Grant(labels=labels, taken=taken)
    lines += _head("grants_omitted", "gauge", "Grants that this page leaves out")
    lines.append(f"isthmus_grants_omitted {omitted}")
    for name, kind, text, worth in _GRANT:
        lines += _head(name, kind, text)
        for index, grant in enumerate(grants.values()):
            if index % _SLICE == _SLICE - 1:
                yield
            number = worth(grant.taken)
            if number is not None:
                lines.append(f"isthmus_{name}{{{grant.labels}}} {_number(number)}")
    return ("\n".join(lines) + "\n").encode()


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP isthmus_{name} {text}."
    yield f"# TYPE isthmus_{name} {kind}"


def _number(value: Number) -> str:
    return str(value) if isinstance(value, int) else f"{value:.9f}".rstrip("0").rstrip(".")


def _labels(account: str, label: str, taken: ImportSnapshot) -> str:
    wanted = taken.wanted
    pairs = (
        ("account", account),
        ("account_name", label),
        ("exporter", wanted.account),
        ("kind", wanted.kind),
        ("subject", wanted.remote),
        ("local_subject", wanted.local),
    )
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
