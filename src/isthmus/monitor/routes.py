"""Which path answers with what.

Owns the table of endpoints, their query parameters and the counts of requests. Knows no HTTP: a
target of a request line comes in, an `Answer` goes out.
"""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, unquote

from isthmus.base.errors import UsageError
from isthmus.base.slices import Sliced
from isthmus.base.values import to_json
from isthmus.monitor.accountz import make_accountz
from isthmus.monitor.accstatz import Accstatz, StatzQuery, make_accstatz, write_accstatz
from isthmus.monitor.answer import HTML, JSON, TEXT, Answer, Pieces
from isthmus.monitor.connz import ALL, CLOSED, OPEN, ConnzQuery, write_connz
from isthmus.monitor.documents import INDENTED, indented
from isthmus.monitor.healthz import HealthzQuery, make_healthz
from isthmus.monitor.jsz import ACCOUNTS_MAX, JszQuery, make_jsz, write_jsz
from isthmus.monitor.metrics import CONTENT_TYPE, make_metrics
from isthmus.monitor.snapshots import Source
from isthmus.monitor.subsz import SubszQuery, write_subsz
from isthmus.monitor.varz import make_varz

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_ABSOLUTE = re.compile("^https?://[^/]*", re.IGNORECASE)  # what a proxy puts before the path
_NUMBER_DIGITS_MAX = 18  # fits 64 bits


class Query:
    """The parameters of one request, with the errors that nats-server gives for wrong ones."""

    def __init__(self, text: str) -> None:
        self._values = parse_qs(text, keep_blank_values=True, max_num_fields=64)

    def text(self, name: str) -> str:
        """The first value, empty if there is none."""
        return self._values.get(name, [""])[0]

    def flag(self, name: str) -> bool:
        """A boolean, false if absent. Raises `UsageError`."""
        value = self.text(name)
        if not value or value in _FALSE:
            return False
        if value in _TRUE:
            return True
        raise UsageError(
            f"Error decoding boolean for '{name}': "
            f'strconv.ParseBool: parsing "{value}": invalid syntax'
        )

    def number(self, name: str, default: int) -> int:
        """An integer; `default` if absent or 0. Raises `UsageError`."""
        value = self.text(name)
        digits = value.removeprefix("-") if value.startswith("-") else value.removeprefix("+")
        if not value:
            return default
        if not digits.isascii() or not digits.isdecimal() or len(digits) > _NUMBER_DIGITS_MAX:
            reason = f'strconv.Atoi: parsing "{value}": invalid syntax'
            raise UsageError(f"Error decoding int for '{name}': {reason}")
        return int(value) or default

    def identity(self, name: str) -> int:
        """A number of a connection, 0 if absent. Raises `UsageError`."""
        value = self.text(name)
        if not value:
            return 0
        if not value.isascii() or not value.isdecimal() or len(value) > _NUMBER_DIGITS_MAX:
            reason = f'strconv.ParseUint: parsing "{value}": invalid syntax'
            raise UsageError(f"Error decoding uint64 for '{name}': {reason}")
        return int(value)


Endpoint = Callable[[Query], Answer | Sliced[Answer]]


class Routes:
    """The endpoints of one server, below `base_path`."""

    def __init__(self, source: Source, base_path: str = "") -> None:
        self._source = source
        self._base = "/" + base_path.strip("/") if base_path.strip("/") else ""
        self.requests: dict[str, int] = {}  # by path; only of paths in the table, so bounded
        self._table: dict[str, Endpoint] = {
            "/": self._index,
            "/varz": self._varz,
            "/accountz": self._accountz,
            "/accstatz": self._accstatz,
            "/connz": self._connz,
            "/jsz": self._jsz,
            "/metrics": self._metrics,
            "/subsz": self._subsz,
            "/subscriptionsz": self._subsz,
            "/healthz": self._healthz,
        }

    def answer(self, target: str) -> Answer | Sliced[Answer]:
        """The answer to a request for `target`, the second word of a request line.

        One that takes longer is made in slices.
        """
        path, _, query = target.partition("?")
        name = self._name(unquote(_ABSOLUTE.sub("", path)))
        endpoint = self._table.get(name)
        if endpoint is None:
            return Answer(status=404, content_type=TEXT, body=b"404 page not found\n")
        self.requests[name] = self.requests.get(name, 0) + 1
        try:
            found = endpoint(Query(query))
        except ValueError:  # more parameters than anybody means
            return Answer(status=400, content_type=TEXT, body=b"400 Bad Request")
        except UsageError as error:
            return _refused(error)
        return found if isinstance(found, Answer) else _finished(found)

    def _name(self, path: str) -> str:
        """The path in the table; the index is at the root and at the base."""
        if path == "/" or (self._base and path == self._base):
            return "/"
        if not path.startswith(f"{self._base}/"):
            return ""
        return path.removeprefix(self._base)

    # --- endpoints ---

    def _index(self, _: Query) -> Answer:
        names = sorted(name for name in self._table if name != "/")
        links = "".join(f'<li><a href="{self._base}{name}">{name}</a></li>' for name in names)
        html = f"<!doctype html><title>Isthmus monitoring</title><ul>{links}</ul>\n"
        return Answer(status=200, content_type=HTML, body=html.encode())

    def _varz(self, _: Query) -> Answer:
        source = self._source
        document = make_varz(source.server(), source.jetstream(streams=False), self.requests)
        return Answer(status=200, content_type=JSON, body=indented(document))

    def _accstatz(self, query: Query) -> Sliced[Answer]:
        asked = StatzQuery(include_unused=query.flag("unused"))
        source = self._source
        return _text(_accounts(make_accstatz(source.server(), source.roster, asked)))

    def _connz(self, query: Query) -> Sliced[Answer]:
        detail = query.text("subs") == "detail"
        asked = ConnzQuery(
            sort=query.text("sort"),
            auth=query.flag("auth"),
            subscriptions=not detail and query.flag("subs"),
            subscriptions_detail=detail,
            offset=query.number("offset", 0),
            limit=query.number("limit", 0),
            cid=query.identity("cid"),
            state=_state(query.text("state")),
            user=query.text("user"),
            acc=query.text("acc"),
        )
        source = self._source
        return _text(write_connz(source.server(), source.roster, asked, INDENTED))

    def _subsz(self, query: Query) -> Sliced[Answer]:
        asked = SubszQuery(
            subscriptions=query.flag("subs"),
            offset=query.number("offset", 0),
            limit=query.number("limit", 0),
            account=query.text("acc"),
            test=query.text("test"),
        )
        source = self._source
        return _text(write_subsz(source.server(), source.census, source.roster, asked, INDENTED))

    def _metrics(self, _: Query) -> Sliced[Answer]:
        source = self._source
        jetstream = source.jetstream(streams=False)
        page = yield from make_metrics(source.server(), jetstream, source.census)
        return Answer(status=200, content_type=CONTENT_TYPE, body=page)

    def _accountz(self, query: Query) -> Answer:
        source = self._source
        document = make_accountz(source.server(), source.census, query.text("acc"))
        return Answer(status=200, content_type=JSON, body=indented(document))

    def _jsz(self, query: Query) -> Answer | Sliced[Answer]:
        asked = JszQuery(
            account=query.text("acc"),
            accounts=query.flag("accounts"),
            streams=query.flag("streams"),
            consumers=query.flag("consumers"),
            config=query.flag("config"),
            leaders=query.flag("raft"),
            offset=query.number("offset", 0),
            limit=query.number("limit", ACCOUNTS_MAX),
        )
        for name in ("direct-consumers", "leader-only", "stream-leader-only"):
            query.flag(name)  # one server leads everything: only the spelling is checked
        if asked.detailed:
            return self._long_jsz(asked)
        source = self._source
        document = make_jsz(source.server(), source.jetstream(streams=False), asked)
        return Answer(status=200, content_type=JSON, body=indented(document))

    def _long_jsz(self, asked: JszQuery) -> Sliced[Answer]:
        snapshot = yield from self._source.jetstream_in_slices(streams=asked.deep)
        body = write_jsz(self._source.server(), snapshot, asked, INDENTED)
        return Answer(status=200, content_type=JSON, body=body)

    def _healthz(self, query: Query) -> Answer | Sliced[Answer]:
        shallow = [
            query.flag(name)
            for name in ("js-enabled", "js-enabled-only", "js-server-only", "js-meta-only")
        ]
        asked = HealthzQuery(
            account=query.text("account"),
            stream=query.text("stream"),
            consumer=query.text("consumer"),
            shallow=any(shallow),
            details=query.flag("details"),
        )
        if not asked.shallow:
            return self._long_healthz(asked)
        status, document = make_healthz(self._source.jetstream(streams=False), asked)
        return Answer(status=status, content_type=JSON, body=to_json(document))

    def _long_healthz(self, asked: HealthzQuery) -> Sliced[Answer]:
        snapshot = yield from self._source.jetstream_in_slices()
        status, document = make_healthz(snapshot, asked)
        return Answer(status=status, content_type=JSON, body=to_json(document))


def _state(text: str) -> int:
    """Raises `UsageError`."""
    states = {"": OPEN, "open": OPEN, "closed": CLOSED, "any": ALL, "all": ALL}
    if text.lower() not in states:
        raise UsageError(f"Error decoding state for {text}")
    return states[text.lower()]


def _accounts(making: Sliced[Accstatz]) -> Sliced[Pieces]:
    return write_accstatz((yield from making), INDENTED)


def _text(making: Sliced[Pieces]) -> Sliced[Answer]:
    body = yield from making
    return Answer(status=200, content_type=JSON, body=body)


def _finished(making: Sliced[Answer]) -> Sliced[Answer]:
    """An answer in slices; what it finds wrong on the way is an answer too."""
    try:
        return (yield from making)
    except UsageError as error:
        return _refused(error)


def _refused(error: UsageError) -> Answer:
    return Answer(status=400, content_type=TEXT, body=str(error).encode())
